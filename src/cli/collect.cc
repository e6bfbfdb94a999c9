#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "capture/collect/collector.h"
#include "capture/collect/pattern_setting.h"
#include "capture/collect/renounce.h"
#include "cli/commands.h"
#include "cli/crash_analysis.h"
#include "cli/crash_keeper.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/os/directories.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr char kSocketPath[] = "/run/inquest/core.sock";

struct Options {
  std::string vault;
  std::string socket = kSocketPath;
  bool pipe = false;
  bool set_pattern = false;
  std::vector<std::string> crash;  // what core_pattern hands over: see pipe_pattern()
  capture::CollectOptions collect;
  int64_t dead_time_ms = 2000, analysis_ms = 150;
};

void log(const std::string& line) {
  std::fprintf(stderr, "inquest: %s\n", term::printable(line).c_str());
}

// Everything that is done for one crash with the vault. Lives in the child of the crash.
class Keeping final : public capture::FullCoreSink {
 public:
  explicit Keeping(std::string directory) : directory_(std::move(directory)) {}

  Status count(const capture::CollectedCrash& crash) {
    INQ_TRY_STATUS(open());
    return vault_->count(header(crash));
  }

  void lost(const capture::KernelLoss& loss) {
    log(fmt::format("a core of process {} ({}) was lost in the kernel: {}", loss.pid, loss.name,
                    loss.reason));
    vault::CaseHeader header;
    header.time_ns = now_ns();
    header.pid = loss.pid;
    header.executable = loss.name;
    header.signature = "kernel-lost";
    Status counted = open();
    if (counted.ok()) counted = vault_->count(header);
    if (!counted.ok()) log("and could not be counted: " + counted.error().message());
  }

  // The slim record first: it is what a full disk leaves.
  Status begin(const capture::CollectedCrash& crash, uint64_t promised) override {
    INQ_TRY_STATUS(keep_slim(crash));
    INQ_TRY(writer_, vault_->attach_stream(id_, "core", vault::Role::kFull, promised));
    return {};
  }
  Status append(ByteView bytes) override {
    constexpr size_t kBlock = 4096;
    while (!bytes.empty()) {
      const bool zero = is_zero(bytes.first(std::min(kBlock, bytes.size())));
      size_t size = 0;
      while (size < bytes.size() &&
             is_zero(bytes.subspan(size, std::min(kBlock, bytes.size() - size))) == zero)
        size += std::min(kBlock, bytes.size() - size);
      INQ_TRY_STATUS(zero ? writer_->skip(size) : writer_->append(bytes.first(size)));
      bytes = bytes.subspan(size);
    }
    return {};
  }
  Status end(bool whole) override {
    INQ_TRY(const vault::Attached attached, writer_->commit(!whole));
    if (!attached.kept) return Error(ErrorCode::kUnavailable, attached.why);
    vault::CaseUpdate update;
    update.fidelity = vault::Fidelity::kFull;
    if (!whole) {
      update.missing = {
          "the end of the full core: writing it took longer than the process may be held"};
      update.fidelity = vault::Fidelity::kSlim;
    }
    return vault_->update(id_, update);
  }

  Status keep(const capture::CollectedCrash& crash) {
    if (id_.empty()) INQ_TRY_STATUS(keep_slim(crash));
    log(fmt::format("crash of process {} kept as {} ({}: {})", crash.captured.pid, id_,
                    to_string(crash.decision.retain), crash.decision.reason));
    if (auto found = explain(crash); found.ok()) {
      vault::CaseUpdate update;
      update.signature = found->signature;
      update.title = found->title;
      update.headline = found->headline;
      INQ_TRY_STATUS(vault_->update(id_, update));
      const ByteView report(reinterpret_cast<const uint8_t*>(found->report.data()),
                            found->report.size());
      const vault::NewAttachment attachment{.name = "report.json",
                                            .role = vault::Role::kReport,
                                            .source = report,
                                            .truncated = false};
      INQ_TRY(const auto attached, vault_->attach(id_, {&attachment, 1}));
      static_cast<void>(attached);
      log(found->headline);
    } else {
      log(fmt::format("{}: not explained: {}", id_, found.error().message()));
    }
    return vault_->finish(id_);
  }

