#include "process/unwind/signal_frame.h"

#include <array>
#include <cstring>

namespace inquest::process {
namespace {

namespace a64 = isa::a64;
namespace x86 = isa::x86;
using isa::Arch;
using isa::RegisterFile;
using isa::RegisterId;

// x86-64: the handler's return address was popped, so sp is at the ucontext; siginfo lies behind
// it.
constexpr uint64_t kX86Link = 8;                               // uc_link, after uc_flags
constexpr uint64_t kX86Context = 40;                           // uc_mcontext, after uc_stack
constexpr uint64_t kX86Segments = kX86Context + 18 * 8;        // cs, gs, fs, ss: 16 bits each
constexpr uint64_t kX86FloatState = kX86Segments + 8 + 4 * 8;  // after err, trapno, oldmask, cr2
constexpr uint16_t kX86UserCode = 0x33;                        // cs of every 64-bit Linux program
constexpr std::array<RegisterId, 18> kX86Order = {
    x86::kR8,  x86::kR9,  x86::kR10, x86::kR11, x86::kR12, x86::kR13,
    x86::kR14, x86::kR15, x86::kRdi, x86::kRsi, x86::kRbp, x86::kRbx,
    x86::kRdx, x86::kRax, x86::kRcx, x86::kRsp, x86::kRip, x86::kEflags};

// AArch64: siginfo (128 bytes), then the ucontext: flags, link, stack, 128 bytes of mask; mcontext
// at 16 bytes.
constexpr uint64_t kA64Context = 128 + 176;
constexpr uint64_t kA64Registers =
    kA64Context + 8;  // after fault_address: x0 to x30, sp, pc, pstate
constexpr size_t kA64Count = 34;

// The first record behind those registers is the floating-point state.
constexpr uint64_t kA64FirstRecord = kA64Context + 288;
constexpr uint32_t kA64FloatMagic = 0x46508001;

// The kernel puts the floating-point state on the same stack, right above.
constexpr uint64_t kMaxFloatDistance = 0x10000;

std::optional<RegisterFile> read_x86(Address sp, const MemoryReader& memory) {
  std::array<uint64_t, kX86Order.size()> words{};
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(words.data()), sizeof(words));
  if (memory.read(sp + kX86Context, bytes).size != bytes.size()) return std::nullopt;
  RegisterFile registers(Arch::kX86_64);
  for (size_t i = 0; i < words.size(); ++i) registers.set(kX86Order[i], words[i]);
  return registers;
}

std::optional<RegisterFile> read_a64(Address sp, const MemoryReader& memory) {
  std::array<uint64_t, kA64Count> words{};
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(words.data()), sizeof(words));
  if (memory.read(sp + kA64Registers, bytes).size != bytes.size()) return std::nullopt;
  RegisterFile registers(Arch::kAArch64);
  static_assert(a64::kPstate == kA64Count - 1);  // x0 … x30, sp, pc, pstate are our own order
  for (RegisterId id = 0; id < kA64Count; ++id) registers.set(id, words[id]);
  return registers;
}

}  // namespace

std::optional<RegisterFile> read_signal_frame(Arch arch, Address sp, const MemoryReader& memory) {
  return arch == Arch::kX86_64 ? read_x86(sp, memory) : read_a64(sp, memory);
}

bool looks_like_signal_frame(Address sp, CodeSites& sites) {
  const MemoryReader& memory = sites.memory();
  const Arch arch = sites.image().arch;
  const auto registers = read_signal_frame(arch, sp, memory);
  if (!registers || sites.image().mapping_at(*registers->sp()) == nullptr) return false;
  if (arch == Arch::kAArch64) return memory.load<uint32_t>(sp + kA64FirstRecord) == kA64FloatMagic;
  const auto link = memory.load_pointer(sp + kX86Link);
  const auto float_state = memory.load_pointer(sp + kX86FloatState);
  if (!link || !float_state) return false;
  const bool has_float_state = *float_state > sp && *float_state - sp < kMaxFloatDistance;
  return memory.load<uint16_t>(sp + kX86Segments) == kX86UserCode &&
         (has_float_state || float_state->is_null()) &&
         (link->is_null() || sites.image().mapping_at(*link) != nullptr);
}

}  // namespace inquest::process
