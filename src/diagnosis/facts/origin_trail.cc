#include "diagnosis/facts/origin_trail.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::diagnosis {
namespace {

constexpr size_t kMaxBlamed = 5;
constexpr int kLeastWeight = 5;
constexpr int kMostConfident = 90;
constexpr size_t kMaxSteps = 24;

}  // namespace

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

void OriginTrail::suspect(const CodePlace& place, std::optional<size_t> frame, int weight,
                          std::string why) {
  // Nobody is to blame in code that is not the program's.
  if (place.role != CodeRole::kUser) return;
  const auto same = std::ranges::find_if(suspects_, [&](const Suspect& known) {
    return known.place.module == place.module && known.place.function == place.function &&
           (!place.function.empty() || known.place.module_offset == place.module_offset);
  });
  if (same == suspects_.end()) {
    suspects_.push_back({place, frame, weight, std::move(why)});
    reasons_.push_back({weight});
    return;
  }
  same->weight += weight;
  if (!same->frame) same->frame = frame;
  Reason& reason = reasons_[static_cast<size_t>(same - suspects_.begin())];
  if (weight <= reason.weight) return;
  reason.weight = weight;
  same->why = std::move(why);
  same->place = place;
}

void OriginTrail::suspect_elsewhere(const CodePlace& place, std::optional<size_t> frame, int weight,
                                    std::string why) {
  const bool crashed = !suspects_.empty() && suspects_.front().place.function == place.function;
  if (!crashed) suspect(place, frame, weight, std::move(why));
}

void OriginTrail::corroborate(const std::string& function, int weight, const std::string& why) {
  for (Suspect& suspect : suspects_) {
    if (suspect.place.function != function || function.empty()) continue;
    suspect.weight += weight;
    suspect.why += ", " + why;
  }
}

std::vector<BlameFact> OriginTrail::ranked() const {
  std::vector<const Suspect*> order;
  int total = 0;
  for (const Suspect& suspect : suspects_) {
    if (suspect.weight < kLeastWeight) continue;
    order.push_back(&suspect);
    total += suspect.weight;
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
        std::min({suspect->weight * 100 / std::max(total, 1), suspect->weight, kMostConfident});
  }
  return out;
}

}  // namespace inquest::diagnosis
