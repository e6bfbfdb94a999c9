#include "diagnosis/facts/told.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxAnnotationsShown = 24;
constexpr size_t kMaxValueShown = 160;  // bytes
constexpr std::string_view kStderr = "last lines of stderr";

// base/logging.cc of Chromium; crash_dump of Android and those who follow it; Sentry's and
// Electron's habits.
constexpr std::array<std::string_view, 5> kLastWords = {
    "LOG_FATAL", "abort_message", "abort-message", "abort_msg", "assertion_message"};

std::string shown(const std::string& value) {
  if (value.size() <= kMaxValueShown) return value;
  size_t end = kMaxValueShown;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;
  return value.substr(0, end) + "…";
}

void add_circumstances(const process::ProcessImage& image, Facts& facts) {
  std::string text;
  for (const process::Annotation& fact : image.circumstances) {
    if (fact.name == kStderr) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", fact.name, shown(fact.value));
  }
  if (!text.empty()) facts.other.push_back({std::move(text), {}});
  for (const process::Annotation& fact : image.circumstances) {
    if (fact.name == kStderr)
      facts.other.push_back({fmt::format("{}: {}", fact.name, fact.value), {}});
  }
}

}  // namespace

std::optional<process::Annotation> told_last_words(const process::ProcessImage& image) {
  for (const process::Annotation& annotation : image.annotations) {
    const bool known =
        std::find(kLastWords.begin(), kLastWords.end(), annotation.name) != kLastWords.end();
    if (known && !annotation.value.empty()) return annotation;
  }
  return std::nullopt;
}

void add_told(const process::ProcessImage& image, Facts& facts) {
  if (!image.system.empty()) {
    facts.other.push_back({fmt::format("it ran on {}", image.system), {}});
  }
  add_circumstances(image, facts);
  if (image.annotations.empty()) return;
  std::string text;
  const size_t count = std::min(image.annotations.size(), kMaxAnnotationsShown);
  for (size_t i = 0; i < count; ++i) {
    const process::Annotation& annotation = image.annotations[i];
    text += text.empty() ? "" : "; ";
    text += annotation.name.empty()
                ? fmt::format("\"{}\"", shown(annotation.value))
                : fmt::format("{} = {}", annotation.name, shown(annotation.value));
  }
  if (image.annotations.size() > count) {
    text += fmt::format("; and {} more", image.annotations.size() - count);
  }
  facts.other.push_back({fmt::format("the program had told its crash reporter: {}", text), {}});
}

}  // namespace inquest::diagnosis
