// inquest: makes a segfault boring.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <iterator>
#include <string_view>

#include "cli/commands.h"
#include "platform/os/file.h"
#include "platform/term/text.h"

namespace {

// Help that names an option and its value, and leaves checks and exclusions to the error messages.
class PlainHelp : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_items_expected_max() == 0) return {};
    const std::string type = option->get_type_name();
    return " " + type.substr(0, type.find(':'));
  }
};

// What was probably meant, when the first word is no command; empty when nothing suggests itself.
std::string suggestion(const CLI::App& app, const char* word) {
  if (word == nullptr || *word == '-') return {};
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == word) return {};
  }
  const std::string name = inquest::term::printable(word);
  if (inquest::os::is_regular_file(word)) return "inquest: did you mean: inquest explain " + name;
  return "inquest: there is no command '" + name + "'; see inquest --help";
}

struct Command {
  std::string_view name;
  void (*add)(CLI::App& app, std::function<int()>& chosen);
};

// In the order of --help.
constexpr Command kCommands[] = {{"explain", inquest::cli::add_explain},
                                 {"report", inquest::cli::add_report},
                                 {"signature", inquest::cli::add_signature},
                                 {"heap", inquest::cli::add_heap},
                                 {"py-list", inquest::cli::add_py_list},
                                 {"audit", inquest::cli::add_audit},
                                 {"doctor", inquest::cli::add_doctor},
                                 {"drill", inquest::cli::add_drill},
                                 {"run", inquest::cli::add_run},
                                 {"collect", inquest::cli::add_collect},
                                 {"install", inquest::cli::add_install},
                                 {"uninstall", inquest::cli::add_uninstall},
                                 {"ls", inquest::cli::add_ls},
                                 {"show", inquest::cli::add_show},
                                 {"open", inquest::cli::add_open},
                                 {"export", inquest::cli::add_export},
                                 {"import", inquest::cli::add_import},
                                 {"pin", inquest::cli::add_pin},
                                 {"unpin", inquest::cli::add_unpin},
                                 {"rm", inquest::cli::add_rm},
                                 {"gc", inquest::cli::add_gc},
                                 {"stats", inquest::cli::add_stats}};

// The one that `word` names alone: the options of all of them are a tenth of a short run's time.
void add_commands(CLI::App& app, std::function<int()>& chosen, std::string_view word) {
  const auto* named = std::ranges::find(kCommands, word, &Command::name);
  for (const Command& command : kCommands)
    if (named == std::end(kCommands) || &command == named) command.add(app, chosen);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Inquest explains why a process died.", "inquest");
  app.set_version_flag("--version", std::string("inquest ") + INQUEST_VERSION);
  app.require_subcommand(1);
  app.formatter(std::make_shared<PlainHelp>());
  app.footer(
      "Try: inquest explain core\nExit codes: 0 done, 1 not readable or not there, 2 usage.");
  std::function<int()> chosen;
  add_commands(app, chosen, argc > 1 ? argv[1] : "");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    const std::string hint = is_help ? "" : suggestion(app, argc > 1 ? argv[1] : nullptr);
    if (!hint.empty()) {
      std::fprintf(stderr, "%s\n", hint.c_str());
      return inquest::cli::kExitUsage;
    }
    app.exit(error, std::cout, std::cerr);
    return is_help ? inquest::cli::kExitOk : inquest::cli::kExitUsage;
  }
  return chosen();
}
