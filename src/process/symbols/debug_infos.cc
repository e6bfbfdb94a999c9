#include "process/symbols/debug_infos.h"

#include <fmt/format.h>

#include <set>

namespace inquest::process {

dwarf::DebugInfo* DebugInfos::get(const Module& module) { return open(module).info.get(); }

const std::string& DebugInfos::why_not(const Module& module) { return open(module).why_not; }

void DebugInfos::keep_sections() {
  for (auto& [module, entry] : entries_) {
    if (entry.info != nullptr) entry.info->keep_sections();
  }
}

std::vector<std::string> DebugInfos::notes() const {
  std::set<std::string> all;
  for (const auto& [module, entry] : entries_)
    if (entry.info) all.insert(entry.info->notes().begin(), entry.info->notes().end());
  return {all.begin(), all.end()};
}

DebugInfos::Entry& DebugInfos::open(const Module& module) {
  auto [at, fresh] = entries_.try_emplace(&module);
  Entry& entry = at->second;
  if (!fresh) return entry;
  const elf::File* debug = module.debug();
  if (debug == nullptr) {
    entry.why_not = module.status() == FileStatus::kMismatch
                        ? fmt::format("the {} on disk is not the build that crashed", module.name)
                    : module.status() == FileStatus::kMissing
                        ? fmt::format("{} was not found", module.name)
                        : fmt::format("{} has no debug information at hand", module.name);
    return entry;
  }
  auto info = dwarf::DebugInfo::open(*debug, module.binary(), module.alt_debug(),
                                     module.found_path(), memories_ ? memories_(module) : nullptr);
  if (info.ok()) {
    entry.info = std::move(*info);
  } else {
    entry.why_not = fmt::format("debug information of {}: {}", module.name, info.error().message());
  }
  return entry;
}

}  // namespace inquest::process
