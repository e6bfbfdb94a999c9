// Rust: String, &str, Vec, slices, wide pointers, Box, Rc, Arc, cells and locks.
#include "process/symbols/containers_rust.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {
namespace {

using dwarf::DieRef;
using dwarf::Member;
using dwarf::Type;
using dwarf::TypeKind;

constexpr int kMaxPointerNesting = 8;
constexpr uint64_t kCountsSize = 16;  // strong and weak, before the value of an Rc or Arc

void text(const ContainerQuestion& q, uint64_t data, uint64_t length) {
  if (length == 0) return q.printer.emit("\"\"");
  if (ContainerReader(q).plausible(data, length, 1)) q.printer.quoted(Address(data), length);
}

// Types without a size of their own that are text: what a wide pointer of this name points at.
bool points_at_text(std::string_view name) {
  for (const std::string_view unsized_text :
       {"str", "std::path::Path", "std::ffi::os_str::OsStr", "core::ffi::c_str::CStr"}) {
    const size_t at = name.find(unsized_text);
    if (at == std::string_view::npos) continue;
    const std::string_view before = name.substr(0, at),
                           after = name.substr(at + unsized_text.size());
    const bool starts = before.empty() || before.ends_with('&') || before.ends_with(' ') ||
                        before.find('<') + 1 == before.size();
    if (starts && (after.empty() || after.starts_with(',') || after == ">")) return true;
  }
  return false;
}

// A pointer to a slice or to text: {data_ptr, length}.
bool slice(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto pointer = reader.field({"data_ptr"});
  if (!pointer || q.type.members.size() != 2) return false;
  const auto data = reader.number({"data_ptr"}), length = reader.number({"length"});
  const auto element = q.printer.types().strip(pointer->type).target;
  if (!data || !length) {
    reader.unreadable();
  } else if (points_at_text(q.type.name)) {
    const bool ends_in_nul = q.type.name.find("CStr") != std::string::npos && *length > 0;
    text(q, *data, ends_in_nul ? *length - 1 : *length);
  } else if (!element) {
    return false;
  } else {
    rust_elements(q, *element, *data, *length);
  }
  return true;
}

// A pointer to a trait object: {pointer, vtable}. The vtable's name tells the type behind it.
bool trait_object(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (q.type.members.size() != 2 || !reader.field({"vtable"})) return false;
  const auto pointer = reader.number({"pointer"}), table = reader.number({"vtable"});
  if (!pointer || !table) {
    reader.unreadable();
    return true;
  }
  q.printer.emit(to_hex(*pointer));
  const auto vtable = q.printer.names().variable_at(Address(*table));
  const auto size = q.printer.memory().load<uint64_t>(Address(*table + 8));
  if (!vtable || !size || !vtable->name.starts_with('<')) return true;
  const size_t end = vtable->name.find(" as ");
  if (end == std::string::npos || !vtable->name.ends_with("{vtable}")) return true;
  const std::string name = vtable->name.substr(1, end - 1);
  const auto type = q.printer.types().info().find_type(name);
  if (!type || q.printer.types().size(*type) != size) {
    q.printer.emit(" → a " + name);
    return true;
  }
  q.printer.emit(" → " + name + " ");
  q.printer.value(*type, Place::in_memory(Address(*pointer)), q.depth + 1);
  return true;
}

bool vec(const ContainerQuestion& q, bool is_text) {
  const ContainerReader reader(q);
  const auto buffer = reader.field({"ptr"});
  const auto length = reader.number({"len"});
  if (!buffer || q.type.template_types.empty()) return false;
  const auto pointer = rust_pointer(q.printer.types(), *buffer);
  if (!pointer) return false;
  const auto data = q.printer.scalar(*pointer, q.place);
  if (!data || !length) {
    reader.unreadable();
  } else if (is_text) {
    text(q, *data, *length);
  } else {
    rust_elements(q, q.type.template_types[0].second, *data, *length);
  }
  return true;
}

// String, OsString and PathBuf: a Vec<u8> some wrappers down.
bool string(const ContainerQuestion& q) {
  Types& types = q.printer.types();
  Field field{q.type.die, 0};
  for (int i = 0; i < kMaxPointerNesting; ++i) {
    const Type& type = types.strip(field.type);
    if (plain_type_name(type.name) == "alloc::vec::Vec") {
      const Place place = q.place.at(field.offset);
      return vec({q.printer, type, place, q.depth, q.name}, true);
    }
    if (!is_structure(type) || type.members.size() != 1) return false;
    field = Field{type.members[0].type, field.offset + type.members[0].offset};
  }
  return false;
}

// CString: a boxed slice of bytes, the NUL included.
bool c_string(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto data = reader.number({"inner", "data_ptr"});
  const auto length = reader.number({"inner", "length"});
  if (!data || !length || *length == 0) return false;
  text(q, *data, *length - 1);
  return true;
}

// What Rc, Arc and their Weak point at: {strong, weak, value}; a wide pointer for str and slices.
struct Counted {
  uint64_t block = 0;
  std::optional<uint64_t> length;
  Field value;
  std::string name;  // of the pointer
};

std::optional<Counted> counted_block(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  Types& types = q.printer.types();
  const auto wrapped = reader.field({"ptr"});
  const auto pointer = wrapped ? rust_pointer(types, *wrapped) : std::nullopt;
  const auto target = pointer ? q.printer.scalar(*pointer, q.place) : std::nullopt;
  const auto inner = pointer ? types.strip(pointer->type).target : std::nullopt;
  if (!target || !inner) return std::nullopt;
  const Type& block = types.strip(*inner);
  auto value = types.find_field(block, "data");  // of ArcInner
  if (!value) value = types.find_field(block, "value");
  if (!value) return std::nullopt;
  Counted out{*target, std::nullopt, *value, types.name(pointer->type)};
  if (reader.field({"ptr", "data_ptr"})) {
    out.length = reader.number({"ptr", "length"});
    if (!out.length) return std::nullopt;
  } else if (reader.field({"ptr", "vtable"})) {
    return std::nullopt;
  }
  return out;
}

void counted_value(const ContainerQuestion& q, const Counted& counted) {
  if (!counted.length)
    return q.printer.member(counted.value, Place::in_memory(Address(counted.block)), q.depth + 1);
  if (points_at_text(q.type.name)) return text(q, counted.block + kCountsSize, *counted.length);
  const Type& value = q.printer.types().strip(counted.value.type);
  const DieRef element = value.kind == TypeKind::kArray && value.target ? *value.target : value.die;
  rust_elements(q, element, counted.block + counted.value.offset, *counted.length);
}

bool counted(const ContainerQuestion& q, bool is_weak) {
  const auto block = counted_block(q);
  if (!block) return false;
  const std::string name = q.type.name.substr(0, q.type.name.find('<'));
  if (is_weak && block->block == ~uint64_t{0}) {
    q.printer.emit(name + " (of nothing)");
    return true;
  }
  const auto strong = q.printer.memory().load<uint64_t>(Address(block->block));
  const auto weak = q.printer.memory().load<uint64_t>(Address(block->block + 8));
  if (!strong || !weak) {
    ContainerReader(q).corrupt(to_hex(block->block) + " is not readable");
    return true;
  }
  q.printer.emit(name + "(");
  if (*strong == 0) {
    q.printer.emit("dropped");
  } else {
    counted_value(q, *block);
  }
  q.printer.emit(fmt::format(") (strong {}, weak {})", *strong,
                             *weak == 0 || *strong == 0 ? *weak : *weak - 1));
  return true;
}

bool boxed(const ContainerQuestion& q) {
  const auto pointer = rust_pointer(q.printer.types(), Field{q.type.die, 0});
  if (!pointer) return false;
  q.printer.member(*pointer, q.place, q.depth);
  return true;
}

// Wrappers that are nothing but what they wrap.
bool transparent(const ContainerQuestion& q) {
  bool known = q.name == "core::cell::Cell" || q.name == "core::cell::UnsafeCell" ||
               q.name == "core::cell::once::OnceCell" || q.name == "core::num::nonzero::NonZero" ||
               q.name == "core::num::wrapping::Wrapping" || q.name == "core::pin::Pin" ||
               q.name == "core::mem::manually_drop::ManuallyDrop" ||
               q.name == "core::mem::maybe_dangling::MaybeDangling";
  known = known || q.name.starts_with("core::num::niche_types::") ||
          q.name.starts_with("core::sync::atomic::Atomic");
  if (!known) return false;
  const Member* only = nullptr;
  for (const auto& member : q.type.members) {
    if (member.is_static || q.printer.types().size(member.type).value_or(0) == 0) continue;
    if (only != nullptr) return false;
    only = &member;
  }
  if (only == nullptr) return false;
  q.printer.member(Field{only->type, only->offset}, q.place, q.depth);
  return true;
}

bool ref_cell(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto value = reader.field({"value"});
  const auto borrow = reader.field({"borrow"});
  const auto state = reader.number({"borrow", "value", "value"});
  if (!value || !borrow) return false;
  q.printer.emit("RefCell(");
  q.printer.member(*value, q.place, q.depth + 1);
  q.printer.emit(!state                             ? ")"
                 : *state == 0                      ? ")"
                 : static_cast<int64_t>(*state) < 0 ? ") (mutably borrowed)"
                                                    : fmt::format(") (borrowed {} times)", *state));
  return true;
}

bool lock(const ContainerQuestion& q, std::string_view name) {
  const ContainerReader reader(q);
  const auto data = reader.field({"data"});
  const auto poisoned = reader.number({"poison", "failed", "v", "value"});
  if (!data) return false;
  q.printer.emit(fmt::format("{}(", name));
  q.printer.member(*data, q.place, q.depth + 1);
  q.printer.emit(poisoned && *poisoned != 0 ? ") (poisoned)" : ")");
  return true;
}

// Tuples and tuple structs have members __0, __1, …
bool tuple(const ContainerQuestion& q) {
  size_t next = 0;
  for (const auto& member : q.type.members)
    if (member.is_static || member.name != fmt::format("__{}", next++)) return false;
  if (next == 0 || q.depth >= static_cast<int>(q.printer.options().max_depth)) return false;
  q.printer.emit("(");
  for (size_t i = 0; i < next && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    const Member& member = q.type.members[i];
    q.printer.member(Field{member.type, member.offset}, q.place, q.depth + 1);
  }
  q.printer.emit(")");
  return true;
}

}  // namespace

