// DebugInfos: the DebugInfo of each module, opened on first demand, or the reason why there is
// none.
//
// One for all readers of a process: what one of them inflated or indexed serves the others.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "binary/dwarf/debug_info.h"
#include "process/modules/modules.h"

namespace inquest::process {

// Not thread-safe. The modules must outlive it.
class DebugInfos {
 public:
  // nullptr when the module has none; then why_not() says so for people.
  dwarf::DebugInfo* get(const Module& module);
  const std::string& why_not(const Module& module);

 private:
  struct Entry {
    std::unique_ptr<dwarf::DebugInfo> info;
    std::string why_not;
  };
  Entry& open(const Module& module);

  std::map<const Module*, Entry> entries_;
};

}  // namespace inquest::process
