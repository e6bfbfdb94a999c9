#include "capture/collect/collector.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <iterator>

#include "capture/collect/core_stream.h"
#include "capture/collect/kernel_socket.h"
#include "capture/collect/kinds.h"
#include "capture/collect/renounce.h"

namespace inquest::capture {
namespace {

using Clock = std::chrono::steady_clock;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

struct Dying {
  Proc process;
  ProcessStatus status;
};

bool has_ended(int pidfd) {
  pollfd end{.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&end, 1, 0) != 0;
}

// Of a process that dies the kernel says that it dumps core, and the one that the kernel named is
// still there: its number has not come to another process meanwhile.
Result<Dying> open_dying(const Arrival& arrival) {
  INQ_TRY(Proc process, Proc::open(arrival.pid));
  INQ_TRY(const std::string text, process.read("status", 64 << 10));
  ProcessStatus status = parse_status(text);
  if (!status.dumps_core || !process.is_alive() ||
      (arrival.pidfd >= 0 && has_ended(arrival.pidfd))) {
    return Error(ErrorCode::kMismatch,
                 fmt::format("process {} is not the one that dumps core", arrival.pid));
  }
  return Dying{std::move(process), std::move(status)};
}

Decision decide_for(const CrashKind& kind, uint64_t resident, const CollectOptions& options) {
  const int64_t now = now_ns();
  const auto by_rules = [&](const std::optional<KindHistory>& history) {
    return decide(options.rules, history, now, resident);
  };
  auto kinds = Kinds::open(options.kinds_file);
  if (kinds.ok()) {
    if (auto decision = kinds->note(kind.id(), now, by_rules); decision.ok())
      return std::move(*decision);
  }
  return {Retain::kSlim, "what was kept before is not known"};
}

// The full core, while the process is held.
Status take_full(CoreStream& stream, const CollectedCrash& crash, const CollectOptions& options,
                 FullCoreSink& sink) {
  INQ_TRY_STATUS(sink.begin(crash, stream.promised()));
  INQ_TRY_STATUS(sink.append(stream.head()));
  INQ_TRY(const bool whole, stream.pump(Clock::now() + options.dead_time,
                                        [&](ByteView bytes) { return sink.append(bytes); }));
  return sink.end(whole);
}

// Who died of what, and no memory.
Result<Captured> take_name(const Proc& process, int signal) {
  Captured captured;
  captured.pid = process.pid();
  captured.signal = signal;
  captured.how = "kernel";
  captured.fidelity = Fidelity::kSignalOnly;
  INQ_TRY(captured.circumstances, read_essentials(process));
  read_the_rest(process, captured.circumstances);
  return captured;
}

// What is kept out of dumps: the kernel has looked already, at each page of the process. Of a
// file's mapping that is not dumped only this is known: had it been written to, it would be.
std::map<uint64_t, MappingFlags> flags_of(const CoreStream& stream,
                                          const std::vector<LiveMapping>& mappings) {
  std::map<uint64_t, MappingFlags> flags;
  for (const LiveMapping& mapping : mappings) {
    const auto found = stream.dumped().find(mapping.range.start.value);
    if (found == stream.dumped().end()) continue;
    const bool as_in_file = mapping.is_file() && !mapping.write;
    flags[found->first].dont_dump = !found->second && !as_in_file;
  }
  return flags;
}

Result<Captured> take(const Dying& dying, CoreStream& stream, Retain retain,
                      const CollectOptions& options, const CollectServices& services) {
  if (retain == Retain::kCountOnly) return take_name(dying.process, stream.signal());
  LookOptions look = options.look;
  if (services.analyse) {
    look.analyse = [&](ByteView notes, std::unique_ptr<process::MemoryReader> memory) {
      if (renounce_rights(dying.status.uid.value_or(0), dying.status.gid.value_or(0)).ok())
        services.analyse(notes, std::move(memory));
    };
  }
  INQ_TRY(Captured captured,
          capture(dying.process, {.threads = std::move(stream.threads()), .how = "kernel"},
                  stream.signal(), std::nullopt, options.capture));
  captured.flags = flags_of(stream, captured.mappings);
  look_at_held(dying.process, look, {}, captured);
  return captured;
}

// Where the crashing thread stood: module and offset, or empty.
std::string place_of(const ThreadState& thread, const std::vector<LiveMapping>& mappings) {
  const LiveMapping* mapping = find_mapping(mappings, thread.pc);
  if (mapping == nullptr || !mapping->is_file()) return {};
  return fmt::format("{}+{:#x}", mapping->path.substr(mapping->path.rfind('/') + 1),
                     (thread.pc - mapping->range.start) + mapping->file_offset);
}

// From the head of the core to what is captured of the process, while it is held.
Result<CollectedCrash> meet(const Arrival& arrival, CoreStream& stream,
                            const CollectOptions& options, const CollectServices& services) {
  INQ_TRY(const Dying dying, open_dying(arrival));
  INQ_TRY_STATUS(stream.read_head());
  INQ_TRY(const std::string maps, dying.process.read("maps", 64 << 20));
  const CrashKind kind{.executable = dying.process.link("exe"),
                       .signal = stream.signal(),
                       .place = place_of(stream.threads().front(), parse_maps(maps))};
  CollectedCrash crash;
  crash.root_only = arrival.root_only;
  crash.decision = decide_for(kind, dying.status.resident_kib << 10, options);
  INQ_TRY(crash.captured, take(dying, stream, crash.decision.retain, options, services));
  return crash;
}

// It died, and that is all: it was killed while it was looked at, or its core cannot be read.
CollectedCrash unmet(const Arrival& arrival, CoreStream& stream, const std::string& why) {
  CollectedCrash crash;
  crash.captured.pid = arrival.pid;
  crash.captured.signal = stream.signal();
  crash.captured.how = "kernel";
  crash.captured.fidelity = Fidelity::kSignalOnly;
  crash.captured.left_out.push_back({"all but the fact that it died", why});
  crash.decision = {Retain::kCountOnly, why};
  return crash;
}

}  // namespace

Status collect_one(const Arrival& arrival, const CollectOptions& options,
                   const CollectServices& services) {
  CoreStream stream(arrival.stream);
  auto met = meet(arrival, stream, options, services);
  if (!met.ok()) {
    // Only of one that the kernel vouches for.
    if (arrival.pidfd < 0) return met.error();
    INQ_TRY_STATUS(services.count(unmet(arrival, stream, met.error().message())));
    return met.error();
  }
  CollectedCrash crash = std::move(*met);
  Status full;
  if (crash.decision.retain == Retain::kFull)
    full = take_full(stream, crash, options, *services.full_core);
  // The kernel stops writing and the process goes on dying.
  close(arrival.stream);
  if (!full.ok()) crash.captured.left_out.push_back({"the full core", full.error().message()});
  return crash.decision.retain == Retain::kCountOnly ? services.count(crash) : services.keep(crash);
}

namespace {

// What the accepting process does for one connection: as little as can be.
void handle(os::Fd connection, const CollectOptions& options, const CollectServices& services) {
  auto peer = identify_peer(connection.get());
  if (!peer.ok()) return services.log(peer.error().message());
  if (const Status answered = answer_kernel(connection.get(), DumpAnswer::kCore); !answered.ok())
    return services.log(fmt::format("process {}: {}", peer->pid, answered.error().message()));
  const Arrival arrival{.stream = connection.release(),
                        .pid = peer->pid,
                        .pidfd = peer->pidfd.get(),
                        .root_only = peer->root_only.value_or(true)};
  if (const Status done = collect_one(arrival, options, services); !done.ok())
    services.log(fmt::format("process {}: {}", peer->pid, done.error().message()));
}

// Children, one a crash.
class Children {
 public:
  explicit Children(uint32_t most) : most_(most) {}

