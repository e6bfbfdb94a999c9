// STACK CFI INIT and the STACK CFI records that change its rules further on in the function.
#include <algorithm>

#include "binary/breakpad/fields.h"
#include "binary/breakpad/symbol_file.h"

namespace inquest::breakpad {
namespace {

// ".cfa: $rsp 16 + $rbp: .cfa -16 + ^": each name ends with a colon, its expression goes up to the
// next one.
void read_rules(std::string_view text, std::vector<FrameRule>& rules) {
  FrameRule rule;
  const char* expression = nullptr;
  const auto finish = [&](const char* end) {
    if (expression == nullptr) return;
    rule.expression = {expression, static_cast<size_t>(end - expression)};
    while (rule.expression.ends_with(' ')) rule.expression.remove_suffix(1);
    const auto known = std::find_if(rules.begin(), rules.end(), [&](const FrameRule& other) {
      return other.name == rule.name;
    });
    if (known != rules.end()) {
      known->expression = rule.expression;
    } else if (rules.size() < kMaxFrameRules) {
      rules.push_back(rule);
    }
  };
  Fields fields(text);
  while (!fields.at_end()) {
    const std::string_view word = fields.word();
    if (word.size() < 2 || !word.ends_with(':')) continue;
    finish(word.data());
    rule.name = word.substr(0, word.size() - 1);
    expression = fields.rest().data();
  }
  finish(text.data() + text.size());
}

}  // namespace

std::optional<FrameRules> SymbolFile::rules_at(uint64_t address) const {
  const auto last = RecordIndex::at_or_before(index_.frames, address);
  if (!last) return std::nullopt;
  const RecordIndex::Place place = index_.frames[*last];
  uint64_t next = 0;
  Fields fields(line_at(text_, place.offset, &next));
  for (int i = 0; i < 4; ++i) fields.word();  // STACK CFI INIT, the address
  const auto size = fields.hex();
  const auto end = size ? checked_add(place.key, *size) : std::nullopt;
  if (!end || address >= *end) return std::nullopt;
  FrameRules result{place.key, *end, place.key, *end, {}};
  read_rules(fields.rest(), result.rules);
  for (size_t row = 0; row < kMaxFrameRows; ++row) {
    const std::string_view line = line_at(text_, next, &next);
    if (!line.starts_with("STACK CFI ") || line.starts_with("STACK CFI INIT ")) break;
    Fields change(line.substr(10));
    const auto from = change.hex();
    if (!from || *from < result.start) break;
    if (*from > address) {
      result.end = std::min(result.end, *from);
      break;
    }
    result.start = *from;
    read_rules(change.rest(), result.rules);
  }
  return result;
}

}  // namespace inquest::breakpad
