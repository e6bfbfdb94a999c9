// DebugFiles: the DebugInfo of each module, opened on first demand, or the reason why there is
// none.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "binary/dwarf/debug_info.h"
#include "process/modules/modules.h"
#include "process/symbols/types.h"

namespace inquest::process {

// Not thread-safe. The modules must outlive it.
class DebugFiles {
 public:
  // nullptr when the module has no debug information; then why_not() says so for people.
  Types* types(const Module& module);
  const std::string& why_not(const Module& module);

 private:
  struct Entry {
    std::unique_ptr<dwarf::DebugInfo> info;
    std::unique_ptr<Types> types;
    std::string why_not;
  };
  Entry& open(const Module& module);

  std::map<const Module*, Entry> entries_;
};

}  // namespace inquest::process
