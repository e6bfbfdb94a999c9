// RecordIndex: where the records of a symbol file begin, by address or number.
//
// Lines and inlined calls are not in it: they stand behind the function that they belong to.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace inquest::breakpad {

// Of all kinds together, 16 bytes each. A browser's file of 2 GB has some four million.
inline constexpr size_t kMaxRecords = size_t{1} << 23;

struct RecordIndex {
  struct Place {
    uint64_t key = 0;     // address or number
    uint64_t offset = 0;  // of the record's line in the file
  };
  // A deque: growing costs no copies, which would double the memory.
  using Places = std::deque<Place>;
  // Sorted by key, equal keys in the order of the file.
  Places functions, publics, frames, files, origins;

  // Reads `text` once. `done_with` is told of stretches that will not be read again soon. Fails
  // with kTooLarge over kMaxRecords; lines that are no records are passed over.
  static Result<RecordIndex> build(std::string_view text,
                                   const std::function<void(uint64_t, uint64_t)>& done_with);

  // Which is the last place with a key of at most `key`; nullopt when there is none.
  static std::optional<size_t> at_or_before(const Places& places, uint64_t key);
  static const Place* exactly(const Places& places, uint64_t key);
  // The first key over `key`, or `none`.
  static uint64_t key_after(const Places& places, uint64_t key, uint64_t none);
};

}  // namespace inquest::breakpad
