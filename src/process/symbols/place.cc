#include "process/symbols/place.h"

#include <algorithm>

namespace inquest::process {
namespace {

using dwarf::Piece;

// What one piece contributes: bytes, or a reason.
struct Contribution {
  Bytes bytes;
  ValueState state = ValueState::kPresent;
  std::string why;
};

Contribution missing(ValueState state, std::string why) { return {{}, state, std::move(why)}; }

Bytes bytes_of(uint64_t value) {
  const auto* first = reinterpret_cast<const uint8_t*>(&value);
  return Bytes(first, first + sizeof(value));
}

std::string register_text(const FrameContext& context, uint64_t number) {
  if (number <= 32) {
    const auto name =
        isa::register_name(context.evidence().image.arch, static_cast<isa::RegisterId>(number));
    if (!name.empty()) return std::string(name);
  }
  if (context.evidence().image.arch == isa::Arch::kX86_64 && number >= 17 && number <= 32)
    return "xmm" + std::to_string(number - 17);
  if (context.evidence().image.arch == isa::Arch::kAArch64 && number >= 64 && number <= 95)
    return "v" + std::to_string(number - 64);
  return "DWARF register " + std::to_string(number);
}

Contribution from_register(const FrameContext& context, uint64_t number) {
  if (const auto value = context.dwarf_register(number)) return {bytes_of(*value)};
  if (const auto bytes = context.vector_register(number))
    return {Bytes(bytes->begin(), bytes->end())};
  return missing(ValueState::kUnknown, "lost register " + register_text(context, number));
}

Contribution from_memory(const FrameContext& context, Address address, uint64_t size) {
  auto read = Place::in_memory(address).read(context.evidence().memory, size);
  return {std::move(read.bytes), read.state, std::move(read.why)};
}

Contribution contribution(const Piece& piece, uint64_t size, const FrameContext& context) {
  switch (piece.kind) {
    case Piece::Kind::kMemory:
      return from_memory(context, Address(piece.value), size);
    case Piece::Kind::kRegister:
      return from_register(context, piece.value);
    case Piece::Kind::kValue:
      return {bytes_of(piece.value)};
    case Piece::Kind::kBytes:
      return {Bytes(piece.bytes.begin(), piece.bytes.end())};
    case Piece::Kind::kImplicitPointer:
      return missing(ValueState::kOptimizedOut, "points at a thing that was optimized out");
    case Piece::Kind::kEmpty:
      return missing(ValueState::kOptimizedOut, "");
  }
  return missing(ValueState::kUnknown, "");
}

// The `bit_size` bits from `bit_offset` on, low first.
Bytes cut_bits(const Bytes& bytes, uint64_t bit_offset, uint64_t bit_size) {
  Bytes out((bit_size + 7) / 8, 0);
  for (uint64_t i = 0; i < bit_size; ++i) {
    const uint64_t from = bit_offset + i;
    if (from / 8 >= bytes.size()) break;
    if (bytes[from / 8] >> (from % 8) & 1)
      out[i / 8] = static_cast<uint8_t>(out[i / 8] | 1u << (i % 8));
  }
  return out;
}

std::string failure_text(dwarf::EvalFailure failure) {
  return std::string(dwarf::to_string(failure));
}

Place all_missing(uint64_t size, ValueState state, std::string why) {
  return Place::of_bytes({}, {Hole{0, std::max<uint64_t>(size, 1), state, std::move(why)}});
}

}  // namespace

Place Place::at(uint64_t offset) const {
  if (address_) return in_memory(*address_ + offset);
  Place part;
  if (offset < bytes_.size())
    part.bytes_.assign(bytes_.begin() + static_cast<ptrdiff_t>(offset), bytes_.end());
  for (const Hole& hole : holes_) {
    if (hole.end <= offset) continue;
    Hole moved = hole;
    moved.start = hole.start > offset ? hole.start - offset : 0;
    moved.end = hole.end - offset;
    part.holes_.push_back(std::move(moved));
  }
  return part;
}

Place::Read Place::read(const MemoryReader& memory, uint64_t size) const {
  size = std::min(size, kMaxValueBytes);
  Read out;
  if (address_) {
    out.bytes.resize(size);
    const auto got = memory.read(*address_, out.bytes);
    if (got.size == size) {
      out.state = ValueState::kPresent;
      return out;
    }
    out.bytes.resize(got.size);
    out.state = ValueState::kNotInCore;
    out.why = std::string(to_string(got.missing)) + " at " + to_hex(*address_ + got.size);
    return out;
  }
  for (const Hole& hole : holes_) {
    if (hole.start >= size || hole.end <= 0) continue;
    out.state = hole.state;
    out.why = hole.why;
    out.bytes.assign(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                                          hole.start, bytes_.size())));
    return out;
  }
  if (bytes_.size() < size) {
    out.state = ValueState::kUnknown;
    out.why = "only " + std::to_string(bytes_.size()) + " of " + std::to_string(size) +
              " bytes are described";
    return out;
  }
  out.state = ValueState::kPresent;
  out.bytes.assign(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(size));
  return out;
}

Place place_of(const dwarf::Evaluated& evaluated, uint64_t size, const FrameContext& context) {
  if (!evaluated.location)
    return all_missing(size,
                       evaluated.failure == dwarf::EvalFailure::kMissingMemory
                           ? ValueState::kNotInCore
                           : ValueState::kUnknown,
                       failure_text(evaluated.failure));
  const auto& pieces = evaluated.location->pieces;
  if (pieces.empty()) return all_missing(size, ValueState::kOptimizedOut, "");
  if (pieces.size() == 1 && !pieces[0].bit_size && pieces[0].kind == Piece::Kind::kMemory)
    return Place::in_memory(Address(pieces[0].value));
  Bytes bytes;
  std::vector<Hole> holes;
  for (const Piece& piece : pieces) {
    if (bytes.size() >= kMaxValueBytes) break;
    const uint64_t bits = std::min(piece.bit_size.value_or(size * 8), kMaxValueBytes * 8);
    const uint64_t needed = (bits + piece.bit_offset + 7) / 8;
    Contribution part = contribution(piece, needed, context);
    const uint64_t start = bytes.size(), end = start + (bits + 7) / 8;
    if (part.state != ValueState::kPresent)
      holes.push_back({start, end, part.state, std::move(part.why)});
    if (piece.bit_offset != 0) part.bytes = cut_bits(part.bytes, piece.bit_offset, bits);
    // A value wider than its register (a vector of which only the low half was kept) is missing
    // beyond it.
    const uint64_t have = std::min<uint64_t>(part.bytes.size(), end - start);
    if (part.state == ValueState::kPresent && have < end - start)
      holes.push_back({start + have, end, ValueState::kUnknown, "wider than its register"});
    bytes.insert(bytes.end(), part.bytes.begin(),
                 part.bytes.begin() + static_cast<ptrdiff_t>(have));
    bytes.resize(end);
  }
  return Place::of_bytes(std::move(bytes), std::move(holes));
}

}  // namespace inquest::process
