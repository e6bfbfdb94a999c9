#include "process/symbols/debug_files.h"

namespace inquest::process {

Types* DebugFiles::types(const Module& module) {
  if (const auto it = types_.find(&module); it != types_.end()) return &it->second;
  dwarf::DebugInfo* info = infos_.get(module);
  if (info == nullptr) return nullptr;
  return &types_.emplace(&module, *info).first->second;
}

}  // namespace inquest::process
