#include "capture/record/closer_look.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>

#include "capture/record/core_writer.h"

namespace inquest::capture {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxSmaps = 96 << 20;
constexpr std::chrono::seconds kCopyFlags{60};

// What /proc/PID/smaps says of the mappings that `captured` has.
struct Flags {
  std::map<uint64_t, MappingFlags> of;  // by the start of the mapping
  bool complete = false;                // of all of them
};

// Reads as far as there is time.
Flags read_flags(const Proc& process, Clock::time_point deadline) {
  Flags flags;
  std::string text;
  auto fd = process.open_file("smaps", 0);
  if (!fd.ok()) return flags;
  Bytes buffer(64 << 10);
  while (Clock::now() < deadline && text.size() < kMaxSmaps) {
    // Not read_some(): it would wait for a full buffer.
    const ssize_t got = ::read(fd->get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      flags.complete = got == 0;
      break;
    }
    text.append(reinterpret_cast<const char*>(buffer.data()), static_cast<size_t>(got));
  }
  flags.of = parse_smaps_flags(text);
  return flags;
}

// Forgets pages of mappings that are not to be dumped. A mapping of which that could not be learnt
// keeps its pages only where that is harmless: stacks, and data of modules.
void obey_flags(const Flags& flags, const std::string& why_unsure, Captured& captured) {
  std::map<std::string, size_t> dropped;
  std::set<uint64_t> stacks;
  for (const ThreadState& thread : captured.threads) {
    const LiveMapping* stack = find_mapping(captured.mappings, thread.sp);
    if (stack != nullptr) stacks.insert(stack->range.start.value);
  }
  size_t unsure = 0;
  for (const Address page : captured.pages.addresses()) {
    const LiveMapping* mapping = find_mapping(captured.mappings, page);
    if (mapping == nullptr) continue;
    const auto found = flags.of.find(mapping->range.start.value);
    if (found == flags.of.end()) {
      const bool harmless = mapping->is_file() || stacks.contains(mapping->range.start.value) ||
                            mapping->path == "[vdso]";
      if (!harmless) {
        captured.pages.drop(page);
        ++unsure;
      }
      continue;
    }
    const KeepRule rule = keep_rule(*mapping, captured.circumstances.filter, &found->second);
    if (rule.keep != Keep::kNothing) continue;
    captured.pages.drop(page);
    ++dropped[rule.reason];
  }
  for (const auto& [reason, count] : dropped) {
    captured.left_out.push_back({fmt::format("{} pages that were pointed to", count), reason});
  }
  if (unsure != 0) {
    captured.left_out.push_back({fmt::format("{} pages of anonymous memory", unsure), why_unsure});
  }
}

// An analysis that works, or why there is none.
class Look {
 public:
  Look(const RemoteMemory& memory, const LookOptions& options,
       const std::map<uint64_t, MappingFlags>& flags, std::string why_not, Captured& captured)
      : options_(options), captured_(captured), why_not_(std::move(why_not)) {
    if (!options.analyse || options.budget.count() <= 0) why_not_ = "it was not asked for";
    if (!why_not_.empty()) return;
    auto touched = TouchedPages::create(options.max_pages);
    if (!touched.ok()) {
      why_not_ = touched.error().message();
      return;
    }
    touched_.emplace(std::move(*touched));
    const Bytes notes = core_head(notes_of(captured), {});
    auto running = RunningAnalysis::start(options.analyse, notes,
                                          {.mappings = captured.mappings,
                                           .filter = captured.circumstances.filter,
                                           .flags = flags,
                                           .mem = memory.mem_fd(),
                                           .pagemap = memory.pagemap_fd(),
                                           .kept = captured.pages},
                                          *touched_);
    if (running.ok()) running_.emplace(std::move(*running));
    if (!running.ok()) why_not_ = running.error().message();
  }

