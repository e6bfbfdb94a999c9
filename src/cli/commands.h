// The commands of the program. Each registers its options on the parser and, when chosen, runs.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace inquest::cli {

// Exit codes of every command.
inline constexpr int kExitOk = 0;          // explained
inline constexpr int kExitUnreadable = 1;  // the input could not be read
inline constexpr int kExitUsage = 2;       // wrong options
inline constexpr int kExitFound = 3;       // doctor: problems were found

// `chosen` is set to the work to do when the command is on the command line.
void add_explain(CLI::App& app, std::function<int()>& chosen);
void add_signature(CLI::App& app, std::function<int()>& chosen);
void add_heap(CLI::App& app, std::function<int()>& chosen);
void add_doctor(CLI::App& app, std::function<int()>& chosen);

}  // namespace inquest::cli
