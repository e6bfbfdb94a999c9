#include "diagnosis/facts/own_handler.h"

#include "diagnosis/facts/signals.h"

namespace inquest::diagnosis {
namespace {

using process::MemoryReader;
using process::Signal;

// In the trampoline sp points at what rt_sigreturn expects. Linux, struct rt_sigframe:
// x86-64: ucontext (flags, link, stack, 256 bytes of sigcontext, mask), then siginfo; the return
// address was popped. AArch64: siginfo, then ucontext.
constexpr uint64_t kX86SiginfoOffset = 8 + 8 + 24 + 256 + 8;
constexpr int kMaxSignal = 64;

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
  Signal signal;
  signal.number = *number;
  signal.error = *error;
  signal.code = *code;
  read_fields(memory, siginfo, signal);
  return signal;
}

std::optional<InterruptedPlace> find_interrupted_place(const process::Stack& stack,
                                                       const MemoryReader& memory) {
  std::optional<InterruptedPlace> found;
  for (size_t i = 0; i + 1 < stack.frames.size(); ++i) {
    const process::Frame& frame = stack.frames[i];
    if (!frame.is_signal_handler_return) continue;
    const auto signal = read_signal_frame(frame.registers, memory);
    if (signal && is_crash_signal(signal->number)) found = InterruptedPlace{i + 1, *signal};
  }
  return found;
}

}  // namespace inquest::diagnosis
