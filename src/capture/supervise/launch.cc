#include "capture/supervise/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "platform/os/fd.h"

namespace inquest::capture {
namespace {

std::vector<std::string> environment_of(const Launch& launch) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(launch.environment.begin(), launch.environment.end(),
                                      [&](const auto& added) { return added.first == name; });
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [name, value] : launch.environment)
    result.push_back(fmt::format("{}={}", name, value));
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

struct Pipe {
  os::Fd read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::io("cannot make a pipe", errno);
  return Pipe{os::Fd(ends[0]), os::Fd(ends[1])};
}

// In the child: waits for the word to go, then becomes the program. Tells errno when it cannot.
[[noreturn]] void become(const Launch& launch, char* const* arguments, char* const* variables,
                         int go, int failure) {
  if (launch.stderr_fd >= 0) ::dup2(launch.stderr_fd, STDERR_FILENO);
  char word = 0;
  while (::read(go, &word, 1) < 0 && errno == EINTR) {
  }
  ::sigprocmask(SIG_SETMASK, &launch.signal_mask, nullptr);
  ::execvpe(arguments[0], arguments, variables);
  const int error = errno;
  static_cast<void>(::write(failure, &error, sizeof error) == 0);
  ::_exit(error == ENOENT ? 127 : 126);
}

}  // namespace

long trace_options() {
  return PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
}

Result<pid_t> launch(const Launch& launch) {
  std::vector<std::string> command = launch.command, environment = environment_of(launch);
  const std::vector<char*> arguments = pointers(command), variables = pointers(environment);
  INQ_TRY(Pipe go, make_pipe());
  INQ_TRY(Pipe failure, make_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return Error::io("cannot start a process", errno);
  if (pid == 0) {
    go.write.reset();
    become(launch, arguments.data(), variables.data(), go.read.get(), failure.write.get());
  }
  failure.write.reset();
  std::optional<Error> refused;
  if (launch.trace) {
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, reinterpret_cast<void*>(trace_options())) != 0) {
      refused = Error::io("cannot trace the program (--trace): ptrace is not allowed here", errno);
      ::kill(pid, SIGKILL);
    }
  }
  go.write.reset();
  if (!refused) {
    int error = 0;
    const auto got =
        os::read_some(failure.read.get(), {reinterpret_cast<uint8_t*>(&error), sizeof error});
    if (got.ok() && *got == sizeof error) {
      refused = error == ENOENT
                    ? Error(ErrorCode::kNotFound, command[0] + ": there is no such program")
                    : Error::io(command[0] + " cannot be run", error);
    }
  }
  if (!refused) return pid;
  while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  return std::move(*refused);
}

}  // namespace inquest::capture
