// Valgrind's text: "==71== Invalid read of size 4", frames with "at" and "by", what the address is.
#include <algorithm>
#include <array>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/stack_lines.h"
#include "diagnosis/text/valgrind_report.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxLines = 600;   // of one error
constexpr size_t kMaxForeign = 20;  // lines of others in a row

// How the first line of an error begins.
constexpr std::array<std::string_view, 27> kTriggers = {"== Invalid ",
                                                        "== Conditional jump",
                                                        "== Use of uninit",
                                                        "== Syscall param",
                                                        "== Mismatched ",
                                                        "== Source and dest",
                                                        "== Process terminating",
                                                        "== Jump to the invalid",
                                                        "== Possible data race",
                                                        "== Conflicting ",
                                                        " lost in loss record",
                                                        "== Argument '",
                                                        "== Thread #",
                                                        "== Mutex ",
                                                        "== The object at",
                                                        "== Stack overflow in thread",
                                                        "== Uninitialised byte",
                                                        "== Unaddressable byte",
                                                        "== Probably a race",
                                                        "== Can't extend stack",
                                                        "== Illegal memory pool",
                                                        "== realloc() with size 0",
                                                        "== Use of ",
                                                        "== Condition variable",
                                                        "== Destruction of",
                                                        "== The impossible",
                                                        "== Recursive locking"};

std::optional<int32_t> take_pid(std::string_view text, std::string_view& rest) {
  if (!text.starts_with("==")) return std::nullopt;
  Words words(text.substr(2));
  const auto pid = words.take_number();
  if (!pid || *pid > INT32_MAX || !words.take("==")) return std::nullopt;
  rest = trim(words.rest());
  return static_cast<int32_t>(*pid);
}

bool is_announcement(std::string_view what) {
  return what.starts_with("Thread #") &&
         (what.find(" was created") != kNowhere || what.find("root thread") != kNowhere);
}

// Behind an empty line, the same error goes on with one of these.
bool continues(std::string_view text) {
  static constexpr std::array<std::string_view, 16> kStarts = {"This conflicts with",
                                                               "Locks held",
                                                               "Address 0x",
                                                               "Location 0x",
                                                               "Lock at 0x",
                                                               "Required order",
                                                               "followed by",
                                                               "Observed (incorrect)",
                                                               "Other segment",
                                                               "Allocation context",
                                                               "Block was",
                                                               "Process terminating",
                                                               "Access not within",
                                                               "The following",
                                                               "Uninitialised value was created",
                                                               "If you believe this"};
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

class Reader {
 public:
  Reader(TextLines lines, ValgrindReport& report, int32_t pid)
      : lines_(lines), report_(report), pid_(pid) {}

  size_t run(std::string_view what) {
    keep(what, 0);
    size_t foreign = 0;
    for (size_t i = 1; i < std::min(lines_.size(), kMaxLines);) {
      std::string_view text;
      const auto pid = take_pid(trim(lines_[i].text), text);
      if (!pid || *pid != pid_) {
        if (++foreign > kMaxForeign) break;
        ++i;
        continue;
      }
      foreign = 0;
      if (text.starts_with("----") || text.starts_with("HEAP SUMMARY")) break;
      if (text.empty()) {
        if (!goes_on(i + 1)) break;
        ++i;
      } else if (text.starts_with("at 0x") || text.starts_with("by 0x")) {
        i = read_section(i);
      } else {
        keep(text, i);
        ++i;
      }
    }
    return end_;
  }

 private:
  void keep(std::string_view text, size_t index) {
    constexpr size_t kMaxKept = 100;
    if (report_.lines.size() < kMaxKept) report_.lines.emplace_back(text);
    title_ = text;
    end_ = index + 1;
  }

  bool goes_on(size_t i) const {
    for (; i < lines_.size(); ++i) {
      std::string_view text;
      const auto pid = take_pid(trim(lines_[i].text), text);
      if (!pid || *pid != pid_) return false;
      if (!text.empty()) return continues(text);
    }
    return false;
  }

  // Lines of one stack; other processes' lines in between are passed over.
  size_t read_section(size_t i) {
    constexpr size_t kMaxSections = 24;
    ValgrindReport::Section section{std::string(title_), {}};
    for (; i < std::min(lines_.size(), kMaxLines); ++i) {
      std::string_view text;
      const auto pid = take_pid(trim(lines_[i].text), text);
      if (!pid || *pid != pid_) continue;
      if (!text.starts_with("at 0x") && !text.starts_with("by 0x")) break;
      if (const auto line = parse_stack_line(text)) append_frame(*line, section.stack);
      end_ = i + 1;
    }
    if (report_.sections.size() < kMaxSections) report_.sections.push_back(std::move(section));
    return i;
  }

  TextLines lines_;
  ValgrindReport& report_;
  int32_t pid_;
  std::string_view title_;
  size_t end_ = 1;
};

std::string tool_of(std::string_view what) {
  if (what.starts_with("Possible data race") || what.find("lock order") != kNowhere ||
      what.starts_with("Thread #"))
    return "helgrind";
  if (what.starts_with("Conflicting ") || what.starts_with("Mutex ") ||
      what.starts_with("The object at") || what.starts_with("Recursive locking") ||
      what.starts_with("Destruction of") || what.starts_with("Condition variable") ||
      what.starts_with("Probably a race"))
    return "drd";
  if (what.starts_with("Process terminating") || what.starts_with("Stack overflow") ||
      what.starts_with("Can't extend"))
    return {};
  return "memcheck";
}

size_t read(TextLines lines, TextReport& report) {
  std::string_view what;
  const auto pid = take_pid(trim(lines[0].text), what);
  if (!pid || what.empty() || is_announcement(what)) return 0;
  ValgrindReport parts;
  parts.pid = *pid;
  parts.what = what;
  parts.tool = tool_of(what);
  const size_t taken = Reader(lines, parts, *pid).run(what);
  const bool stackless = what.starts_with("Stack overflow") ||
                         what.starts_with("Process terminating") ||
                         what.starts_with("Can't extend");
  if (parts.sections.empty() && !stackless) return 0;
  report.facts = facts_of(std::move(parts));
  return taken;
}

}  // namespace

const Format kValgrind = {.name = "valgrind", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
