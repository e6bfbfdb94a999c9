#include "process/issues/version_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/words.h"

namespace inquest::issues {
namespace {

constexpr size_t kMaxText = 1000;

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Digits without leading zeros: compared by length first they may be of any size.
std::string_view take_digits(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  while (digits.size() > 1 && digits.starts_with('0')) digits.remove_prefix(1);
  return digits.empty() ? "0" : digits;
}

std::string_view take_letters(std::string_view& text) {
  size_t end = 0;
  while (end < text.size() && !is_digit(text[end]) && text[end] != '.') ++end;
  const std::string_view letters = text.substr(0, end);
  text.remove_prefix(end);
  if (text.starts_with('.')) text.remove_prefix(1);
  return letters;
}

int compare_digits(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// Where what follows a number stands: before the number alone, or after it.
int rank(std::string_view letters) {
  static constexpr std::array<std::string_view, 6> kBefore = {"rc", "a", "b", "dev", "-", "~"};
  if (letters.empty()) return 0;
  const bool before = std::ranges::any_of(
      kBefore, [&](std::string_view word) { return letters.starts_with(word); });
  return before ? -1 : 1;
}

int compare_letters(std::string_view a, std::string_view b) {
  return rank(a) != rank(b) ? rank(a) - rank(b) : a.compare(b);
}

std::string_view without_epoch(std::string_view version) {
  const size_t colon = version.find(':');
  if (colon != std::string_view::npos) version.remove_prefix(colon + 1);
  if (version.starts_with('v')) version.remove_prefix(1);
  return version;
}

bool holds(std::string_view operation, int order) {
  if (operation == "<") return order < 0;
  if (operation == "<=") return order <= 0;
  if (operation == ">") return order > 0;
  if (operation == ">=") return order >= 0;
  return order == 0;
}

}  // namespace

int compare_versions(std::string_view a, std::string_view b) {
  a = without_epoch(a);
  b = without_epoch(b);
  while (!a.empty() || !b.empty()) {
    const size_t before = a.size() + b.size();
    if (const int order = compare_digits(take_digits(a), take_digits(b)); order != 0) return order;
    if (const int order = compare_letters(take_letters(a), take_letters(b)); order != 0)
      return order;
    if (a.size() + b.size() == before) return a.compare(b);
  }
  return 0;
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
  if (text.size() > kMaxText) return Error(ErrorCode::kTooLarge, "a range of versions is too long");
  VersionRange range;
  range.text_ = text;
  std::vector<Bound> bounds;
  while (true) {
    const std::string_view word = take_word(text);
    if (word.empty() || word == "||") {
      if (!bounds.empty()) range.alternatives_.push_back(std::move(bounds));
      bounds.clear();
      if (word.empty()) return range;
      continue;
    }
    const size_t version = std::min(word.find_first_not_of("<>="), word.size());
    const std::string_view operation = word.substr(0, version);
    static constexpr std::array<std::string_view, 5> kOperations = {"<", "<=", ">", ">=", "="};
    if (std::ranges::find(kOperations, operation) == kOperations.end() || version == word.size() ||
        !is_digit(word[version])) {
      return Error(ErrorCode::kCorrupt, fmt::format("`{}` is no comparison with a version", word));
    }
    bounds.push_back({std::string(operation), std::string(word.substr(version))});
  }
}

bool VersionRange::contains(std::string_view version) const {
  if (alternatives_.empty()) return true;
  return std::ranges::any_of(alternatives_, [&](const std::vector<Bound>& bounds) {
    return std::ranges::all_of(bounds, [&](const Bound& bound) {
      return holds(bound.operation, compare_versions(version, bound.version));
    });
  });
}

}  // namespace inquest::issues