  bool is_full() const { return running_ >= most_; }
  void start(os::Fd connection, const std::function<void(os::Fd)>& work,
             const std::function<void(const std::string&)>& log) {
    const pid_t child = fork();
    if (child == 0) {
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      work(std::move(connection));
      _exit(0);
    }
    if (child < 0) return log(fmt::format("a crash is lost: cannot fork: errno {}", errno));
    ++running_;
  }
  void reap(bool wait) {
    int status = 0;
    while (running_ > 0 && waitpid(-1, &status, wait ? 0 : WNOHANG) > 0) --running_;
  }

 private:
  uint32_t most_;
  uint32_t running_ = 0;
};

}  // namespace

Status serve_socket(const std::string& path, const CollectOptions& options,
                    const CollectServices& services) {
  INQ_TRY(const KernelSocket socket, KernelSocket::listen(path));
  // Our own crash must not come back to us.
  prctl(PR_SET_DUMPABLE, 0);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const os::Fd told(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!told.valid()) return Error::io("signalfd", errno);
  const KernelLog log;
  services.log("listening at " + path);
  if (!log.why_not().empty())
    services.log("cores that the kernel drops will not be counted: " + log.why_not());
  if (services.when_listening) INQ_TRY_STATUS(services.when_listening());
  Children children(options.max_children);
  for (bool stop = false; !stop;) {
    // With all children at work the kernel's connections wait in the backlog.
    pollfd waiting[] = {
        {.fd = told.get(), .events = POLLIN, .revents = 0},
        {.fd = log.fd(), .events = POLLIN, .revents = 0},
        {.fd = children.is_full() ? -1 : socket.fd(), .events = POLLIN, .revents = 0}};
    if (poll(waiting, std::size(waiting), -1) < 0 && errno != EINTR)
      return Error::io("poll", errno);
    log.drain(services.lost);
    signalfd_siginfo info{};
    while (read(told.get(), &info, sizeof(info)) == ssize_t{sizeof(info)})
      stop = stop || info.ssi_signo != SIGCHLD;
    children.reap(false);
    if (waiting[2].revents == 0) continue;
    auto connection = socket.accept();
    if (!connection.ok()) {
      services.log(connection.error().message());
      continue;
    }
    children.start(
        std::move(*connection), [&](os::Fd taken) { handle(std::move(taken), options, services); },
        services.log);
  }
  children.reap(true);
  return {};
}

}  // namespace inquest::capture
