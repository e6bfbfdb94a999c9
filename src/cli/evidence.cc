#include "cli/evidence.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "cli/commands.h"
#include "cli/companion.h"
#include "platform/os/directories.h"
#include "platform/term/text.h"

namespace inquest::cli {

std::string default_symbol_cache() {
  const std::string cache = os::cache_directory();
  return cache.empty() ? "" : cache + "/symbols";
}

std::vector<std::string> default_known_issues() {
  std::vector<std::string> files = {find_companion("known-issues.json")};
  if (const std::string config = os::config_directory(); !config.empty())
    files.push_back(config + "/known-issues.json");
  if (const char* named = std::getenv("INQUEST_KNOWN_ISSUES")) files.emplace_back(named);
  return files;
}

void add_file_options(CLI::App& command, process::ModuleOptions& modules) {
  command.add_option("--exe", modules.executable, "the program that crashed")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  command.add_option("--sysroot", modules.sysroot, "where the crashed system's files are")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  command
      .add_option("--debug-dir", modules.debug_dirs,
                  "a directory of separate debug files or Breakpad symbol files; may be repeated")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_evidence_options(CLI::App& command, diagnosis::DiagnoseOptions& options) {
  options.symbol_cache_dir = default_symbol_cache();
  options.known_issues = default_known_issues();
  command
      .add_option(
          "INPUT", options.input,
          "an ELF core, a minidump, or a text that tells of crashes: a log, what a terminal showed "
          "(plain, gzip, xz, zstd or lz4); an exported case; the id of a case in the vault; - for "
          "standard input")
      ->required();
  add_file_options(command, options.modules);
  command.add_option("--thread", options.thread, "explain this thread (its tid)")->type_name("N");
  command.add_flag_callback(
      "--no-cache", [&options] { options.symbol_cache_dir.clear(); },
      "neither read nor write the symbol index");
}

diagnosis::ReportSet report_set(diagnosis::Diagnoses diagnoses, bool full) {
  diagnosis::ReportSet set{.reports = {},
                           .lines = diagnoses.lines,
                           .not_kept = diagnoses.not_kept,
                           .remarks = std::move(diagnoses.remarks),
                           .tool_version = INQUEST_VERSION};
  for (diagnosis::Diagnosis& diagnosis : diagnoses.list) {
    set.reports.push_back({.facts = std::move(diagnosis.facts),
                           .verdict = std::move(diagnosis.verdict),
                           .signature = std::move(diagnosis.signature),
                           .tool_version = INQUEST_VERSION,
                           .full = full,
                           .place_in_text = std::move(diagnosis.place_in_text)});
  }
  return set;
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return kExitOk;
  }
  std::perror("inquest: writing the report");
  return kExitUnreadable;
}

int refuse(const Error& error) {
  if (error.message().empty()) return kExitUnreadable;
  std::fprintf(stderr, "inquest: %s\n", term::printable(error.message()).c_str());
  return kExitUnreadable;
}

}  // namespace inquest::cli
