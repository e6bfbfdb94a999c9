#include <array>
#include <string>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/text/last_words.h"

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;
constexpr auto kNowhere = std::string_view::npos;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != kNowhere; }

// Messages that glibc's allocator prints alone on a line.
bool is_heap_message(std::string_view text) {
  static constexpr std::array<std::string_view, 17> kStarts = {
      "double free or corruption",
      "free(): ",
      "malloc(): ",
      "realloc(): ",
      "calloc(): ",
      "memalign(): ",
      "corrupted size vs. prev_size",
      "corrupted double-linked list",
      "munmap_chunk(): ",
      "mremap_chunk(): ",
      "malloc_consolidate(): ",
      "corrupted top size",
      "break adjusted to free malloc space",
      "tcache_thread_shutdown(): ",
      "invalid fastbin entry (free)",
      "malloc_check_get_size: ",
      "_int_malloc(): "};
  for (const std::string_view start : kStarts) {
    if (text.starts_with(start) && text.size() < start.size() + 80) return true;
  }
  return false;
}

// "*** stack smashing detected ***: terminated"
bool is_starred(std::string_view text) {
  if (!text.starts_with("*** ")) return false;
  return contains(text, " detected ***") || contains(text, "%n in writable segment") ||
         contains(text, "longjmp causes uninitialized stack frame");
}

// "*** glibc detected *** ./prog: double free or corruption (!prev): 0x00c7c010 ***": until 2.25.
std::optional<LastWords> read_old_glibc(std::string_view text) {
  constexpr std::string_view kMark = "*** glibc detected *** ";
  const size_t mark = text.find(kMark);
  if (mark == kNowhere) return std::nullopt;
  std::string_view rest = trim(text.substr(mark + kMark.size()));
  if (const size_t colon = rest.find(": "); colon != kNowhere) rest = rest.substr(colon + 2);
  if (rest.ends_with(" ***")) rest.remove_suffix(4);
  LastWords words;
  words.abort = parse_abort_text(rest);
  if (words.abort.kind == Kind::kOther) words.abort.kind = Kind::kGlibcHeap;
  return words;
}

// bionic: assertion "x" failed: file "a.c", line 3, function "f"
std::optional<LastWords> read_bionic(std::string_view text) {
  const size_t mark = text.find("assertion \"");
  if (mark == kNowhere) return std::nullopt;
  Words words(text.substr(mark + 11));
  const auto condition = words.take_until("\" failed");
  if (!condition || !words.take_until("file \"")) return std::nullopt;
  LastWords found;
  AbortFacts& abort = found.abort;
  abort.kind = Kind::kAssertion;
  abort.message = text;
  abort.condition = *condition;
  abort.file = words.take_until("\", line ").value_or("");
  abort.line = static_cast<uint32_t>(words.take_number().value_or(0));
  if (words.take_until("function \"")) abort.function = words.take_until("\"").value_or("");
  return found;
}

// "Fatal glibc error: malloc.c:2599 (sysmalloc): assertion failed: (old_top == …)"
std::optional<LastWords> read_fatal_glibc(std::string_view text) {
  constexpr std::string_view kMark = "Fatal glibc error: ";
  if (!text.starts_with(kMark)) return std::nullopt;
  LastWords found;
  AbortFacts& abort = found.abort;
  abort.message = text;
  Words words(text.substr(kMark.size()));
  const auto file = words.take_until(":");
  const auto line = words.take_number();
  const bool heap =
      contains(text, "malloc.c") || contains(text, "malloc/") || contains(text, "arena.c");
  abort.kind = heap ? Kind::kGlibcHeap : Kind::kAssertion;
  if (file && line) {
    abort.file = *file;
    abort.line = static_cast<uint32_t>(*line);
  }
  if (words.take_until("assertion failed: ")) {
    abort.condition = words.rest();
  } else if (!heap) {
    abort.kind = Kind::kOther;
  }
  return found;
}

// glibc's assert: "prog: dir/a.c:38: main: Assertion `x > 0' failed."
std::optional<LastWords> read_assert(std::string_view text) {
  const bool glibc = contains(text, ": Assertion `") && contains(text, "' failed");
  const bool libstdcxx = contains(text, ": Assertion '") && contains(text, "' failed");
  const bool musl = text.starts_with("Assertion failed: ");
  if (!glibc && !libstdcxx && !musl) return std::nullopt;
  LastWords found;
  found.abort = parse_abort_text(text);
  if (found.abort.kind != Kind::kAssertion && found.abort.kind != Kind::kGlibcHeap)
    return std::nullopt;
  // "a.c:38" was demanded by none of the above, but every assertion has it.
  if (found.abort.line == 0) return std::nullopt;
  return found;
}

}  // namespace

std::optional<LastWords> read_libc_words(const ReportLines& lines) {
  const std::string_view text = lines[0];
  if (auto found = read_old_glibc(text)) return found;
  if (is_heap_message(text) || is_starred(text)) {
    LastWords found;
    found.abort = parse_abort_text(text);
    return found;
  }
  if (auto found = read_fatal_glibc(text)) return found;
  if (auto found = read_assert(text)) return found;
  return read_bionic(text);
}

}  // namespace inquest::diagnosis
