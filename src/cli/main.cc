// inquest: makes a segfault boring.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <iostream>

#include "cli/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Inquest explains why a process died.", "inquest");
  app.set_version_flag("--version", std::string("inquest ") + INQUEST_VERSION);
  app.require_subcommand(1);
  app.footer("Try: inquest explain core\nExit codes: 0 explained, 1 not readable, 2 usage.");
  std::function<int()> chosen;
  inquest::cli::add_explain(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    app.exit(error, std::cout, std::cerr);
    return is_help ? inquest::cli::kExitOk : inquest::cli::kExitUsage;
  }
  return chosen();
}
