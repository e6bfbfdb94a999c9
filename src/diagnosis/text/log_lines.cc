#include "diagnosis/text/log_lines.h"

#include <cstring>

#include "diagnosis/text/prefix.h"

namespace inquest::diagnosis {
namespace {

constexpr char kEscape = '\x1b';

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
  while (line.text.ends_with('\r')) line.text.remove_suffix(1);
  offset_ += end == nullptr ? size : size + 1;
  ++number_;
  return line;
}

std::string without_escapes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  while (!text.empty()) {
    const size_t escape = std::min(text.find(kEscape), text.size());
    plain += text.substr(0, escape);
    text.remove_prefix(escape);
    if (!text.empty()) text.remove_prefix(escape_size(text));
  }
  return plain;
}

bool needs_decoding(std::string_view raw) {
  return std::memchr(raw.data(), kEscape, raw.size()) != nullptr;
}

std::string_view Stripper::keep(std::string text) {
  kept_ += text.size();
  return texts_.emplace_back(std::move(text));
}

void Stripper::strip(const RawLine& raw, std::vector<LogLine>& out) {
  std::string_view text = raw.text;
  if (std::memchr(text.data(), kEscape, text.size()) != nullptr) text = keep(without_escapes(text));
  const Prefix prefix = find_prefix(text);
  out.push_back({.line = {.text = text.substr(prefix.size),
                          .prefix = text.substr(0, prefix.size),
                          .number = raw.number},
                 .writer = prefix.writer});
}

}  // namespace inquest::diagnosis
