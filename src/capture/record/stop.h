// StoppedProcess: all threads of a process held by ptrace, and what their registers were.
//
// A thread that does not stop in time (it waits in vfork, or in the kernel) is told apart, and the
// others are used. Must be used from one thread: ptrace belongs to the thread that attached.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "capture/record/proc.h"

namespace inquest::capture {

inline constexpr size_t kMaxThreads = 1 << 16;

struct ThreadState {
  pid_t tid = 0;
  std::string name;
  bool stopped = false;
  bool no_thread_pointer = false;  // its registers are known but for those that hold it
  std::string why_not;             // of one that did not stop; for people
  int pending_signal = 0;          // it was about to get; given back when it goes on
  Bytes registers;                 // NT_PRSTATUS's pr_reg; empty when unknown
  Bytes float_registers;           // NT_FPREGSET
  Bytes extended;                  // NT_X86_XSTATE
  Bytes tls;                       // NT_ARM_TLS
  Bytes siginfo;                   // 128 bytes; empty when it is not at a signal
  Address pc, sp;                  // 0 when unknown
};

// Of a process with few threads; each thread adds a millisecond, up to a second.
struct StopLimits {
  std::chrono::milliseconds each{20};  // from the request on
  std::chrono::milliseconds total{50};
  std::chrono::milliseconds crashed{1000};  // without the crashed one nothing can be told
};

class StoppedProcess {
 public:
  // `traced(tid)`: the caller traces it already. `crashed` is one of its threads; when `crashed` is
  // traced, it stands at the delivery of its signal and is not asked to stop. It goes first in
  // threads().
  static Result<StoppedProcess> stop(const Proc& process, pid_t crashed,
                                     const std::function<bool(pid_t)>& traced,
                                     const StopLimits& limits);
  StoppedProcess(StoppedProcess&&) noexcept;
  StoppedProcess& operator=(StoppedProcess&&) = delete;
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;
  // Lets go those that were attached here.
  ~StoppedProcess();
  // Lets go the crashed one only. The others stand until the process ends, or the caller does.
  void release_crashed();

  std::vector<ThreadState>& threads() { return threads_; }
  const std::vector<ThreadState>& threads() const { return threads_; }
  // More threads than kMaxThreads, or new ones kept appearing.
  bool some_left_out() const { return some_left_out_; }

 private:
  StoppedProcess() = default;
  void release(size_t index);
  bool add_new_threads(const Proc& process, const std::function<bool(pid_t)>& traced);
  void wait_for_all(pid_t crashed, const StopLimits& limits,
                    std::chrono::steady_clock::time_point deadline);

  struct Attached {
    bool here = false;     // attached by us, to be let go
    bool waiting = false;  // was asked to stop
    std::chrono::steady_clock::time_point asked;
  };
  std::vector<ThreadState> threads_;
  std::vector<Attached> attached_;  // of threads_, by index
  bool some_left_out_ = false;
};

// The status of a thread that has stopped, as waitpid() tells it; 0: it has not yet; -1: it has
// ended, or is not ours. Its end itself is left to who reaps the process.
int take_stop(pid_t tid);
// Fills in the registers of a stopped thread, and its siginfo.
void read_registers(ThreadState& thread);
// pc and sp out of pr_reg.
void note_pc_and_sp(ThreadState& thread);

// Puts the registers and siginfo that the kernel gave to a signal handler (ucontext_t, siginfo_t)
// in the place of the thread's present ones. False when `ucontext` is too short.
bool use_signal_context(ThreadState& thread, ByteView ucontext, ByteView siginfo);
// Where the kernel saved the vector registers, by `ucontext`; 0: not told. use_vector_state() takes
// them from there: kMaxVectorState bytes, or as many as could be read.
Address vector_state_address(ByteView ucontext);
bool use_vector_state(ThreadState& thread, Bytes state);
inline constexpr size_t kMaxVectorState = 16 << 10;
// Bytes of ucontext_t that use_signal_context needs.
size_t signal_context_size();

}  // namespace inquest::capture
