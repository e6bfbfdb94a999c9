#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "capture/collect/pattern_setting.h"
#include "cli/commands.h"
#include "cli/companion.h"
#include "cli/evidence.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

struct Options {
  std::string mode = "auto";
  std::string socket = "/run/inquest/core.sock";
  bool dry_run = false;
};

bool is_socket(const std::string& path) {
  std::error_code failure;
  return std::filesystem::is_socket(path, failure);
}

Result<std::string> wanted_pattern(const Options& options, const capture::PatternPlaces& places) {
  const bool can = capture::kernel_has_sockets(places), listens = is_socket(options.socket);
  if (options.mode == "socket" || (options.mode == "auto" && can && listens)) {
    if (!can)
      return Error(ErrorCode::kUnsupported, "this kernel has no core socket (6.16 and later have)");
    if (!listens) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("nobody listens at {}: crashes would be lost; start there: inquest "
                               "collect --set-pattern",
                               options.socket));
    }
    return capture::socket_pattern(options.socket);
  }
  return capture::pipe_pattern(own_path());
}

void tell(const capture::PatternChange& change) {
  if (!change.remark.empty()) std::printf("%s\n", term::printable(change.remark).c_str());
  if (change.changed) {
    std::printf("core_pattern: %s\n     before: %s\n", term::printable(change.now).c_str(),
                term::printable(change.before).c_str());
  }
}

int install(const Options& options) {
  const capture::PatternPlaces places;
  const auto pattern = wanted_pattern(options, places);
  if (!pattern.ok()) return refuse(pattern.error());
  if (options.dry_run) return print("core_pattern would be: " + *pattern + "\n");
  const auto change = capture::set_pattern(places, *pattern);
  if (!change.ok()) return refuse(change.error());
  tell(*change);
  return kExitOk;
}

int uninstall() {
  const auto change = capture::restore_pattern({});
  if (!change.ok()) return refuse(change.error());
  tell(*change);
  return kExitOk;
}

}  // namespace

void add_install(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command = app.add_subcommand(
      "install", "Have the kernel hand the crashes of this host to inquest (as root)");
  command
      ->add_option("--mode", options->mode,
                   "auto, socket (inquest collect listens) or pipe (started for each crash)")
      ->type_name("MODE")
      ->check(CLI::IsMember({"auto", "socket", "pipe"}));
  command->add_option("--socket", options->socket, "where inquest collect listens")
      ->type_name("PATH");
  command->add_flag("--dry-run", options->dry_run, "only say what would be set");
  command->callback([options, &chosen] { chosen = [options] { return install(*options); }; });
}

void add_uninstall(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command =
      app.add_subcommand("uninstall", "Put back what core_pattern was before inquest install");
  command->callback([&chosen] { chosen = [] { return uninstall(); }; });
}

}  // namespace inquest::cli
