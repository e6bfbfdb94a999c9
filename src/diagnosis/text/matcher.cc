#include "diagnosis/text/matcher.h"

#include "base/check.h"

namespace inquest::diagnosis {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

Matcher::Matcher(std::span<const Format* const> formats) {
  INQ_CHECK(formats.size() <= kMaxFormats);
  for (const Format* format : formats) {
    for (const std::string_view trigger : format->triggers) {
      for (const char c : trigger) {
        uint8_t& of = class_of_[static_cast<uint8_t>(c)];
        if (of == 0) of = static_cast<uint8_t>(classes_++);
      }
    }
  }
  INQ_CHECK(classes_ <= 256);  // triggers are text
  next_.assign(classes_, kNone);
  found_.assign(1, 0);
  for (size_t i = 0; i < formats.size(); ++i) {
    for (const std::string_view trigger : formats[i]->triggers) add(trigger, Mask{1} << i);
  }
  link();
}

void Matcher::add(std::string_view trigger, Mask mask) {
  INQ_CHECK(!trigger.empty());
  uint32_t state = 0;
  for (const char c : trigger) {
    const size_t slot = state * classes_ + class_of_[static_cast<uint8_t>(c)];
    if (next_[slot] == kNone) {
      next_[slot] = static_cast<uint32_t>(found_.size());
      found_.push_back(0);
      next_.resize(next_.size() + classes_, kNone);
    }
    state = next_[slot];
  }
  found_[state] |= mask;
}

// Breadth first: a missing edge goes where the longest proper suffix would go.
void Matcher::link() {
  std::vector<uint32_t> suffix(found_.size(), 0);
  std::vector<uint32_t> queue;
  for (size_t c = 0; c < classes_; ++c) {
    uint32_t& to = next_[c];
    if (to == kNone) {
      to = 0;
    } else {
      queue.push_back(to);
    }
  }
  for (size_t at = 0; at < queue.size(); ++at) {
    const uint32_t state = queue[at];
    found_[state] |= found_[suffix[state]];
    for (size_t c = 0; c < classes_; ++c) {
      uint32_t& to = next_[state * classes_ + c];
      const uint32_t fallback = next_[suffix[state] * classes_ + c];
      if (to == kNone) {
        to = fallback;
      } else {
        suffix[to] = fallback;
        queue.push_back(to);
      }
    }
  }
}

Matcher::Mask Matcher::find(std::string_view line) const {
  Mask mask = 0;
  uint32_t state = 0;
  for (const char c : line) {
    state = next_[state * classes_ + class_of_[static_cast<uint8_t>(c)]];
    mask |= found_[state];
  }
  return mask;
}

}  // namespace inquest::diagnosis
