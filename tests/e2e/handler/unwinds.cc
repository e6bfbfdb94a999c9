// unwinds WHAT [onstack]: a program's handler that looks at its callers (trace) or throws through them (throw).
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

static void traces(int, siginfo_t*, void*) {
  void* frames[64];
  const int count = backtrace(frames, 64);
  for (int i = 0; i < count; ++i) {
    Dl_info info;
    if (dladdr(frames[i], &info) != 0 && info.dli_sname != nullptr && std::strcmp(info.dli_sname, "inner") == 0)
      _exit(10);
  }
  _exit(11);
}

static void throws(int, siginfo_t*, void*) { throw std::runtime_error("from the handler"); }

extern "C" __attribute__((noinline)) int inner(volatile int* pointer) { return *pointer + 1; }

int main(int argc, char** argv) {
  struct sigaction action = {};
  action.sa_sigaction = std::strcmp(argv[1], "trace") == 0 ? traces : throws;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | (argc > 2 ? SA_ONSTACK : 0);
  sigaction(SIGSEGV, &action, nullptr);
  try {
    return inner(reinterpret_cast<int*>(0x1234)) + 1;
  } catch (const std::exception&) {
    return 12;
  }
}