 private:
  static bool is_zero(ByteView bytes) {
    return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
  }

  Status open() {
    if (vault_) return {};
    INQ_TRY(vault::Vault opened, open_vault(directory_, Access::kCreate));
    vault_.emplace(std::move(opened));
    return {};
  }

  static vault::CaseHeader header(const capture::CollectedCrash& crash) {
    vault::CaseHeader header = header_of(crash.captured);
    header.labels.emplace_back("collected", std::string(to_string(crash.decision.retain)));
    header.labels.emplace_back("readable-by", crash.root_only ? "root" : "user");
    return header;
  }

  Status keep_slim(const capture::CollectedCrash& crash) {
    INQ_TRY_STATUS(open());
    const Bytes record = capture::record_of(crash.captured);
    INQ_TRY(id_, vault_->begin(header(crash)));
    const vault::NewAttachment slim{
        .name = "slim", .role = vault::Role::kSlim, .source = ByteView(record), .truncated = false};
    INQ_TRY(const auto attached, vault_->attach(id_, {&slim, 1}));
    static_cast<void>(attached);
    return {};
  }

  // In a child that has given up all rights: it reads binaries that anybody may have written.
  static Result<CrashExplanation> explain(const capture::CollectedCrash& crash) {
    const Bytes record = capture::record_of(crash.captured);
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return Error::io("a pipe to the analysis", errno);
    os::Fd reading(ends[0]), writing(ends[1]);
    const pid_t child = fork();
    if (child < 0) return Error::io("starting the analysis", errno);
    if (child == 0) {
      const auto& owner = crash.captured.circumstances.status;
      if (!capture::renounce_rights(owner.uid.value_or(0), owner.gid.value_or(0)).ok()) _exit(1);
      const auto found = explain_record(record, "record");
      if (!found.ok()) _exit(1);
      const std::string text =
          fmt::format("{}{}{}{}{}{}{}{}{}", found->signature, '\0', found->title, '\0',
                      found->headline, '\0', found->text, '\0', found->report);
      const ByteView bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
      _exit(os::write_all(writing.get(), bytes).ok() ? 0 : 1);
    }
    writing.reset();
    const std::string answer = read_all(reading.get());
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
      return Error(ErrorCode::kUnavailable,
                   "the analysis ended with status " + std::to_string(status));
    return take_apart(answer);
  }

  static std::string read_all(int fd) {
    constexpr size_t kMost = 64 << 20;
    std::string all;
    Bytes buffer(1 << 16);
    for (ssize_t got = 0; all.size() < kMost;) {
      got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      all.append(reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(got));
    }
    return all;
  }

  static Result<CrashExplanation> take_apart(const std::string& answer) {
    std::vector<std::string> parts;
    for (size_t at = 0; at <= answer.size();) {
      const size_t end = std::min(answer.find('\0', at), answer.size());
      parts.push_back(answer.substr(at, end - at));
      at = end + 1;
    }
    if (parts.size() != 5) return Error(ErrorCode::kCorrupt, "the analysis did not answer in full");
    return CrashExplanation{.signature = parts[0],
                            .title = parts[1],
                            .headline = parts[2],
                            .text = parts[3],
                            .report = parts[4]};
  }

  std::string directory_;
  std::optional<vault::Vault> vault_;
  std::unique_ptr<vault::EvidenceWriter> writer_;  // before vault_ ends
  std::string id_;
};

// A sink whose life is not the caller's: the case goes on after the full core.
class SinkOf final : public capture::FullCoreSink {
 public:
  explicit SinkOf(Keeping& keeping) : keeping_(keeping) {}
  Status begin(const capture::CollectedCrash& crash, uint64_t promised) override {
    return keeping_.begin(crash, promised);
  }
  Status append(ByteView bytes) override { return keeping_.append(bytes); }
  Status end(bool whole) override { return keeping_.end(whole); }

 private:
  Keeping& keeping_;
};

