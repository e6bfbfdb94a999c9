// TailJumps: how functions are left by a jump to another function instead of a return.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/address.h"
#include "binary/isa/decode.h"
#include "process/modules/modules.h"
#include "process/symbols/code_names.h"
#include "process/symbols/symbols.h"
#include "process/unwind/unwind.h"

namespace inquest::process {

// One way out of a function.
struct TailExit {
  Address jump;
  Address end;                    // behind the jump
  std::optional<Address> target;  // the function that it enters; nullopt: through a pointer
};

struct TailFunction {
  Address entry;
  std::vector<AddressRange> parts;  // a function's rarely used code may lie elsewhere
  std::vector<TailExit> exits;
  bool whole = true;  // all of its code was read

  bool contains(Address pc) const;
};

// Not thread-safe. All must outlive it.
class TailJumps {
 public:
  TailJumps(const ProcessImage& image, const ModuleSet& modules, Unwinder& unwinder,
            Symbolizer& symbols);

  // The function that is entered at `entry`; its code is decoded once.
  const TailFunction& at(Address entry);
  // The entry of the function around `pc`, by its name where it has one, else by its call frame
  // information. nullopt: neither knows one.
  std::optional<Address> entry_of(Address pc);
  // Is `entry` where the function around `pc` begins, as far as call frame information knows?
  bool starts_function(Address entry, Address pc) const;
  Address through_stub(Address address) { return names_.through_stub(address); }

 private:
  TailFunction read(Address entry);
  void read_part(TailFunction& function, size_t part);
  void follow(TailFunction& function, const isa::Instruction& jump);
  void follow_pointer(TailFunction& function, const isa::Instruction& jump);
  bool is_part_of(const TailFunction& function, Address target, const AddressRange& around);

  const ProcessImage& image_;
  const ModuleSet& modules_;
  Unwinder& unwinder_;
  Symbolizer& symbols_;
  DebugFiles files_;
  CodeNames names_;
  std::map<Address, TailFunction> known_;
  uint64_t code_left_;
};

}  // namespace inquest::process
