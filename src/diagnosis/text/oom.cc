// The kernel's out-of-memory killer. What it prints, as far as it is there:
//
//   node invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0
//   (registers, memory statistics, "memory: usage 524288kB, limit 524288kB, failcnt 61")
//   Tasks state (memory values in pages):
//   [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
//   [  1234]     0  1234   262144   130000  1100000        0             0 node
//   oom-kill:constraint=CONSTRAINT_MEMCG,…,oom_memcg=/a,task_memcg=/a/b,task=node,pid=1234,uid=0
//   Memory cgroup out of memory: Killed process 1234 (node) total-vm:…kB, anon-rss:…kB, …
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 5> kTriggers = {
    " invoked oom-killer: ", "oom-kill:constraint=", "ut of memory: Kill", "Kill process ",
    "Killed process "};

constexpr size_t kMaxReport = 8192;  // lines; the table has one for each task
constexpr size_t kMaxGap = 64;       // lines that say nothing we know
constexpr uint64_t kPageKb = 4;

struct Task {
  std::string name;
  int32_t pid = 0;
  uint64_t rss_kb = 0;
};

struct Oom {
  std::string invoker;  // whose allocation could not be served
  std::string order;
  std::string constraint, limited_cgroup, cgroup;
  std::string victim;
  int32_t pid = 0;
  std::optional<uint64_t> uid, total_kb, anon_kb, file_kb, shmem_kb;
  std::optional<uint64_t> usage_kb, limit_kb;
  std::string score_adj;
  std::vector<Task> tasks;
  bool of_cgroup = false;
  bool killed = false;
};

// What follows `key` up to one of `ends`.
std::string_view value_of(std::string_view line, std::string_view key,
                          std::string_view ends = ", ") {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(ends));
}

std::optional<uint64_t> kilobytes(std::string_view line, std::string_view key) {
  std::string_view value = value_of(line, key);
  if (!value.ends_with("kB")) return std::nullopt;
  value.remove_suffix(2);
  return number_of(value);
}