  // Takes what it read.
  void finish(Clock::time_point deadline) {
    if (running_) {
      const AnalysisResult result = running_->finish(deadline);
      why_not_ = result.why_incomplete;
      const uint32_t count = std::min(touched_->count(), touched_->max_pages());
      for (uint32_t i = 0; i < count; ++i)
        captured_.pages.add(touched_->address(i), touched_->page(i));
      if (result.over != 0) {
        captured_.left_out.push_back({fmt::format("{} pages that the analysis read", result.over),
                                      fmt::format("over {} pages", options_.max_pages)});
      }
    }
    if (!why_not_.empty()) {
      captured_.left_out.push_back({"memory that only the analysis knows to look for", why_not_});
    }
  }

 private:
  const LookOptions& options_;
  Captured& captured_;
  std::string why_not_;
  std::optional<TouchedPages> touched_;
  std::optional<RunningAnalysis> running_;
};

void end(Captured& captured) {
  if (captured.pages.size() == 0) captured.fidelity = Fidelity::kRegistersOnly;
  const size_t scrubbed = scrub_environment_in(captured.pages, captured.circumstances);
  if (scrubbed == 0) return;
  captured.left_out.push_back(
      {fmt::format("the values of {} variables of the environment", scrubbed),
       "their names or shapes tell of secrets; in memory they are "
       "overwritten with '*'"});
}

void note_time(const char* name, Clock::time_point start, Captured& captured) {
  captured.timings_us.emplace_back(
      name, std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

// A mapping that the copy has not, or has empty.
void note_not_inherited(Flags& flags, const Captured& captured) {
  for (const LiveMapping& mapping : captured.mappings) {
    const auto [entry, is_new] = flags.of.try_emplace(mapping.range.start.value);
    if (is_new) entry->second.not_inherited = true;
  }
}

// Other processes go on writing to it.
void note_shared(Captured& captured) {
  size_t pages = 0;
  for (const Address page : captured.pages.addresses()) {
    const LiveMapping* mapping = find_mapping(captured.mappings, page);
    pages += mapping != nullptr && mapping->shared && mapping->write ? 1 : 0;
  }
  if (pages == 0) return;
  captured.left_out.push_back(
      {fmt::format("the state of {} pages of shared memory at the crash", pages),
       "other processes may have written to them until they were read"});
}

}  // namespace

void look_at_held(const Proc& process, const LookOptions& options, std::string why_not,
                  Captured& captured) {
  const Clock::time_point start = Clock::now();
  const RemoteMemory memory(process);
  Flags flags{.of = captured.flags, .complete = !captured.flags.empty()};
  Look look(memory, options, flags.of, std::move(why_not), captured);
  // The kernel looks at each page of the process for this, while the analysis runs.
  if (flags.of.empty()) flags = read_flags(process, start + options.flags_budget);
  look.finish(start + options.budget);
  if (flags.complete) {
    for (const LiveMapping& mapping : captured.mappings)
      flags.of.try_emplace(mapping.range.start.value);
  }
  obey_flags(flags,
             "there was no time to learn whether the program keeps them out of dumps "
             "(MADV_DONTDUMP)",
             captured);
  captured.flags = std::move(flags.of);
  end(captured);
  if (!process.is_alive()) {
    captured.left_out.push_back({"what was read last", "the process was killed meanwhile"});
  }
  note_time("analysis", start, captured);
}

void look_at_copy(const Proc& copy, const RemoteMemory& memory, const LookOptions& options,
                  std::string why_not, Captured& captured) {
  const Clock::time_point start = Clock::now();
  Flags flags = read_flags(copy, start + kCopyFlags);
  const bool killed = !flags.complete || !copy.is_alive();
  if (killed) why_not = "the copy was killed before it could be read";
  Flags known = flags;
  if (flags.complete) note_not_inherited(flags, captured);
  Look look(memory, options, flags.of, std::move(why_not), captured);
  look.finish(Clock::now() + options.copy_budget);
  obey_flags(known,
             killed ? "the copy was killed before it told whether the program keeps them out of "
                      "dumps (MADV_DONTDUMP)"
                    : "the program keeps them out of copies (MADV_WIPEONFORK), and perhaps out of "
                      "dumps",
             captured);
  note_shared(captured);
  captured.flags = std::move(flags.of);
  end(captured);
  note_time("analysis of a copy", start, captured);
}

}  // namespace inquest::capture
