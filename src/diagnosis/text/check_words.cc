// Failed checks of glog, abseil, Chromium, GLib, WebKit and Envoy.
#include <algorithm>
#include <string>

#include "diagnosis/text/last_words.h"

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;
constexpr auto kNowhere = std::string_view::npos;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void read_check_message(std::string_view message, AbortFacts& abort) {
  message = trim(message);
  abort.message = message;
  abort.kind = Kind::kOther;
  for (const std::string_view mark : {"Check failed: ", "CHECK failed: ", "DCHECK failed: ",
                                      "assertion failed: ", "ASSERTION FAILED: "}) {
    const size_t at = message.find(mark);
    if (at == kNowhere) continue;
    abort.kind = Kind::kAssertion;
    abort.condition = trim(message.substr(at + mark.size()));
    // The values behind the condition: "(0 vs. 0)"; its final period.
    if (const size_t values = abort.condition.rfind(" (");
        values != kNowhere && abort.condition.find(" vs. ", values) != kNowhere) {
      abort.condition = abort.condition.substr(0, values);
    }
    while (abort.condition.ends_with('.') || abort.condition.ends_with(' '))
      abort.condition.pop_back();
    return;
  }
  if (message.find("NOTREACHED") != kNowhere || message.find("not reached") != kNowhere) {
    abort.kind = Kind::kAssertion;
    abort.condition = "not reached";
  }
  // "assert.h assertion failed at file/path.cc:380 in Foo: x > 0"
  if (const size_t at = message.find("assertion failed at "); at != kNowhere) {
    Words words(message.substr(at + 20));
    abort.kind = Kind::kAssertion;
    const auto file = words.take_until(":");
    const auto line = words.take_number();
    if (file && line) {
      abort.file = *file;
      abort.line = static_cast<uint32_t>(*line);
    }
    if (words.take_until(": ")) abort.condition = words.rest();
  }
}

