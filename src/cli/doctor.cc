#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "capture/doctor/examine.h"
#include "capture/doctor/module_files.h"
#include "cli/commands.h"
#include "cli/doctor_report.h"
#include "cli/evidence.h"

namespace inquest::cli {
namespace {

struct Options {
  int32_t pid = 0;
  std::string unit, container, program;
  std::vector<std::string> debug_directories;
  bool json = false;
};

Error nobody(const std::string& what, const std::string& hint) {
  return {ErrorCode::kNotFound, fmt::format("{}; {}", what, hint)};
}

// The process that the options mean; nullopt: none, the host alone.
Result<std::optional<doctor::Target>> find_target(const Options& options) {
  using Found = std::optional<doctor::Target>;
  if (!options.program.empty()) {
    INQ_TRY(doctor::Target target, doctor::target_of_program("", options.program));
    return Found(std::move(target));
  }
  int32_t pid = options.pid;
  if (!options.container.empty()) {
    const auto processes = doctor::processes_in("", options.container);
    if (processes.empty()) {
      return nobody(fmt::format("no process here is in a container {}", options.container),
                    "give the id as `docker ps` shows it (6 digits or more), on the host");
    }
    pid = processes.front();
  } else if (!options.unit.empty()) {
    const auto processes = doctor::processes_in("", options.unit);
    if (processes.empty()) return Found();
    pid = processes.front();
  }
  if (pid == 0) return Found();
  INQ_TRY(doctor::Target target, doctor::read_target("", pid));
  return Found(std::move(target));
}

// The script that node runs: its first argument that is a file.
std::string script_of(const doctor::Target& target) {
  for (size_t i = 1; i < target.arguments.size(); ++i) {
    const std::string& argument = target.arguments[i];
    if (argument.empty() || argument.front() == '-') continue;
    const std::filesystem::path path =
        std::filesystem::path(fmt::format("/proc/{}/cwd", target.pid)) / argument;
    std::error_code failure;
    return std::filesystem::is_regular_file(path, failure) ? path.string() : std::string();
  }
  return {};
}

Result<doctor::Facts> collect(const Options& options) {
  doctor::Facts facts;
  facts.host = doctor::read_host("");
  INQ_TRY(facts.target, find_target(options));
  const std::string unit = !options.unit.empty() ? options.unit
                           : facts.target        ? facts.target->unit
                                                 : std::string();
  if (!unit.empty()) facts.unit = doctor::read_unit("", unit);
  if (!options.unit.empty() && !facts.unit && !facts.target) {
    return nobody(fmt::format("there is no unit {}", options.unit),
                  "give the full name, as `systemctl list-units` shows it");
  }
  if (facts.target) {
    std::vector<std::string> directories = options.debug_directories;
    directories.emplace_back("/usr/lib/debug");
    const std::string prefix =
        facts.target->pid == 0 ? "" : fmt::format("/proc/{}/root", facts.target->pid);
    doctor::inspect_modules(facts.target->modules, prefix, directories);
    if (facts.target->program.runtime == "node" && facts.target->pid != 0) {
      const std::string script = script_of(*facts.target);
      if (!script.empty()) facts.js_traps = doctor::find_js_traps_below(script);
    }
  }
  const std::string directory =
      doctor::core_directory(facts.host, facts.target ? &*facts.target : nullptr);
  if (!directory.empty()) facts.space = doctor::space_at(directory);
  const char* servers = std::getenv("DEBUGINFOD_URLS");
  facts.debuginfod = servers != nullptr && *servers != '\0';
  return facts;
}

int run(const Options& options) {
  const auto facts = collect(options);
  if (!facts.ok()) return refuse(facts.error());
  const doctor::Examination examination = doctor::examine(*facts);
  const int written = print(options.json ? render_doctor_json(*facts, examination)
                                         : render_doctor_text(*facts, examination, STDOUT_FILENO));
  if (written != kExitOk) return written;
  return examination.has_problems() ? kExitFound : kExitOk;
}

}  // namespace

void add_doctor(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("doctor", "Say what a crash would leave behind here, and what to change");
  auto* pid = command->add_option("--pid", options->pid, "judge this running process")
                  ->type_name("PID")
                  ->check(CLI::PositiveNumber);
  auto* unit =
      command->add_option("--unit", options->unit, "judge this systemd service")->type_name("NAME");
  auto* container =
      command->add_option("--container", options->container, "judge this container's processes")
          ->type_name("ID");
  auto* program =
      command->add_option("--exe", options->program, "judge this program, started from here")
          ->type_name("FILE")
          ->check(CLI::ExistingFile);
  pid->excludes(unit)->excludes(container)->excludes(program);
  unit->excludes(container)->excludes(program);
  container->excludes(program);
  command
      ->add_option("--debug-dir", options->debug_directories,
                   "where debug files are, before /usr/lib/debug")
      ->type_name("DIR");
  command->add_flag("--json", options->json, "print the findings as JSON");
  command->footer("Exit codes: 0 no problem, 1 not readable, 2 usage, 3 problems found.");
  command->callback([options, &chosen] { chosen = [options] { return run(*options); }; });
}

}  // namespace inquest::cli
