#include "diagnosis/facts/origin_trail.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxBlamed = 5;
constexpr int kLeastWeight = 5;
constexpr int kMostConfident = 90;
constexpr size_t kMaxSteps = 24;

}  // namespace

bool is_error_value(std::optional<uint64_t> value) {
  constexpr uint64_t kSmall = 4096;
  return value && (*value < kSmall || *value > ~kSmall || *value == 0xffff'ffff);
}

std::string value_words(std::optional<uint64_t> value) {
  if (!value) return "an unknown value";
  return *value == 0 ? "null" : to_hex(*value);
}

std::string last_name(const std::string& text) {
  const std::string name = text.substr(0, text.find_last_not_of("])0123456789[(+ ") + 1);
  const size_t from = name.find_last_of(".>:*&( ");
  return from == std::string::npos ? name : name.substr(from + 1);
}

std::string quoted(const std::string& name) {
  return name.empty() ? "the value" : fmt::format("`{}`", name);
}

std::string pointee(std::string type) {
  for (const std::string_view word : {"const", "volatile", "struct", "class", "union"}) {
    for (size_t at = type.find(word); at != std::string::npos; at = type.find(word, at)) {
      const auto is_letter = [&](size_t i) {
        return i < type.size() &&
               (std::isalnum(static_cast<unsigned char>(type[i])) != 0 || type[i] == '_');
      };
      if ((at > 0 && is_letter(at - 1)) || is_letter(at + word.size())) {
        at += word.size();
      } else {
        type.erase(at, word.size());
      }
    }
  }
  std::erase_if(type, [](char c) { return c == '*' || c == '&' || c == ' '; });
  return type;
}

std::string last_part(const std::string& name) {
  size_t depth = 0, from = 0, to = name.size();
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<' && depth++ == 0) to = i;
    if (name[i] == '>' && depth > 0) --depth;
    if (depth == 0 && name.compare(i, 2, "::") == 0) from = i + 2, to = name.size();
  }
  return name.substr(from, to > from ? to - from : std::string::npos);
}

bool has_argument(const std::string& name, const std::string& type) {
  if (type.empty()) return false;
  for (size_t at = name.find(type); at != std::string::npos; at = name.find(type, at + 1)) {
    const char before = at == 0 ? 0 : name[at - 1];
    const size_t end = at + type.size();
    const char behind = end < name.size() ? name[end] : 0;
    if ((before == '<' || before == ' ') && (behind == '>' || behind == ',' || behind == ' '))
      return true;
  }
  return false;
}

std::string public_name(std::string_view name) {
  for (const std::string_view prefix : {"__libc_", "__GI_"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  while (name.starts_with('_') && !name.starts_with("_M_")) name.remove_prefix(1);
  return std::string(name);
}

OriginStep& OriginTrail::step(OriginStep::Kind kind, std::string statement, const CodePlace& place,
                              std::optional<size_t> frame, std::string trust) {
  if (steps_.size() >= kMaxSteps) steps_.pop_back();
  OriginStep& step = steps_.emplace_back();
  step.kind = kind;
  step.statement = std::move(statement);
  step.function = place.function;
  step.file = place.file;
  step.line = place.line;
  step.frame = frame;
  step.pc = place.pc;
  step.trust = std::move(trust);
  return step;
}

int Suspect::weight() const {
  int sum = 0;
  for (size_t i = 0; i < reasons.size(); ++i) {
    const bool whole = i == 0 || reasons[i] == Reason::kIsActive;
    sum += whole ? weight_of(reasons[i]) : weight_of(reasons[i]) / 2;
  }
  return sum;
}

void OriginTrail::suspect(const CodePlace& place, std::optional<size_t> frame, Reason reason,
                          std::string why) {
  // Nobody is to blame in code that is not the program's.
  if (place.role != CodeRole::kUser) return;
  if (doubtful_ && weight_of(reason) > weight_of(Reason::kMayHaveMade))
    reason = Reason::kMayHaveMade;
  auto same = std::ranges::find_if(suspects_, [&](const Suspect& known) {
    return known.place.module == place.module && known.place.function == place.function &&
           (!place.function.empty() || known.place.module_offset == place.module_offset);
  });
  if (same == suspects_.end()) {
    suspects_.push_back({place, frame, std::move(why), {reason}});
    return;
  }
  if (!same->frame) same->frame = frame;
  if (std::ranges::find(same->reasons, reason) != same->reasons.end()) return;
  const bool heaviest = weight_of(reason) > weight_of(same->reasons.front());
  same->reasons.insert(heaviest ? same->reasons.begin() : same->reasons.end(), reason);
  if (!heaviest) return;
  same->why = std::move(why);
  same->place = place;
}

bool OriginTrail::crashed(const std::string& function) const {
  return !suspects_.empty() && suspects_.front().place.function == function;
}

void OriginTrail::suspect_elsewhere(const CodePlace& place, std::optional<size_t> frame,
                                    Reason reason, std::string why) {
  if (!crashed(place.function)) suspect(place, frame, reason, std::move(why));
}

void OriginTrail::strengthen(const std::string& function, Reason reason) {
  for (Suspect& suspect : suspects_) {
    auto& reasons = suspect.reasons;
    if (suspect.place.function != function || std::ranges::find(reasons, reason) != reasons.end())
      continue;
    const bool heaviest = weight_of(reason) > weight_of(reasons.front());
    reasons.insert(heaviest ? reasons.begin() : reasons.end(), reason);
  }
}

void OriginTrail::corroborate(const std::string& function, const std::string& why) {
  if (function.empty()) return;
  for (Suspect& suspect : suspects_) {
    if (suspect.place.function != function) continue;
    suspect.reasons.push_back(Reason::kIsActive);
    suspect.why += ", " + why;
  }
}

std::vector<BlameFact> OriginTrail::ranked() const {
  std::vector<const Suspect*> order;
  int total = 0;
  for (const Suspect& suspect : suspects_) {
    if (suspect.weight() < kLeastWeight) continue;
    order.push_back(&suspect);
    total += suspect.weight();
  }
  std::ranges::stable_sort(order, std::greater<>(), &Suspect::weight);
  if (order.size() > kMaxBlamed) order.resize(kMaxBlamed);
  std::vector<BlameFact> out;
  for (const Suspect* suspect : order) {
    BlameFact& fact = out.emplace_back();
    fact.function = suspect->place.function;
    fact.file = suspect->place.file;
    fact.line = suspect->place.line;
    fact.frame = suspect->frame;
    fact.module = suspect->place.module;
    fact.module_offset = suspect->place.module_offset;
    fact.why = suspect->why;
    // Its share of all suspicion, and never more than what speaks for it by itself.
    fact.confidence =
        std::min({suspect->weight() * 100 / std::max(total, 1), suspect->weight(), kMostConfident});
  }
  return out;
}

}  // namespace inquest::diagnosis
