#include <CLI/CLI.hpp>
#include <memory>

#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "diagnosis/report/report.h"

namespace inquest::cli {
namespace {

struct Options {
  diagnosis::DiagnoseOptions diagnose;
  std::string vault;
  bool explain = false;
  bool json = false;
};

int sign(const Options& options) {
  const auto diagnoses = diagnosis::diagnose(options.diagnose);
  if (!diagnoses.ok()) return refuse(diagnoses.error());
  std::string text;
  for (const diagnosis::Diagnosis& diagnosis : diagnoses->list) {
    text += options.json ? diagnosis::render_signature_json(diagnosis.signature)
                         : diagnosis::render_signature_text(diagnosis.signature, options.explain);
  }
  return print(text);
}

}  // namespace

void add_signature(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  options->diagnose.all_threads = false;
  CLI::App* command =
      app.add_subcommand("signature", "Print what crashes of the same bug have in common");
  add_evidence_options(*command, options->diagnose);
  add_vault_option(*command, options->vault);
  auto* explain = command->add_flag("--explain", options->explain, "say how it came about");
  command->add_flag("--json", options->json, "print it as JSON, a line for each crash")
      ->excludes(explain);
  command->callback([options, &chosen] {
    chosen = [options] {
      return with_input(options->diagnose, options->vault, [options] {
        return run_in_worker(options->diagnose.input, {}, [options] { return sign(*options); });
      });
    };
  });
}

}  // namespace inquest::cli
