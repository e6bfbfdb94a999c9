#include "diagnosis/text/sanitizer_report.h"

#include <algorithm>
#include <array>

#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr size_t kMaxLines = 256;    // kept beside stacks
constexpr size_t kMaxSections = 24;  // stacks kept
constexpr size_t kMaxUnknown = 24;   // lines of others in a row that end a report
constexpr size_t kMaxTrailer = 80;   // lines behind the summary

constexpr std::array<std::string_view, 8> kTools = {
    "AddressSanitizer", "HWAddressSanitizer",         "MemorySanitizer", "ThreadSanitizer",
    "LeakSanitizer",    "UndefinedBehaviorSanitizer", "libFuzzer",       "KernelAddressSanitizer"};

// Does the line belong to a report by its own words?
bool is_report_line(std::string_view text) {
  static constexpr std::array<std::string_view, 57> kStarts = {"READ of size",
                                                               "WRITE of size",
                                                               "The signal is caused",
                                                               "Hint:",
                                                               "HINT:",
                                                               "freed by",
                                                               "previously allocated",
                                                               "allocated by",
                                                               "allocated here",
                                                               "Address 0x",
                                                               "0x",
                                                               "[0x",
                                                               "This frame has",
                                                               "object passed to",
                                                               "size of the",
                                                               "Thread T",
                                                               "Mutex M",
                                                               "Location is",
                                                               "Write of size",
                                                               "Read of size",
                                                               "Previous ",
                                                               "Atomic ",
                                                               "Cycle in lock",
                                                               "As if synchronized",
                                                               "Uninitialized",
                                                               "Memory was",
                                                               "Direct leak",
                                                               "Indirect leak",
                                                               "Objects leaked",
                                                               "SCARINESS",
                                                               "Cause:",
                                                               "Potential",
                                                               "Invalid access",
                                                               "Tags for",
                                                               "Memory tags",
                                                               "Thread: T",
                                                               "Registers where",
                                                               "object allocated",
                                                               "  '",
                                                               "'",
                                                               "Shadow byte",
                                                               "Access of size",
                                                               "Thread finished",
                                                               "MiraclePtr",
                                                               "DEDUP_TOKEN",
                                                               "NOTE: libFuzzer",
                                                               "Signal ",
                                                               "WARNING: too long mutex",
                                                               "This error",
                                                               "current shadow",
                                                               "Tail contains",
                                                               "Expected:",
                                                               "Heap-",
                                                               "Stack of thread",
                                                               "Mutexes are",
                                                               "use-of-",
                                                               "Memory access"};
  // "[32, 48) 'buf' (line 7)"
  if (text.starts_with('[') && text.find(") '") != kNowhere) return true;
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

// Dumps of shadow memory, tags and registers, and what surrounds them.
bool is_dump_line(std::string_view text) {
  static constexpr std::array<std::string_view, 26> kStarts = {"=>",
                                                               "Shadow",
                                                               "Addressable:",
                                                               "Partially addressable",
                                                               "Heap left",
                                                               "Heap right",
                                                               "Freed heap",
                                                               "Stack left",
                                                               "Stack mid",
                                                               "Stack right",
                                                               "Stack after",
                                                               "Stack use",
                                                               "Stack partial",
                                                               "Global redzone",
                                                               "Global init",
                                                               "Poisoned by",
                                                               "Container overflow",
                                                               "Array cookie",
                                                               "Intra object",
                                                               "ASan internal",
                                                               "Left alloca",
                                                               "Right alloca",
                                                               "Tags for",
                                                               "Memory tags",
                                                               "AddressSanitizer can not",
                                                               "Registers where"};
  if (std::any_of(kStarts.begin(), kStarts.end(),
                  [&](std::string_view start) { return text.starts_with(start); }))
    return true;
  // "0x0c067fff8000: fa fa 00 …", "rax = 0x0 …", "x0 00ff…"
  const size_t colon = text.find(':');
  if (text.starts_with("0x") && colon != kNowhere && colon < 20 && colon + 1 < text.size() &&
      text.find_first_not_of("0123456789abcdef[]. :=", colon) == kNowhere)
    return true;
  return text.find(" = 0x") < 5 ||
         (text.starts_with('x') && text.find_first_not_of("x0123456789abcdef ") == kNowhere) ||
         (!text.empty() && text.find_first_not_of("0123456789abcdef .[]<=>|") == kNowhere);
}

bool is_own_line(std::string_view text, const SanitizerHeader& header) {
  if (!text.starts_with("==")) return false;
  Words words(text.substr(2));
  const auto pid = words.take_number();
  return pid && words.take("==") && (header.pid == 0 || static_cast<int32_t>(*pid) == header.pid);
}

bool is_rule(std::string_view text) {
  return text.size() >= 18 && text.find_first_not_of('=') == kNowhere;
}

class Reader {
 public:
  Reader(const ReportLines& lines, SanitizerReport& report) : lines_(lines), report_(report) {}

  void run() {
    keep(0);
    while (at_ < lines_.size() && step()) {
    }
    report_.taken = end_;
  }

 private:
  // One line, or one stack; false when the report is over.
  bool step() {
    const std::string_view text = lines_[at_];
    if (begins_stack(text)) return read_section();
    if (text.starts_with("SUMMARY: ")) return take_summary(text);
    if (parse_sanitizer_header(text)) return false;
    if (is_rule(text) && end_ > 1) {
      end_ = at_ + 1;
      return false;
    }
    if (is_dump_line(text)) {
      end_ = ++at_;
      unknown_ = 0;
      return true;
    }
    if (is_report_line(text) || is_own_line(text, report_.header)) {
      keep(at_);
      return true;
    }
    if (text.empty()) {
      ++at_;
      return ++unknown_ <= kMaxUnknown;
    }
    // A title, if a stack follows; the talk of others otherwise.
    if (at_ + 1 < lines_.size() && begins_stack(lines_[at_ + 1])) {
      keep(at_);
      return true;
    }
    ++at_;
    return ++unknown_ <= kMaxUnknown;
  }

  // Stacks begin with frame 0; the first one of a report may have lost lines in front.
  static bool begins_stack(std::string_view text) {
    if (!text.starts_with('#')) return false;
    const auto line = parse_stack_line(text);
    return line && line->number && *line->number <= 1;
  }

  void keep(size_t index) {
    if (report_.lines.size() < kMaxLines) report_.lines.push_back(lines_[index]);
    title_ = lines_[index];
    at_ = end_ = index + 1;
    unknown_ = 0;
  }

  bool read_section() {
    StackFacts stack;
    const size_t taken = read_stack(lines_.from(at_), stack);
    if (taken == 0) return false;
    if (report_.sections.size() < kMaxSections) {
      report_.sections.push_back({title_, std::move(stack)});
    } else {
      ++report_.sections_left_out;
    }
    title_ = {};
    at_ += taken;
    end_ = at_;
    unknown_ = 0;
    return true;
  }

  // Behind the summary come dumps, until the tool says that it ends the process.
  bool take_summary(std::string_view text) {
    const size_t colon = text.find(": ", 9);
    report_.summary = colon == kNowhere ? text.substr(9) : text.substr(colon + 2);
    keep(at_);
    const size_t last = std::min(lines_.size(), at_ + kMaxTrailer);
    for (; at_ < last; ++at_) {
      const std::string_view line = lines_[at_];
      if (line.empty()) continue;
      const bool own = is_own_line(line, report_.header);
      if (!own && !is_rule(line) && !is_dump_line(line)) break;
      if (parse_sanitizer_header(line)) break;
      end_ = at_ + 1;
      if (own && line.find("ABORTING") != kNowhere) break;
      if (is_rule(line)) break;
    }
    if (report_.header.tool == "libFuzzer" && report_.sections.empty()) take_late_stack();
    return false;
  }

  // On Fuchsia another process prints the stack, after the summary and its own talk.
  void take_late_stack() {
    for (size_t i = at_; i < std::min(lines_.size(), at_ + kMaxTrailer); ++i) {
      if (parse_sanitizer_header(lines_[i])) return;
      if (!begins_stack(lines_[i]) || lines_[i].find("__sanitizer_print_stack_trace") == kNowhere)
        continue;
      at_ = i;
      read_section();
      return;
    }
  }

  const ReportLines& lines_;
  SanitizerReport& report_;
  std::string_view title_;
  size_t at_ = 0;   // the next line to look at
  size_t end_ = 1;  // behind the last line known to belong to the report
  size_t unknown_ = 0;
};

// "(pid=71)" at the end of a message.
void take_pid(SanitizerHeader& header) {
  const size_t open = header.message.rfind("(pid=");
  if (open == kNowhere) return;
  Words words(header.message.substr(open + 5));
  if (const auto pid = words.take_number()) header.pid = static_cast<int32_t>(*pid);
  header.message = trim(header.message.substr(0, open));
}

}  // namespace