std::optional<int32_t> pid_of(std::string_view text) {
  const auto pid = number_of(text);
  if (!pid || *pid == 0 || *pid > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(*pid);
}

bool take_invoked(std::string_view line, Oom& oom) {
  const size_t at = line.find(" invoked oom-killer: ");
  if (at == std::string_view::npos) return false;
  oom.invoker = line.substr(0, at);
  oom.order = value_of(line, " order=");
  oom.score_adj = value_of(line, " oom_score_adj=");
  return true;
}

bool take_constraint(std::string_view line, Oom& oom) {
  if (!line.starts_with("oom-kill:constraint=")) return false;
  oom.constraint = value_of(line, "constraint=");
  oom.limited_cgroup = value_of(line, ",oom_memcg=");
  oom.cgroup = value_of(line, ",task_memcg=");
  oom.victim = value_of(line, ",task=");
  if (const auto pid = pid_of(value_of(line, ",pid="))) oom.pid = *pid;
  oom.uid = number_of(value_of(line, ",uid="));
  if (oom.constraint == "CONSTRAINT_MEMCG") oom.of_cgroup = true;
  return true;
}

// "Memory cgroup out of memory: Killed process 1234 (node) total-vm:…"; older kernels say "Kill
// process 1234 (node) score 900 or sacrifice child" first.
bool take_killed(std::string_view line, Oom& oom) {
  constexpr std::string_view kKilled = "Killed process ", kKill = "Kill process ";
  const bool done = line.find(kKilled) != std::string_view::npos;
  const std::string_view mark = done ? kKilled : kKill;
  const size_t at = line.find(mark);
  const bool is_oom = line.find("ut of memory") != std::string_view::npos || at == 0;
  if (at == std::string_view::npos || !is_oom) return false;
  Words words(line.substr(at + mark.size()));
  const auto pid = words.take_number();
  if (!pid || *pid == 0 || *pid > INT32_MAX) return false;
  oom.pid = static_cast<int32_t>(*pid);
  words.take(",");
  words.skip_blanks();
  if (words.take("UID ")) {  // "Killed process 1234, UID 0, (node) total-vm"
    oom.uid = words.take_number();
    words.take(", ");
  }
  if (words.take("(")) {
    const std::string_view rest = words.rest();
    size_t end = rest.find(") ");
    if (end == std::string_view::npos) end = rest.rfind(')');
    if (end != std::string_view::npos) oom.victim = rest.substr(0, end);
  }
  oom.total_kb = kilobytes(line, "total-vm:");
  oom.anon_kb = kilobytes(line, "anon-rss:");
  oom.file_kb = kilobytes(line, "file-rss:");
  oom.shmem_kb = kilobytes(line, "shmem-rss:");
  if (const auto uid = number_of(value_of(line, " UID:"))) oom.uid = uid;
  if (line.find("Memory cgroup") != std::string_view::npos) oom.of_cgroup = true;
  oom.killed = done && (oom.total_kb || line.find("total-vm") != std::string_view::npos);
  return true;
}

// "memory: usage 524288kB, limit 524288kB, failcnt 61", "Memory cgroup stats for /a: …"
bool take_limit(std::string_view line, Oom& oom) {
  if (line.starts_with("memory: usage ")) {
    oom.usage_kb = kilobytes(line, "usage ");
    oom.limit_kb = kilobytes(line, "limit ");
    return true;
  }
  constexpr std::string_view kKilledBy = " killed as a result of limit of ";
  if (const size_t at = line.find(kKilledBy);
      line.starts_with("Task in ") && at != std::string_view::npos) {
    oom.cgroup = line.substr(8, at - 8);
    oom.limited_cgroup = line.substr(at + kKilledBy.size());
    oom.of_cgroup = true;
    return true;
  }
  return false;
}

// "[  1234]     0  1234   262144   130000 …  0  0 node": pid, uid, tgid, total_vm, rss; the name
// last.
bool take_task(std::string_view line, Oom& oom) {
  if (!line.starts_with('[')) return false;
  const size_t close = line.find(']');
  if (close == std::string_view::npos) return false;
  const auto pid = pid_of(trim(line.substr(1, close - 1)));
  if (!pid) return trim(line.substr(1, close - 1)) == "pid";
  Words words(line.substr(close + 1));
  std::array<uint64_t, 4> numbers{};
  for (uint64_t& number : numbers) {
    words.skip_blanks();
    const auto value = words.take_number();
    if (!value) return false;
    number = *value;
  }
  Task task;
  task.pid = *pid;
  task.rss_kb = numbers[3] > UINT64_MAX / kPageKb ? 0 : numbers[3] * kPageKb;
  while (true) {  // further numbers differ between kernels
    words.skip_blanks();
    Words number = words;
    number.take("-");
    if (!number.take_number() || !number.rest().starts_with(' ')) break;
    words = number;
  }
  task.name = words.rest();
  oom.tasks.push_back(std::move(task));
  return true;
}

bool is_around(std::string_view line) {
  constexpr std::array<std::string_view, 34> kStarts = {"CPU: ",
                                                        "Hardware name",
                                                        "Call Trace",
                                                        "Call trace",
                                                        " ",
                                                        "RIP: ",
                                                        "Code: ",
                                                        "RSP: ",
                                                        "RAX: ",
                                                        "RDX: ",
                                                        "RBP: ",
                                                        "R10: ",
                                                        "R13: ",
                                                        "ORIG_RAX",
                                                        "</TASK>",
                                                        "<TASK>",
                                                        "memory: ",
                                                        "swap: ",
                                                        "memory+swap",
                                                        "kmem: ",
                                                        "Memory cgroup stats",
                                                        "Mem-Info",
                                                        "Node ",
                                                        "DMA",
                                                        "Normal",
                                                        "Tasks state",
                                                        "active_anon",
                                                        "lowmem_reserve",
                                                        "Total swap",
                                                        "Free swap",
                                                        "Swap cache",
                                                        "oom_reaper: ",
                                                        "Workqueue: ",
                                                        "anon "};
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

std::string size_words(uint64_t kb) {
  if (kb >= uint64_t{10} << 20) return fmt::format("{} GiB", kb >> 20);
  if (kb >= 10 << 10) return fmt::format("{} MiB", kb >> 10);
  return fmt::format("{} KiB", kb);
}

std::string by_whom(const Oom& oom) {
  if (oom.of_cgroup) {
    const std::string& name = oom.limited_cgroup.empty() ? oom.cgroup : oom.limited_cgroup;
    std::string text =
        name.empty() ? std::string("its memory cgroup") : "the memory cgroup " + name;
    text += " reached its limit";
    if (oom.limit_kb) text += fmt::format(" of {}", size_words(*oom.limit_kb));
    return text;
  }
  if (oom.constraint == "CONSTRAINT_CPUSET" || oom.constraint == "CONSTRAINT_MEMORY_POLICY")
    return "the memory nodes that it may use were full";
  return "the machine had no memory left";
}

std::string summary_of(const Oom& oom) {
  std::string text = fmt::format("not a segfault: the kernel killed it because {}", by_whom(oom));
  uint64_t resident = oom.anon_kb.value_or(0);
  for (const auto& more : {oom.file_kb, oom.shmem_kb}) {
    if (more && *more < UINT64_MAX - resident) resident += *more;
  }
  if (oom.anon_kb) text += fmt::format("; it held {} of memory", size_words(resident));
  if (!oom.invoker.empty()) {
    text += fmt::format("; the allocation that could not be served was {}",
                        oom.invoker == oom.victim ? "its own" : "by " + oom.invoker);
  }
  return text;
}

void add_largest(const Oom& oom, Facts& facts) {
  std::vector<Task> tasks = oom.tasks;
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const Task& a, const Task& b) { return a.rss_kb > b.rss_kb; });
  if (tasks.size() > 5) tasks.resize(5);
  std::string text;
  for (const Task& task : tasks) {
    text += fmt::format("{}{} ({}) {}", text.empty() ? "" : ", ", task.name, task.pid,
                        size_words(task.rss_kb));
  }
  if (!text.empty()) {
    facts.other.push_back(
        {fmt::format("the largest of {} tasks at that moment: {}", oom.tasks.size(), text), {}});
  }
}