// The first raw pointer inside a chain of one-field wrappers (Unique<T>, NonNull<T>).
std::optional<Field> rust_pointer(Types& types, Field field) {
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

void rust_elements(const ContainerQuestion& q, DieRef type, uint64_t data, uint64_t length) {
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

bool print_rust(const ContainerQuestion& q) {
  if (q.type.discriminant_offset) return print_rust_enum(q);
  if (q.name == "alloc::string::String" || q.name == "std::ffi::os_str::OsString" ||
      q.name == "std::path::PathBuf")
    return string(q);
  if (q.name == "alloc::ffi::c_str::CString") return c_string(q);
  if (q.name == "alloc::vec::Vec") return vec(q, false);
  if (q.name == "alloc::rc::Rc" || q.name == "alloc::sync::Arc") return counted(q, false);
  if (q.name == "alloc::rc::Weak" || q.name == "alloc::sync::Weak") return counted(q, true);
  if (slice(q) || trait_object(q)) return true;
  if (q.name == "alloc::boxed::Box") return boxed(q);
  if (q.name == "core::cell::RefCell") return ref_cell(q);
  if (q.name == "std::sync::poison::mutex::Mutex" || q.name == "std::sync::mutex::Mutex")
    return lock(q, "Mutex");
  if (q.name == "std::sync::poison::rwlock::RwLock" || q.name == "std::sync::rwlock::RwLock")
    return lock(q, "RwLock");
  return print_rust_collection(q) || transparent(q) || tuple(q);
}

}  // namespace inquest::process
