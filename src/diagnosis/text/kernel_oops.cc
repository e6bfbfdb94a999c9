// The kernel's own crashes: an oops, a panic, and what its sanitizers (KASAN and its like) find. No
// program died of a fault then: the kernel did, often together with every program.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "diagnosis/text/complete.h"
#include "diagnosis/text/formats.h"
#include "diagnosis/text/kernel_stack.h"
#include "diagnosis/text/runtime_stack.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxLines = 2'000, kMaxUnknown = 60;
constexpr size_t kMaxRelated = 8;

constexpr std::array<std::string_view, 14> kTriggers = {"BUG: unable to handle ",
                                                        "BUG: kernel NULL pointer",
                                                        "BUG: KASAN: ",
                                                        "BUG: KMSAN: ",
                                                        "BUG: KCSAN: ",
                                                        "BUG: KFENCE: ",
                                                        "Unable to handle kernel ",
                                                        "Internal error: ",
                                                        "Kernel panic - not syncing: ",
                                                        "kernel BUG at ",
                                                        ": 0000 [#",
                                                        "Oops: ",
                                                        "probably for non-canonical address",
                                                        "could be caused by NULL-ptr deref"};

// The later ones follow from the earlier ones: a report of KASAN, then the oops, then the panic.
enum class Stage : uint8_t { kNone, kChecker, kOops, kPanic };

// What a line of the kernel's says went wrong; empty words: the line is none.
struct Header {
  Stage stage = Stage::kNone;
  std::string_view words;
  bool counts = false;  // "[#1]": the last line of those that announce one oops
};

Header header_of(std::string_view text) {
  for (const std::string_view tool :
       {"BUG: KASAN: ", "BUG: KMSAN: ", "BUG: KCSAN: ", "BUG: KFENCE: "}) {
    if (text.starts_with(tool)) return {Stage::kChecker, text.substr(5)};
  }
  if (text.starts_with("Kernel panic - not syncing: ")) return {Stage::kPanic, text};
  if (text.starts_with("BUG: unable to handle ") || text.starts_with("BUG: kernel NULL pointer"))
    return {Stage::kOops, text.substr(5)};
  if (text.starts_with("Unable to handle kernel ") || text.starts_with("kernel BUG at "))
    return {Stage::kOops, text};
  // "general protection fault: 0000 [#1] SMP", "Internal error: Oops: 5 [#1]", "Oops: 0002 [#1]"
  const size_t count = text.find(" [#");
  if (count != kNowhere && count < 200 && text.find(':') < count)
    return {Stage::kOops, trim(text.substr(0, count)), true};
  return {};
}

struct Oops {
  std::string error;
  std::vector<std::string> further;  // headers behind the first
  std::optional<Address> address;
  AccessKind access = AccessKind::kNone;
  uint64_t size = 0;
  std::string task, version;
  int32_t pid = 0;
  std::optional<StackLine> pc;
  StackFacts stack;
  std::vector<StackFacts> related;
};

std::optional<Address> address_behind(std::string_view text, std::string_view key) {
  const size_t at = text.find(key);
  if (at == kNowhere) return std::nullopt;
  Words words(text.substr(at + key.size()));
  words.take("0x");
  const auto value = words.take_bare_hex();
  return value ? std::optional(Address(*value)) : std::nullopt;
}

std::optional<Address> address_in(std::string_view text) {
  for (const std::string_view key : {"virtual address ", "on address ", "at addr ", ", address: ",
                                     "non-canonical address ", "dereference at ", "request at "}) {
    if (auto address = address_behind(text, key)) return address;
  }
  return std::nullopt;
}

// The access in the error code of a page fault: "Oops: 0002" of x86, "Oops: 96000046" (ESR_EL1) of
// AArch64, "Oops: 805" (FSR) of 32-bit ARM.
AccessKind access_of_code(std::string_view text, bool is_arm) {
  const size_t at = text.find("Oops: ");
  if (at == kNowhere) return AccessKind::kNone;
  Words words(text.substr(at + 6));
  const std::string_view digits = words.take_word();
  Words hex(digits);
  const auto code = hex.take_bare_hex();
  if (!code || !hex.at_end()) return AccessKind::kNone;
  if (digits.size() > 4) return (*code >> 6 & 1) != 0 ? AccessKind::kWrite : AccessKind::kRead;
  if (is_arm) return (*code >> 11 & 1) != 0 ? AccessKind::kWrite : AccessKind::kRead;
  if ((*code & 0x10) != 0) return AccessKind::kExecute;
  return (*code & 2) != 0 ? AccessKind::kWrite : AccessKind::kRead;
}

// Without what is different each time, for that stands in the facts: "KASAN: use-after-free in
// f+0x1/0x2", "general protection fault: 0000", "… at virtual address 00000040".
std::string stable_words(std::string_view words) {
  for (const std::string_view mark : {" in ", " on address ", " at virtual address ", " at addr ",
                                      ", address: ", " for address: ", ": 0000"}) {
    if (words.starts_with("Kernel panic")) break;
    const size_t at = words.find(mark);
    if (at != kNowhere && at != 0) words = words.substr(0, at);
  }
  return std::string(trim(words));
}

