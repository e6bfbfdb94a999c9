#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "capture/record/core_writer.h"
#include "capture/supervise/supervisor.h"
#include "cli/commands.h"
#include "diagnosis/engine/engine.h"
#include "diagnosis/report/report.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "process/input/load.h"

namespace inquest::cli {
namespace {

struct Options {
  capture::RunOptions run;
  std::string give_up = "exit";
  std::string core = "slim";
  std::string output;
  int64_t analysis_ms = 150;
  int64_t stop_timeout_ms = 10'000;
  int64_t first_delay_ms = 500, longest_delay_ms = 60'000, healthy_ms = 60'000;
};

diagnosis::DiagnoseOptions analysis_options() {
  diagnosis::DiagnoseOptions options;
  options.modules.use_debuginfod = false;  // nobody waits for a network here
  if (const std::string cache = os::cache_directory(); !cache.empty()) {
    options.symbol_cache_dir = cache + "/symbols";
  }
  return options;
}

// Reads the process as the record will be read later, so that what is read is kept.
void analyse(ByteView notes, std::unique_ptr<process::MemoryReader> memory) {
  auto image = process::load_core(notes, "record");
  if (!image.ok()) return;
  image->memory = std::move(memory);
  static_cast<void>(diagnosis::diagnose_image(std::move(*image), analysis_options()).ok());
}

void explain(ByteView record, capture::CrashOutcome& outcome) {
  auto image = process::load_core(record, outcome.id.empty() ? "record" : outcome.id);
  if (!image.ok()) return;
  auto diagnosed = diagnosis::diagnose_image(std::move(*image), analysis_options());
  if (!diagnosed.ok()) return;
  diagnosis::Report report{.facts = std::move(diagnosed->facts),
                           .verdict = std::move(diagnosed->verdict),
                           .signature = std::move(diagnosed->signature),
                           .tool_version = INQUEST_VERSION};
  outcome.signature = report.signature.id;
  outcome.title = report.signature.title();
  outcome.report = diagnosis::render_json(report);
  outcome.text = diagnosis::render_text(report, {.color = false, .width = 100});
}

Result<std::string> keep(const std::string& directory, ByteView record,
                         const capture::Captured& captured) {
  INQ_TRY_STATUS(os::make_directories(directory));
  INQ_TRY(const Bytes packed, capture::compress_record(record));
  const std::string path =
      directory + "/" + captured.captured_at + "-" + std::to_string(captured.pid) + ".core.zst";
  INQ_TRY_STATUS(os::write_file_atomic(path, packed, 0600));
  return path;
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
  run.capture.analysis_budget = milliseconds(options.analysis_ms);
  const capture::CrashServices services{
      .analyse = analyse,
      .keep =
          [&](ByteView record, const capture::Captured& captured) {
            return keep(options.output, record, captured);
          },
      .explain = explain};
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
  command->add_option("--output", options->output, "the directory for records")
      ->type_name("DIR")
      ->required();
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
                   "how long the analysis may look at the held process; milliseconds, 0: not")
      ->type_name("MS");
  command->add_flag_callback(
      "--no-stderr", [&run_options] { run_options.keep_stderr = false; },
      "do not keep the last lines of stderr");
  command->add_flag_callback(
      "--keep-ports", [&run_options] { run_options.release_ports = false; },
      "leave the dying process's descriptors open");
  command->add_flag("--kernel-core", run_options.kernel_core,
                    "let the kernel write its own core as well");
  command->callback([options, &chosen] {
    chosen = [options] { return run(*options); };
  });
}

}  // namespace inquest::cli
