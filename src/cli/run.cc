#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "capture/supervise/supervisor.h"
#include "cli/commands.h"
#include "cli/companion.h"
#include "cli/crash_analysis.h"
#include "cli/crash_keeper.h"
#include "cli/evidence.h"

namespace inquest::cli {
namespace {

struct Options {
  capture::RunOptions run;
  std::string give_up = "exit";
  std::string core = "slim";
  std::string output, vault;
  int64_t analysis_ms = 150;
  int64_t stop_timeout_ms = 10'000;
  int64_t first_delay_ms = 500, longest_delay_ms = 60'000, healthy_ms = 60'000;
};

void explain(const CrashKeeper& keeper, ByteView record, capture::CrashOutcome& outcome) {
  const auto found = explain_record(record, outcome.id.empty() ? "record" : outcome.id);
  if (!found.ok()) return;
  outcome.signature = found->signature;
  outcome.title = found->title;
  outcome.report = found->report;
  outcome.text = found->text;
  if (outcome.id.empty()) return;
  const Status kept = keeper.keep_report(outcome.id, *found);
  if (!kept.ok()) outcome.text += "the report could not be kept: " + kept.error().message() + "\n";
}

int run(Options& options) {
  using std::chrono::milliseconds;
  capture::RunOptions& run = options.run;
  run.version = INQUEST_VERSION;
  run.stop_timeout = milliseconds(options.stop_timeout_ms);
  run.restarts.first_delay = milliseconds(options.first_delay_ms);
  run.restarts.longest_delay = milliseconds(options.longest_delay_ms);
  run.restarts.healthy = milliseconds(options.healthy_ms);
  run.give_up = options.give_up == "hold" ? capture::GiveUp::kHold : capture::GiveUp::kExit;
  run.full_core = options.core == "full";
  run.look.analyse = analyse_held;
  run.look.budget = milliseconds(options.analysis_ms);
  run.preload = find_companion("libinquest-preload.so");
  if (run.preload.empty() && !run.trace) {
    std::fprintf(stderr,
                 "inquest: libinquest-preload.so is not there: tracing instead (--trace)\n");
    run.trace = true;
  }
  const CrashKeeper keeper(options.output, options.vault);
  if (const Status usable = keeper.check(); !usable.ok()) return refuse(usable.error());
  const capture::CrashServices services{
      .keep = [&](ByteView record,
                  const capture::Captured& captured) { return keeper.keep(record, captured); },
      .keep_full =
          [&](const std::string& id, const capture::Captured& captured,
              const capture::RemoteMemory& memory) {
            return keeper.keep_full(id, captured, memory);
          },
      .explain = [&](ByteView record,
                     capture::CrashOutcome& outcome) { explain(keeper, record, outcome); }};
  return capture::supervise(run, services);
}

}  // namespace

void add_run(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  capture::RunOptions& run_options = options->run;
  CLI::App* command = app.add_subcommand(
      "run", "Run a program; record and explain its crashes, and start it again if wanted");
  command->add_option("CMD", run_options.command, "the program and its arguments, behind --")
      ->required();
  auto* output = command
                     ->add_option("--output", options->output,
                                  "write records to this directory, not to the vault")
                     ->type_name("DIR");
  command->add_option("--vault", options->vault, "the vault (default: as of inquest ls)")
      ->type_name("DIR")
      ->excludes(output);
  command->add_flag("--trace", run_options.trace,
                    "watch with ptrace, not with a preloaded handler: also static and Go programs");
  command->add_option("--core", options->core, "what to keep: slim, or full memory as well")
      ->type_name("KIND")
      ->check(CLI::IsMember({"slim", "full"}));
  command->add_flag("--restart", run_options.restart, "start the program again when it died");
  command
      ->add_option("--max-restarts", run_options.restarts.max_restarts,
                   "give up after so many without a healthy life; 0: never")
      ->type_name("N");
  command->add_option("--give-up", options->give_up, "then: exit, or hold (wait for a signal)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"exit", "hold"}));
  command
      ->add_option("--restart-delay", options->first_delay_ms,
                   "before the second start after one signature; doubles; milliseconds")
      ->type_name("MS");
  command->add_option("--restart-max-delay", options->longest_delay_ms, "the longest; milliseconds")
      ->type_name("MS");
  command
      ->add_option("--healthy", options->healthy_ms,
                   "a life of so long forgets earlier deaths; milliseconds")
      ->type_name("MS");
  command
      ->add_option("--stop-timeout", options->stop_timeout_ms,
                   "from a signal to stop until it is killed; milliseconds")
      ->type_name("MS");
  command->add_option("--on-crash", run_options.on_crash, "a command that gets each report as JSON")
      ->type_name("CMD");
  command->add_option("--on-storm", run_options.on_storm, "a command that gets a storm's counts")
      ->type_name("CMD");
  command
      ->add_option("--analysis", options->analysis_ms,
                   "how long the analysis may hold the process where it cannot be copied; "
                   "milliseconds, 0: no analysis")
      ->type_name("MS");
  command->add_flag_callback(
      "--no-stderr", [&run_options] { run_options.keep_stderr = false; },
      "do not keep the last lines of stderr");
  command->add_flag_callback(
      "--keep-ports", [&run_options] { run_options.release_ports = false; },
      "leave the dying process's descriptors open");
  command->add_flag("--kernel-core", run_options.kernel_core,
                    "let the kernel write its own core as well");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace inquest::cli
