// CodeSites: what is known about a pc whatever the thread: is it code, what called, which CFI row.
// Kept by pc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "process/image/process_image.h"
#include "process/unwind/cfi_source.h"

namespace inquest::process {

// What stands right before a return address.
struct CallBefore {
  enum class Kind : uint8_t {
    kUnknown,   // those bytes are not at hand
    kNone,      // no call
    kDirect,    // to `target`
    kIndirect,  // through a register or memory
  };
  Kind kind = Kind::kUnknown;
  Address target;

  bool is_call() const { return kind == Kind::kDirect || kind == Kind::kIndirect; }
};

// What hostile tables and stacks can make one Unwinder do, all stacks together.
inline constexpr uint64_t kMaxCfiExpressions = 1 << 22;
inline constexpr uint64_t kMaxScannedWords = 1 << 25;

struct CodeSite {
  bool executable = false;     // a mapping with this address may be executed
  bool is_trampoline = false;  // the code that a signal handler returns to
  bool has_row = false;
  CallBefore call;  // return addresses only
  uint64_t bias = 0;
  uint64_t kept = 0;  // registers that the caller has unchanged: bit n is RegisterId n
  dwarf::CfiRow row;  // when has_row
};

class CodeSites {
 public:
  // All must outlive this. `memory` should know the text of modules, not the dump alone.
  CodeSites(const ProcessImage& image, const MemoryReader& memory, CfiSource& cfi);

  // `is_return_address`: it was found as such, so the row is that of the call before it.
  // The reference is good until the next forget_old().
  const CodeSite& at(Address pc, bool is_return_address);
  // Drops everything when there is too much of it.
  void forget_old();

  bool is_executable(Address address);
  bool is_trampoline(Address pc);
  CallBefore call_before(Address return_address);
  // The first instructions of the program or the dynamic loader, which nobody called?
  bool is_entry_code(Address pc);
  // What the CFI says is the function around `pc`.
  std::optional<AddressRange> function_at(Address pc) { return cfi_.function_at(pc); }
  // On AArch64 without the pointer authentication code or tag in its upper bits.
  Address code_address(uint64_t raw) const;

  // Takes one off the budget; false when it is spent.
  bool may_evaluate() { return take_one(expressions_left_); }
  bool may_scan_word() { return take_one(words_left_); }

  const ProcessImage& image() const { return image_; }
  const MemoryReader& memory() const { return memory_; }

 private:
  static bool take_one(uint64_t& budget) {
    if (budget == 0) return false;
    --budget;
    return true;
  }

  CodeSite look(Address pc, bool is_return_address);
  CallBefore x86_call_before(Address return_address);
  CallBefore a64_call_before(Address return_address);

  const ProcessImage& image_;
  const MemoryReader& memory_;
  CfiSource& cfi_;
  uint64_t callee_saved_;
  const Mapping* last_mapping_ = nullptr;
  uint64_t expressions_left_ = kMaxCfiExpressions;
  uint64_t words_left_ = kMaxScannedWords;

  struct Slot {
    uint64_t key = ~uint64_t{0};
    const CodeSite* site = nullptr;
  };
  std::vector<Slot> recent_;  // a direct-mapped cache before the table
  std::unordered_map<uint64_t, std::unique_ptr<CodeSite>> sites_[2];
};

}  // namespace inquest::process
