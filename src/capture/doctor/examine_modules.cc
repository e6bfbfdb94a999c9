// Can a crash in the program's binaries be explained later?
#include <fmt/format.h>

#include <algorithm>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

constexpr size_t kNamed = 5;

// "a, b, c and 4 more", by their last parts.
std::string names(const std::vector<const ModuleFact*>& modules) {
  std::string text;
  for (size_t i = 0; i < std::min(modules.size(), kNamed); ++i) {
    const std::string& path = modules[i]->path;
    text += (i == 0 ? "" : ", ") + path.substr(path.rfind('/') + 1);
  }
  if (modules.size() > kNamed) text += fmt::format(" and {} more", modules.size() - kNamed);
  return text;
}

template <typename Test>
std::vector<const ModuleFact*> those(const Target& target, Test test) {
  std::vector<const ModuleFact*> found;
  for (const ModuleFact& module : target.modules)
    if (test(module)) found.push_back(&module);
  return found;
}

}  // namespace

void examine_modules(const Facts& facts, Examination& out) {
  if (!facts.target || facts.target->modules.empty()) return;
  const Target& target = *facts.target;
  const auto replaced = those(target, [](const auto& one) { return one.was_deleted; });
  if (!replaced.empty()) {
    out.findings.push_back(
        {"replaced-binary", Weight::kWarning,
         fmt::format("replaced or removed since they were loaded: {}", names(replaced)),
         "the files on disk are not those that run: a core cannot be given names from them",
         "restart the process, or keep the old build's binaries"});
  }
  const auto anonymous =
      those(target, [](const auto& one) { return !one.was_deleted && !one.has_build_id; });
  if (!anonymous.empty()) {
    out.findings.push_back({"build-id", Weight::kWarning,
                            fmt::format("no build-id in: {}", names(anonymous)),
                            "whether a binary is the one that crashed cannot be told for certain",
                            "link with -Wl,--build-id (rustc: -C link-arg=-Wl,--build-id)"});
  }
  const auto unexplained = those(target, [](const auto& one) {
    return !one.was_deleted && one.has_build_id && !one.has_debug_info;
  });
  if (unexplained.empty()) {
    out.findings.push_back(
        {"debug-info", Weight::kGood, "debug information of every module was found",
         "where it covers the code, crashes are told by function, line and variable", ""});
    return;
  }
  const bool program = std::ranges::any_of(
      unexplained, [&](const ModuleFact* one) { return one->path == target.executable; });
  out.findings.push_back(
      {"debug-info", program ? Weight::kWarning : Weight::kNote,
       fmt::format("no debug information for {} of {} modules: {}", unexplained.size(),
                   target.modules.size(), names(unexplained)),
       program ? "crashes in the program itself are told by function and offset at best"
               : "frames in them are told without lines and variables",
       facts.debuginfod
           ? "keep debug files of your builds: inquest explain --debug-dir DIR"
           : "export DEBUGINFOD_URLS=https://debuginfod.debian.net   # your distribution's"});
}

}  // namespace inquest::doctor
