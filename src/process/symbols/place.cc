#include "process/symbols/place.h"

#include <algorithm>
#include <cstring>

namespace inquest::process {
namespace {

using dwarf::Piece;

// What one piece contributes: bytes, or a reason.
struct Contribution {
  Bytes bytes;
  ValueState state = ValueState::kPresent;
  std::string why;
  std::vector<Place> target;
};

Contribution missing(ValueState state, std::string why) { return {{}, state, std::move(why), {}}; }

Contribution present(Bytes bytes) { return {std::move(bytes), ValueState::kPresent, {}, {}}; }

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
  if (const auto value = context.dwarf_register(number)) return present(bytes_of(*value));
  if (const auto bytes = context.vector_register(number))
    return present(Bytes(bytes->begin(), bytes->end()));
  return missing(ValueState::kUnknown, "lost register " + register_text(context, number));
}

Contribution from_memory(const FrameContext& context, Address address, uint64_t size) {
  auto read = Place::in_memory(address).read(context.evidence().memory, size);
  return {std::move(read.bytes), read.state, std::move(read.why), {}};
}

// The pointer is gone, but not what it pointed at: a variable that was taken apart.
Contribution from_implicit_pointer(const Piece& piece, const FrameContext& context) {
  Contribution out = missing(ValueState::kOptimizedOut, "");
  Types* types = context.types();
  if (types == nullptr || piece.offset < 0 || !context.may_follow_implicit_pointer()) return out;
  const auto unit = types->info().unit_at(context.link_pc());
  const auto variable =
      unit ? types->info().variable(*unit, piece.value, context.link_pc()) : std::nullopt;
  if (!variable) return out;
  const auto offset = static_cast<uint64_t>(piece.offset);
  if (variable->constant || variable->constant_bytes) {
    out.target.push_back(constant_place(*variable).at(offset));
  } else if (variable->location) {
    const uint64_t size = variable->type ? types->size(*variable->type).value_or(8) : 8;
    out.target.push_back(
        place_of(dwarf::evaluate(*variable->location, context), size, context).at(offset));
  }
  return out;
}

Contribution contribution(const Piece& piece, uint64_t size, const FrameContext& context) {
  switch (piece.kind) {
    case Piece::Kind::kMemory:
      return from_memory(context, Address(piece.value), size);
    case Piece::Kind::kRegister:
      return from_register(context, piece.value);
    case Piece::Kind::kValue:
      return present(bytes_of(piece.value));
    case Piece::Kind::kBytes:
      return present(Bytes(piece.bytes.begin(), piece.bytes.end()));
    case Piece::Kind::kImplicitPointer:
      return from_implicit_pointer(piece, context);
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

std::string failure_text(dwarf::EvalFailure failure, const FrameContext& context) {
  if (failure == dwarf::EvalFailure::kNoTls && !context.why_no_tls().empty())
    return context.why_no_tls();
  return std::string(dwarf::to_string(failure));
}

Place all_missing(uint64_t size, ValueState state, std::string why) {
  return Place::of_bytes({}, {Hole{0, std::max<uint64_t>(size, 1), state, std::move(why), {}}});
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
    if (hole.start == 0) out.target = hole.target;
    out.bytes.assign(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                                          hole.start, bytes_.size())));
    return out;
  }
  if (bytes_.size() < size) {
    out.state = ValueState::kOptimizedOut;  // no piece describes these
    return out;
  }
  out.state = ValueState::kPresent;
  out.bytes.assign(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(size));
  return out;
}

Place constant_place(const dwarf::VariableInfo& info) {
  if (info.constant_bytes)
    return Place::of_bytes(Bytes(info.constant_bytes->begin(), info.constant_bytes->end()));
  Bytes bytes(16, *info.constant < 0 ? 0xff : 0);
  const int64_t value = *info.constant;
  std::memcpy(bytes.data(), &value, sizeof(value));
  return Place::of_bytes(std::move(bytes));
}

Place place_of(const dwarf::Evaluated& evaluated, uint64_t size, const FrameContext& context) {
  if (!evaluated.location)
    return all_missing(size,
                       evaluated.failure == dwarf::EvalFailure::kMissingMemory
                           ? ValueState::kNotInCore
                           : ValueState::kUnknown,
                       failure_text(evaluated.failure, context));
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
      holes.push_back({start, end, part.state, std::move(part.why), std::move(part.target)});
    if (piece.bit_offset != 0) part.bytes = cut_bits(part.bytes, piece.bit_offset, bits);
    // A value wider than its register (a vector of which only the low half was kept) is missing
    // beyond it.
    const uint64_t have = std::min<uint64_t>(part.bytes.size(), end - start);
    if (part.state == ValueState::kPresent && have < end - start)
      holes.push_back({start + have, end, ValueState::kUnknown, "wider than its register", {}});
    bytes.insert(bytes.end(), part.bytes.begin(),
                 part.bytes.begin() + static_cast<ptrdiff_t>(have));
    bytes.resize(end);
  }
  return Place::of_bytes(std::move(bytes), std::move(holes));
}

}  // namespace inquest::process
