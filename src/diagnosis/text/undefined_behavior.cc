// UBSan: "src/a.cc:7:44: runtime error: load of null pointer of type 'double'", notes, a stack when
// it was asked for, a summary.
#include <array>

#include "diagnosis/text/checker_formats.h"
#include "diagnosis/text/complete.h"
#include "diagnosis/text/sanitizer_report.h"
#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {
namespace {

constexpr std::array<std::string_view, 1> kTriggers = {": runtime error: "};
constexpr size_t kMaxNotes = 12;  // lines between the error and its stack
constexpr size_t kMaxExcerpt = 40;

// "0x7f: note: object is of type 'A'", " 00 00 38 f7", "      ^~~~", "   vptr for 'A'", "<memory
// cannot be printed>"
bool is_note(std::string_view text) {
  if (text.find(": note: ") != std::string_view::npos || text.starts_with("vptr for") ||
      text.starts_with("invalid vptr") || text.starts_with("<memory cannot be printed>") ||
      text.starts_with("possibly ") || text.starts_with('^'))
    return true;
  return !text.empty() && text.find_first_not_of("0123456789abcdef ?") == std::string_view::npos;
}

bool parse_head(std::string_view text, TextReport& report, StackLine& place) {
  constexpr std::string_view kMark = ": runtime error: ";
  const size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return false;
  std::string_view front = trim(text.substr(0, mark));
  if (const size_t blank = front.rfind(' ');
      blank != std::string_view::npos && !front.starts_with('/')) {
    front = front.substr(blank + 1);
  }
  if (!parse_source_place(front, place) && front != "<unknown>") {
    // "(/bin/app+0x12)": no debug information. Others ("panic: runtime error: ") are not UBSan's.
    if (!front.starts_with('(') || !front.ends_with(')')) return false;
    const size_t plus = front.rfind("+0x");
    if (plus == std::string_view::npos) return false;
    place.module = front.substr(1, plus - 1);
    place.module_offset = hex_of(front.substr(plus + 1, front.size() - plus - 2));
  }
  report.facts.reported->error = trim(text.substr(mark + kMark.size()));
  return true;
}

void read_address(std::string_view error, ReportedFacts& reported) {
  const size_t at = error.find("address 0x");
  if (at == std::string_view::npos) return;
  Words words(error.substr(at + 8));
  if (const auto value = words.take_hex()) reported.address = Address(*value);
}

size_t read(TextLines lines, TextReport& report) {
  ReportedFacts& reported = report.facts.reported.emplace();
  reported.tool = "UndefinedBehaviorSanitizer";
  StackLine place;
  const ReportLines text(lines);
  if (!parse_head(text[0], report, place)) return 0;
  reported.excerpt.emplace_back(text[0]);
  read_address(reported.error, reported);
  size_t end = 1;
  bool has_stack = false;
  for (size_t i = 1, notes = 0; i < text.size() && notes < kMaxNotes;) {
    if (text[i].starts_with("#")) {
      const size_t taken = has_stack ? 0 : read_stack(text.from(i), report.facts.crashing);
      if (taken == 0) break;
      has_stack = true;
      end = i += taken;
      continue;
    }
    if (text[i].starts_with("SUMMARY: UndefinedBehaviorSanitizer: ")) {
      reported.summary = text[i].substr(37);
      end = i + 1;
      break;
    }
    if (!text[i].empty() && !is_note(text[i])) break;
    if (!text[i].empty()) {
      if (reported.excerpt.size() < kMaxExcerpt) reported.excerpt.emplace_back(text[i]);
      end = i + 1;
    }
    ++i;
    ++notes;
  }
  Facts& facts = report.facts;
  if (facts.crashing.frames.empty()) {
    append_frame(place, facts.crashing);
    facts.crashing.end = "no-more-frames";
    facts.missing.push_back({"the report has no stack", {}});
    facts.advice.emplace_back("Run again with UBSAN_OPTIONS=print_stacktrace=1.");
  }
  facts.process.producer = reported.tool;
  complete_facts(facts);
  return end;
}

}  // namespace

const Format kUndefinedBehavior = {
    .name = "undefined-behavior-sanitizer", .triggers = kTriggers, .read = read};

}  // namespace inquest::diagnosis
