#include "lab/audit/judge.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cctype>

#include "binary/demangle/demangle.h"
#include "lab/audit/choice.h"

namespace inquest::audit {
namespace {

std::string readable(const std::string& symbol) {
  constexpr size_t kLongest = 80;
  std::string name = demangle::demangle(symbol);
  if (name.empty()) name = symbol;
  return name.size() > kLongest ? name.substr(0, kLongest) + "…" : name;
}

// Names come from files that anybody may have written, and become part of commands.
bool is_plain_name(std::string_view name) {
  constexpr std::string_view kOthers = "@/._-";
  return !name.empty() && !name.starts_with('-') && std::ranges::all_of(name, [&](unsigned char c) {
    return c < 0x80 &&
           (std::isalnum(c) != 0 || kOthers.find(static_cast<char>(c)) != std::string_view::npos);
  });
}

class Judge {
 public:
  Judge(const Subject& subject, std::optional<GlibcVersion> glibc, Libraries& libraries)
      : subject_(subject),
        module_(subject.module),
        glibc_(subject.loader != nullptr ? subject.loader->glibc : glibc),
        libraries_(libraries) {}

  std::vector<Finding> run() {
    // One that is of another machine or damaged has no further faults worth telling.
    if (is_foreign() || is_damaged()) return std::move(findings_);
    const bool other_c = is_of_other_libc();
    if (!other_c) glibc_is_old();
    node_abi();
    libraries_are_missing();
    if (!other_c) symbols_are_missing();
    return std::move(findings_);
  }

 private:
  std::string rebuild() const {
    return rebuild_command(subject_.package, module_.api, subject_.loader);
  }

  void problem(std::string id, std::string what, std::string fix) {
    findings_.push_back({std::move(id), Severity::kProblem, std::move(what), std::move(fix)});
  }

  bool is_foreign() {
    if (module_.format == Format::kElf32) {
      problem("architecture", fmt::format("a 32-bit file ({})", machine_name(module_.machine)),
              rebuild());
      return true;
    }
    if (module_.format != Format::kElf) {
      const std::string_view kind = module_.format == Format::kMachO ? "for macOS (Mach-O)"
                                    : module_.format == Format::kPe  ? "for Windows (PE)"
                                                                     : "no compiled file at all";
      problem("format", fmt::format("it is {}", kind), rebuild());
      return true;
    }
    const uint16_t wanted = subject_.loader != nullptr ? subject_.loader->machine : machine_here();
    if (!module_.damage.empty() || module_.machine == wanted) return false;
    problem("architecture",
            fmt::format("built for {}, {} is {}", machine_name(module_.machine),
                        subject_.loader != nullptr ? subject_.loader->path : "this machine",
                        machine_name(wanted)),
            rebuild());
    return true;
  }

  bool is_damaged() {
    if (module_.damage.empty()) return false;
    problem("damaged", "the file is damaged: " + module_.damage, rebuild());
    return true;
  }

  bool is_of_other_libc() {
    const LibC own = libc_of(module_);
    const LibC wanted = subject_.loader != nullptr ? subject_.loader->libc : own;
    if (own == LibC::kUnknown || wanted == LibC::kUnknown || own == wanted) return false;
    problem("libc",
            fmt::format("built for {}, {} runs on {}", to_string(own), subject_.loader->path,
                        to_string(wanted)),
            rebuild());
    return true;
  }

  void glibc_is_old() {
    if (!glibc_) return;
    std::optional<GlibcVersion> newest;
    for (const auto& [library, version] : module_.versions) {
      const auto needed = parse_glibc_version(version);
      if (needed && (!newest || *newest < *needed)) newest = needed;
    }
    if (!newest || *newest <= *glibc_) return;
    problem("glibc",
            fmt::format("needs GLIBC_{}.{}, this system has {}.{}", newest->major, newest->minor,
                        glibc_->major, glibc_->minor),
            "build it on this system (" + rebuild() + "), or run on a newer one");
  }

  void node_abi() {
    if (subject_.loader == nullptr || module_.api != Api::kV8 || !module_.node_abi) return;
    const Loader& loader = *subject_.loader;
    if (loader.node_abi == 0 || *module_.node_abi == loader.node_abi) return;
    problem("node-abi",
            fmt::format("built for NODE_MODULE_VERSION {}, {} {} is {}", *module_.node_abi,
                        loader.name, loader.version, loader.node_abi),
            rebuild());
  }

