// CodeNames: which function a code address belongs to, for people and for telling what a call
// called.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "process/image/process_image.h"
#include "process/modules/modules.h"
#include "process/symbols/debug_files.h"

namespace inquest::process {

struct CodeName {
  std::string name;  // qualified, without parameters; empty when unknown
  Address start;     // of the function, when known
  const Module* module = nullptr;
  std::optional<dwarf::DieRef> die;  // of the function, in the module's DebugInfo
};

// Not thread-safe. All must outlive it.
class CodeNames {
 public:
  CodeNames(const ProcessImage& image, const ModuleSet& modules, DebugFiles& files)
      : image_(image), modules_(modules), files_(files) {}

  // The function that covers `address`.
  const CodeName& at(Address address);
  // The variable of static storage that starts at `address`, from DWARF.
  std::optional<dwarf::DebugInfo::GlobalInfo> variable_at(Address address);
  // Where a call to `address` ends up: stubs of the procedure linkage table are followed through
  // their slot. The address itself when it is no stub, or when the slot is not there.
  Address through_stub(Address address);

 private:
  CodeName look_up(Address address);

  const ProcessImage& image_;
  const ModuleSet& modules_;
  DebugFiles& files_;
  std::map<Address, CodeName> known_;
  std::map<Address, Address> stubs_;
};

}  // namespace inquest::process
