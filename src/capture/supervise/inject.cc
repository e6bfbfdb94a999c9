#include "capture/supervise/inject.h"

#include <elf.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace inquest::capture {
namespace {

#if defined(__x86_64__)
constexpr std::array<uint8_t, 2> kSyscall = {0x0f, 0x05};
using Registers = user_regs_struct;

void set_call(Registers& registers, Address at, int64_t number,
              const std::array<uint64_t, 6>& arguments) {
  registers.rip = at.value;
  registers.rax = static_cast<uint64_t>(number);
  registers.orig_rax = ~uint64_t{0};  // no call to restart
  registers.rdi = arguments[0];
  registers.rsi = arguments[1];
  registers.rdx = arguments[2];
  registers.r10 = arguments[3];
  registers.r8 = arguments[4];
  registers.r9 = arguments[5];
}
int64_t result_of(const Registers& registers) { return static_cast<int64_t>(registers.rax); }
uint64_t pc_of(const Registers& registers) { return registers.rip; }
#else
constexpr std::array<uint8_t, 4> kSyscall = {0x01, 0x00, 0x00, 0xd4};
using Registers = user_regs_struct;

void set_call(Registers& registers, Address at, int64_t number,
              const std::array<uint64_t, 6>& arguments) {
  registers.pc = at.value;
  registers.regs[8] = static_cast<uint64_t>(number);
  for (size_t i = 0; i < arguments.size(); ++i) registers.regs[i] = arguments[i];
}
int64_t result_of(const Registers& registers) { return static_cast<int64_t>(registers.regs[0]); }
uint64_t pc_of(const Registers& registers) { return registers.pc; }
#endif

bool transfer(int request, pid_t tid, Registers& registers) {
  iovec place{.iov_base = &registers, .iov_len = sizeof registers};
  return ::ptrace(static_cast<__ptrace_request>(request), tid,
                  reinterpret_cast<void*>(uintptr_t{NT_PRSTATUS}), &place) == 0;
}

// Waits for the next stop of one thread; its status, or nothing when the time is over or it ended.
std::optional<int> wait_for_stop(pid_t tid) {
  constexpr auto kLongest = std::chrono::seconds(5);  // a clone of a large process takes a while
  constexpr useconds_t kPause = 20;
  const auto deadline = std::chrono::steady_clock::now() + kLongest;
  while (std::chrono::steady_clock::now() < deadline) {
    const int status = take_stop(tid);
    if (status > 0) return status;
    if (status < 0) return std::nullopt;
    ::usleep(kPause);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::pair<uint32_t, uint32_t>> descriptors_but(uint32_t first,
                                                           const std::vector<int>& kept) {
  std::vector<std::pair<uint32_t, uint32_t>> ranges;
  for (const int descriptor : kept) {
    const auto number = static_cast<uint32_t>(descriptor);
    if (descriptor < 0 || number < first) continue;
    if (number > first) ranges.emplace_back(first, number - 1);
    first = number + 1;
  }
  ranges.emplace_back(first, UINT32_MAX);
  return ranges;
}

Result<Injector> Injector::create(const Captured& captured, pid_t tid) {
  if (captured.circumstances.status.seccomp != 0) {
    return Error(ErrorCode::kUnavailable,
                 "the program filters its system calls (seccomp): one more might be refused");
  }
  for (const LiveMapping& mapping : captured.mappings) {
    if (mapping.path != "[vdso]") continue;
    for (Address page = mapping.range.start; page < mapping.range.end; page = page + kPage) {
      const ByteView bytes = captured.pages.page(page);
      for (size_t at = 0; at + kSyscall.size() <= bytes.size(); ++at) {
        if (std::equal(kSyscall.begin(), kSyscall.end(), bytes.begin() + at)) {
          return Injector(tid, page + at);
        }
      }
    }
  }
  return Error(ErrorCode::kNotFound, "there is no system call instruction in its vdso");
}

Result<int64_t> Injector::call(int64_t number, const std::array<uint64_t, 6>& arguments) const {
  Registers before = {};
  if (!transfer(PTRACE_GETREGSET, tid_, before)) return Error::io("its registers", errno);
  Registers changed = before;
  set_call(changed, instruction_, number, arguments);
  if (!transfer(PTRACE_SETREGSET, tid_, changed)) return Error::io("its registers", errno);
  // An event on the way (of clone) stops it inside the call: one more step then.
  constexpr int kMostStops = 4;
  for (int stop = 0; stop < kMostStops; ++stop) {
    if (::ptrace(PTRACE_SINGLESTEP, tid_, nullptr, nullptr) != 0)
      return Error::io("one step", errno);
    const auto status = wait_for_stop(tid_);
    if (!status) return Error(ErrorCode::kUnavailable, "the thread ended or did not stop again");
    Registers after = {};
    if (!transfer(PTRACE_GETREGSET, tid_, after)) return Error::io("its registers", errno);
    const int event = *status >> 16;
    const bool is_child =
        event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK;
    unsigned long child = 0;
    if (is_child && ::ptrace(PTRACE_GETEVENTMSG, tid_, nullptr, &child) == 0) {
      last_child_ = static_cast<pid_t>(child);
    }
    if (event != 0 || pc_of(after) != instruction_.value + kSyscall.size()) continue;
    if (!transfer(PTRACE_SETREGSET, tid_, before)) return Error::io("its registers", errno);
    return result_of(after);
  }
  transfer(PTRACE_SETREGSET, tid_, before);
  return Error(ErrorCode::kUnavailable, "the call did not come to its end");
}

}  // namespace inquest::capture