  // One that is in the same tree is found when its package is loaded first, as some packages take
  // care of in Python.
  void libraries_are_missing() {
    for (const std::string& name : subject_.closure.missing) {
      const auto beside = subject_.in_tree.find(name);
      if (beside == subject_.in_tree.end()) {
        problem("library", fmt::format("{} is not there", name),
                fmt::format("install what has {} (Debian: apt-file search {})", name, name));
        continue;
      }
      findings_.push_back(
          {.id = "library",
           .severity = Severity::kWarning,
           .what = fmt::format("{} is found only when {} was loaded before", name, beside->second),
           .fix = "import the package that brings it first, or set LD_LIBRARY_PATH"});
    }
  }

  bool is_there(const std::string& symbol) const {
    if (subject_.loader != nullptr && subject_.loader->exports.contains(symbol)) return true;
    return std::ranges::any_of(subject_.closure.files, [&](const std::string& file) {
      return libraries_.exports(file).contains(symbol);
    });
  }

  // With a library missing nobody knows what it would have had, nor without the program that loads.
  void symbols_are_missing() {
    if (!subject_.closure.missing.empty()) return;
    const Loader* loader = subject_.loader;
    if (loader == nullptr ? module_.interpreter.empty() : loader->exports.empty()) return;
    std::vector<const std::string*> missing;
    for (const std::string& symbol : module_.imports) {
      if (!is_there(symbol)) missing.push_back(&symbol);
    }
    if (missing.empty()) return;
    const std::unordered_set<std::string> own = own_exports();
    std::erase_if(missing, [&](const std::string* symbol) { return own.contains(*symbol); });
    if (missing.empty()) return;
    const std::string who =
        loader != nullptr ? loader->name + " " + loader->version : "what it loads";
    const std::string first = readable(*missing.front());
    problem("symbols",
            missing.size() == 1 ? fmt::format("{} lacks a function that it calls: {}", who, first)
                                : fmt::format("{} lacks {} functions that it calls, {} among them",
                                              who, missing.size(), first),
            fix_for_symbols());
  }

  std::string fix_for_symbols() const {
    if (module_.api == Api::kNone)
      return "install the version of the library that it was built with";
    // Of V8 Bun has a part, whatever the add-on is built for.
    if (module_.api == Api::kV8 && subject_.loader != nullptr && subject_.loader->run_time == "bun")
      return "run it on Node.js, or take a package that uses Node-API";
    return rebuild() + ", or upgrade the package";
  }

  std::unordered_set<std::string> own_exports() const {
    const auto names = read_exports(module_.path);
    if (!names.ok()) return {};
    return {names->begin(), names->end()};
  }

  const Subject& subject_;
  const NativeModule& module_;
  std::optional<GlibcVersion> glibc_;
  Libraries& libraries_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string rebuild_command(const packages::Package* package, Api api, const Loader* loader) {
  const bool is_named = package != nullptr && is_plain_name(package->name);
  if (is_named && package->manager == packages::Manager::kPython)
    return "pip install --force-reinstall --no-cache-dir " + package->name;
  const bool is_npm =
      is_named && package->manager == packages::Manager::kNpm && !package->is_program;
  if (!is_npm && api != Api::kNodeApi && api != Api::kV8) return "reinstall it for this system";
  const std::string run_time = loader != nullptr ? loader->run_time : "";
  // npm rebuild would build for the Node.js that npm runs on.
  if (run_time == "electron")
    return std::string("npx @electron/rebuild --force") +
           (is_npm ? " --only " + package->name : "");
  if (run_time == "bun") return "bun install --force";
  return is_npm ? "npm rebuild " + package->name : "npm rebuild";
}

std::string upgrade_command(const packages::Package& package, const std::string& version) {
  if (!is_plain_name(package.name)) return {};
  if (package.manager == packages::Manager::kNpm)
    return fmt::format("npm install {}@^{}", package.name, version);
  if (package.manager == packages::Manager::kPython)
    return fmt::format("pip install '{}>={}'", package.name, version);
  return {};
}

std::vector<Finding> judge(const Subject& subject, std::optional<GlibcVersion> host_glibc,
                           Libraries& libraries) {
  return Judge(subject, host_glibc, libraries).run();
}

}  // namespace inquest::audit
