// Walker, where pc is no code (null, unmapped, data): who called it, or what was overwritten.
#include <fmt/format.h>

#include "process/unwind/scan.h"
#include "process/unwind/walker.h"

namespace inquest::process {
namespace {

// The words below sp among which a popped return address is looked for (AArch64 pops a whole frame
// at once).
constexpr size_t kPoppedWords = 64;

// The characters of a word that is text, up to its NULs; empty when it is none.
std::string as_text(uint64_t word) {
  constexpr size_t kFewest = 4;  // shorter ones are numbers as often as not
  std::string text;
  for (; word != 0; word >>= 8) {
    const auto byte = static_cast<char>(word & 0xff);
    if (byte < 0x20 || byte > 0x7e) return {};
    text.push_back(byte);
  }
  return text.size() < kFewest ? std::string() : text;
}

}  // namespace

std::string describe_word(uint64_t word) {
  const std::string text = as_text(word);
  return text.empty() ? to_hex(word) : fmt::format("{} (\"{}\")", to_hex(word), text);
}

bool Walker::from_bad_pc() {
  const Frame& frame = callee();
  const auto sp = frame.registers.sp();
  if (!sp) return stop(StackEnd::kNoMoreFrames);
  const bool a64 = frame.registers.arch() == isa::Arch::kAArch64;
  const auto popped_from = slot_of_bad_return(frame.pc);
  if (a64) {
    const auto link = frame.registers.get(isa::a64::kLr);
    const Address target = sites_.code_address(link.value_or(0));
    if (link && target != frame.pc && call_site_of_bad_pc(*sp, target, popped_from.has_value()))
      return true;
  } else {
    const auto word = stack_.load(*sp);
    if (!word) return stop_for_missing(*sp);
    if (call_site_of_bad_pc(*sp + 8, Address(*word), popped_from.has_value())) return true;
  }
  if (popped_from) {
    note_overwritten(*popped_from, stack_.load(*popped_from).value_or(frame.pc.value));
  } else {
    note(fmt::format(
        "the program counter {} is no code, and nothing at the stack pointer says who jumped there",
        describe_word(frame.pc.value)));
  }
  return from_scan(*sp, kScanWordsCorrupt, std::nullopt);
}

// `sp_after`: the stack pointer after a return from there.
bool Walker::call_site_of_bad_pc(Address sp_after, Address return_address, bool returned_here) {
  if (!sites_.is_executable(return_address)) return false;
  const CallBefore call = sites_.call_before(return_address);
  if (call.kind == CallBefore::Kind::kNone) return false;
  // A direct call goes to code, so it got here by a jump at best; a return from an overwritten slot
  // is likelier.
  if (returned_here && !callee().pc.is_null() && call.kind != CallBefore::Kind::kIndirect)
    return false;
  Frame& frame = caller();
  frame.registers = callee().registers;
  frame.registers.set_pc(return_address);
  frame.registers.set_sp(sp_after);
  callee().cfa = sp_after;
  found(FoundBy::kCallSite,
        call.kind == CallBefore::Kind::kIndirect ? Trust::kHigh : Trust::kMedium);
  caller_floor_ = sp_after;
  return true;
}

// Where the bad pc was popped from, when it still stands there.
std::optional<Address> Walker::slot_of_bad_return(Address pc) const {
  const auto sp = current().registers.sp();
  if (!sp) return std::nullopt;
  if (current().registers.arch() == isa::Arch::kX86_64) {
    return stack_.load(*sp - 8) == pc.value ? std::optional(*sp - 8) : std::nullopt;
  }
  // AArch64 pops x29 and x30 together, and ignores the top byte of a branch target.
  constexpr uint64_t kBranchMask = ~uint64_t{0} >> 8;
  for (size_t i = 1; i <= kPoppedWords; ++i) {
    const Address slot = *sp - 8 * i;
    const auto word = stack_.load(slot);
    const bool is_pc = word && (*word & kBranchMask) == (pc.value & kBranchMask);
    if (is_pc && stack_.load(slot - 8) == current().registers.get(isa::a64::kFp)) return slot;
  }
  return std::nullopt;
}

void Walker::note_overwritten(Address slot, uint64_t contents) {
  corrupt_ = true;
  note(fmt::format("the return address at {} was overwritten with {}, which is no code",
                   to_hex(slot), describe_word(contents)));
}

}  // namespace inquest::process
