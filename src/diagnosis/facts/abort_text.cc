#include "diagnosis/facts/abort_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;
constexpr auto kNowhere = std::string_view::npos;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\0';
  };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != kNowhere; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Place {
  std::string_view before, after;  // of ":<line>"
  uint32_t line = 0;
};

// The first ":<digits>" that is followed by ':' , a blank or the end.
std::optional<Place> find_line(std::string_view text) {
  for (size_t colon = text.find(':'); colon != kNowhere; colon = text.find(':', colon + 1)) {
    size_t end = colon + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == colon + 1 || (end < text.size() && text[end] != ':' && text[end] != ' ')) continue;
    Place place{text.substr(0, colon), text.substr(end), 0};
    const auto digits = text.substr(colon + 1, end - colon - 1);
    const auto [stop, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), place.line);
    if (failure == std::errc()) return place;
  }
  return std::nullopt;
}

// "prog: dir/file.c:38: main" → file, line, function
void parse_assertion_head(std::string_view head, AbortFacts& facts) {
  const auto place = find_line(head);
  if (!place) return;
  std::string_view file = place->before;
  if (const size_t program = file.rfind(": "); program != kNowhere) file.remove_prefix(program + 2);
  facts.file = file;
  facts.line = place->line;
  std::string_view function = place->after;
  while (!function.empty() && (function.front() == ':' || function.front() == ' '))
    function.remove_prefix(1);
  while (!function.empty() && (function.back() == ':' || function.back() == ' '))
    function.remove_suffix(1);
  facts.function = function;
}

// glibc: "prog: file:line: function: Assertion `x' failed."; libstdc++ quotes with '…'.
bool parse_assertion(std::string_view text, AbortFacts& facts) {
  for (const std::string_view opening : {"Assertion `", "Assertion '"}) {
    const size_t start = text.find(opening);
    const size_t end = text.rfind("' failed");
    if (start == kNowhere || end == kNowhere || end < start + opening.size()) continue;
    facts.kind = Kind::kAssertion;
    facts.condition = trimmed(text.substr(start + opening.size(), end - start - opening.size()));
    parse_assertion_head(text.substr(0, start), facts);
    return true;
  }
  return false;
}

// musl: "Assertion failed: x == y (main.c: main: 7)"
bool parse_musl_assertion(std::string_view text, AbortFacts& facts) {
  constexpr std::string_view kOpening = "Assertion failed: ";
  const size_t open = text.rfind(" (");
  if (!text.starts_with(kOpening) || open == kNowhere || !text.ends_with(")") ||
      open < kOpening.size())
    return false;
  facts.kind = Kind::kAssertion;
  facts.condition = text.substr(kOpening.size(), open - kOpening.size());
  const std::string_view place = text.substr(open + 2, text.size() - open - 3);
  const size_t first = place.find(": "), last = place.rfind(": ");
  if (first == kNowhere || last <= first) return true;
  facts.file = place.substr(0, first);
  facts.function = place.substr(first + 2, last - first - 2);
  const auto digits = place.substr(last + 2);
  std::from_chars(digits.data(), digits.data() + digits.size(), facts.line);
  return true;
}

// Chromium, glog, Abseil: "foo.cc:12: Check failed: x == y (1 vs. 2) words"
bool parse_check(std::string_view text, AbortFacts& facts) {
  constexpr std::string_view kMark = "Check failed: ";
  const size_t mark = text.find(kMark);
  if (mark == kNowhere) return false;
  facts.kind = Kind::kAssertion;
  const std::string_view rest = text.substr(mark + kMark.size());
  facts.condition = trimmed(rest.substr(0, rest.find('\n')));
  if (const auto place = find_line(text.substr(0, mark))) {
    facts.file = trimmed(place->before);
    facts.line = place->line;
  }
  return true;
}

// Rust: "thread 'main' panicked at src/main.rs:2:5:\nmessage", and before 1.73 "… panicked at
// 'message', src/main.rs:2:5".
bool parse_panic(std::string_view text, AbortFacts& facts) {
  constexpr std::string_view kMark = " panicked at ";
  const size_t mark = text.find(kMark);
  if (!text.starts_with("thread '") || mark == kNowhere) return false;
  facts.kind = Kind::kPanic;
  std::string_view rest = text.substr(mark + kMark.size());
  std::string_view place = rest;
  if (rest.starts_with("'")) {
    const size_t quote = rest.rfind("', ");
    if (quote == kNowhere) return true;
    facts.message = rest.substr(1, quote - 1);
    place = rest.substr(quote + 3);
  } else if (const size_t newline = rest.find('\n'); newline != kNowhere) {
    facts.message = trimmed(rest.substr(newline + 1));
    place = rest.substr(0, newline);
  }
  if (const auto line = find_line(place)) {
    facts.file = line->before;
    facts.line = line->line;
  }
  return true;
}

