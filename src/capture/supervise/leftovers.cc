#include "capture/supervise/leftovers.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "base/words.h"
#include "capture/record/proc_text.h"

namespace inquest::capture {
namespace {

constexpr size_t kMaxLeftovers = 512;  // each is held by two descriptors
constexpr size_t kMaxThreadsAsked = 4096, kMaxText = 1 << 20;
constexpr std::chrono::milliseconds kGrace{250}, kAfterKill{2000}, kStep{2};

void send(const Proc& process, int signal) {
  ::syscall(SYS_pidfd_send_signal, process.pidfd(), signal, nullptr, 0);
}

std::optional<pid_t> parent_of(const Proc& process) {
  const auto text = process.read("stat", 4096);
  const auto stat = text.ok() ? parse_stat(*text) : std::nullopt;
  return stat ? std::optional(stat->parent) : std::nullopt;
}

}  // namespace

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const auto process = Proc::open(pid);
  if (!process.ok()) return children;
  bool more = false;
  for (const int tid : process->numbers_in("task", kMaxThreadsAsked, &more)) {
    const auto text = process->read(fmt::format("task/{}/children", tid), kMaxText);
    if (!text.ok()) continue;
    std::string_view rest = *text;
    while (const auto child = number<pid_t>(take_word(rest))) children.push_back(*child);
  }
  return children;
}

void Leftovers::ask(const std::vector<pid_t>& roots, const Spared& spared) {
  std::vector<pid_t> parents = roots;
  std::set<pid_t> seen(roots.begin(), roots.end());
  for (size_t i = 0; i < parents.size(); ++i) {
    for (const pid_t child : children_of(parents[i])) {
      if (running_.size() == kMaxLeftovers) return;
      if (spared(child) || !seen.insert(child).second) continue;
      auto process = Proc::open(child);
      // The number may have come again since it was read: held, it is looked at once more.
      if (!process.ok() || parent_of(*process) != parents[i]) continue;
      parents.push_back(child);
      running_.push_back(std::move(*process));
    }
  }
}

bool Leftovers::ended(const std::vector<pid_t>& roots, const Spared& spared,
                      Clock::time_point now) {
  if (!look_at_) {
    ask(roots, spared);
    for (const Proc& process : running_) send(process, SIGTERM);
    kill_at_ = now + kGrace;
    give_up_at_ = kill_at_ + kAfterKill;
  }
  std::erase_if(running_, [](const Proc& process) { return !process.is_alive(); });
  if (running_.empty() || now >= give_up_at_) {
    running_.clear();
    look_at_.reset();
    return true;
  }
  if (now >= kill_at_) {
    for (const Proc& process : running_) send(process, SIGKILL);
  }
  look_at_ = now + kStep;
  return false;
}

}  // namespace inquest::capture
