// Rust: enums (with niches), String, &str, Vec, slices, Box, Rc, Arc.
#include <fmt/format.h>

#include <algorithm>

#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

using dwarf::Member;
using dwarf::Type;
using dwarf::TypeKind;

constexpr int kMaxPointerNesting = 8;

// The first raw pointer inside a chain of one-field wrappers (Unique<T>, NonNull<T>).
std::optional<Field> inner_pointer(Types& types, Field field) {
  for (int i = 0; i < kMaxPointerNesting; ++i) {
    const Type& type = types.strip(field.type);
    if (type.kind == TypeKind::kPointer) return field;
    if (!is_structure(type)) return std::nullopt;
    const Member* next = nullptr;
    for (const auto& member : type.members) {
      if (types.size(member.type).value_or(0) < 8) continue;
      next = &member;
      break;
    }
    if (next == nullptr) return std::nullopt;
    field = Field{next->type, field.offset + next->offset};
  }
  return std::nullopt;
}

void text(const ContainerQuestion& q, uint64_t data, uint64_t length) {
  if (length == 0) return q.printer.emit("\"\"");
  if (ContainerReader(q).plausible(data, length, 1)) q.printer.quoted(Address(data), length);
}

void elements(const ContainerQuestion& q, dwarf::DieRef type, uint64_t data, uint64_t length) {
  const ContainerReader reader(q);
  const uint64_t size = q.printer.types().size(type).value_or(0);
  if (size > 0 && !reader.plausible(data, length, size)) return;
  reader.open(length);
  const uint64_t shown = reader.shown(length);
  for (uint64_t i = 0; i < shown && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    q.printer.value(type, Place::in_memory(Address(data + i * size)), q.depth + 1);
  }
  reader.close(shown, length);
}

// &str and &[T]: {data_ptr, length}.
bool slice(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto pointer = reader.field({"data_ptr"});
  const auto data = reader.number({"data_ptr"}), length = reader.number({"length"});
  if (!pointer || !q.type.name.starts_with("&")) return false;
  if (!data || !length) {
    reader.unreadable();
    return true;
  }
  if (q.type.name.ends_with("str")) {
    text(q, *data, *length);
    return true;
  }
  const auto element = q.printer.types().strip(pointer->type).target;
  if (!element) return false;
  elements(q, *element, *data, *length);
  return true;
}

bool vec(const ContainerQuestion& q, bool is_text) {
  const ContainerReader reader(q);
  const auto buffer = reader.field({"ptr"});
  const auto length = reader.number({"len"});
  if (!buffer || q.type.template_types.empty()) return false;
  const auto pointer = inner_pointer(q.printer.types(), *buffer);
  if (!pointer) return false;
  const auto data = q.printer.scalar(*pointer, q.place);
  if (!data || !length) {
    reader.unreadable();
  } else if (is_text) {
    text(q, *data, *length);
  } else {
    elements(q, q.type.template_types[0].second, *data, *length);
  }
  return true;
}

bool string(const ContainerQuestion& q) {
  const auto bytes = ContainerReader(q).field({"vec"});
  if (!bytes) return false;
  const Type& type = q.printer.types().strip(bytes->type);
  const Place place = q.place.at(bytes->offset);
  const ContainerQuestion inner{q.printer, type, place, q.depth, q.name};
  return vec(inner, true);
}

// Rc and Arc point at {strong, weak, value}.
bool counted(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto wrapped = reader.field({"ptr"});
  const auto pointer = wrapped ? inner_pointer(q.printer.types(), *wrapped) : std::nullopt;
  if (!pointer) return false;
  const auto target = q.printer.scalar(*pointer, q.place);
  const auto inner = q.printer.types().strip(pointer->type).target;
  if (!target || !inner) return false;
  const Type& block = q.printer.types().strip(*inner);
  auto value = q.printer.types().find_field(block, "data");  // of ArcInner
  if (!value) value = q.printer.types().find_field(block, "value");
  const auto strong = q.printer.memory().load<uint64_t>(Address(*target));
  const auto weak = q.printer.memory().load<uint64_t>(Address(*target + 8));
  if (!value) return false;
  if (!strong || !weak) {
    reader.corrupt(to_hex(*target) + " is not readable");
    return true;
  }
  q.printer.emit(q.type.name.substr(0, q.type.name.find('<')) + "(");
  q.printer.member(*value, Place::in_memory(Address(*target)), q.depth + 1);
  q.printer.emit(fmt::format(") (strong {}, weak {})", *strong, *weak == 0 ? 0 : *weak - 1));
  return true;
}

bool boxed(const ContainerQuestion& q) {
  const auto pointer = inner_pointer(q.printer.types(), Field{q.type.die, 0});
  if (!pointer) return false;
  q.printer.member(*pointer, q.place, q.depth);
  return true;
}

// The variant that the discriminant selects: an exact match, else the one without a value of its
// own (the niche's dataful variant).
const Member* selected(const Type& type, uint64_t discriminant) {
  const Member* fallback = nullptr;
  for (const auto& member : type.members) {
    if (member.discriminant && *member.discriminant == discriminant) return &member;
    if (member.is_default_variant || (!member.discriminant && !member.is_static))
      fallback = fallback == nullptr ? &member : fallback;
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

bool enumeration(const ContainerQuestion& q) {
  if (!q.type.discriminant_offset) return false;
  const uint64_t size =
      q.type.discriminant_type ? q.printer.types().size(*q.type.discriminant_type).value_or(8) : 8;
  const auto read =
      q.place.at(*q.type.discriminant_offset).read(q.printer.memory(), std::min<uint64_t>(size, 8));
  if (read.state != ValueState::kPresent) {
    q.printer.missing(read);
    return true;
  }
  uint64_t discriminant = 0;
  for (size_t i = 0; i < read.bytes.size(); ++i) discriminant |= uint64_t{read.bytes[i]} << 8 * i;
  const Member* member = selected(q.type, discriminant);
  if (member == nullptr) {
    ContainerReader(q).corrupt(fmt::format("discriminant {} selects no variant", discriminant));
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

}  // namespace

bool print_rust(const ContainerQuestion& q) {
  if (q.type.discriminant_offset) return enumeration(q);
  if (q.name.starts_with("&")) return slice(q);
  if (q.name == "alloc::string::String") return string(q);
  if (q.name == "alloc::vec::Vec") return vec(q, false);
  if (q.name == "alloc::boxed::Box") return boxed(q);
  if (q.name == "alloc::rc::Rc" || q.name == "alloc::sync::Arc") return counted(q);
  return false;
}

}  // namespace inquest::process
