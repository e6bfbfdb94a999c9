#include "process/unwind/no_cfi.h"

#include <algorithm>
#include <array>

#include "process/unwind/scan.h"

namespace inquest::process {
namespace {

namespace a64 = isa::a64;
namespace x86 = isa::x86;
using isa::Arch;
using isa::fp_register;
using isa::is_callee_saved;
using isa::kRegisterCount;
using isa::RegisterFile;
using isa::RegisterId;

bool is_return_address(Address address, CodeSites& sites) {
  if (!sites.is_executable(address)) return false;
  const CallBefore call = sites.call_before(address);
  // The call may be in a module that is not at hand.
  return call.kind != CallBefore::Kind::kNone;
}

// Run times that give up the code of a running function (V8's, when it deoptimises) write the start
// of other code where the return address was: no call stands before it. That is no stray word when
// the chain of records leads on to a call.
constexpr int kMaxRewrittenInARow = 16;
constexpr uint64_t kFunctionAlignment = 16;

bool is_rewritten_return(Address target, uint64_t next_record, Address record, CodeSites& sites,
                         StackWords& stack) {
  for (int i = 0; i < kMaxRewrittenInARow; ++i) {
    if (target.value % kFunctionAlignment != 0 || !sites.is_executable(target)) return false;
    const bool goes_up = next_record > record.value && next_record % 8 == 0 &&
                         next_record - record.value <= kMaxFrameSize;
    if (!goes_up) return false;
    record = Address(next_record);
    const auto saved = stack.load(record);
    const auto value = stack.load(record + 8);
    if (!saved || !value) return false;
    target = sites.code_address(*value);
    next_record = *saved;
    if (sites.is_executable(target) && sites.call_before(target).is_call()) return true;
  }
  return false;
}

// x86-64: how many words stand on the stack before the return address, as the instructions at pc
// show it.
std::optional<unsigned> x86_words_before_return(Address pc, const MemoryReader& memory) {
  constexpr uint8_t kPushRbp = 0x55, kPopRbp = 0x5d, kRet = 0xc3, kRetImmediate = 0xc2,
                    kRepeat = 0xf3;
  constexpr std::array<uint8_t, 4> kEndbr = {0xf3, 0x0f, 0x1e, 0xfa};
  constexpr std::array<uint8_t, 3> kMovRbpRsp = {0x48, 0x89, 0xe5},
                                   kMovRbpRspOther = {0x48, 0x8b, 0xec};
  std::array<uint8_t, 8> bytes{};
  const ByteView code(bytes.data(), memory.read(pc, bytes).size);
  const auto starts = [&](ByteView with) {
    return code.size() >= with.size() && std::equal(with.begin(), with.end(), code.begin());
  };
  if (code.size() < 2) return std::nullopt;
  if (starts(kEndbr) || code[0] == kPushRbp) return 0;
  if (code[0] == kRet || code[0] == kRetImmediate || (code[0] == kRepeat && code[1] == kRet))
    return 0;
  if (code[0] == kPopRbp && code[1] == kRet) return 1;
  if ((starts(kMovRbpRsp) || starts(kMovRbpRspOther)) && memory.load<uint8_t>(pc - 1) == kPushRbp)
    return 1;
  return std::nullopt;
}

std::optional<GuessedCaller> x86_caller_by_code(const RegisterFile& callee, CodeSites& sites,
                                                StackWords& stack) {
  const auto return_slot = return_slot_by_code(callee, sites.memory());
  if (!return_slot) return std::nullopt;
  const Address slot = *return_slot;
  const auto value = stack.load(slot);
  if (!value || !is_return_address(Address(*value), sites)) return std::nullopt;
  GuessedCaller caller{
      .registers = callee, .cfa = slot + 8, .floor = slot + 8, .how = FoundBy::kPrologue};
  uint64_t kept = 0;
  for (RegisterId id = 0; id < kRegisterCount; ++id) {
    if (is_callee_saved(callee.arch(), id) || id == x86::kFsBase || id == x86::kGsBase)
      kept |= uint64_t{1} << id;
  }
  caller.registers.keep_only(kept);
  caller.registers.set_pc(Address(*value));
  caller.registers.set_sp(slot + 8);
  if (slot != *callee.sp()) {  // rbp was pushed
    const auto saved = stack.load(slot - 8);
    if (saved) caller.registers.set(x86::kRbp, *saved);
  }
  return caller;
}

// AArch64: x30 still holds the return address in leaf functions, and before the frame record is
// made.
std::optional<GuessedCaller> a64_caller_by_code(const RegisterFile& callee, CodeSites& sites) {
  const auto link = callee.get(a64::kLr);
  const auto sp = callee.sp();
  if (!link || !sp) return std::nullopt;
  const Address target = sites.code_address(*link);
  if (target == *callee.pc() || !sites.is_executable(target)) return std::nullopt;
  const CallBefore call = sites.call_before(target);
  constexpr uint32_t kRecordMask = 0xffc07fff,
                     kStoreRecord = 0xa9807bfd;  // stp x29, x30, [sp, #-n]!
  constexpr uint32_t kSignLinkMask = 0xffffffbf, kSignLink = 0xd503233f;  // paciasp, pacibsp
  constexpr uint32_t kReturn = 0xd65f03c0;
  const auto word = sites.memory().load<uint32_t>(*callee.pc());
  const bool no_record = word && ((*word & kRecordMask) == kStoreRecord ||
                                  (*word & kSignLinkMask) == kSignLink || *word == kReturn);
  const bool calls_this =
      call.kind == CallBefore::Kind::kDirect && may_be_start_of(call.target, *callee.pc(), sites);
  if (!calls_this && !(no_record && call.is_call())) return std::nullopt;
  GuessedCaller caller{
      .registers = callee, .cfa = std::nullopt, .floor = *sp, .how = FoundBy::kPrologue};
  uint64_t kept = uint64_t{1} << a64::kTpidr;
  for (RegisterId id = 0; id < kRegisterCount; ++id) {
    if (is_callee_saved(callee.arch(), id)) kept |= uint64_t{1} << id;
  }
  caller.registers.keep_only(kept);
  caller.registers.set_pc(target);
  // A leaf without a record may have made room on the stack all the same.
  if (no_record) {
    caller.cfa = *sp;
  } else {
    caller.registers.forget(a64::kSp);
  }
  return caller;
}

}  // namespace

std::optional<GuessedCaller> caller_by_frame_pointer(const RegisterFile& callee, Address floor,
                                                     CodeSites& sites, StackWords& stack) {
  const auto fp = callee.fp();
  if (!fp || fp->value % 8 != 0 || *fp < floor || *fp - floor > kMaxFrameSize) return std::nullopt;
  const auto saved = stack.load(*fp);
  const auto value = stack.load(*fp + 8);
  if (!saved || !value) return std::nullopt;
  const Address target = sites.code_address(*value);
  const bool rewritten = !is_return_address(target, sites);
  if (rewritten && !is_rewritten_return(target, *saved, *fp, sites, stack)) return std::nullopt;
  // The chain only goes up, or ends; or what was saved is no frame pointer: then the call must
  // vouch for it.
  const bool goes_up = *saved == 0 || *saved > fp->value;
  if (!goes_up && !sites.call_before(target).is_call()) return std::nullopt;

  const Arch arch = callee.arch();
  GuessedCaller caller{.registers = RegisterFile(arch), .cfa = std::nullopt, .floor = *fp + 16};
  caller.follows_no_call = rewritten;
  caller.registers.set_pc(target);
  caller.registers.set(fp_register(arch), *saved);
  if (arch == Arch::kX86_64) {
    caller.cfa = *fp + 16;
    caller.registers.set_sp(*fp + 16);
  }
  return caller;
}

std::optional<Address> return_slot_by_code(const RegisterFile& callee, const MemoryReader& memory) {
  if (callee.arch() != Arch::kX86_64 || !callee.pc() || !callee.sp()) return std::nullopt;
  const auto words = x86_words_before_return(*callee.pc(), memory);
  return words ? std::optional(*callee.sp() + 8 * *words) : std::nullopt;
}

std::optional<GuessedCaller> caller_by_code(const RegisterFile& callee, CodeSites& sites,
                                            StackWords& stack) {
  return callee.arch() == Arch::kX86_64 ? x86_caller_by_code(callee, sites, stack)
                                        : a64_caller_by_code(callee, sites);
}

}  // namespace inquest::process
