// The commands of the program. Each registers its options on the parser and, when chosen, runs.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace inquest::cli {

// Exit codes of every command.
inline constexpr int kExitOk = 0;          // done
inline constexpr int kExitUnreadable = 1;  // the input could not be read, or is not there
inline constexpr int kExitUsage = 2;       // wrong options
inline constexpr int kExitFound = 3;       // audit, doctor, drill: problems were found

// `chosen` is set to the work to do when the command is on the command line.
void add_explain(CLI::App& app, std::function<int()>& chosen);
void add_report(CLI::App& app, std::function<int()>& chosen);
void add_signature(CLI::App& app, std::function<int()>& chosen);
void add_py_list(CLI::App& app, std::function<int()>& chosen);
void add_heap(CLI::App& app, std::function<int()>& chosen);
void add_audit(CLI::App& app, std::function<int()>& chosen);
void add_doctor(CLI::App& app, std::function<int()>& chosen);
void add_drill(CLI::App& app, std::function<int()>& chosen);
void add_run(CLI::App& app, std::function<int()>& chosen);
void add_collect(CLI::App& app, std::function<int()>& chosen);
void add_install(CLI::App& app, std::function<int()>& chosen);
void add_uninstall(CLI::App& app, std::function<int()>& chosen);
// The vault.
void add_ls(CLI::App& app, std::function<int()>& chosen);
void add_show(CLI::App& app, std::function<int()>& chosen);
void add_open(CLI::App& app, std::function<int()>& chosen);
void add_export(CLI::App& app, std::function<int()>& chosen);
void add_import(CLI::App& app, std::function<int()>& chosen);
void add_pin(CLI::App& app, std::function<int()>& chosen);
void add_unpin(CLI::App& app, std::function<int()>& chosen);
void add_rm(CLI::App& app, std::function<int()>& chosen);
void add_gc(CLI::App& app, std::function<int()>& chosen);
void add_stats(CLI::App& app, std::function<int()>& chosen);

}  // namespace inquest::cli
