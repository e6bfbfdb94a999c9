#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/drill_report.h"
#include "cli/drill_trials.h"
#include "cli/evidence.h"

namespace inquest::cli {
namespace {

struct Options {
  OwnProgram own;
  bool json = false;
};

int drill(const Options& options) {
  std::vector<DrillResult> results = drill_canaries();
  if (!options.own.command.empty()) results.push_back(drill_own(options.own));
  const int written =
      print(options.json ? render_drill_json(results) : render_drill_text(results, STDOUT_FILENO));
  if (written != kExitOk) return written;
  const bool good = std::ranges::all_of(
      results, [](const DrillResult& one) { return one.skipped || one.is_good(); });
  return good ? kExitOk : kExitFound;
}

}  // namespace

void add_drill(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "drill", "Crash a canary in each way there is, and show what would be kept here");
  command->add_option("CMD", options->own.command, "a program of your own, behind --");
  command->add_flag("--crash-it", options->own.consent, "yes, end CMD by SIGSEGV as well");
  command
      ->add_option("--after", options->own.after_ms,
                   "how long CMD may run before; milliseconds (1000)")
      ->type_name("MS")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--json", options->json, "print the results as JSON");
  command->footer(
      "Exit codes: 0 all was kept, 1 not possible, 2 usage, 3 something would be lost.");
  command->callback([options, &chosen] { chosen = [options] { return drill(*options); }; });
}

}  // namespace inquest::cli
