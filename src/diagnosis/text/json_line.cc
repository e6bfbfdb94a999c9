#include "diagnosis/text/json_line.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/utf8.h"
#include "diagnosis/text/words.h"

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxMembers = 512;
constexpr size_t kMaxDepth = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Walks one JSON object from left to right; every step says whether it succeeded.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // The raw contents of a string; its quotes consumed. A string without an end is what is left.
  std::optional<std::string_view> string() {
    if (!take('"')) return std::nullopt;
    size_t at = 0;
    while (true) {
      at = rest_.find_first_of("\"\\", at);
      if (at == std::string_view::npos || rest_[at] == '"') break;
      at += 2;
    }
    const std::string_view raw = rest_.substr(0, at);
    rest_.remove_prefix(std::min(raw.size() + 1, rest_.size()));
    return raw;
  }
  bool skip_value();

 private:
  std::string_view rest_;
};

bool Reader::skip_value() {
  size_t depth = 0;
  do {
    skip_space();
    if (rest_.empty()) return false;
    const char c = rest_.front();
    if (c == '"') {
      string();
    } else if (c == '{' || c == '[') {
      rest_.remove_prefix(1);
      if (++depth > kMaxDepth) return false;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return false;
      rest_.remove_prefix(1);
      --depth;
    } else if (c == ',' || c == ':') {
      if (depth == 0) return false;
      rest_.remove_prefix(1);
    } else {
      const size_t end = rest_.find_first_of(",]}: \t");
      if (end == 0) return false;
      rest_.remove_prefix(std::min(end, rest_.size()));
    }
  } while (depth > 0);
  return true;
}

// "\u001b" → its bytes; what is no escape stays as written.
std::string unescape(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  const auto unit = [&](size_t at) -> std::optional<uint32_t> {
    if (at + 6 > raw.size() || raw[at] != '\\' || raw[at + 1] != 'u') return std::nullopt;
    uint32_t value = 0;
    for (size_t i = at + 2; i < at + 6; ++i) {
      const int digit = hex_digit(raw[i]);
      if (digit < 0) return std::nullopt;
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    return value;
  };
  for (size_t at = 0; at < raw.size();) {
    const size_t plain = std::min(raw.find('\\', at), raw.size());
    out += raw.substr(at, plain - at);
    at = plain;
    if (at + 1 >= raw.size()) break;
    if (const auto first = unit(at)) {
      at += 6;
      const auto second = unit(at);
      const bool pair =
          *first >= 0xd800 && *first < 0xdc00 && second && *second >= 0xdc00 && *second < 0xe000;
      if (pair) at += 6;
      append_utf8(out, pair ? 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00) : *first);
      continue;
    }
    constexpr std::string_view kNames = "nrtbf", kMeanings = "\n\r\t\b\f";
    const size_t known = kNames.find(raw[at + 1]);
    out += known == std::string_view::npos ? raw[at + 1] : kMeanings[known];
    at += 2;
  }
  return out;
}

// "[72,101]": what journald writes for a message that is not plain text.
std::string bytes_of(std::string_view array) {
  std::string out;
  Words words(array.substr(std::min<size_t>(array.size(), 1)));
  while (true) {
    words.skip_blanks();
    const auto byte = words.take_number();
    if (!byte || *byte > 0xff) return out;
    out += static_cast<char>(*byte);
    words.skip_blanks();
    if (!words.take(",")) return out;
  }
}

constexpr std::array<std::string_view, 8> kMessageKeys = {
    "MESSAGE", "message", "msg", "log", "textPayload", "@message", "line", "Message"};
// Together they name who wrote a record.
constexpr std::array<std::string_view, 11> kWriterKeys = {
    "_HOSTNAME", "SYSLOG_IDENTIFIER", "_PID",     "_CONTAINER_NAME", "CONTAINER_NAME",
    "stream",    "container_name",    "pod_name", "hostname",        "pid",
    "container"};

size_t rank_of(std::string_view key) {
  return static_cast<size_t>(std::find(kMessageKeys.begin(), kMessageKeys.end(), key) -
                             kMessageKeys.begin());
}

// `value` as it stands in the record.
std::string decoded(std::string_view value) {
  if (value.starts_with('[')) return bytes_of(value);
  Reader reader(value);
  const auto raw = reader.string();
  return raw ? unescape(*raw) : std::string();
}

}  // namespace

bool may_be_json(std::string_view line) {
  const size_t start = line.find_first_not_of(" \t\x1e");
  if (start == std::string_view::npos) return false;
  if (line[start] == '{') return true;
  if (line.starts_with("data: {")) return true;
  if (line[start] == '"') return line.substr(start).starts_with("\"MESSAGE\"");
  return line.find_last_not_of(' ') == line.rfind('}') &&
         line.find("{\"") != std::string_view::npos;
}

std::optional<JsonMessage> json_message(std::string_view line) {
  const size_t open = line.find('{');
  const size_t quote = line.find('"');
  // One member of journalctl -o json-pretty stands on a line of its own.
  const bool pretty = open == std::string_view::npos || quote < open;
  if (pretty && quote == std::string_view::npos) return std::nullopt;
  Reader reader(line.substr(pretty ? quote : open + 1));
  JsonMessage message;
  std::string identifier, pid;
  std::string_view best;
  size_t best_rank = kMessageKeys.size();
  for (size_t member = 0; member < kMaxMembers; ++member) {
    const auto key = reader.string();
    if (!key || !reader.take(':')) break;
    reader.skip_space();
    const std::string_view start = reader.rest();
    const bool whole = reader.skip_value();
    const std::string_view value = start.substr(0, start.size() - reader.rest().size());
    const bool is_text = value.starts_with('"') || (value.starts_with('[') && *key == "MESSAGE");
    if (const size_t rank = rank_of(*key); rank < best_rank && is_text) {
      best = value;
      best_rank = rank;
    } else if (std::find(kWriterKeys.begin(), kWriterKeys.end(), *key) != kWriterKeys.end()) {
      message.writer.append(message.writer.empty() ? "" : " ").append(value);
      if (*key == "SYSLOG_IDENTIFIER") identifier = decoded(value);
      if (*key == "_PID") pid = value.starts_with('"') ? decoded(value) : std::string(value);
    }
    if (!whole || !reader.take(',')) break;
  }
  if (best_rank == kMessageKeys.size()) return std::nullopt;
  message.text = decoded(best);
  // As syslog has it, which every reader of writers understands.
  if (!identifier.empty() && !pid.empty()) message.writer += " " + identifier + "[" + pid + "]:";
  return message;
}

}  // namespace inquest::diagnosis
