#include "diagnosis/facts/own_handler.h"

#include "diagnosis/facts/operand.h"
#include "diagnosis/facts/signals.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {
namespace {

using process::MemoryReader;
using process::Signal;

// In the trampoline sp points at what rt_sigreturn expects. Linux, struct rt_sigframe:
// x86-64: ucontext (flags, link, stack, 256 bytes of sigcontext, mask), then siginfo; the return
// address was popped. AArch64: siginfo, then ucontext.
constexpr uint64_t kX86SiginfoOffset = 8 + 8 + 24 + 256 + 8;
constexpr int kMaxSignal = 64;

// struct sigcontext inside it: x86-64 keeps the error code, the trap number and cr2; AArch64 the
// fault address.
constexpr uint64_t kX86TrapOffset = 40 + 160, kX86ErrorOffset = 40 + 152, kX86Cr2Offset = 40 + 176;
constexpr uint64_t kA64FaultOffset = 128 + 176;
constexpr uint64_t kTrapDivide = 0, kTrapBreakpoint = 3, kTrapInvalid = 6, kTrapStack = 12,
                   kTrapProtection = 13, kTrapPage = 14;
constexpr uint64_t kPagePresent =
    1;  // of a page fault's error code: the page was there and forbade the access
constexpr uint64_t kTgkill = 234, kA64Tgkill = 131;

bool is_crash_signal(int number) { return is_fault_signal(number) || number == kSigAbrt; }

void read_fields(const MemoryReader& memory, Address siginfo, Signal& signal) {
  if (signal.code &&
      (*signal.code == kSiUser || *signal.code == kSiTkill || *signal.code == kSiQueue)) {
    signal.sender_pid = memory.load<int32_t>(siginfo + 16);
    signal.sender_uid = memory.load<uint32_t>(siginfo + 20);
    return;
  }
  if (!signal.code || *signal.code <= 0 || *signal.code == kSiKernel) return;
  if (signal.number == kSigSys) {
    signal.address = memory.load_pointer(siginfo + 16);
    signal.system_call = memory.load<int32_t>(siginfo + 24);
  } else if (is_fault_signal(signal.number)) {
    signal.address = memory.load_pointer(siginfo + 16);
  }
}

// raise() and abort() were interrupted right behind the system call that sent the signal:
// tgkill(pid, tid, number).
std::optional<Signal> infer_raised(const process::ProcessImage& image,
                                   const process::ModuleSet& modules,
                                   const process::Frame& interrupted) {
  const bool x86 = image.arch == isa::Arch::kX86_64;
  const auto before = decode_at(modules, image.arch, interrupted.pc - (x86 ? 2 : 4));
  if (!before || before->flow != isa::Flow::kSystemCall) return std::nullopt;
  const auto number = interrupted.registers.get(*isa::argument_register(image.arch, 2));
  const auto pid = interrupted.registers.get(*isa::argument_register(image.arch, 0));
  constexpr isa::RegisterId kX8 = 8;
  const auto call =
      x86 ? interrupted.registers.get(isa::x86::kOrigRax) : interrupted.registers.get(kX8);
  // The signal frame does not keep orig_rax; the arguments alone then have to look right.
  if (call && *call != (x86 ? kTgkill : kA64Tgkill)) return std::nullopt;
  if (!number || !pid || static_cast<int32_t>(*pid) != image.pid || *number > kMaxSignal)
    return std::nullopt;
  Signal signal;
  signal.number = static_cast<int>(*number);
  signal.code = kSiTkill;
  signal.sender_pid = image.pid;
  signal.sender_uid = image.uid;
  return signal;
}

}  // namespace

std::optional<Signal> read_signal_frame(const isa::RegisterFile& trampoline,
                                        const MemoryReader& memory) {
  const auto sp = trampoline.sp();
  if (!sp) return std::nullopt;
  const Address siginfo = trampoline.arch() == isa::Arch::kX86_64 ? *sp + kX86SiginfoOffset : *sp;
  const auto number = memory.load<int32_t>(siginfo);
  const auto error = memory.load<int32_t>(siginfo + 4);
  const auto code = memory.load<int32_t>(siginfo + 8);
  if (!number || !error || !code || *number < 1 || *number > kMaxSignal) return std::nullopt;
  // Without SA_SIGINFO these are left-over bytes.
  if (*error != 0 || (is_crash_signal(*number) && signal_code_meaning(*number, *code).empty()))
    return std::nullopt;
  Signal signal;
  signal.number = *number;
  signal.error = *error;
  signal.code = *code;
  read_fields(memory, siginfo, signal);
  return signal;
}

std::optional<Signal> infer_signal(const process::ProcessImage& image,
                                   const process::ModuleSet& modules,
                                   const isa::RegisterFile& trampoline,
                                   const process::Frame& interrupted) {
  const auto sp = trampoline.sp();
  if (!sp) return std::nullopt;
  const bool x86 = image.arch == isa::Arch::kX86_64;
  if (auto raised = infer_raised(image, modules, interrupted)) return raised;
  const auto instruction = decode_at(modules, image.arch, interrupted.pc);
  const MemoryReader& memory = modules.memory();
  const auto address = memory.load_pointer(*sp + (x86 ? kX86Cr2Offset : kA64FaultOffset));
  const auto trap = x86 ? memory.load<uint64_t>(*sp + kX86TrapOffset) : std::optional(kTrapPage);
  const auto error =
      x86 ? memory.load<uint64_t>(*sp + kX86ErrorOffset) : std::optional<uint64_t>(0);
  if (!trap || !address || !error) return std::nullopt;
  Signal signal;
  if (*trap == kTrapPage) {
    const bool fetch = *address == interrupted.pc && !holds_code(image, interrupted.pc);
    const bool agrees =
        fetch || (instruction && find_refused(image, interrupted.registers, *instruction, address));
    if (!agrees) return std::nullopt;
    signal.number = kSigSegv;
    signal.code = (*error & kPagePresent) != 0 ? 2 : 1;
    signal.address = address;
    return signal;
  }
  if (!instruction) return std::nullopt;
  if ((*trap == kTrapProtection || *trap == kTrapStack) &&
      find_refused(image, interrupted.registers, *instruction, std::nullopt)) {
    signal.number = *trap == kTrapStack ? kSigBus : kSigSegv;
    signal.code = kSiKernel;
  } else if (*trap == kTrapDivide && instruction->divides) {
    signal.number = kSigFpe;
    signal.code = 1;
    signal.address = interrupted.pc;
  } else if (*trap == kTrapInvalid) {
    signal.number = kSigIll;
    signal.code = 2;
    signal.address = interrupted.pc;
  } else if (*trap == kTrapBreakpoint) {
    signal.number = kSigTrap;
    signal.code = kSiKernel;
  }
  return signal.number != 0 ? std::optional(signal) : std::nullopt;
}

std::optional<InterruptedPlace> find_interrupted_place(const process::ProcessImage& image,
                                                       const process::ModuleSet& modules,
                                                       const process::Stack& stack) {
  std::optional<InterruptedPlace> found;
  for (size_t i = 0; i + 1 < stack.frames.size(); ++i) {
    const process::Frame& frame = stack.frames[i];
    if (!frame.is_signal_handler_return) continue;
    auto signal = read_signal_frame(frame.registers, modules.memory());
    if (!signal) signal = infer_signal(image, modules, frame.registers, stack.frames[i + 1]);
    if (signal && is_crash_signal(signal->number)) found = InterruptedPlace{i + 1, *signal};
  }
  return found;
}

}  // namespace inquest::diagnosis
