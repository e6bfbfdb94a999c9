#include "lab/audit/choice.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/words.h"

namespace inquest::audit {
namespace {

constexpr std::array<std::string_view, 9> kPlatforms = {
    "linux", "darwin", "win32", "freebsd", "android", "aix", "sunos", "openbsd", "netbsd"};
constexpr std::array<std::string_view, 11> kArchs = {"x64",      "arm64",  "arm",      "ia32",
                                                     "ppc64",    "s390x",  "riscv64",  "loong64",
                                                     "mips64el", "mipsel", "universal"};

bool is_in(std::string_view word, const auto& list) {
  return std::ranges::find(list, word) != list.end();
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("-_+.@"), text.size());
    if (end != 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::vector<std::string_view> components_of(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end != 0) components.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return components;
}

std::optional<int> number_after(std::string_view word, std::string_view prefix) {
  return word.starts_with(prefix) ? number<int>(word.substr(prefix.size())) : std::nullopt;
}

void note_place(std::string_view word, Target& target) {
  if (is_in(word, kPlatforms)) target.platform = word;
  if (word == "linuxmusl" || word == "linuxglibc") {
    target.platform = "linux";
    target.libc = word.substr(5);
  }
  if (is_in(word, kArchs)) target.arch = word;
  // "armv7", "armv6hf"; "arm64v8" is what prebuildify calls its refinement.
  if (word.starts_with("armv")) target.arch = "arm";
  if (word == "gnu" || word == "glibc" || word == "gnueabihf") target.libc = "glibc";
  if (word == "musl" || word == "musleabihf") target.libc = "musl";
}

// The tags of prebuilds/linux-x64/node.abi115.musl.node, and the words of node-v115-linux-x64.
void note_runtime(const std::vector<std::string_view>& words, Target& target) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "electron" || (word == "webkit" && i > 0 && words[i - 1] == "node")) {
      target.runtime = word == "webkit" ? "node-webkit" : word;
    }
    if (word == "napi") target.node_api = true;
    if (const auto abi = number_after(word, "abi")) target.abi = abi;
    const bool after_node = i > 0 && words[i - 1] == "node";
    if (const auto abi = number_after(word, "v"); abi && after_node) target.abi = abi;
  }
}

bool allows(const std::vector<std::string>& list, const std::string& value) {
  if (list.empty() || value.empty()) return true;
  if (std::ranges::find(list, "!" + value) != list.end()) return false;
  const bool only_denials =
      std::ranges::all_of(list, [](const std::string& word) { return word.starts_with('!'); });
  return only_denials || std::ranges::find(list, value) != list.end();
}

}  // namespace

std::string_view node_arch(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x64";
    case EM_AARCH64:
      return "arm64";
    case EM_386:
      return "ia32";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv64";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390x";
    default:
      return "";
  }
}

Target target_of(std::string_view path) {
  Target target;
  const std::vector<std::string_view> components = components_of(path);
  for (size_t i = 0; i < components.size(); ++i) {
    std::string_view component = components[i];
    const bool is_file = i + 1 == components.size();
    if (is_file && component.ends_with(".node")) component.remove_suffix(5);
    const std::vector<std::string_view> words = words_of(component);
    Target here;
    for (const std::string_view word : words) note_place(word, here);
    note_runtime(words, here);
    const bool names_place = !here.platform.empty() && !here.arch.empty();
    // Below such a folder single words count too: "linux-x64/musl.node".
    const bool in_prebuilds = !target.platform.empty();
    if (!names_place && !in_prebuilds && !here.abi) continue;
    if (names_place) {
      target.platform = here.platform;
      target.arch = here.arch;
    }
    if (!here.libc.empty()) target.libc = here.libc;
    if (!here.runtime.empty()) target.runtime = here.runtime;
    if (here.abi) target.abi = here.abi;
    target.node_api = target.node_api || here.node_api;
  }
  return target;
}

std::string why_not_for(const Target& target, const Loader& loader) {
  const std::string_view arch = node_arch(loader.machine);
  if (!target.platform.empty() && target.platform != "linux") return "for " + target.platform;
  if (!target.arch.empty() && target.arch != arch && target.arch != "universal")
    return "for " + target.arch;
  if (!target.libc.empty() && loader.libc != LibC::kUnknown &&
      target.libc != to_string(loader.libc))
    return "for " + target.libc;
  if (!target.runtime.empty() && target.runtime != loader.run_time) return "for " + target.runtime;
  // Where a runtime is named or none, Electron takes no version's binary of Node.js, though the
  // numbers should be the same.
  if (loader.run_time == "electron" && target.runtime.empty() && target.abi && !target.node_api)
    return "for Node.js";
  if (target.abi && loader.kind == Loader::Kind::kNode && loader.node_abi != 0 &&
      *target.abi != loader.node_abi) {
    return fmt::format("for NODE_MODULE_VERSION {}", *target.abi);
  }
  return {};
}

std::string why_not_for(const packages::Package& package, const Loader& loader) {
  if (!allows(package.os, "linux"))
    return "the package is for " + fmt::format("{}", fmt::join(package.os, ", "));
  if (!allows(package.cpu, std::string(node_arch(loader.machine))))
    return "the package is for " + fmt::format("{}", fmt::join(package.cpu, ", "));
  if (loader.libc != LibC::kUnknown && !allows(package.libc, std::string(to_string(loader.libc))))
    return "the package is for " + fmt::format("{}", fmt::join(package.libc, ", "));
  return {};
}

// node-gyp-build: what was built on this machine, then prebuilds, of them the one that says most.
std::optional<size_t> first_choice(const std::vector<std::string>& paths) {
  constexpr std::array<std::string_view, 2> kBuilt = {"build/Release/", "build/Debug/"};
  const bool has_prebuilds = std::ranges::any_of(
      paths, [](const std::string& path) { return path.find("prebuilds/") != std::string::npos; });
  if (!has_prebuilds) return std::nullopt;
  for (const std::string_view built : kBuilt) {
    const auto found = std::ranges::find_if(
        paths, [&](const std::string& path) { return path.find(built) != std::string::npos; });
    if (found != paths.end()) return static_cast<size_t>(found - paths.begin());
  }
  const auto says = [&](size_t i) {
    const Target target = target_of(paths[i]);
    // One for this very version is taken before one for Node-API.
    return std::pair(target.abi ? 1 : 0, target.libc.empty() ? 0 : 1);
  };
  size_t best = 0;
  for (size_t i = 1; i < paths.size(); ++i) {
    if (says(i) > says(best)) best = i;
  }
  return best;
}

std::optional<PythonName> python_name(std::string_view file,
                                      const std::vector<std::string>& suffixes) {
  for (const std::string& suffix : suffixes) {
    if (!file.ends_with(suffix) || file.size() == suffix.size()) continue;
    const std::string module(file.substr(0, file.size() - suffix.size()));
    // ".so" would take in the files of all other interpreters: a module's name has no dot.
    if (module.find('.') != std::string::npos) continue;
    return PythonName{.module = module, .suffix = suffix};
  }
  return std::nullopt;
}

std::string python_tag(std::string_view file) {
  if (!file.ends_with(".so")) return {};
  file.remove_suffix(3);
  const size_t dot = file.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view tag = file.substr(dot + 1);
  const bool is_tag = tag.starts_with("cpython-") || tag.starts_with("pypy") ||
                      tag.starts_with("graalpy") || tag == "abi3";
  return is_tag ? std::string(tag) : std::string();
}

}  // namespace inquest::audit