namespace {

// glog and abseil: "F0813 00:29:27.775753  384244 file.cc:130] Check failed: x"
std::optional<LastWords> read_glog(std::string_view text) {
  if (!text.starts_with('F') || text.size() < 12 || !is_digit(text[1]) || !is_digit(text[4]))
    return std::nullopt;
  const size_t bracket = text.find("] ");
  if (bracket == kNowhere) return std::nullopt;
  const std::string_view head = text.substr(0, bracket);
  const size_t blank = head.rfind(' '), colon = head.rfind(':');
  if (blank == kNowhere || colon == kNowhere || colon < blank) return std::nullopt;
  const auto line = number_of(head.substr(colon + 1));
  if (!line || !is_digit(text[2]) || !is_digit(text[3]) || text[5] != ' ') return std::nullopt;
  LastWords found;
  read_check_message(text.substr(bracket + 2), found.abort);
  if (found.abort.file.empty()) {
    found.abort.file = head.substr(blank + 1, colon - blank - 1);
    found.abort.line = static_cast<uint32_t>(*line);
  }
  return found;
}

// Chromium: "[420:1396:0603/182751:FATAL:media.cc(278)] Check failed: x.", newer
// ":FATAL:dir/a.cc:40]"
std::optional<LastWords> read_chromium(std::string_view text) {
  const size_t mark = text.find("FATAL:");
  const size_t open = text.rfind('[', mark);
  if (mark == kNowhere || open == kNowhere) return std::nullopt;
  const size_t close = text.find("] ", mark);
  if (close == kNowhere) return std::nullopt;
  std::string_view place = text.substr(mark + 6, close - mark - 6);
  std::optional<uint64_t> line;
  if (place.ends_with(')')) {
    const size_t paren = place.rfind('(');
    if (paren == kNowhere) return std::nullopt;
    line = number_of(place.substr(paren + 1, place.size() - paren - 2));
    place = place.substr(0, paren);
  } else if (const size_t colon = place.rfind(':'); colon != kNowhere) {
    line = number_of(place.substr(colon + 1));
    place = place.substr(0, colon);
  }
  if (!line || place.empty() || place.find(' ') != kNowhere) return std::nullopt;
  LastWords found;
  std::string_view message = text.substr(close + 2);
  if (message.starts_with("check(") && message.ends_with(')')) {  // Skia
    found.abort.kind = Kind::kAssertion;
    found.abort.message = message;
    found.abort.condition = message.substr(6, message.size() - 7);
  } else {
    read_check_message(message, found.abort);
  }
  found.abort.file = place;
  found.abort.line = static_cast<uint32_t>(*line);
  found.raises_abort = false;
  return found;
}

// GLib: "GLib:ERROR:../gvariant-parser.c:709:ast_array_get_pattern: assertion failed: (j < i)"
std::optional<LastWords> read_glib(std::string_view text) {
  const size_t mark = text.find("ERROR:");
  if (mark != kNowhere && (mark == 0 || text[mark - 1] == ':')) {
    Words words(text.substr(mark + 6));
    const auto file = words.take_until(":");
    const auto line = words.take_number();
    if (!file || !line || !words.take(":")) return std::nullopt;
    const auto function = words.take_until(": ");
    const std::string_view rest = words.rest();
    if (!function || (rest.find("assertion failed") == kNowhere &&
                      rest.find("should not be reached") == kNowhere))
      return std::nullopt;
    LastWords found;
    read_check_message(rest, found.abort);
    found.abort.kind = Kind::kAssertion;
    std::string& condition = found.abort.condition;
    if (condition.starts_with('(') && condition.ends_with(')'))
      condition = condition.substr(1, condition.size() - 2);
    found.abort.message = text;
    found.abort.file = *file;
    found.abort.line = static_cast<uint32_t>(*line);
    found.abort.function = *function;
    return found;
  }
  // "(prog:12): Gst-CRITICAL **: f: assertion 'x' failed": fatal only when it was made so.
  if (text.find("CRITICAL") == kNowhere) return std::nullopt;
  const size_t at = text.find(": assertion '");
  const size_t end = text.rfind("' failed");
  if (at == kNowhere || end == kNowhere || end < at + 13) return std::nullopt;
  LastWords found;
  found.needs_death = true;
  found.abort.kind = Kind::kAssertion;
  found.abort.message = text;
  found.abort.condition = text.substr(at + 13, end - at - 13);
  const size_t blank = text.rfind(' ', at - 1);
  found.abort.function =
      text.substr(blank == kNowhere ? 0 : blank + 1, at - (blank == kNowhere ? 0 : blank + 1));
  return found;
}

// WebKit: "ASSERTION FAILED: start <= end", then "../../a.cpp(123) : void f()".
std::optional<LastWords> read_webkit(const ReportLines& lines) {
  if (!lines[0].starts_with("ASSERTION FAILED: ")) return std::nullopt;
  LastWords found;
  read_check_message(lines[0], found.abort);
  found.raises_abort = false;
  if (lines.size() < 2) return found;
  const std::string_view place = lines[1];
  const size_t open = place.find('(');
  const size_t close = place.find(") : ");
  if (open == kNowhere || close == kNowhere || close < open) return found;
  const auto line = number_of(place.substr(open + 1, close - open - 1));
  if (!line) return found;
  found.abort.file = place.substr(0, open);
  found.abort.line = static_cast<uint32_t>(*line);
  found.abort.function = place.substr(close + 4);
  found.taken = 2;
  return found;
}

// Envoy: "[…][critical][assert] source/a.cc:259] panic: not reached", "assert failure: x."
std::optional<LastWords> read_envoy(std::string_view text) {
  const size_t mark = text.find("[assert] ");
  if (mark == kNowhere) return std::nullopt;
  Words words(text.substr(mark + 9));
  words.take("[");
  const auto file = words.take_until(":");
  const auto line = words.take_number();
  if (!file || !line || !words.take("] ")) return std::nullopt;
  LastWords found;
  AbortFacts& abort = found.abort;
  abort.kind = Kind::kAssertion;
  abort.message = words.rest();
  abort.file = *file;
  abort.line = static_cast<uint32_t>(*line);
  std::string_view condition = words.rest();
  for (const std::string_view front : {"panic: ", "assert failure: "}) {
    if (condition.starts_with(front)) condition.remove_prefix(front.size());
  }
  abort.condition = condition;
  return found;
}

}  // namespace

std::optional<LastWords> read_check_words(const ReportLines& lines) {
  const std::string_view text = lines[0];
  if (auto found = read_glog(text)) return found;
  if (auto found = read_chromium(text)) return found;
  if (auto found = read_glib(text)) return found;
  if (auto found = read_webkit(lines)) return found;
  return read_envoy(text);
}

}  // namespace inquest::diagnosis
