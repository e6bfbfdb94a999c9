#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "diagnosis/report/handover.h"

namespace inquest::cli {
namespace {

struct Options {
  diagnosis::DiagnoseOptions diagnose;
  std::string vault, audience;
  diagnosis::Circumstances circumstances;
};

// What the vault knows of a case. That it is not there is said by whoever reads its evidence.
void ask_vault(Options& options) {
  options.circumstances.input = options.diagnose.input;
  if (!names_a_case(options.diagnose.input)) return;
  auto vault = open_vault_to_look(options.vault);
  if (!vault.ok()) return;
  const auto found = vault->find(options.diagnose.input);
  if (!found.ok()) return;
  const vault::CaseHeader& header = found->header;
  diagnosis::Circumstances& known = options.circumstances;
  known.case_id = found->id;
  known.time = header.time_ns == 0 ? "" : utc_time(header.time_ns);
  known.host = header.host;
  known.unit = header.unit;
  known.container = header.container;
  known.uptime = header.uptime_ms ? duration_text(*header.uptime_ms) : "";
  const auto all = vault->list();
  if (!all.ok() || header.signature.empty()) return;
  known.times_seen = static_cast<uint64_t>(std::ranges::count_if(
      *all, [&](const vault::Case& other) { return other.header.signature == header.signature; }));
}

std::string render(const Options& options, const diagnosis::Report& report) {
  return options.audience == "upstream" ? diagnosis::render_upstream(report)
                                        : diagnosis::render_ticket(report, options.circumstances);
}

// Runs in the worker.
int report(const Options& options) {
  auto diagnoses = diagnosis::diagnose(options.diagnose);
  if (!diagnoses.ok()) return refuse(diagnoses.error());
  const diagnosis::ReportSet set = report_set(std::move(*diagnoses), options.diagnose.full);
  std::string text;
  for (const diagnosis::Report& one : set.reports) {
    if (!text.empty()) text += "\n";
    text += render(options, one);
  }
  return print(text);
}

}  // namespace

void add_report(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "report", "Write a crash up for its maintainers, or for whoever is on call");
  add_evidence_options(*command, options->diagnose);
  add_vault_option(*command, options->vault);
  command
      ->add_option(
          "--for", options->audience,
          "upstream: what maintainers ask for, nothing private; ticket: what whoever is on "
          "call needs")
      ->type_name("WHOM")
      ->check(CLI::IsMember({"upstream", "ticket"}))
      ->required();
  command->callback([options, &chosen] {
    chosen = [options] {
      ask_vault(*options);
      return with_input(options->diagnose, options->vault, [options] {
        return run_in_worker(options->diagnose.input, {}, [options] { return report(*options); });
      });
    };
  });
}

}  // namespace inquest::cli
