// OriginTrail: what a trace has found so far: the steps, and who is suspected because of them.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "diagnosis/facts/origin_code.h"
#include "diagnosis/facts/origin_facts.h"
#include "diagnosis/facts/origin_weights.h"

namespace inquest::diagnosis {

struct Suspect {
  CodePlace place;  // where it did what speaks against it most
  std::optional<size_t> frame;
  std::string why;              // the heaviest reason
  std::vector<Reason> reasons;  // each once, the heaviest first

  // The heaviest reason, and half of each further one: they are seldom independent.
  int weight() const;
};

class OriginTrail {
 public:
  OriginStep& step(OriginStep::Kind kind, std::string statement, const CodePlace& place,
                   std::optional<size_t> frame, std::string trust = "traced");
  // The same reason counts once for one function, however often it holds.
  void suspect(const CodePlace& place, std::optional<size_t> frame, Reason reason, std::string why);

  // The same, but for the function that was suspected first, which crashed: what it computes is no
  // news.
  void suspect_elsewhere(const CodePlace& place, std::optional<size_t> frame, Reason reason,
                         std::string why);
  // Adds kIsActive to a suspicion that there is already; nothing without.
  void corroborate(const std::string& function, const std::string& why);
  // A reason that holds because of what was found about the function as a whole.
  void strengthen(const std::string& function, Reason reason);
  // From here on the trail follows a pointer that may well be right: nothing weighs more than what
  // is merely possible.
  void doubt(bool doubtful) { doubtful_ = doubtful; }
  // The function that crashed: suspected first.
  bool crashed(const std::string& function) const;

  // Structures that the value was read out of on the way.
  void met(const std::string& type) { types_.push_back(type); }
  const std::vector<std::string>& types() const { return types_; }
  // Some value on the way was read from the heap: the object may be another one by now.
  void met_heap() { met_heap_ = true; }
  bool has_met_heap() const { return met_heap_; }
  // It was an index, or a length, that led too far.
  void met_bounds() { met_bounds_ = true; }
  bool has_met_bounds() const { return met_bounds_; }
  // The pointer came out of this function: what it points at lived then.
  void came_from(const std::string& function) { makers_.push_back(function); }
  bool has_come_from(const std::string& function) const {
    return std::ranges::find(makers_, function) != makers_.end();
  }

  const std::vector<OriginStep>& steps() const { return steps_; }
  const std::vector<Suspect>& suspects() const { return suspects_; }
  // At most five, most likely first.
  std::vector<BlameFact> ranked() const;
  std::vector<OriginStep> take_steps() { return std::move(steps_); }

 private:
  std::vector<OriginStep> steps_;
  std::vector<Suspect> suspects_;
  std::vector<std::string> types_;
  std::vector<std::string> makers_;
  bool doubtful_ = false, met_heap_ = false, met_bounds_ = false;
};

// Null, −1 and the like: what a caller can tell from a good value.
bool is_error_value(std::optional<uint64_t> value);
// "null", "0x7f…"; "an unknown value".
std::string value_words(std::optional<uint64_t> value);
// The last member of an expression: "items" of "cart->items[2]".
std::string last_name(const std::string& text);
// "const struct shop::Order*" → "shop::Order".
std::string pointee(std::string type);
// "push_back" of "std::vector<a::B>::push_back<a::B>".
std::string last_part(const std::string& name);
// "std::vector<shop::Order, std::allocator<shop::Order> >" has the argument "shop::Order"; one of
// "shop::Order*" does not.
bool has_argument(const std::string& name, const std::string& type);
// What the C library calls itself, as programs call it: "munmap" for "__munmap", "free" for
// "__libc_free".
std::string public_name(std::string_view name);
// "`cart`", or "the value" for what has no name.
std::string quoted(const std::string& name);

}  // namespace inquest::diagnosis
