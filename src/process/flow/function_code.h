// FunctionCode: one function's instructions, who precedes whom, and which instructions last wrote a
// register.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "binary/isa/decode.h"
#include "process/image/memory.h"

namespace inquest::process {

inline constexpr uint64_t kMaxFunctionBytes = 256 * 1024;
inline constexpr size_t kMaxSearchedInstructions = 2'000;  // of one search backwards

// The writes of a register that may be the last before some instruction.
struct Definitions {
  std::vector<size_t> at;   // indices of instructions, in the order of discovery
  bool from_entry = false;  // a path from the function's start writes it nowhere
  bool lost = false;        // some path could not be followed (too long, unknown jump)

  bool operator==(const Definitions&) const = default;
};

class FunctionCode {
 public:
  // Decodes `range` (cut after kMaxFunctionBytes). Bytes that do not decode end it. `entry` is
  // where execution starts.
  static FunctionCode decode(isa::Arch arch, const MemoryReader& memory, AddressRange range,
                             Address entry);

  isa::Arch arch() const { return arch_; }
  bool empty() const { return instructions_.empty(); }
  size_t size() const { return instructions_.size(); }
  const isa::Instruction& operator[](size_t index) const { return instructions_[index]; }
  // The instruction that starts at, or ends at, `pc`; the first or the last step of one that does
  // several things at once (isa::steps_of): each step is an instruction here.
  std::optional<size_t> at(Address pc) const;
  std::optional<size_t> before(Address pc) const;

  // Which instructions may have written `id` last before instruction `index` ran.
  // Code does not read what a call has destroyed: a register that it does read after a call is one
  // that the compiler knew the call to keep (gcc's -fipa-ra). With `strict`, a call changes every
  // register that it need not preserve.
  Definitions definitions(size_t index, isa::RegisterId id, bool strict = false) const;
  // Does this instruction change `id`? By the calling convention: see `strict`.
  bool changes(const isa::Instruction& instruction, isa::RegisterId id) const;
  // Is this an instruction whose value `id` may hold afterwards? Of a call, the registers it
  // returns in alone.
  bool defines(const isa::Instruction& instruction, isa::RegisterId id) const;
  Address entry() const { return entry_; }
  // Is this the first that runs when the function is called?
  bool is_entry(size_t index) const;
  // The instructions from which control may come to `index`.
  std::span<const size_t> predecessors(size_t index) const;

 private:
  void link();

  isa::Arch arch_ = isa::Arch::kX86_64;
  Address entry_;
  std::vector<isa::Instruction> instructions_;
  // Of all instructions, one behind the other: those of i begin at predecessors_begin_[i].
  std::vector<size_t> predecessors_, predecessors_begin_;
  std::vector<size_t> indirect_jumps_;
};

}  // namespace inquest::process
