#include "process/symbols/debug_files.h"

namespace inquest::process {

Types* DebugFiles::types(const Module& module) { return open(module).types.get(); }

const std::string& DebugFiles::why_not(const Module& module) { return open(module).why_not; }

DebugFiles::Entry& DebugFiles::open(const Module& module) {
  auto [it, fresh] = entries_.try_emplace(&module);
  Entry& entry = it->second;
  if (!fresh) return entry;
  const elf::File* debug = module.debug();
  if (debug == nullptr) {
    entry.why_not = module.name + " has no debug information at hand";
    if (module.status() == FileStatus::kMismatch)
      entry.why_not = "the " + module.name + " on disk is not the build that crashed";
    if (module.status() == FileStatus::kMissing) entry.why_not = module.name + " was not found";
    return entry;
  }
  auto info =
      dwarf::DebugInfo::open(*debug, module.binary(), module.alt_debug(), module.found_path());
  if (!info.ok()) {
    entry.why_not = "debug information of " + module.name + ": " + info.error().message();
    return entry;
  }
  entry.info = std::move(info).value();
  entry.types = std::make_unique<Types>(*entry.info);
  return entry;
}

}  // namespace inquest::process
