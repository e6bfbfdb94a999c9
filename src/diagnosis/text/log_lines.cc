#include "diagnosis/text/log_lines.h"

#include <algorithm>
#include <cstring>

#include "diagnosis/text/json_line.h"
#include "diagnosis/text/prefix.h"

namespace inquest::diagnosis {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::string_view kSyslogEscape = "#033[";  // as rsyslog writes it
constexpr int kMaxRecordDepth = 2;                   // a structured record in a container's record

bool has_escapes(std::string_view text) {
  return !text.empty() && (std::memchr(text.data(), kEscape, text.size()) != nullptr ||
                           text.find(kSyslogEscape) != std::string_view::npos);
}

// The bytes of the escape sequence at the start of `text`: CSI … final, OSC … BEL, or two bytes.
size_t escape_size(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    size_t at = 2;
    while (at < text.size() && (text[at] < 0x40 || text[at] > 0x7e)) ++at;
    return std::min(at + 1, text.size());
  }
  if (text[1] == ']') {
    size_t at = 2;
    while (at < text.size() && text[at] != '\a' && text[at] != kEscape) ++at;
    return std::min(at + 1, text.size());
  }
  return 2;
}

}  // namespace

std::optional<RawLine> RawLines::next() {
  if (at_end()) return std::nullopt;
  const std::string_view rest = text_.substr(offset_);
  const void* end = std::memchr(rest.data(), '\n', rest.size());
  const size_t size = end == nullptr
                          ? rest.size()
                          : static_cast<size_t>(static_cast<const char*>(end) - rest.data());
  RawLine line{rest.substr(0, std::min(size, max_line_)), offset_, number_};
  // A file that was cut short while it was written to has zeros where the lost part was.
  while (line.text.ends_with('\r') || line.text.ends_with('\0')) line.text.remove_suffix(1);
  while (line.text.starts_with('\0')) line.text.remove_prefix(1);
  offset_ += end == nullptr ? size : size + 1;
  ++number_;
  return line;
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const size_t named = text.find(kSyslogEscape);
    const size_t escape = std::min({text.find(kEscape), named, text.size()});
    plain += text.substr(0, escape);
    text.remove_prefix(escape);
    if (text.empty()) break;
    // Of "#033[1m" what is after the name is as after an escape character.
    const size_t name = escape == named ? kSyslogEscape.size() - 2 : 0;
    text.remove_prefix(name + escape_size(text.substr(name)));
  }
  return plain;
}

bool needs_decoding(std::string_view raw) { return has_escapes(raw) || may_be_json(raw); }

std::string_view Stripper::keep(std::string text) {
  kept_ += text.size();
  return texts_.emplace_back(std::move(text));
}

void Stripper::clear() {
  texts_.clear();
  kept_ = 0;
}

void Stripper::strip(const RawLine& raw, std::vector<LogLine>& out) {
  strip(raw.text, raw.number, {}, kMaxRecordDepth, out);
}

// `depth`: how many records may still be packed into each other.
void Stripper::strip(std::string_view text, uint32_t number, std::string_view writer, int depth,
                     std::vector<LogLine>& out) {
  if (has_escapes(text)) text = keep(without_escapes(text));
  const Prefix prefix = find_prefix(text);
  const std::string_view body = text.substr(prefix.size);
  if (!prefix.writer.empty()) writer = prefix.writer;
  if (depth > 0 && may_be_json(body)) {
    if (auto record = json_message(body)) {
      if (!record->writer.empty()) writer = keep(std::move(record->writer));
      strip_record(keep(std::move(record->text)), number, writer, depth - 1, out);
      return;
    }
  }
  out.push_back({.line = {.text = body, .prefix = text.substr(0, prefix.size), .number = number},
                 .writer = writer});
}

void Stripper::strip_record(std::string_view message, uint32_t number, std::string_view writer,
                            int depth, std::vector<LogLine>& out) {
  if (message.ends_with('\n')) message.remove_suffix(1);
  while (true) {
    const size_t end = message.find('\n');
    std::string_view line = message.substr(0, end);
    while (line.ends_with('\r')) line.remove_suffix(1);
    strip(line, number, writer, depth, out);
    if (end == std::string_view::npos) return;
    message.remove_prefix(end + 1);
  }
}

}  // namespace inquest::diagnosis