void set_facts(const Oom& oom, TextReport& report) {
  Facts& facts = report.facts;
  facts.process.command = oom.victim;
  facts.process.pid = oom.pid;
  if (oom.uid && *oom.uid < UINT32_MAX) facts.process.uid = static_cast<uint32_t>(*oom.uid);
  set_signal(facts, 9);
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "kernel log";
  reported.error = oom.of_cgroup ? "memory cgroup out of memory" : "out of memory";
  reported.summary = summary_of(oom);
  if (!oom.cgroup.empty()) facts.other.push_back({"its memory cgroup: " + oom.cgroup, {}});
  if (oom.usage_kb && oom.limit_kb) {
    facts.other.push_back({fmt::format("the cgroup used {} of {}", size_words(*oom.usage_kb),
                                       size_words(*oom.limit_kb)),
                           {}});
  }
  if (oom.order.size() == 1 && oom.order[0] > '3' && oom.order[0] <= '9') {
    facts.other.push_back(
        {fmt::format("the allocation wanted 2^{} pages in one piece: memory may have been "
                     "fragmented and not full",
                     oom.order),
         {}});
  }
  add_largest(oom, facts);
  complete_facts(facts);
}

bool take_known(std::string_view line, Oom& oom) {
  return take_constraint(line, oom) || take_limit(line, oom) || take_task(line, oom);
}

size_t read(TextLines lines, TextReport& report) {
  Oom oom;
  const std::string_view first = lines.front().text;
  if (!take_invoked(first, oom) && !take_constraint(first, oom) && !take_killed(first, oom))
    return 0;
  size_t used = 1, gap = 0;
  std::vector<size_t> telling = {0};
  for (size_t i = 1; !oom.killed && i < std::min(lines.size(), kMaxReport) && gap < kMaxGap; ++i) {
    const std::string_view line = lines[i].text;
    Oom other;
    if (take_invoked(line, other)) break;  // the next one
    if (take_killed(line, oom)) {
      telling.push_back(i);
    } else if (take_known(line, oom)) {
      if (!line.starts_with('[')) telling.push_back(i);
    } else if (is_around(line)) {
      continue;
    } else {
      ++gap;
      continue;
    }
    used = i + 1;
    gap = 0;
  }
  if (oom.pid == 0) return 0;  // nobody was killed, or the log ends before it says who
  set_facts(oom, report);
  for (const size_t i : telling) report.facts.reported->excerpt.emplace_back(lines[i].text);
  if (used < lines.size() && lines[used].text.starts_with("oom_reaper: ")) ++used;
  return used;
}

}  // namespace

const Format kOomKill = {.name = "oom-kill", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
