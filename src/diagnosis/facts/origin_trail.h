// OriginTrail: what a trace has found so far: the steps, and who is suspected because of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnosis/facts/origin_code.h"
#include "diagnosis/facts/origin_facts.h"

namespace inquest::diagnosis {

struct Suspect {
  CodePlace place;
  std::optional<size_t> frame;
  int weight = 0;
  std::string why;
};

class OriginTrail {
 public:
  OriginStep& step(OriginStep::Kind kind, std::string statement, const CodePlace& place,
                   std::optional<size_t> frame, std::string trust = "traced");
  // Weights of one function add up; the reason of the heaviest is kept.
  void suspect(const CodePlace& place, std::optional<size_t> frame, int weight, std::string why);

  // The same, but for the function that was suspected first, which crashed: what it computes is no
  // news.
  void suspect_elsewhere(const CodePlace& place, std::optional<size_t> frame, int weight,
                         std::string why);
  // Adds to a suspicion that there is already; nothing without.
  void corroborate(const std::string& function, int weight, const std::string& why);

  // Structures that the value was read out of on the way.
  void met(const std::string& type) { types_.push_back(type); }
  const std::vector<std::string>& types() const { return types_; }

  const std::vector<OriginStep>& steps() const { return steps_; }
  const std::vector<Suspect>& suspects() const { return suspects_; }
  // At most five, most likely first.
  std::vector<BlameFact> ranked() const;
  std::vector<OriginStep> take_steps() { return std::move(steps_); }

 private:
  struct Reason {
    int weight = 0;
  };
  std::vector<OriginStep> steps_;
  std::vector<Suspect> suspects_;
  std::vector<Reason> reasons_;
  std::vector<std::string> types_;
};

// "null", "0x7f…"; "an unknown value".
std::string value_words(std::optional<uint64_t> value);
// The last member of an expression: "items" of "cart->items[2]".
std::string last_name(const std::string& text);
// "`cart`", or "the value" for what has no name.
std::string quoted(const std::string& name);

}  // namespace inquest::diagnosis
