// Values that no program means as a pointer: fill patterns of allocators and compilers, text, errno
// values. Pure functions of the value; what mappings say about it is address_facts.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace inquest::diagnosis {

struct Poison {
  std::string name;          // "freed memory of MSVC's debug heap (0xdd)"
  int64_t displacement = 0;  // value = pattern + displacement
  bool means_freed = false;
  bool means_uninitialised = false;
};

// `perturb` is glibc's malloc.perturb byte of the process, when it had one.
// The pattern, also with a small offset added to it: a member of an object behind a poisoned
// pointer.
std::optional<Poison> find_poison(uint64_t value, std::optional<uint8_t> perturb = std::nullopt);
inline constexpr int64_t kMaxPoisonDisplacement = 4096;

// The bytes of `value` in memory order when they are printable ASCII: all eight, or at least five
// and then only zeros. Nullopt otherwise.
std::optional<std::string> as_text(uint64_t value);
// At least three UTF-16 units of printable ASCII, and then only zeros.
std::optional<std::string> as_utf16_text(uint64_t value);
// "ENOMEM" when the value is a negative errno as system calls return them (-1 is left out).
std::string as_negative_errno(uint64_t value);

}  // namespace inquest::diagnosis
