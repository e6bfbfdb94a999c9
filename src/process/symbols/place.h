// Place: where the bytes of a value are: in memory, or gathered from registers and constants. Parts
// may be missing, each with its reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "binary/dwarf/expression.h"
#include "process/symbols/frame_context.h"
#include "process/symbols/variables.h"

namespace inquest::process {

class Place;

// Bytes that are not there.
struct Hole {
  uint64_t start = 0, end = 0;  // offsets within the place
  ValueState state = ValueState::kUnknown;
  std::string why;
  // Of a pointer that was optimised out: what it points at (one place), which has no address.
  std::vector<Place> target;
};

class Place {
 public:
  static Place in_memory(Address address) {
    Place place;
    place.address_ = address;
    return place;
  }
  static Place of_bytes(Bytes bytes, std::vector<Hole> holes = {}) {
    Place place;
    place.bytes_ = std::move(bytes);
    place.holes_ = std::move(holes);
    return place;
  }

  std::optional<Address> address() const { return address_; }
  // The part from `offset` on.
  Place at(uint64_t offset) const;

  struct Read {
    ValueState state = ValueState::kUnknown;
    std::string why;
    Bytes bytes;  // `size` of them when kPresent; else those before the first missing one
    std::vector<Place> target;  // see Hole; when the hole is at the start
  };
  // `size` is capped by kMaxValueBytes.
  Read read(const MemoryReader& memory, uint64_t size) const;

 private:
  std::optional<Address> address_;
  Bytes bytes_;
  std::vector<Hole> holes_;
};

inline constexpr uint64_t kMaxValueBytes = 1 << 20;

// DW_AT_const_value of a variable that has one.
Place constant_place(const dwarf::VariableInfo& info);

// What an evaluated location of `size` bytes says. Never fails: what is missing becomes holes.
// `failed` says when the whole of it is missing.
Place place_of(const dwarf::Evaluated& evaluated, uint64_t size, const FrameContext& context);

}  // namespace inquest::process