// Registers, and the memory around them, are many lines that say nothing by themselves.
bool is_dump(std::string_view text) {
  return text.size() < 200 &&
         text.find_first_not_of("0123456789abcdefABCDEFlrspcxXRDISP :()[]<>*=") == kNowhere;
}

class Reader {
 public:
  explicit Reader(TextLines lines) : lines_(lines) {}

  // Returns the lines that belong to the report; 0 when none begins here.
  size_t run(Oops& oops) {
    if (header_of(lines_[0]).stage == Stage::kNone && !announces()) return 0;
    size_t at = 0, end = 0, unknown = 0;
    while (at < std::min(lines_.size(), kMaxLines) && unknown <= kMaxUnknown) {
      const std::string_view text = lines_[at];
      if (const Header header = header_of(text); header.stage != Stage::kNone) {
        if (!take_header(header, oops)) break;
        end = ++at;
        unknown = 0;
        continue;
      }
      const size_t taken = take(at, oops);
      if (taken == 0) {
        unknown += is_dump(text) ? 0 : 1;
        ++at;
        continue;
      }
      at += taken;
      end = at;
      unknown = 0;
    }
    return oops.error.empty() ? 0 : end;
  }

 private:
  // A line in front of the header that is a part of the report already.
  bool announces() const {
    return lines_[0].find("could be caused by NULL-ptr deref") != kNowhere && lines_.size() > 1 &&
           header_of(lines_[1]).stage == Stage::kOops;
  }

  bool take_header(const Header& header, Oops& oops) {
    const std::string_view words = header.words;
    if (stage_ != Stage::kNone && header.stage < stage_) return false;
    // One oops tells of itself in several lines: "BUG: unable to handle …", "Oops: 0002 [#1]".
    if (header.stage == stage_ && (header.stage != Stage::kOops || has_count_)) return false;
    has_count_ = has_count_ || header.counts;
    stage_ = header.stage;
    if (oops.error.empty()) {
      oops.error = stable_words(words);
    } else {
      oops.further.emplace_back(words);
    }
    if (!oops.address) oops.address = address_in(words);
    if (oops.access == AccessKind::kNone) oops.access = access_of_code(words, is_arm_);
    return true;
  }

  // One line or a stack, taken into `oops`; 0 when the line is none of ours.
  size_t take(size_t at, Oops& oops) {
    const std::string_view text = lines_[at];
    StackFacts stack;
    if (const size_t taken = read_kernel_stack(lines_.from(at), stack); taken != 0) {
      keep(std::move(stack), oops);
      title_ = {};
      return taken;
    }
    if (const auto pc = parse_kernel_pc(text)) {
      // "PC is at f+…" names the function, "pc : [<…>]" behind it the address.
      if (!oops.pc) {
        oops.pc = pc;
      } else if (!oops.pc->pc) {
        oops.pc->pc = pc->pc;
      }
      return 1;
    }
    if (take_access(text, oops) || take_task(text, oops)) return 1;
    if (text.ends_with(':')) title_ = text.substr(0, text.size() - 1);
    return text.starts_with("---[ end ") || text.starts_with("Call ") || text.starts_with("Code: ")
               ? 1
               : 0;
  }

  void keep(StackFacts stack, Oops& oops) {
    const bool of_crash = oops.stack.frames.empty() && !title_.starts_with("Allocated by") &&
                          !title_.starts_with("Freed by") && !title_.starts_with("Last ");
    if (of_crash) {
      oops.stack = std::move(stack);
    } else if (oops.related.size() < kMaxRelated && !stack.frames.empty()) {
      stack.title = title_;
      oops.related.push_back(std::move(stack));
    }
  }

  // "Write of size 4 at addr ffff… by task kworker/0:1/11", "read to 0x… of 4 bytes by task 12"
  static bool take_access(std::string_view text, Oops& oops) {
    const bool reads = text.starts_with("Read of size ") || text.starts_with("read to 0x");
    const bool writes = text.starts_with("Write of size ") || text.starts_with("write to 0x");
    if (!reads && !writes) return false;
    if (oops.access == AccessKind::kNone)
      oops.access = reads ? AccessKind::kRead : AccessKind::kWrite;
    Words words(text);
    if (oops.size == 0 && words.take_until(" of size "))
      oops.size = words.take_number().value_or(0);
    if (!oops.address) oops.address = address_in(text);
    return true;
  }