bool parse_terminate(std::string_view text, AbortFacts& facts) {
  constexpr std::string_view kThrown = "terminate called after throwing an instance of '";
  const size_t start = text.find(kThrown);
  if (start != kNowhere) {
    facts.kind = Kind::kException;
    const std::string_view rest = text.substr(start + kThrown.size());
    facts.exception_type = rest.substr(0, rest.find('\''));
    constexpr std::string_view kWhat = "what():  ";
    const size_t what = rest.find(kWhat);
    if (what != kNowhere) facts.exception_what = trimmed(rest.substr(what + kWhat.size()));
    return true;
  }
  if (!contains(text, "terminate called")) return false;
  facts.kind = Kind::kTerminate;
  return true;
}

constexpr std::array<std::string_view, 16> kHeapTexts = {"double free",
                                                         "free(): ",
                                                         "malloc(): ",
                                                         "realloc(): ",
                                                         "calloc(): ",
                                                         "corrupted size vs. prev_size",
                                                         "corrupted double-linked list",
                                                         "munmap_chunk(): ",
                                                         "mremap_chunk(): ",
                                                         "malloc_consolidate(): ",
                                                         "malloc assertion failure",
                                                         "corrupted top size",
                                                         "break adjusted to free malloc space",
                                                         "(fast)",
                                                         "tcache_thread_shutdown(): ",
                                                         "unaligned tcache chunk"};

Kind kind_by_words(std::string_view text) {
  if (contains(text, "stack smashing detected")) return Kind::kStackSmashing;
  if (contains(text, "buffer overflow detected") || contains(text, "%n in writable segment") ||
      contains(text, "longjmp causes uninitialized stack frame") ||
      contains(text, "invalid %N$ use detected") || contains(text, "buffer overread detected")) {
    return Kind::kFortify;
  }
  if (contains(text, "pure virtual")) return Kind::kPureVirtual;
  const bool heap = std::any_of(kHeapTexts.begin(), kHeapTexts.end(),
                                [&](std::string_view part) { return contains(text, part); });
  if (heap) return Kind::kGlibcHeap;
  if ((text.starts_with("memory allocation of ") && text.ends_with("failed")) ||
      contains(text, "ut of memory") || contains(text, "annot allocate memory") ||
      contains(text, "emory exhausted") || contains(text, "OUT_OF_MEMORY")) {
    return Kind::kOutOfMemory;
  }
  if (contains(text, "ERROR: AddressSanitizer") || contains(text, "runtime error: ") ||
      contains(text, "ThreadSanitizer") || contains(text, "MemorySanitizer")) {
    return Kind::kSanitizer;
  }
  return Kind::kOther;
}

}  // namespace

AbortFacts parse_abort_text(std::string_view message) {
  AbortFacts facts;
  const std::string_view text = trimmed(message.substr(0, kMaxAbortText));
  if (text.empty()) return facts;
  facts.message = text;
  if (parse_panic(text, facts) || parse_terminate(text, facts)) return facts;
  facts.kind = kind_by_words(text);
  if (facts.kind == Kind::kOther || facts.kind == Kind::kGlibcHeap) {
    // An assertion may well speak of memory; glibc's allocator asserts in words of its own.
    const bool heap = facts.kind == Kind::kGlibcHeap && contains(text, "malloc assertion failure");
    if (!heap && (parse_assertion(text, facts) || parse_musl_assertion(text, facts) ||
                  parse_check(text, facts))) {
      return facts;
    }
  }
  return facts;
}

bool is_plausible_text(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    size_t more = 0;
    if (byte < 0x80) {
      if (byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t' && byte != 0x1b))
        return false;
    } else if (byte >= 0xc2 && byte < 0xe0) {
      more = 1;
    } else if (byte >= 0xe0 && byte < 0xf0) {
      more = 2;
    } else if (byte >= 0xf0 && byte < 0xf5) {
      more = 3;
    } else {
      return false;
    }
    if (text.size() - i <= more) return more == 0;
    for (size_t k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace inquest::diagnosis
