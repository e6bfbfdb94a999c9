// What language runtimes and the program itself do with a crash before the kernel sees it.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "capture/doctor/examine.h"

namespace inquest::doctor {
namespace {

bool says(const Target& target, std::string_view what) {
  const auto has = [&](const std::string& text) { return text.find(what) != std::string::npos; };
  return std::ranges::any_of(target.arguments, has) || std::ranges::any_of(target.environment, has);
}

void check_node(const Facts& facts, Examination& out) {
  const Target& target = *facts.target;
  if (says(target, "--report-signal=SIGSEGV")) {
    out.findings.push_back(
        {"node-report-signal", Weight::kProblem,
         "--report-signal=SIGSEGV turns a crash into an endless loop",
         "Node's handler only notes the signal and returns to the faulting "
         "instruction, which faults again: no exit, no restart, one busy core",
         "remove --report-signal=SIGSEGV from the command line and NODE_OPTIONS"});
  }
  for (const JsTrap& trap : facts.js_traps) {
    out.findings.push_back(
        {"node-signal-listener", Weight::kProblem,
         fmt::format("process.on('{}') at {}:{} turns a crash into an endless loop", trap.signal,
                     trap.file, trap.line),
         "the listener never runs: the event loop is what crashed; the faulting "
         "instruction is repeated for ever",
         fmt::format("remove the listener at {}:{}", trap.file, trap.line)});
  }
  if (!says(target, "--abort-on-uncaught-exception") &&
      !says(target, "--report-uncaught-exception")) {
    out.findings.push_back({"node-uncaught", Weight::kNote,
                            "an uncaught JavaScript exception leaves no core and no report",
                            "Node prints the stack to stderr and exits with 1",
                            "NODE_OPTIONS=--report-uncaught-exception"});
  }
}

void check_python(const Target& target, Examination& out) {
  if (says(target, "faulthandler") || says(target, "PYTHONFAULTHANDLER")) {
    out.findings.push_back({"python-faulthandler", Weight::kGood,
                            "faulthandler prints the Python stack when a signal kills it",
                            "it passes the signal on: the core is written all the same", ""});
    return;
  }
  out.findings.push_back({"python-faulthandler", Weight::kNote,
                          "faulthandler is not asked for on the command line",
                          "where only logs are kept, its Python stack is the evidence; the program "
                          "may still turn it on itself",
                          "PYTHONFAULTHANDLER=1"});
}

void check_own_handler(const Target& target, Examination& out) {
  if (!target.catches(SIGSEGV)) return;
  if (target.program.is_go || target.program.runtime == "node") return;
  out.findings.push_back({"own-handler", Weight::kNote, "it handles SIGSEGV itself",
                          "what its handler does decides whether a core is written: one that calls "
                          "exit() leaves nothing, one that returns loops",
                          "inquest drill -- CMD"});
}

}  // namespace

void examine_runtime(const Facts& facts, Examination& out) {
  if (!facts.target) return;
  const Target& target = *facts.target;
  if (target.program.runtime == "node") check_node(facts, out);
  if (target.program.runtime == "python") check_python(target, out);
  check_own_handler(target, out);
  if (target.program.is_go && !says(target, "GOTRACEBACK=crash")) {
    out.findings.push_back({"go-traceback", Weight::kNote,
                            "a Go program exits with 2 and dumps no core",
                            "its run-time catches the signal and prints goroutines; "
                            "GOTRACEBACK=crash raises it again",
                            "GOTRACEBACK=crash"});
  }
  if (target.program.is_static) {
    out.findings.push_back({"static-program", Weight::kNote, "the program is statically linked",
                            "a preloaded handler cannot get in: `inquest run` watches it by ptrace",
                            "inquest run --trace -- CMD"});
  }
}

}  // namespace inquest::doctor
