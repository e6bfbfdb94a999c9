// Registers by PTRACE_GETREGSET, and those that a signal handler was given (ucontext_t as
// asm/ucontext.h and asm/sigcontext.h lay it out).
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "capture/record/stop.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxExtended = 16 << 10;  // AMX needs 11,008 bytes
constexpr size_t kSiginfoSize = 128;

Bytes register_set(pid_t tid, uintptr_t type, size_t max) {
  Bytes bytes(max);
  iovec room{.iov_base = bytes.data(), .iov_len = bytes.size()};
  if (::ptrace(PTRACE_GETREGSET, tid, reinterpret_cast<void*>(type), &room) != 0) return {};
  bytes.resize(room.iov_len);
  return bytes;
}

#if defined(__x86_64__)
constexpr size_t kPcAt = offsetof(user_regs_struct, rip), kSpAt = offsetof(user_regs_struct, rsp);
#else
constexpr size_t kPcAt = 256, kSpAt = 248;  // struct user_pt_regs: x0 … x30, sp, pc, pstate
#endif

}  // namespace

void note_pc_and_sp(ThreadState& thread) {
  thread.pc = Address(load<uint64_t>(thread.registers, kPcAt).value_or(0));
  thread.sp = Address(load<uint64_t>(thread.registers, kSpAt).value_or(0));
}

void read_registers(ThreadState& thread) {
  thread.registers = register_set(thread.tid, NT_PRSTATUS, 512);
  thread.float_registers = register_set(thread.tid, NT_PRFPREG, 1024);
#if defined(__x86_64__)
  thread.extended = register_set(thread.tid, NT_X86_XSTATE, kMaxExtended);
#else
  thread.tls = register_set(thread.tid, NT_ARM_TLS, 16);
#endif
  Bytes siginfo(kSiginfoSize);
  if (::ptrace(PTRACE_GETSIGINFO, thread.tid, nullptr, siginfo.data()) == 0) {
    // At an event of ptrace it tells of SIGTRAP and of us, not of the process.
    const int code = load<int32_t>(siginfo, 8).value_or(0);
    const bool is_event = (code & 0xff) == SIGTRAP && code >> 8 != 0;
    if (!is_event) thread.siginfo = std::move(siginfo);
  }
  note_pc_and_sp(thread);
}

#if defined(__x86_64__)

size_t signal_context_size() {
  return offsetof(ucontext_t, uc_mcontext) + sizeof(gregset_t) + sizeof(uint64_t);
}

bool use_signal_context(ThreadState& thread, ByteView ucontext, ByteView siginfo) {
  constexpr size_t kAt = offsetof(ucontext_t, uc_mcontext);
  const auto greg = [&](int number) { return load<uint64_t>(ucontext, kAt + number * 8); };
  if (!greg(REG_CR2) || thread.registers.size() < sizeof(user_regs_struct)) return false;
  user_regs_struct registers;
  std::memcpy(&registers, thread.registers.data(), sizeof registers);
  registers.r8 = *greg(REG_R8);
  registers.r9 = *greg(REG_R9);
  registers.r10 = *greg(REG_R10);
  registers.r11 = *greg(REG_R11);
  registers.r12 = *greg(REG_R12);
  registers.r13 = *greg(REG_R13);
  registers.r14 = *greg(REG_R14);
  registers.r15 = *greg(REG_R15);
  registers.rdi = *greg(REG_RDI);
  registers.rsi = *greg(REG_RSI);
  registers.rbp = *greg(REG_RBP);
  registers.rbx = *greg(REG_RBX);
  registers.rdx = *greg(REG_RDX);
  registers.rax = *greg(REG_RAX);
  registers.rcx = *greg(REG_RCX);
  registers.rsp = *greg(REG_RSP);
  registers.rip = *greg(REG_RIP);
  registers.eflags = *greg(REG_EFL);
  registers.orig_rax = ~uint64_t{0};  // at a fault it stands in no system call
  std::memcpy(thread.registers.data(), &registers, sizeof registers);
  // The vector registers of now are the handler's own.
  thread.float_registers.clear();
  thread.extended.clear();
  if (!siginfo.empty()) thread.siginfo.assign(siginfo.begin(), siginfo.end());
  thread.siginfo.resize(kSiginfoSize);
  note_pc_and_sp(thread);
  return true;
}

// The XSAVE area that the kernel put on the stack, whose reserved bytes (struct _fpx_sw_bytes) tell
// its size and what is in it. NT_X86_XSTATE has the mask of the features there instead.
Address vector_state_address(ByteView ucontext) {
  constexpr size_t kAt = offsetof(ucontext_t, uc_mcontext) + sizeof(gregset_t);
  return Address(load<uint64_t>(ucontext, kAt).value_or(0));
}

bool use_vector_state(ThreadState& thread, Bytes state) {
  constexpr size_t kSoftwareAt = 464, kLegacySize = 512;
  constexpr uint32_t kMagic = 0x46505853;  // FP_XSTATE_MAGIC1
  const auto magic = load<uint32_t>(state, kSoftwareAt);
  const auto features = load<uint64_t>(state, kSoftwareAt + 8);
  const auto size = load<uint32_t>(state, kSoftwareAt + 16);
  if (state.size() < kLegacySize || !magic || !features || !size) return false;
  thread.float_registers.assign(state.begin(), state.begin() + kLegacySize);
  if (*magic != kMagic || *size > state.size() || *size < kLegacySize + 64) return true;
  state.resize(*size);
  std::memcpy(state.data() + kSoftwareAt, &*features, sizeof *features);
  thread.extended = std::move(state);
  return true;
}

#else

Address vector_state_address(ByteView /*ucontext*/) { return {}; }
bool use_vector_state(ThreadState& /*thread*/, Bytes /*state*/) { return false; }

// uc_flags, uc_link, uc_stack (24), uc_sigmask (128), then sigcontext, aligned to 16:
// fault_address, regs[31], sp, pc, pstate.
constexpr size_t kMachineAt = 176, kRegistersAt = kMachineAt + 8, kRegistersSize = 34 * 8;

size_t signal_context_size() { return kRegistersAt + kRegistersSize; }

bool use_signal_context(ThreadState& thread, ByteView ucontext, ByteView siginfo) {
  const auto registers = slice(ucontext, kRegistersAt, kRegistersSize);
  if (!registers) return false;
  thread.registers.assign(registers->begin(), registers->end());
  thread.float_registers.clear();
  if (!siginfo.empty()) thread.siginfo.assign(siginfo.begin(), siginfo.end());
  thread.siginfo.resize(kSiginfoSize);
  note_pc_and_sp(thread);
  return true;
}

#endif

}  // namespace inquest::capture
