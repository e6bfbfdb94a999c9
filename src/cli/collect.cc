#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "capture/collect/collector.h"
#include "capture/collect/pattern_setting.h"
#include "cli/collect_keeper.h"
#include "cli/commands.h"
#include "cli/crash_analysis.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/os/directories.h"

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
    if (!back.ok()) services.log(back.error().message());
  }
  return served.ok() ? kExitOk : refuse(served.error());
}

int collect(Options& options) {
  using std::chrono::milliseconds;
  options.collect.dead_time = milliseconds(options.dead_time_ms);
  options.collect.look.budget = milliseconds(options.analysis_ms);
  options.collect.kinds_file = options.vault + "/kinds";
  // Made here, so that a fault of the place is told at the start and not at the first crash.
  if (auto vault = open_vault(options.vault, Access::kCreate); !vault.ok())
    return refuse(vault.error());
  // Each child of a crash opens the vault for itself: locks are shared with whoever inherits them.
  CollectKeeper crashes(options.vault), losses(options.vault);
  capture::CollectServices services{
      .analyse = analyse_held,
      .count = [&](const capture::CollectedCrash& crash) { return crashes.count(crash); },
      .full_core = &crashes,
      .keep = [&](const capture::CollectedCrash& crash) { return crashes.keep(crash); },
      .log = CollectKeeper::log,
      .lost = [&](const capture::KernelLoss& loss) { losses.count_lost(loss); },
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