  // "CPU: 2 PID: 19 Comm: kworker/2:0 Not tainted 3.14.0 #175"
  bool take_task(std::string_view text, Oops& oops) {
    if (text.starts_with("Modules linked in:")) return true;
    if (text.find(" ARM") != kNowhere) is_arm_ = true;
    if (!text.starts_with("CPU: ")) return false;
    const size_t pid = text.find(" PID: "), comm = text.find(" Comm: ");
    if (pid == kNowhere || comm == kNowhere) return true;
    if (!oops.task.empty()) return true;
    Words number(text.substr(pid + 6));
    if (const auto value = number.take_number(); value && *value <= INT32_MAX)
      oops.pid = static_cast<int32_t>(*value);
    const std::string_view rest = text.substr(comm + 7);
    size_t end = rest.find(" Not tainted");
    if (end == kNowhere) end = rest.find(" Tainted: ");
    oops.task = trim(rest.substr(0, end));
    const size_t build = rest.rfind(" #");
    if (build != kNowhere) {
      const std::string_view front = trim(rest.substr(0, build));
      oops.version = front.substr(front.rfind(' ') + 1);
    }
    return true;
  }

  ReportLines lines_;
  Stage stage_ = Stage::kNone;
  std::string_view title_;
  bool has_count_ = false, is_arm_ = false;
};

// The stack of x86-64 begins at the caller of the function whose registers are shown, that of ARM
// with the function itself.
void add_pc_frame(const Oops& oops, StackFacts& stack) {
  if (!oops.pc) return;
  if (!stack.frames.empty()) {
    const FrameFact& first = stack.frames.front();
    const bool same_pc = oops.pc->pc && !first.pc.is_null() && first.pc == *oops.pc->pc;
    if (same_pc || first.functions.back().short_name == oops.pc->function) return;
    const bool shows_report =
        std::any_of(stack.frames.begin(), stack.frames.end(), [&](const FrameFact& frame) {
          return frame.functions.back().short_name == oops.pc->function;
        });
    if (shows_report) return;
  }
  StackFacts whole;
  append_frame(*oops.pc, whole);
  for (FrameFact& frame : stack.frames) {
    ++frame.index;
    whole.frames.push_back(std::move(frame));
  }
  whole.total_frames = stack.total_frames + 1;
  whole.title = std::move(stack.title);
  stack = std::move(whole);
}

void set_allocation(Oops& oops, Facts& facts) {
  for (StackFacts& stack : oops.related) {
    const bool freed = stack.title.starts_with("Freed by");
    if (!freed && !stack.title.starts_with("Allocated by")) {
      facts.reported->related.push_back(std::move(stack));
      continue;
    }
    HeapFacts& heap = facts.heap ? *facts.heap : facts.heap.emplace();
    heap.allocator = "the kernel's";
    if (heap.allocations.empty()) {
      AllocationFact& fact = heap.allocations.emplace_back();
      fact.of = "fault address";
      fact.address = oops.address.value_or(Address());
      fact.place = "object of the kernel";
    }
    AllocationFact& fact = heap.allocations.front();
    (freed ? fact.freed : fact.allocated) = std::move(stack);
    if (freed) fact.state = AllocationFact::State::kFreed;
  }
}

size_t read(TextLines lines, TextReport& report) {
  Oops oops;
  const size_t taken = Reader(lines).run(oops);
  if (taken == 0) return 0;
  Facts& facts = report.facts;
  ReportedFacts& reported = facts.reported.emplace();
  reported.tool = "the kernel";
  reported.error = oops.error;
  reported.address = oops.address;
  reported.access = oops.access;
  reported.size = oops.size;
  if (!oops.further.empty()) reported.summary = oops.further.back();
  facts.process.command = facts.process.executable = "the Linux kernel";
  facts.process.language = "C";
  facts.process.producer = oops.version.empty() ? "Linux" : "Linux " + oops.version;
  facts.crashing = std::move(oops.stack);
  if (!oops.error.starts_with("KASAN")) add_pc_frame(oops, facts.crashing);
  set_allocation(oops, facts);
  set_kernel_roles(facts.crashing);
  for (StackFacts& related : reported.related) set_kernel_roles(related);
  if (facts.heap) {
    for (AllocationFact& fact : facts.heap->allocations) {
      if (fact.allocated) set_kernel_roles(*fact.allocated);
      if (fact.freed) set_kernel_roles(*fact.freed);
    }
  }
  if (!oops.task.empty()) {
    facts.crashing.thread_name = oops.task;
    facts.crashing.tid = oops.pid;
    facts.other.push_back(
        {fmt::format("it happened while task \"{}\" (pid {}) was running", oops.task, oops.pid),
         {}});
  }
  for (const std::string& further : oops.further)
    facts.other.push_back({"then the kernel said: " + further, {}});
  facts.advice.emplace_back(
      "This is a fault of the kernel or of one of its modules, not of the program that was "
      "running: look for the function in the kernel's changes, update it, or report it with this "
      "text; kdump keeps the memory of the next one");
  return finish_report(lines, taken, kKernelOops.name, report);
}

}  // namespace

const Format kKernelOops = {.name = "kernel-oops", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
