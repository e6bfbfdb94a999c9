#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "cli/worker.h"
#include "diagnosis/engine/engine.h"
#include "diagnosis/engine/image_json.h"
#include "diagnosis/facts/facts_json.h"
#include "diagnosis/report/report.h"
#include "platform/term/style.h"

namespace inquest::cli {
namespace {

struct Options {
  diagnosis::DiagnoseOptions diagnose;
  std::string vault;
  bool json = false;
  bool markdown = false;
  bool html = false;
  std::string dump;
};

std::string dump(const Options& options, const diagnosis::Diagnosis& diagnosis) {
  if (options.dump == "image") {
    return diagnosis.image ? diagnosis::image_json(*diagnosis.image) : "null\n";
  }
  if (options.dump == "stacks") return diagnosis::stacks_json(diagnosis.facts);
  if (options.dump == "facts") return diagnosis::to_json(diagnosis.facts);
  return diagnosis::render_verdict_json(diagnosis.verdict);
}

std::string dump_all(const Options& options, const diagnosis::Diagnoses& diagnoses) {
  if (diagnoses.list.size() == 1) return dump(options, diagnoses.list.front());
  std::string text;
  for (const diagnosis::Diagnosis& diagnosis : diagnoses.list) {
    text += (text.empty() ? "[\n" : ",\n") + dump(options, diagnosis);
  }
  return text + "]\n";
}

std::string render(const Options& options, diagnosis::Diagnoses diagnoses) {
  if (!options.dump.empty()) return dump_all(options, diagnoses);
  const diagnosis::ReportSet set = report_set(std::move(diagnoses), options.diagnose.full);
  if (options.json) return diagnosis::render_json(set);
  if (options.markdown) return diagnosis::render_markdown(set);
  if (options.html) return diagnosis::render_html(set);
  const term::Terminal terminal = term::detect(STDOUT_FILENO);
  return diagnosis::render_text(
      set, {.color = terminal.color, .width = static_cast<size_t>(terminal.columns)});
}

// Runs in the worker: nothing is printed before the report is whole.
int explain(const Options& options) {
  auto diagnoses = diagnosis::diagnose(options.diagnose);
  if (!diagnoses.ok()) return refuse(diagnoses.error());
  return print(render(options, std::move(*diagnoses)));
}

}  // namespace

void add_explain(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("explain", "Say why a process died, from its core, a minidump or a log");
  add_evidence_options(*command, options->diagnose);
  add_vault_option(*command, options->vault);
  command->add_flag("--full", options->diagnose.full, "all threads, arguments and locals, modules");
  auto* json = command->add_flag("--json", options->json, "print the report as JSON");
  auto* markdown = command->add_flag("--markdown", options->markdown, "print it as Markdown");
  auto* html = command->add_flag("--html", options->html, "print it as one HTML page");
  auto* dump = command
                   ->add_option("--dump", options->dump,
                                "print one stage as JSON: image, stacks, facts or verdict")
                   ->type_name("STAGE")
                   ->check(CLI::IsMember({"image", "stacks", "facts", "verdict"}));
  json->excludes(markdown)->excludes(html)->excludes(dump);
  markdown->excludes(html)->excludes(dump);
  html->excludes(dump);
  command->callback([options, &chosen] {
    chosen = [options] {
      return with_input(options->diagnose, options->vault, [options] {
        return run_in_worker(options->diagnose.input, {}, [options] { return explain(*options); });
      });
    };
  });
}

}  // namespace inquest::cli