std::optional<SanitizerHeader> parse_sanitizer_header(std::string_view text) {
  text = trim(text);
  size_t mark = text.find("ERROR: ");
  size_t size = 7;
  if (mark == kNowhere) {
    mark = text.find("WARNING: ");
    size = 9;
  }
  if (mark == kNowhere) return std::nullopt;
  const std::string_view rest = text.substr(mark + size);
  const auto tool = std::find_if(kTools.begin(), kTools.end(), [&](std::string_view name) {
    return rest.starts_with(name) && rest.substr(name.size()).starts_with(": ");
  });
  if (tool == kTools.end()) return std::nullopt;
  SanitizerHeader header;
  header.tool = *tool;
  header.message = trim(rest.substr(tool->size() + 2));
  // "==71==" or "==71== " right in front.
  std::string_view front = text.substr(0, mark);
  const std::string_view trimmed = trim(front);
  if (trimmed.ends_with("==")) {
    const size_t open = trimmed.rfind("==", trimmed.size() - 3);
    if (open != kNowhere) {
      const auto pid = number_of(trimmed.substr(open + 2, trimmed.size() - open - 4));
      if (pid && *pid <= INT32_MAX) {
        header.pid = static_cast<int32_t>(*pid);
        front = front.substr(0, open);
      }
    }
  }
  header.prefix = front;
  take_pid(header);
  return header;
}

std::optional<SanitizerReport> read_sanitizer_report(TextLines lines) {
  if (lines.empty()) return std::nullopt;
  SanitizerReport report;
  const auto header = parse_sanitizer_header(lines[0].text);
  if (!header) return std::nullopt;
  report.header = *header;
  Reader(ReportLines(lines, header->prefix), report).run();
  return report;
}

}  // namespace inquest::diagnosis
