// Rust enums: the variant that the discriminant selects, niches included.
#include <fmt/format.h>

#include <algorithm>

#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

using dwarf::Member;
using dwarf::Type;

// A tag of up to 16 bytes (that of Option<u128> is a u128); tags beyond 64 bits select nothing but
// a default.
struct Tag {
  uint64_t low = 0;
  uint64_t mask = ~uint64_t{0};
  bool is_wide = false;  // does not fit into `low`
};

std::optional<Tag> read_tag(const Place::Read& read) {
  if (read.bytes.empty()) return std::nullopt;
  Tag tag;
  for (size_t i = 0; i < read.bytes.size(); ++i) {
    if (i < 8) tag.low |= uint64_t{read.bytes[i]} << 8 * i;
    if (i >= 8 && read.bytes[i] != 0) tag.is_wide = true;
  }
  if (read.bytes.size() < 8) tag.mask = (uint64_t{1} << 8 * read.bytes.size()) - 1;
  return tag;
}

bool selects(const Member& member, const Tag& tag) {
  if (tag.is_wide) return false;
  if (member.discriminant && (*member.discriminant & tag.mask) == tag.low) return true;
  return std::ranges::any_of(member.discriminant_ranges, [&](const auto& range) {
    return (range.first & tag.mask) <= tag.low && tag.low <= (range.second & tag.mask);
  });
}

// An exact match, else the variant without a value of its own (the one with the niche).
const Member* selected(const Type& type, const Tag& tag) {
  const Member* fallback = nullptr;
  for (const auto& member : type.members) {
    if (selects(member, tag)) return &member;
    if (member.is_default_variant && fallback == nullptr) fallback = &member;
  }
  return fallback;
}

// Fields of a variant: "Some(3)", "Point {x: 1}", "None".
void variant_fields(const ContainerQuestion& q, const Type& variant, const Place& place) {
  const bool is_tuple = !variant.members.empty() && variant.members.front().name.starts_with("__");
  if (variant.members.empty()) return;
  q.printer.emit(is_tuple ? "(" : " {");
  bool first = true;
  for (const auto& member : variant.members) {
    if (member.is_static) continue;
    if (!first) q.printer.emit(", ");
    first = false;
    if (!is_tuple) q.printer.emit(member.name + ": ");
    q.printer.member(Field{member.type, member.offset}, place, q.depth + 1);
  }
  q.printer.emit(is_tuple ? ")" : "}");
}

}  // namespace

bool print_rust_enum(const ContainerQuestion& q) {
  if (!q.type.discriminant_offset) return false;
  const uint64_t size =
      q.type.discriminant_type ? q.printer.types().size(*q.type.discriminant_type).value_or(8) : 8;
  const auto read = q.place.at(*q.type.discriminant_offset)
                        .read(q.printer.memory(), std::min<uint64_t>(size, 16));
  if (read.state != ValueState::kPresent) {
    q.printer.missing(read);
    return true;
  }
  const auto tag = read_tag(read);
  const Member* member = tag ? selected(q.type, *tag) : nullptr;
  if (member == nullptr) {
    ContainerReader(q).corrupt(
        fmt::format("discriminant {} selects no variant", tag ? tag->low : 0));
    return true;
  }
  const Type& variant = q.printer.types().strip(member->type);
  const size_t colons = variant.name.rfind("::");
  std::string name = !member->name.empty()         ? member->name
                     : colons == std::string::npos ? variant.name
                                                   : variant.name.substr(colons + 2);
  q.printer.emit(name);
  if (q.depth <= static_cast<int>(q.printer.options().max_depth))
    variant_fields(q, variant, q.place.at(member->offset));
  return true;
}

}  // namespace inquest::process
