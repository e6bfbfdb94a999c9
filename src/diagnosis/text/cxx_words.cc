#include <string>

#include "diagnosis/facts/abort_text.h"
#include "diagnosis/text/last_words.h"

namespace inquest::diagnosis {
namespace {

using Kind = AbortFacts::Kind;
constexpr auto kNowhere = std::string_view::npos;

// libstdc++: "terminate called after throwing an instance of 'X'", "  what():  message"
std::optional<LastWords> read_libstdcxx(const ReportLines& lines) {
  const std::string_view text = lines[0];
  const size_t mark = text.find("terminate called ");
  if (mark == kNowhere) return std::nullopt;
  const std::string_view words = text.substr(mark);
  if (!words.starts_with("terminate called after throwing") &&
      !words.starts_with("terminate called without") &&
      !words.starts_with("terminate called recursively"))
    return std::nullopt;
  LastWords found;
  std::string message(words);
  constexpr size_t kMaxTalk = 3;  // lines of other threads in between
  for (size_t i = 1; i < lines.size() && i <= kMaxTalk; ++i) {
    if (lines[i].starts_with("terminate called recursively")) found.taken = i + 1;
    if (!lines[i].starts_with("what():")) continue;
    message += "\n  " + std::string(lines[i]);
    found.taken = i + 1;
    break;
  }
  found.abort = parse_abort_text(message);
  return found;
}

// libc++abi: "libc++abi: terminating due to uncaught exception of type std::runtime_error: message"
std::optional<LastWords> read_libcxxabi(std::string_view text) {
  const size_t mark = text.find("libc++abi");
  if (mark == kNowhere) return std::nullopt;
  LastWords found;
  AbortFacts& abort = found.abort;
  abort.message = text.substr(mark);
  if (text.find("ure virtual function called") != kNowhere) {
    abort.kind = Kind::kPureVirtual;
    return found;
  }
  if (text.find("terminating") == kNowhere) return std::nullopt;
  abort.kind = Kind::kTerminate;
  Words words(text.substr(mark));
  if (words.take_until("exception of type ")) {
    abort.kind = Kind::kException;
    const std::string_view rest = words.rest();
    // The type may hold "::"; its end is ": " or the end of the line.
    const size_t end = rest.find(": ");
    abort.exception_type = rest.substr(0, end);
    if (end != kNowhere) abort.exception_what = rest.substr(end + 2);
  }
  return found;
}

// libc++'s hardening: "…/vector:559: assertion !full() failed: message", "libc++ Hardening
// assertion x failed: …"
std::optional<LastWords> read_hardening(std::string_view text) {
  size_t mark = text.find("ssertion ");
  if (mark == kNowhere || mark == 0) return std::nullopt;
  const bool named = text.find("libc++ Hardening assertion ") != kNowhere;
  const std::string_view front = trim(text.substr(0, mark - 1));
  const bool placed = front.ends_with(':') && text[mark - 1] == 'a' &&
                      (front.find("/c++/v1/") != kNowhere || front.find("libcxx") != kNowhere);
  if (!named && !placed) return std::nullopt;
  Words words(text.substr(mark + 9));
  const auto condition = words.take_until(" failed");
  if (!condition) return std::nullopt;
  LastWords found;
  AbortFacts& abort = found.abort;
  abort.kind = Kind::kAssertion;
  abort.condition = *condition;
  // Programs lose the line's end here, and the next writer's words follow.
  std::string_view message = text;
  for (const std::string_view next :
       {"AddressSanitizer:DEADLYSIGNAL", "MemorySanitizer:DEADLYSIGNAL"}) {
    message = message.substr(0, message.find(next));
  }
  abort.message = message;
  if (!placed) return found;
  std::string_view place = front.substr(0, front.size() - 1);
  if (const size_t colon = place.rfind(':'); colon != kNowhere) {
    abort.line = static_cast<uint32_t>(number_of(place.substr(colon + 1)).value_or(0));
    place = place.substr(0, colon);
  }
  abort.file = place;
  return found;
}

}  // namespace

std::optional<LastWords> read_cxx_words(const ReportLines& lines) {
  if (auto found = read_libstdcxx(lines)) return found;
  const std::string_view text = lines[0];
  if (text == "pure virtual method called" || text.starts_with("Pure virtual function called")) {
    LastWords found;
    found.abort = parse_abort_text(text);
    // "terminate called without an active exception" says the same once more.
    if (lines.size() > 1 && lines[1].starts_with("terminate called without")) found.taken = 2;
    return found;
  }
  if (auto found = read_libcxxabi(text)) return found;
  return read_hardening(text);
}

}  // namespace inquest::diagnosis
