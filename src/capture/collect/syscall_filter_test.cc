#include "capture/collect/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace inquest::capture {
namespace {

// What a parser that was taken over would try, by the errno that it gets; 0: it worked.
int what_happens_in_the_filter(const std::function<long()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(254);
    const Status filtered = keep_only_reading();
    if (!filtered.ok()) _exit(filtered.error().code() == ErrorCode::kUnsupported ? 255 : 254);
    errno = 0;
    _exit(attempt() < 0 ? errno : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(SyscallFilter, OnlyReadingIsLeft) {
  if (what_happens_in_the_filter([] { return 0L; }) == 255) GTEST_SKIP() << "no seccomp here";
  const std::string path = ::testing::TempDir() + "inquest-filter-" + std::to_string(getpid());
  {
    std::ofstream(path) << "x";
  }
  const int before = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const auto map = [](int protection) -> long {
    return mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                             : 0;
  };
  const auto open_with = [&](int flags) { return long{::open(path.c_str(), flags, 0600)}; };
  // An analysis does these.
  EXPECT_EQ(what_happens_in_the_filter([&] { return open_with(O_RDONLY | O_CLOEXEC); }), 0);
  EXPECT_EQ(what_happens_in_the_filter([&] { return map(PROT_READ | PROT_WRITE); }), 0);
  EXPECT_EQ(what_happens_in_the_filter([&] { return long{::write(before, "y", 1)}; }), 0);
  // These it does not.
  const std::pair<const char*, std::function<long()>> attacks[] = {
      {"a file for writing", [&] { return open_with(O_WRONLY); }},
      {"a file for both", [&] { return open_with(O_RDWR); }},
      {"a new file", [&] { return long{::open((path + "2").c_str(), O_CREAT, 0600)}; }},
      {"an empty one in its place", [&] { return open_with(O_RDONLY | O_TRUNC); }},
      {"a file less", [&] { return long{::unlink(path.c_str())}; }},
      {"a name more", [&] { return long{::symlink("/", (path + "3").c_str())}; }},
      {"other rights", [&] { return long{::chmod(path.c_str(), 0777)}; }},
      {"a process", [] { return long{fork()}; }},
      {"a program", [] { return long{execl("/bin/true", "true", nullptr)}; }},
      {"a network", [] { return long{socket(AF_INET, SOCK_STREAM, 0)}; }},
      {"a local socket", [] { return long{socket(AF_UNIX, SOCK_STREAM, 0)}; }},
      {"a signal to its parent", [] { return long{kill(getppid(), 0)}; }},
      {"a look into its parent", [] { return ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr); }},
      {"its parent's memory",
       [] { return long{process_vm_readv(getppid(), nullptr, 0, nullptr, 0, 0)}; }},
      {"code of its own", [&] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }},
      {"a namespace", [] { return long{unshare(CLONE_NEWUSER)}; }},
      {"a mount", [] { return long{mount("none", "/tmp", "tmpfs", 0, nullptr)}; }},
      {"its rights back", [] { return long{setuid(0)}; }},
      {"core dumps again", [] { return long{prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)}; }},
  };
  for (const auto& [what, attack] : attacks) {
    EXPECT_EQ(what_happens_in_the_filter(attack), EPERM) << what;
  }
  ::close(before);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace inquest::capture
