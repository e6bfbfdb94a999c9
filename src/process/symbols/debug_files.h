// DebugFiles: the types of each module's DebugInfo, looked up once for all questions.
#pragma once

#include <map>
#include <string>

#include "binary/dwarf/debug_info.h"
#include "process/modules/modules.h"
#include "process/symbols/debug_infos.h"
#include "process/symbols/types.h"

namespace inquest::process {

// Not thread-safe. The modules, and `shared` when given, must outlive it.
class DebugFiles {
 public:
  explicit DebugFiles(DebugInfos* shared) : infos_(shared != nullptr ? *shared : own_) {}
  DebugFiles(const DebugFiles&) = delete;
  DebugFiles& operator=(const DebugFiles&) = delete;

  // nullptr when the module has no debug information; then why_not() says so for people.
  Types* types(const Module& module);
  const std::string& why_not(const Module& module) { return infos_.why_not(module); }

 private:
  DebugInfos own_;
  DebugInfos& infos_;
  std::map<const Module*, Types> types_;
};

}  // namespace inquest::process
