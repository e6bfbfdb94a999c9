#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

class Sandbox {
 public:
  static bool enter() {
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{static_cast<unsigned short>(sizeof rules / sizeof rules[0]), rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }
};

class HostProbe {
 public:
  std::string collect(int round);

 private:
  std::string cached_ = "unknown";
};

__attribute__((noinline)) std::string HostProbe::collect(int round) {
  if (round % 4 != 3) return cached_;
  utsname host{};
  if (uname(&host) == 0) cached_ = host.nodename;  // CRASH
  return cached_;
}

int main() {
  HostProbe probe;
  size_t letters = 0;
  std::thread worker([&] {
    if (!Sandbox::enter()) return;
    for (int round = 0; round < 8; round++) letters += probe.collect(round).size();
  });
  worker.join();
  std::printf("%zu\n", letters);
}