// core_pattern's words: %P %i %u %g %s %t %d %F.
Result<capture::Arrival> arrival_of(const std::vector<std::string>& words) {
  constexpr size_t kLeast = 7;
  if (words.size() < kLeast) {
    return Error(ErrorCode::kInvalidArgument,
                 "core_pattern hands over too little; set it with: inquest install");
  }
  capture::Arrival arrival{.stream = STDIN_FILENO};
  arrival.pid = std::atoi(words[0].c_str());
  arrival.root_only = words[6] != "1";
  if (words.size() > kLeast) arrival.pidfd = std::atoi(words[7].c_str());
  if (arrival.pid <= 0)
    return Error(ErrorCode::kInvalidArgument, words[0] + " is no process of this pid namespace");
  return arrival;
}

int serve(const Options& options, capture::CollectServices& services) {
  const std::string directory = options.socket.substr(0, options.socket.rfind('/'));
  if (const Status made = os::make_directories(directory); !made.ok()) return refuse(made.error());
  const capture::PatternPlaces places;
  if (options.set_pattern) {
    services.when_listening = [&]() -> Status {
      INQ_TRY(const auto set,
              capture::set_pattern(places, capture::socket_pattern(options.socket)));
      static_cast<void>(set);
      return {};
    };
  }
  const Status served = capture::serve_socket(options.socket, options.collect, services);
  if (options.set_pattern) {
    const auto back = capture::restore_pattern(places);
    if (!back.ok()) log(back.error().message());
  }
  return served.ok() ? kExitOk : refuse(served.error());
}

int collect(Options& options) {
  using std::chrono::milliseconds;
  options.collect.dead_time = milliseconds(options.dead_time_ms);
  options.collect.capture.analysis_budget = milliseconds(options.analysis_ms);
  options.collect.kinds_file = options.vault + "/kinds";
  // Made here, so that a fault of the place is told at the start and not at the first crash.
  if (auto vault = open_vault(options.vault, Access::kCreate); !vault.ok())
    return refuse(vault.error());
  // Each child of a crash opens the vault for itself: locks are shared with whoever inherits them.
  Keeping keeping(options.vault), losses(options.vault);
  capture::CollectServices services{
      .analyse = analyse_held,
      .count = [&](const capture::CollectedCrash& crash) { return keeping.count(crash); },
      .full_core = [&] { return std::make_unique<SinkOf>(keeping); },
      .keep = [&](const capture::CollectedCrash& crash) { return keeping.keep(crash); },
      .log = log,
      .lost = [&](const capture::KernelLoss& loss) { losses.lost(loss); },
      .when_listening = {}};
  if (!options.pipe) return serve(options, services);
  const auto arrival = arrival_of(options.crash);
  if (!arrival.ok()) return refuse(arrival.error());
  const Status done = capture::collect_one(*arrival, options.collect, services);
  return done.ok() ? kExitOk : refuse(done.error());
}

}  // namespace

void add_collect(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "collect", "Take the crashes of all processes of this host from the kernel (as root)");
  add_vault_option(*command, options->vault);
  auto* socket =
      command->add_option("--listen", options->socket, "the socket that the kernel connects to")
          ->type_name("PATH");
  auto* set = command->add_flag("--set-pattern", options->set_pattern,
                                "set core_pattern to the socket, and put it back at the end");
  auto* pipe = command->add_flag("--pipe", options->pipe,
                                 "take one crash from standard input: what core_pattern starts");
  pipe->excludes(socket)->excludes(set);
  command->add_option("WORDS", options->crash, "with --pipe: %P %i %u %g %s %t %d %F")->needs(pipe);
  command
      ->add_option("--full", options->collect.rules.full, "crashes of a kind that are kept in full")
      ->type_name("N");
  command->add_option("--slim", options->collect.rules.slim, "and then slim; others are counted")
      ->type_name("N");
  command
      ->add_option("--dead-time", options->dead_time_ms,
                   "how long a full core may hold the process; milliseconds")
      ->type_name("MS");
  command
      ->add_option("--analysis", options->analysis_ms,
                   "how long the analysis may look at the held process; milliseconds, 0: not")
      ->type_name("MS");
  command->callback([options, &chosen] { chosen = [options] { return collect(*options); }; });
}

}  // namespace inquest::cli
