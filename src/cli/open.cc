#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include "cli/case_analysis.h"
#include "cli/case_files.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/vault_access.h"
#include "platform/os/file.h"
#include "platform/term/text.h"

namespace inquest::cli {
namespace {

constexpr int kCannotStart = 127;  // as a shell says it

struct Options {
  std::string vault, id, debugger;
  process::ModuleOptions modules;
  std::vector<std::string> arguments;
};

bool is_in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "/usr/bin:/bin" : path;
  while (!left.empty()) {
    const size_t colon = left.find(':');
    const std::string file = std::string(left.substr(0, colon)) + "/" + program;
    if (os::is_regular_file(file) && ::access(file.c_str(), X_OK) == 0) return true;
    if (colon == std::string_view::npos) break;
    left.remove_prefix(colon + 1);
  }
  return false;
}

// A path as one word of a command of lldb, where a backquote evaluates.
std::string quoted_for_lldb(const std::string& path) {
  std::string quoted = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\' || c == '`') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// The command line of a debugger on the files of a case. Paths are arguments of their own or quoted
// for the debugger; those of the core itself never take part.
std::vector<std::string> command_of(const std::string& debugger, const CaseFiles& files,
                                    const std::string& sysroot, const std::string& executable,
                                    const std::vector<std::string>& further) {
  const bool is_lldb = debugger.find("lldb") != std::string::npos;
  std::vector<std::string> words = {debugger};
  if (!sysroot.empty() && is_lldb) {
    words.insert(words.end(),
                 {"-O", "platform select remote-linux --sysroot " + quoted_for_lldb(sysroot)});
  } else if (!sysroot.empty()) {
    // What came with a case is somebody else's: no scripts that are found there, not even for those
    // who trust all that they have (auto-load safe-path /).
    words.insert(words.end(), {"-iex", "set auto-load off", "-iex", "set sysroot " + sysroot,
                               "-iex", "set debug-file-directory " + sysroot + "/usr/lib/debug"});
  }
  if (is_lldb) {
    words.insert(words.end(), further.begin(), further.end());
    words.insert(words.end(), {"-c", files.evidence});
    if (!executable.empty()) words.insert(words.end(), {"--", executable});
  } else {
    words.insert(words.end(), further.begin(), further.end());
    if (!executable.empty()) words.push_back(executable);
    words.insert(words.end(), {"-c", files.evidence});
  }
  return words;
}

// Its code is ours: 128 + N when a signal ended it.
int run_debugger(const std::vector<std::string>& words) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) {
    std::perror("inquest: cannot start a debugger");
    return kExitUnreadable;
  }
  if (child == 0) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    std::fprintf(stderr, "inquest: cannot start %s: %s\n", arguments[0], std::strerror(errno));
    ::_exit(kCannotStart);
  }
  // What the terminal sends is for the debugger; we wait, to tidy up behind it.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGQUIT, SIG_IGN);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int open_case(const Options& options) {
  std::string debugger = options.debugger;
  if (debugger.empty()) debugger = !is_in_path("gdb") && is_in_path("lldb") ? "lldb" : "gdb";
  auto vault = open_vault_to_look(options.vault);
  if (!vault.ok()) return refuse(vault.error());
  const auto found = vault->find(options.id);
  if (!found.ok()) return refuse(found.error());
  const auto files = check_out(*vault, *found);
  if (!files.ok()) return refuse(files.error());
  const auto program = find_program(*files, short_id(found->id), options.modules);
  if (!program) return kExitUnreadable;
  if (program->empty()) {
    std::fprintf(stderr,
                 "inquest: the program that crashed was not found (%s): the debugger starts "
                 "without it; --exe FILE names it\n",
                 term::printable(found->header.executable).c_str());
  }
  const std::string sysroot =
      options.modules.sysroot.empty() ? files->root : options.modules.sysroot;
  return run_debugger(command_of(debugger, *files, sysroot, *program, options.arguments));
}

}  // namespace

void add_open(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<Options>();  // outlives parsing, for the callback below
  CLI::App* command =
      app.add_subcommand("open", "Start gdb or lldb on a crash in the vault, with its program");
  command->add_option("ID", options->id, "a case, or how its id begins")->required();
  command->add_option("ARGS", options->arguments, "further arguments of the debugger, behind --");
  add_vault_option(*command, options->vault);
  command->add_option("--debugger", options->debugger, "gdb (the default), lldb, or a path")
      ->type_name("PROGRAM");
  add_file_options(*command, options->modules);
  command->callback([options, &chosen] { chosen = [options] { return open_case(*options); }; });
}

}  // namespace inquest::cli
