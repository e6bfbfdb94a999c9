#include "lab/audit/audit.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/audit_report.h"
#include "cli/commands.h"
#include "cli/evidence.h"

namespace inquest::cli {
namespace {

struct Options {
  audit::AuditOptions audit;
  bool json = false, sarif = false;
};

int run(const Options& options) {
  const auto known = issues::read_known_issue_files(default_known_issues());
  auto done = audit::audit(options.audit, known);
  if (!done.ok()) return refuse(done.error());
  done->notes.insert(done->notes.end(), known.notes.begin(), known.notes.end());
  const std::string& path = options.audit.path;
  const int written = print(options.json    ? render_audit_json(*done, known, path)
                            : options.sarif ? render_audit_sarif(*done, path)
                                            : render_audit_text(*done, known, path, STDOUT_FILENO));
  if (written != kExitOk) return written;
  return done->has_problems() ? kExitFound : kExitOk;
}

}  // namespace

void add_audit(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("audit", "Find native modules that do not fit what will load them");
  command
      ->add_option("PATH", options->audit.path,
                   "node_modules, a virtual environment or site-packages, or one file")
      ->required();
  command
      ->add_option("--node", options->audit.node,
                   "the node, bun or electron that loads them (default: by the tree, else node of "
                   "the environment's PATH)")
      ->type_name("FILE");
  command
      ->add_option(
          "--python", options->audit.python,
          "the python that loads them (default: of the virtual environment, else python3 of "
          "the environment's PATH)")
      ->type_name("FILE");
  auto* json = command->add_flag("--json", options->json, "print all of it as JSON");
  command->add_flag("--sarif", options->sarif, "print the findings as SARIF 2.1.0")->excludes(json);
  command->footer("Exit codes: 0 all fit, 1 not readable, 2 usage, 3 problems found.");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace inquest::cli
