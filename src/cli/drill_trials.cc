#include "cli/drill_trials.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "cli/companion.h"
#include "cli/vault_access.h"
#include "platform/json/value.h"
#include "platform/os/directories.h"
#include "platform/os/file.h"
#include "platform/os/spawn.h"

namespace inquest::cli {
namespace {

namespace fs = std::filesystem;

// One way to lose a process, and what should be left of it.
struct Trial {
  const char* name;
  const char* what;
  std::vector<const char*> options;  // of inquest run
  const char* program;               // "inquest-canary", "inquest-canary-static"
  const char* kind;                  // of death
  const char* expected;              // class of the verdict
};

const std::vector<Trial>& trials() {
  static const std::vector<Trial> all = {
      {"preload",
       "the handler that is preloaded",
       {},
       "inquest-canary",
       "null",
       "null-dereference"},
      {"abort", "abort(), preloaded", {}, "inquest-canary", "abort", "abort"},
      {"worker-overflow",
       "stack overflow of a worker thread, preloaded",
       {},
       "inquest-canary",
       "overflow",
       "stack-overflow-recursion"},
      {"ptrace",
       "watched by ptrace (--trace)",
       {"--trace"},
       "inquest-canary",
       "null",
       "null-dereference"},
      {"static",
       "a static program, by ptrace",
       {"--trace"},
       "inquest-canary-static",
       "null",
       "null-dereference"},
      {"snapshot",
       "full memory from a snapshot (--core=full)",
       {"--core=full"},
       "inquest-canary",
       "null",
       "null-dereference"},
  };
  return all;
}

// "start 123", "fault 456": the times of all lines that begin so, in nanoseconds.
std::vector<int64_t> times_in(const std::string& log, const std::string& what) {
  std::vector<int64_t> times;
  std::ifstream lines(log);
  std::string word;
  int64_t time = 0;
  while (lines >> word >> time)
    if (word == what) times.push_back(time);
  return times;
}

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double milliseconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

// The class that the best hypothesis of a kept report has; empty when there is no report.
std::string class_of(vault::Vault& vault, const vault::Case& one) {
  constexpr uint64_t kMaxReport = 64 << 20;
  const auto bytes = vault.read_bytes(one, "report.json", kMaxReport);
  if (!bytes.ok()) return {};
  const auto report =
      json::parse_json({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!report.ok()) return {};
  const json::JsonValue* hypotheses = report->at({"verdict", "hypotheses"});
  if (hypotheses == nullptr || hypotheses->array() == nullptr || hypotheses->array()->empty())
    return {};
  const json::JsonValue* found = hypotheses->array()->front().find("class");
  return found == nullptr || found->string() == nullptr ? std::string() : *found->string();
}

// Reads what a trial left in its vault into `result`.
void judge(const std::string& directory, const std::string& expected, DrillResult& result) {
  auto vault = open_vault(directory, Access::kRead);
  const auto cases = vault.ok() ? vault->list() : Result<std::vector<vault::Case>>(vault.error());
  if (!cases.ok() || cases->empty()) {
    result.why = cases.ok() ? "nothing was recorded" : cases.error().message();
    return;
  }
  const vault::Case& kept = cases->front();
  result.fidelity = to_string(kept.kept_fidelity());
  result.missing = kept.reasons();
  for (const vault::Attachment& attachment : kept.attachments) result.stored += attachment.stored;
  result.verdict = class_of(*vault, kept);
  result.captured = kept.best_evidence() != nullptr;
  result.explained = expected.empty() ? !result.verdict.empty() : result.verdict == expected;
  if (!result.captured) result.why = "the crash was counted, and nothing of it kept";
  if (result.captured && !result.explained) {
    result.why = fmt::format("explained as {}, not as {}",
                             result.verdict.empty() ? "nothing" : result.verdict, expected);
  }
}

DrillResult run_trial(const Trial& trial, const std::vector<std::string>& before) {
  DrillResult result{.name = trial.name, .what = trial.what};
  const std::string program = find_companion(trial.program);
  if (program.empty()) {
    result.why = std::string(trial.program) + " is not installed";
    return result;
  }
  const auto directory = os::TempDirectory::create("inquest-drill-");
  if (!directory.ok()) {
    result.why = directory.error().message();
    return result;
  }
  const std::string vault = directory->file("vault"), log = directory->file("log");
  std::vector<std::string> command = before;
  command.insert(command.end(), {own_path(), "run", "--vault", vault});
  command.insert(command.end(), trial.options.begin(), trial.options.end());
  command.insert(command.end(), {"--", program, trial.kind, log});
  const auto done = os::run_process(command, {.timeout = std::chrono::seconds(60)});
  if (!done.ok()) {
    result.why = done.error().message();
    return result;
  }
  const auto faults = times_in(log, "fault");
  if (faults.empty()) {
    result.why = "the canary did not run: " + done->err.substr(0, done->err.find('\n'));
    return result;
  }
  result.ran = true;
  result.total_ms = milliseconds(monotonic_ns() - faults.front());
  judge(vault, trial.expected, result);
  return result;
}

// As PID 1 of a new pid namespace, where the kernel and the supervisor behave otherwise.
DrillResult run_as_first_process() {
  Trial trial = trials().front();
  trial.name = "pid-1";
  trial.what = "inquest run as PID 1, as in a container";
  DrillResult result = run_trial(trial, {"unshare", "--pid", "--fork", "--mount-proc"});
  if (!result.ran) result.why = "no new pid namespace may be made here: " + result.why;
  result.skipped = !result.ran;
  return result;
}

// From the fault to the first instruction of the next instance.
DrillResult run_restart() {
  DrillResult result{.name = "restart", .what = "started again after its first crash (--restart)"};
  const std::string program = find_companion("inquest-canary");
  const auto directory = os::TempDirectory::create("inquest-drill-");
  if (program.empty() || !directory.ok()) {
    result.why = "inquest-canary is not installed";
    return result;
  }
  const std::string log = directory->file("log");
  const auto done = os::run_process({own_path(), "run", "--restart", "--vault",
                                     directory->file("vault"), "--", program, "once", log},
                                    {.timeout = std::chrono::seconds(60)});
  const auto starts = times_in(log, "start"), faults = times_in(log, "fault");
  result.ran = done.ok() && !faults.empty();
  if (starts.size() < 2 || faults.empty()) {
    result.why = "it was not started again";
    return result;
  }
  judge(directory->file("vault"), "null-dereference", result);
  result.total_ms = milliseconds(starts[1] - faults[0]);
  return result;
}

// Without us: whatever core_pattern means here.
DrillResult run_bare() {
  DrillResult result{.name = "kernel", .what = "nobody watching: core_pattern alone"};
  const std::string program = find_companion("inquest-canary");
  const auto directory = os::TempDirectory::create("inquest-drill-");
  const auto pattern = os::read_text_file("/proc/sys/kernel/core_pattern", 4096);
  if (program.empty() || !directory.ok() || !pattern.ok()) {
    result.skipped = true;
    result.why = "core_pattern cannot be read here";
    return result;
  }
  rlimit limit{};
  getrlimit(RLIMIT_CORE, &limit);
  const rlimit most{limit.rlim_max, limit.rlim_max};
  setrlimit(RLIMIT_CORE, &most);
  const std::string log = directory->file("log");
  const auto done = os::run_process({program, "null", log}, {.directory = directory->path()});
  setrlimit(RLIMIT_CORE, &limit);
  result.ran = done.ok() && done->signal == SIGSEGV;
  if (pattern->front() == '|' || pattern->front() == '@') {
    result.skipped = true;
    result.why = "cores go to " + pattern->substr(0, pattern->find_first_of(" \n")) +
                 ": look there for inquest-canary";
    return result;
  }
  for (const auto& entry : fs::directory_iterator(directory->path())) {
    if (!entry.path().filename().string().starts_with("core")) continue;
    result.captured = result.explained = true;
    result.fidelity = "full";
    result.stored = entry.file_size();
  }
  if (!result.captured)
    result.why = "no core was written to the working directory: see inquest doctor";
  return result;
}

}  // namespace

std::vector<DrillResult> drill_canaries() {
  std::vector<DrillResult> results;
  for (const Trial& trial : trials()) results.push_back(run_trial(trial, {}));
  results.push_back(run_as_first_process());
  results.push_back(run_restart());
  results.push_back(run_bare());
  return results;
}

DrillResult drill_own(const OwnProgram& own) {
  DrillResult result{
      .name = "program",
      .what = fmt::format("{}, ended by SIGSEGV after {} ms", own.command.front(), own.after_ms)};
  if (!own.consent) {
    result.skipped = true;
    result.why = "it is crashed only with your consent: --crash-it";
    return result;
  }
  const auto directory = os::TempDirectory::create("inquest-drill-");
  if (!directory.ok()) {
    result.why = directory.error().message();
    return result;
  }
  // The supervisor's shell-like child sends itself nothing: another process does, when it is time.
  const std::string vault = directory->file("vault"), pid_file = directory->file("pid");
  std::vector<std::string> command = {
      own_path(), "run", "--vault", vault, "--", "/bin/sh", "-c", "echo $$ > \"$0\"; exec \"$@\"",
      pid_file};
  command.insert(command.end(), own.command.begin(), own.command.end());
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(own.after_ms));
    int pid = 0;
    std::ifstream(pid_file) >> pid;
    if (pid > 1) result.ran = kill(pid, SIGSEGV) == 0;
  });
  const auto done =
      os::run_process(command, {.timeout = std::chrono::milliseconds(own.after_ms + 60'000)});
  killer.join();
  if (!done.ok() || !result.ran) {
    result.why = "it had ended before it was to crash";
    return result;
  }
  judge(vault, "", result);
  return result;
}

}  // namespace inquest::cli
