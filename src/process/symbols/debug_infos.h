// DebugInfos: the DebugInfo of each module, opened on first demand, or the reason why there is
// none.
//
// One for all readers of a process: what one of them inflated or indexed serves the others.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binary/dwarf/debug_info.h"
#include "process/modules/modules.h"

namespace inquest::process {

// Not thread-safe. The modules must outlive it.
class DebugInfos {
 public:
  // nullptr when the module has none; then why_not() says so for people.
  dwarf::DebugInfo* get(const Module& module);
  const std::string& why_not(const Module& module);
  // What the ones opened so far miss (split units), for people, each once.
  std::vector<std::string> notes() const;

  // Asked once for each module that is opened, for what earlier runs read of its sections. The
  // answer may be nullptr and must outlive this.
  void set_memories(std::function<dwarf::SectionMemory*(const Module&)> memories) {
    memories_ = std::move(memories);
  }
  // Hands what was read to the memories.
  void keep_sections();

 private:
  struct Entry {
    std::unique_ptr<dwarf::DebugInfo> info;
    std::string why_not;
  };
  Entry& open(const Module& module);

  std::function<dwarf::SectionMemory*(const Module&)> memories_;
  std::map<const Module*, Entry> entries_;
};

}  // namespace inquest::process
