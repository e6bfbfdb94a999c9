#include "capture/collect/policy.h"

#include <fmt/format.h>

#include <array>

#include "platform/codec/digest.h"

namespace inquest::capture {

uint64_t CrashKind::id() const {
  // Names may hold any byte but NUL.
  const std::string text = fmt::format("{}{}{}{}{}", executable, '\0', signal, '\0', place);
  return codec::xxhash64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string_view to_string(Retain retain) {
  constexpr std::array<std::string_view, 3> kNames = {"count", "slim", "full"};
  return kNames[static_cast<size_t>(retain)];
}

Decision decide(const PolicyRules& rules, const std::optional<KindHistory>& history, int64_t now_ns,
                uint64_t resident_bytes) {
  const bool known = history && now_ns - history->last_ns <= rules.forget_after_ns;
  const KindHistory so_far = known ? *history : KindHistory{};
  if (so_far.full < rules.full) {
    if (resident_bytes <= rules.max_full_bytes)
      return {Retain::kFull,
              known ? "too few of this kind were kept in full" : "the first of its kind"};
    if (so_far.slim < rules.slim) {
      return {Retain::kSlim, fmt::format("the process has {} MiB in memory, over the limit of {}",
                                         resident_bytes >> 20, rules.max_full_bytes >> 20)};
    }
  } else if (so_far.slim < rules.slim) {
    return {Retain::kSlim, fmt::format("{} of this kind {} kept in full already", so_far.full,
                                       so_far.full == 1 ? "was" : "were")};
  }
  return {Retain::kCountOnly,
          fmt::format("{} of this kind were kept already", uint64_t{so_far.full} + so_far.slim)};
}

}  // namespace inquest::capture
