#include "platform/os/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "platform/os/fd.h"

namespace inquest::os {

namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::io("cannot make a pipe", errno);
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

// A file rather than a pipe: a child that does not read its input can neither block us nor raise
// SIGPIPE.
Result<Fd> make_input(const std::string& text) {
  if (text.empty()) {
    Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null.valid()) return Error::io("cannot open /dev/null", errno);
    return null;
  }
  Fd file(::memfd_create("stdin", MFD_CLOEXEC));
  if (!file.valid()) return Error::io("cannot make the child's input", errno);
  INQ_TRY_STATUS(
      write_all(file.get(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::vector<std::string> environment_for(const SpawnOptions& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(options.environment.begin(), options.environment.end(),
                                      [&](const auto& change) { return change.first == name; });
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [name, value] : options.environment) {
    if (value) result.push_back(name + "=" + *value);
  }
  return result;
}

std::vector<char*> c_strings(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

Result<pid_t> start(std::vector<std::string> arguments, const SpawnOptions& options,
                    const Fd& input, const Fd& out, const Fd& err) {
  std::vector<std::string> environment = environment_for(options);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  if (!options.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0].c_str(), &actions, &attributes,
                                   c_strings(arguments).data(), c_strings(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return Error(ErrorCode::kNotFound, "no such program: " + arguments[0]);
  if (error != 0) return Error::io("cannot start " + arguments[0], error);
  return pid;
}

// Appends what can be read now. Closes `pipe` at its end.
void drain(Fd& pipe, std::string& text, const SpawnOptions& options, bool& cut) {
  std::array<char, 64 * 1024> buffer;
  while (pipe.valid()) {
    const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      pipe.reset();
      return;
    }
    const uint64_t room = options.max_output - std::min<uint64_t>(options.max_output, text.size());
    const uint64_t keep = std::min<uint64_t>(room, static_cast<uint64_t>(got));
    text.append(buffer.data(), keep);
    if (keep < static_cast<uint64_t>(got)) cut = true;
  }
}

// The waiting side of one child: polls its pipes and its pidfd until it ended.
class Waiter {
 public:
  Waiter(pid_t pid, Fd out, Fd err, const SpawnOptions& options)
      : pid_(pid),
        pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
        out_(std::move(out)),
        err_(std::move(err)),
        options_(options) {}

  SpawnResult wait() {
    const Clock::time_point deadline = Clock::now() + options_.timeout;
    int status = 0;
    while (true) {
      drain_both();
      const pid_t done = ::waitpid(pid_, &status, WNOHANG);
      if (done == pid_) break;
      if (done < 0 && errno != EINTR) return std::move(result_);  // someone else reaped it
      if (Clock::now() >= deadline) {
        result_.timed_out = true;
        ::kill(-pid_, SIGKILL);
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        break;
      }
      poll_until(deadline);
    }
    // A grandchild may hold the pipes open for ever: take what is there, do not wait for their end.
    drain_both();
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) {
      result_.signal = WTERMSIG(status);
      result_.core_dumped = WCOREDUMP(status);
    }
    return std::move(result_);
  }

 private:
  void drain_both() {
    drain(out_, result_.out, options_, result_.output_cut);
    drain(err_, result_.err, options_, result_.output_cut);
  }

  void poll_until(Clock::time_point deadline) {
    constexpr std::chrono::milliseconds kTickWithoutPidfd{10};
    // poll() ignores negative descriptors: closed pipes, or no pidfd (kernel before 5.3, seccomp).
    std::array<pollfd, 3> fds = {{{.fd = out_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = err_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = pidfd_.get(), .events = POLLIN, .revents = 0}}};
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (!pidfd_.valid()) left = std::min(left, kTickWithoutPidfd);
    left = std::clamp(left, std::chrono::milliseconds(0), std::chrono::milliseconds(1'000'000));
    ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
  }

  pid_t pid_;
  Fd pidfd_;
  Fd out_;
  Fd err_;
  const SpawnOptions& options_;
  SpawnResult result_;
};

}  // namespace

Result<SpawnResult> run_process(const std::vector<std::string>& arguments,
                                const SpawnOptions& options) {
  if (arguments.empty()) return Error(ErrorCode::kInvalidArgument, "no program was named");
  INQ_TRY(Fd input, make_input(options.input));
  INQ_TRY(Pipe out, make_pipe());
  INQ_TRY(Pipe err, make_pipe());
  INQ_TRY(const pid_t pid, start(arguments, options, input, out.write, err.write));
  out.write.reset();
  err.write.reset();
  return Waiter(pid, std::move(out.read), std::move(err.read), options).wait();
}

}  // namespace inquest::os
