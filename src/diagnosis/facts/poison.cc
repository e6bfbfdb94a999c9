#include "diagnosis/facts/poison.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace inquest::diagnosis {
namespace {

enum class State : uint8_t { kOther, kFreed, kUninitialised };

struct Pattern {
  uint64_t value;
  const char* name;
  State state;
};

// The same byte eight times. 0x00 is null; printable bytes are text.
constexpr Pattern kBytePatterns[] = {
    {0xa5, "jemalloc's fill of uninitialised memory", State::kUninitialised},
    {0xaa, "clang's -ftrivial-auto-var-init=pattern, an uninitialised local",
     State::kUninitialised},
    {0xab, "tcmalloc's or the Windows heap's fill of uninitialised memory", State::kUninitialised},
    {0xbe, "AddressSanitizer's fill of uninitialised memory", State::kUninitialised},
    {0xcc, "MSVC's fill of an uninitialised stack", State::kUninitialised},
    {0xcd,
     "the fill of uninitialised memory in MSVC's and CPython's debug heaps, or of freed memory in "
     "PartitionAlloc and tcmalloc",
     State::kUninitialised},
    {0xcb, "the fill of uninitialised memory in older CPython debug builds", State::kUninitialised},
    {0xd0, "mimalloc's fill of uninitialised memory", State::kUninitialised},
    {0xdb, "the fill of freed memory in older CPython debug builds", State::kFreed},
    {0xdd, "the fill of freed memory in MSVC's and CPython's debug heaps", State::kFreed},
    {0xde, "mimalloc's padding", State::kOther},
    {0xdf, "mimalloc's fill of freed memory", State::kFreed},
    {0xe4, "mozjemalloc's fill of uninitialised memory", State::kUninitialised},
    {0xe5, "mozjemalloc's fill of freed memory", State::kFreed},
    {0xef, "PartitionAlloc's fill of freed memory", State::kFreed},
    {0xfa, "an AddressSanitizer heap red zone", State::kOther},
    {0xfb, "the guard bytes of older CPython debug builds", State::kOther},
    {0xfd, "the guard bytes of MSVC's and CPython's debug heaps", State::kOther},
    {0xfe, "gcc's -ftrivial-auto-var-init=pattern, an uninitialised local", State::kUninitialised},
    {0x5a, "jemalloc's fill of freed memory", State::kFreed},
    {0x6b, "the fill of freed memory in slab allocators", State::kFreed},
};

// Known values, whole (64 bits), or as 32 bits that stand alone or twice.
constexpr Pattern kWholePatterns[] = {
    {0xdead000000000100, "LIST_POISON1 of Linux lists: an entry that was removed", State::kFreed},
    {0xdead000000000122, "LIST_POISON2 of Linux lists: an entry that was removed", State::kFreed},
    {0xdead000000000200, "LIST_POISON2 of Linux lists: an entry that was removed", State::kFreed},
    {0xdeadbeedbeadbeef, "V8's zap value", State::kFreed},
    {0x1baddead0baddeaf, "V8's zap value for handles", State::kFreed},
    {0x1baffed00baffedf, "V8's zap value for global handles", State::kFreed},
    {0x1beefdad0beefdaf, "V8's zap value for from-space", State::kFreed},
    {0xbebebebebebebebe, "AddressSanitizer's fill of uninitialised memory", State::kUninitialised},
};

constexpr Pattern kWordPatterns[] = {
    {0xdeadbeef, "0xdeadbeef", State::kOther},
    {0xdeadc0de, "0xdeadc0de", State::kOther},
    {0xdeaddead, "0xdeaddead", State::kOther},
    {0xdeadfa11, "0xdeadfa11", State::kOther},
    {0xdeadd00d, "0xdeadd00d", State::kOther},
    {0xfeedface, "0xfeedface", State::kOther},
    {0xfeedbeef, "0xfeedbeef", State::kOther},
    {0xcafebabe, "0xcafebabe", State::kOther},
    {0xcafed00d, "0xcafed00d", State::kOther},
    {0xcafef00d, "0xcafef00d", State::kOther},
    {0xbaadf00d, "0xbaadf00d, uninitialised memory of the Windows heap", State::kUninitialised},
    {0xbadc0ffe, "0xbadc0ffe", State::kOther},
    {0xbadc0de5, "0xbadc0de5", State::kOther},
    {0xbaddcafe, "0xbaddcafe, uninitialised memory of libumem", State::kUninitialised},
    {0xfeeefeee, "0xfeeefeee, freed memory of the Windows heap", State::kFreed},
    {0xabababab, "0xabababab, guard bytes of the Windows heap", State::kOther},
    {0xbbadbeef, "0xbbadbeef, WebKit's CRASH()", State::kOther},
    {0x8badf00d, "0x8badf00d", State::kOther},
    {0xdefec8ed, "0xdefec8ed", State::kOther},
    {0xfee1dead, "0xfee1dead", State::kOther},
    {0xdeadfeed, "0xdeadfeed", State::kOther},
    {0xbeefdead, "0xbeefdead", State::kOther},
    {0xbeefcafe, "0xbeefcafe", State::kOther},
    {0x0badf00d, "0x0badf00d", State::kOther},
    {0x0badcafe, "0x0badcafe", State::kOther},
};

bool is_printable(uint64_t byte) { return byte >= 0x20 && byte < 0x7f; }

constexpr uint64_t repeat_byte(uint64_t byte) { return byte * 0x0101010101010101; }

bool is_near(uint64_t value, uint64_t pattern, int64_t* displacement) {
  *displacement = static_cast<int64_t>(value - pattern);
  return *displacement > -kMaxPoisonDisplacement && *displacement < kMaxPoisonDisplacement;
}

Poison make_poison(std::string name, State state, int64_t displacement) {
  return {std::move(name), displacement, state == State::kFreed, state == State::kUninitialised};
}

std::optional<Poison> find_whole(uint64_t value) {
  int64_t displacement = 0;
  for (const Pattern& pattern : kWholePatterns) {
    // The list poisons stand close together: take an exact hit, or the first one below.
    if (is_near(value, pattern.value, &displacement) &&
        (displacement == 0 || pattern.value >> 48 != 0xdead)) {
      return make_poison(pattern.name, pattern.state, displacement);
    }
  }
  for (const Pattern& pattern : kWordPatterns) {
    for (const uint64_t whole :
         {pattern.value << 32 | pattern.value, pattern.value, pattern.value | 0xffffffff00000000}) {
      if (is_near(value, whole, &displacement))
        return make_poison(pattern.name, pattern.state, displacement);
    }
  }
  return std::nullopt;
}

// A byte repeated over all eight bytes, or over the low four with the rest clear or set (a 32-bit
// read).
std::optional<Poison> find_byte_fill(uint64_t value, std::optional<uint8_t> perturb) {
  // The byte is read off the top, which a small displacement does not change but by a carry.
  for (const uint64_t byte : {value >> 56, (value >> 24) & 0xff}) {
    if (byte == 0 || byte == 0xff) continue;
    const bool perturbs =
        perturb && *perturb != 0 && (byte == *perturb || byte == (*perturb ^ 0xffu));
    if (is_printable(byte) && byte != 0x5a && byte != 0x6b && !perturbs) continue;
    const uint64_t fill = repeat_byte(byte);
    int64_t displacement = 0;
    const bool found = is_near(value, fill, &displacement) ||
                       is_near(value, fill & 0xffffffff, &displacement) ||
                       is_near(value, fill | 0xffffffff00000000, &displacement);
    if (!found) continue;
    if (perturb && *perturb != 0 && byte == *perturb) {
      return make_poison(
          fmt::format("glibc's fill of freed memory, 0x{:02x} by MALLOC_PERTURB_", byte),
          State::kFreed, displacement);
    }
    if (perturb && *perturb != 0 && byte == (*perturb ^ 0xffu)) {
      return make_poison(
          fmt::format("glibc's fill of uninitialised memory, 0x{:02x} by MALLOC_PERTURB_", byte),
          State::kUninitialised, displacement);
    }
    for (const Pattern& pattern : kBytePatterns) {
      if (pattern.value == byte) {
        return make_poison(fmt::format("{} (0x{:02x})", pattern.name, byte), pattern.state,
                           displacement);
      }
    }
    return make_poison(
        fmt::format("memory filled with 0x{:02x} (glibc's MALLOC_PERTURB_ or memset)", byte),
        State::kOther, displacement);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Poison> find_poison(uint64_t value, std::optional<uint8_t> perturb) {
  if (value == ~uint64_t{0}) return make_poison("all bits set (-1)", State::kOther, 0);
  if (auto whole = find_whole(value)) return whole;
  return find_byte_fill(value, perturb);
}

std::optional<std::string> as_text(uint64_t value) {
  std::string text;
  for (uint64_t rest = value; rest != 0; rest >>= 8) {
    if (!is_printable(rest & 0xff)) return std::nullopt;
    text.push_back(static_cast<char>(rest & 0xff));
  }
  return text.size() >= 5 ? std::optional(text) : std::nullopt;
}

std::optional<std::string> as_utf16_text(uint64_t value) {
  std::string text;
  for (uint64_t rest = value; rest != 0; rest >>= 16) {
    if (!is_printable(rest & 0xffff)) return std::nullopt;
    text.push_back(static_cast<char>(rest & 0xff));
  }
  return text.size() >= 3 ? std::optional(text) : std::nullopt;
}

std::string as_negative_errno(uint64_t value) {
  const auto number = static_cast<int64_t>(value);
  if (number >= -1 || number < -133) return {};
  const char* name = strerrorname_np(static_cast<int>(-number));
  return name != nullptr ? name : "";
}

}  // namespace inquest::diagnosis
