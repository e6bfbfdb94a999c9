#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/evidence.h"
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
  bool json = false;
  bool markdown = false;
  bool html = false;
  std::string dump;
};

std::string render(const Options& options, const diagnosis::Diagnosis& diagnosis) {
  if (options.dump == "image") {
    return diagnosis.image ? diagnosis::image_json(*diagnosis.image) : "null\n";
  }
  if (options.dump == "stacks") return diagnosis::stacks_json(diagnosis.facts);
  if (options.dump == "facts") return diagnosis::to_json(diagnosis.facts);
  if (options.dump == "verdict") return diagnosis::render_verdict_json(diagnosis.verdict);
  const diagnosis::Report report{.facts = diagnosis.facts,
                                 .verdict = diagnosis.verdict,
                                 .signature = diagnosis.signature,
                                 .tool_version = INQUEST_VERSION,
                                 .full = options.diagnose.full};
  if (options.json) return diagnosis::render_json(report);
  if (options.markdown) return diagnosis::render_markdown(report);
  if (options.html) return diagnosis::render_html(report);
  const term::Terminal terminal = term::detect(STDOUT_FILENO);
  return diagnosis::render_text(
      report, {.color = terminal.color, .width = static_cast<size_t>(terminal.columns)});
}

// "2 of 5, lines 120-188 (oom-kill)"
std::string head(const diagnosis::Diagnoses& diagnoses, size_t i) {
  const diagnosis::TextPlace& place = *diagnoses.list[i].place_in_text;
  const std::string lines = place.first_line == place.last_line
                                ? fmt::format("line {}", place.first_line)
                                : fmt::format("lines {}-{}", place.first_line, place.last_line);
  return fmt::format("{} of {}, {} ({})", i + 1, diagnoses.list.size(), lines, place.format);
}

std::string render_all(const Options& options, const diagnosis::Diagnoses& diagnoses) {
  if (diagnoses.list.size() == 1) return render(options, diagnoses.list.front());
  std::string text;
  for (size_t i = 0; i < diagnoses.list.size(); ++i) {
    text += head(diagnoses, i) + "\n" + render(options, diagnoses.list[i]) + "\n";
  }
  return text;
}

// Runs in the worker: nothing is printed before the report is whole.
int explain(const Options& options) {
  const auto diagnosis = diagnosis::diagnose(options.diagnose);
  if (!diagnosis.ok()) return refuse(diagnosis.error());
  return print(render_all(options, *diagnosis));
}

}  // namespace

void add_explain(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand("explain", "Say why a process died, from its core");
  add_evidence_options(*command, options->diagnose);
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
      return run_in_worker(options->diagnose.input, {}, [options] { return explain(*options); });
    };
  });
}

}  // namespace inquest::cli
