// Policy: what is kept of a crash, decided before a byte of it is read. The first crash of a kind
// in full, the next ones slim, then they are counted; in a storm nothing holds the dying for long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace inquest::capture {

// What crashes of one bug share and what is known before anything is dumped: the program, the
// signal and where the crashing thread stood, relative to its module.
struct CrashKind {
  std::string executable;
  int signal = 0;
  std::string place;  // "libfoo.so+0x1234"; empty: unknown

  uint64_t id() const;
};

enum class Retain : uint8_t { kCountOnly, kSlim, kFull };
std::string_view to_string(Retain retain);  // "count", "slim", "full"

struct PolicyRules {
  uint32_t full = 1;   // crashes of a kind that are kept in full
  uint32_t slim = 20;  // and then slim; the rest is counted
  int64_t forget_after_ns = int64_t{24} * 3600 * 1'000'000'000;  // since the last of the kind
  uint64_t max_full_bytes = uint64_t{64} << 30;  // of resident memory: a larger process is slim
};

// What happened to a kind so far.
struct KindHistory {
  uint32_t full = 0, slim = 0;
  uint64_t counted = 0;
  int64_t first_ns = 0, last_ns = 0;  // since the epoch
};

struct Decision {
  Retain retain = Retain::kCountOnly;
  std::string reason;  // for people
};

// Pure. `history`: nullopt for a kind that is new.
Decision decide(const PolicyRules& rules, const std::optional<KindHistory>& history, int64_t now_ns,
                uint64_t resident_bytes);

}  // namespace inquest::capture
