#include "process/symbols/value_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/symbols/containers.h"
#include "process/symbols/quoting.h"

namespace inquest::process {

using dwarf::DieRef;
using dwarf::Type;
using dwarf::TypeKind;

namespace {

constexpr uint64_t kMaxEnumFlags = 64;

uint64_t raw_value(ByteView bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 8); ++i)
    value |= uint64_t{bytes[i]} << (8 * i);
  return value;
}

uint64_t mask(uint64_t bits) { return bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1; }

int64_t sign_extend(uint64_t value, uint64_t bits) {
  if (bits == 0 || bits >= 64) return static_cast<int64_t>(value);
  const uint64_t sign = uint64_t{1} << (bits - 1);
  return static_cast<int64_t>((value ^ sign) - sign);
}

// The bytes before the first NUL.
ByteView c_string_bytes(ByteView bytes) { return bytes.first(c_string(bytes).size()); }

// 128-bit integers, in decimal.
std::string wide_integer(ByteView bytes, bool is_signed) {
  __extension__ using Unsigned = unsigned __int128;
  Unsigned value = Unsigned{raw_value(bytes.subspan(8))} << 64 | raw_value(bytes);
  const bool negative = is_signed && (bytes[15] & 0x80) != 0;
  if (negative) value = ~value + 1;
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  if (negative) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

bool is_null_pointer_type(const Type& type) {
  return type.kind == TypeKind::kOther && type.name == "decltype(nullptr)";
}

bool is_unsigned_char(const Type& type) { return type.name == "unsigned char"; }

bool is_plain_text(ByteView text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](uint8_t c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

Value ValuePrinter::print(DieRef ref, const Place& place) {
  out_.clear();
  full_ = false;
  steps_ = 0;
  followed_ = 0;
  nesting_ = 0;
  Value result;
  result.address = place.address();
  const Type& type = types_.strip(ref);
  if (is_null_pointer_type(type)) return {ValueState::kPresent, "nullptr", "", 0, result.address};
  const auto size = types_.size(ref);
  if (!size) {
    result.state = ValueState::kUnknown;
    result.why = type.is_declaration ? "its type is declared, but defined elsewhere"
                                     : "its type has no size";
    return result;
  }
  // What decides about the whole: can any of it be read?
  const auto probe = place.read(memory_, is_structure(type) || type.kind == TypeKind::kArray
                                             ? std::min<uint64_t>(*size, 1)
                                             : *size);
  const bool has_target = !probe.target.empty() && is_pointer_like(type) && type.target;
  if (probe.state != ValueState::kPresent && !has_target) {
    result.state = probe.state;
    result.why = probe.why;
    return result;
  }
  value(ref, place, 0);
  result.state = ValueState::kPresent;
  result.text = std::move(out_);
  if ((is_integer(type) || is_pointer_like(type)) && *size <= 8 && !has_target)
    result.scalar = raw_value(probe.bytes);
  return result;
}

void ValuePrinter::emit(std::string_view text) {
  if (full_) return;
  if (out_.size() + text.size() > options_.max_text) {
    // Never inside a UTF-8 sequence.
    size_t keep = options_.max_text - std::min(out_.size(), options_.max_text);
    while (keep > 0 && (static_cast<uint8_t>(text[keep]) & 0xc0) == 0x80) --keep;
    out_ += text.substr(0, keep);
    out_ += "…";
    full_ = true;
    return;
  }
  out_ += text;
}

void ValuePrinter::missing(const Place::Read& read) {
  switch (read.state) {
    case ValueState::kOptimizedOut:
      return emit("<optimized out>");
    case ValueState::kNotInCore:
      return emit("<not in the core: " + read.why + ">");
    default:
      return emit("<unknown: " + read.why + ">");
  }
}

void ValuePrinter::value(DieRef ref, const Place& place, int depth) {
  if (full_) return;
  if (++steps_ > kMaxPrintSteps) {
    emit("…");
    full_ = true;
    return;
  }
  // Some containers hand on their depth: hostile types could nest without end.
  if (nesting_ >= kMaxValueNesting) return emit("{…}");
  ++nesting_;
  const Type& type = types_.strip(ref);
  if (is_structure(type)) {
    structure(type, place, depth);
  } else if (type.kind == TypeKind::kArray) {
    array(type, place, depth);
  } else {
    scalar_value(type, place, depth);
  }
  --nesting_;
}

void ValuePrinter::scalar_value(const Type& type, const Place& place, int depth) {
  const uint64_t size = types_.size(type.die).value_or(0);
  if (is_null_pointer_type(type)) return emit("nullptr");
  if (size == 0 && type.name == "()") return emit("()");  // Rust
  if (size == 0 || size > 32) return emit("<unknown: a type of no known size>");
  const auto read = place.read(memory_, size);
  if (read.state != ValueState::kPresent) {
    if (read.target.empty() || !is_pointer_like(type) || !type.target) return missing(read);
    emit("<no address> → ");
    return value(*type.target, read.target[0], depth + 1);
  }
  const uint64_t raw = raw_value(read.bytes);
  switch (type.kind) {
    case TypeKind::kEnum:
      return enumeration(type, raw, size);
    case TypeKind::kFloat:
      return floating(read.bytes);
    case TypeKind::kComplex:
      floating(ByteView(read.bytes).first(size / 2));
      emit(" + ");
      floating(ByteView(read.bytes).subspan(size / 2));
      return emit("i");
    case TypeKind::kMemberPointer:
      return member_pointer(read.bytes);
    case TypeKind::kPointer:
    case TypeKind::kReference:
    case TypeKind::kRvalueReference:
      return pointer(type, raw, depth);
    case TypeKind::kBool:
    case TypeKind::kChar:
    case TypeKind::kSigned:
    case TypeKind::kUnsigned:
      if (size == 16) return emit(wide_integer(read.bytes, type.kind == TypeKind::kSigned));
      if (size > 8) return emit(fmt::format("<unknown: an integer of {} bytes>", size));
      return integer(type, raw, size);
    default:
      if (size <= 8) return emit(to_hex(raw));
      return emit(fmt::format("<unknown: {} bytes of a type that is not known here>", size));
  }
}

// Itanium C++ ABI section 2.3, with AArch64's variation: there the lowest bit of the adjustment
// says that the function is virtual.
void ValuePrinter::member_pointer(ByteView bytes) {
  const uint64_t raw = raw_value(bytes);
  if (bytes.size() == 8)
    return emit(raw == ~uint64_t{0} ? "null" : fmt::format("the member at offset {}", raw));
  const uint64_t adjustment = raw_value(bytes.subspan(8));
  if (raw == 0 && (adjustment & 1) == 0) return emit("null");
  const CodeName& code = names_.at(Address(raw));
  if (!code.name.empty()) return emit(to_hex(raw) + " → " + code.name);
  if ((raw & 1) != 0) return emit(fmt::format("the virtual function at vtable offset {}", raw - 1));
  emit(to_hex(raw));
}

void ValuePrinter::integer(const Type& type, uint64_t raw, uint64_t size) {
  switch (type.kind) {
    case TypeKind::kBool:
      return emit(raw == 0 ? "false" : raw == 1 ? "true" : fmt::format("{} (not a bool)", raw));
    case TypeKind::kChar:
      if (size > 1) return emit(fmt::format("{} {}", raw, quote_wide_character(raw)));
      if (is_unsigned_char(type)) return emit(fmt::format("{}", raw));  // most often a number
      return emit(fmt::format("{} {}", sign_extend(raw, 8), quote_character(raw)));
    case TypeKind::kSigned:
      return emit(fmt::format("{}", sign_extend(raw, size * 8)));
    default:
      return emit(fmt::format("{}", raw));
  }
}

// One enumerator, or several that add up ("kRead | kWrite"), or the bare number.
void ValuePrinter::enumeration(const Type& type, uint64_t raw, uint64_t size) {
  const uint64_t all = mask(size * 8);
  for (const auto& [name, number] : type.enumerators)
    if ((static_cast<uint64_t>(number) & all) == raw) return emit(name);
  uint64_t rest = raw, flags = 0;
  std::string names;
  for (const auto& [name, number] : type.enumerators) {
    const uint64_t bit = static_cast<uint64_t>(number) & all;
    if (bit == 0 || (bit & (bit - 1)) != 0 || (rest & bit) == 0 || ++flags > kMaxEnumFlags)
      continue;
    names += (names.empty() ? "" : " | ") + name;
    rest &= ~bit;
  }
  if (rest == 0 && raw != 0 && !names.empty()) return emit(names);
  emit(fmt::format("{} (no enumerator)", sign_extend(raw, size * 8)));
}

void ValuePrinter::floating(ByteView bytes) {
  if (bytes.size() == 4) return emit(fmt::format("{}", *load<float>(bytes)));
  if (bytes.size() == 8) return emit(fmt::format("{}", *load<double>(bytes)));
#ifdef __x86_64__
  if (bytes.size() == 16) return emit(fmt::format("{}", *load<long double>(bytes)));
#endif
  emit(fmt::format("<unknown: floating point of {} bytes>", bytes.size()));
}

void ValuePrinter::pointer(const Type& type, uint64_t target, int depth) {
  emit(to_hex(target));
  if (target == 0 || !type.target) return;
  pointee(type, Address(target), depth);
}

void ValuePrinter::pointee(const Type& type, Address target, int depth) {
  const Type& pointed = types_.strip(*type.target);
  switch (pointed.kind) {
    case TypeKind::kChar:
      if (pointed.size.value_or(0) == 1 && type.kind == TypeKind::kPointer) return c_string(target);
      break;
    case TypeKind::kFunction: {
      const CodeName& code = names_.at(target);
      if (!code.name.empty()) return emit(" → " + code.name);
      if (code.module == nullptr) emit(" (outside every module)");
      return;
    }
    case TypeKind::kVoid:
      return;
    default:
      break;
  }
  const auto size = types_.size(*type.target);
  if (!size || *size == 0 || followed_ >= kMaxPointersFollowed) return;
  const auto why = memory_.why_missing(target);
  if (why != Missing::kNone) return emit(" (" + std::string(to_string(why)) + ")");
  emit(" → ");
  ++followed_;
  value(*type.target, Place::in_memory(target), depth + 1);
  --followed_;
}

void ValuePrinter::c_string(Address address) {
  bool complete = false;
  const auto text = memory_.load_c_string(address, options_.max_string, &complete);
  if (!text) return emit(" (" + std::string(to_string(memory_.why_missing(address))) + ")");
  emit(" ");
  emit(quote({reinterpret_cast<const uint8_t*>(text->data()), text->size()}));
  if (!complete) emit("…");
}

void ValuePrinter::quoted(Address data, uint64_t size) {
  const uint64_t shown = std::min<uint64_t>(size, options_.max_string);
  const auto read = Place::in_memory(data).read(memory_, shown);
  if (read.state != ValueState::kPresent && read.bytes.empty()) return missing(read);
  emit(quote(read.bytes));
  if (read.bytes.size() < size) emit("…");
}

void ValuePrinter::quoted_wide(Address data, uint64_t count, uint64_t unit) {
  const uint64_t shown = std::min<uint64_t>(count, options_.max_string);
  const auto read = Place::in_memory(data).read(memory_, shown * unit);
  if (read.state != ValueState::kPresent && read.bytes.empty()) return missing(read);
  std::string text;
  for (uint64_t i = 0; (i + 1) * unit <= read.bytes.size(); ++i) {
    uint64_t character = raw_value(ByteView(read.bytes).subspan(i * unit, unit));
    const uint64_t next = (i + 2) * unit <= read.bytes.size()
                              ? raw_value(ByteView(read.bytes).subspan((i + 1) * unit, unit))
                              : 0;
    const bool pair = unit == 2 && (character & 0xfc00) == 0xd800 && (next & 0xfc00) == 0xdc00;
    if (pair) character = 0x10000 + ((character & 0x3ff) << 10) + (next & 0x3ff), ++i;
    text += utf8(character);
  }
  emit(quote({reinterpret_cast<const uint8_t*>(text.data()), text.size()}));
  if (read.bytes.size() < count * unit) emit("…");
}

std::optional<uint64_t> ValuePrinter::scalar(const Field& field, const Place& place) {
  const auto size = types_.size(field.type);
  if (!size || *size == 0 || *size > 8) return std::nullopt;
  const auto read = place.at(field.offset).read(memory_, *size);
  if (read.state != ValueState::kPresent) return std::nullopt;
  const uint64_t raw = raw_value(read.bytes);
  return field.bit_size == 0 ? raw : raw >> field.bit_offset & mask(field.bit_size);
}

void ValuePrinter::member(const Field& field, const Place& place, int depth) {
  if (field.bit_size == 0) return value(field.type, place.at(field.offset), depth);
  const Type& type = types_.strip(field.type);
  const uint64_t bytes = (field.bit_offset + field.bit_size + 7) / 8;
  const auto read = place.at(field.offset).read(memory_, std::min<uint64_t>(bytes, 8));
  if (read.state != ValueState::kPresent) return missing(read);
  if (field.bit_offset >= 64 || field.bit_size > 64) return emit("<unknown: odd bit field>");
  const uint64_t raw = raw_value(read.bytes) >> field.bit_offset & mask(field.bit_size);
  if (type.kind == TypeKind::kEnum)
    return enumeration(type, raw, types_.size(field.type).value_or(4));
  if (type.kind == TypeKind::kSigned)
    return emit(fmt::format("{}", sign_extend(raw, field.bit_size)));
  integer(type, raw, 8);
}

void ValuePrinter::structure(const Type& type, const Place& place, int depth) {
  if (print_container(*this, type, place, depth)) return;
  if (type.is_declaration) return emit("{<defined elsewhere>}");
  if (depth >= static_cast<int>(options_.max_depth)) return emit("{…}");
  emit("{");
  bool first = true;
  for (const auto& one : type.members) {
    if (one.is_static || full_) continue;
    if (one.name.starts_with("_vptr")) continue;
    if (!first) emit(", ");
    first = false;
    if (one.is_virtual_base) {
      emit("<virtual base>");
      continue;
    }
    if (!one.name.empty() && !one.is_base) emit(one.name + " = ");
    member(Field{one.type, one.offset, one.bit_size, one.bit_offset}, place, depth + 1);
  }
  emit("}");
}

void ValuePrinter::array(const Type& type, const Place& place, int depth) {
  if (!type.target) return emit("{…}");
  const Type& element = types_.strip(*type.target);
  const auto count = types_.element_count(type);
  if (!count) return emit("{<of unknown length>}");
  if (element.kind == TypeKind::kChar && element.size.value_or(0) == 1 &&
      type.dimensions.size() == 1) {
    const auto read = place.read(memory_, std::min<uint64_t>(*count, options_.max_string));
    if (read.bytes.empty() && *count > 0) return missing(read);
    const auto text = c_string_bytes(read.bytes);
    if (is_unsigned_char(element) && !is_plain_text(text))
      return array_level(type, place, 0, depth);
    emit(quote(text));
    if (text.size() == read.bytes.size() && text.size() < *count) emit("…");
    return;
  }
  array_level(type, place, 0, depth);
}

void ValuePrinter::array_level(const Type& type, const Place& place, size_t dimension, int depth) {
  const auto element_size = types_.size(*type.target);
  if (!element_size) return emit("{…}");
  uint64_t stride = *element_size;
  for (size_t i = dimension + 1; i < type.dimensions.size(); ++i)
    stride = checked_multiply(stride, type.dimensions[i].value_or(0)).value_or(0);
  const uint64_t count = type.dimensions[dimension].value_or(0);
  const uint64_t shown = std::min<uint64_t>(count, options_.max_elements);
  const bool last =
      dimension + 1 >= type.dimensions.size() || dimension >= static_cast<size_t>(kMaxTypeDepth);
  emit("{");
  for (uint64_t i = 0; i < shown && !full_; ++i) {
    if (i > 0) emit(", ");
    const Place part = place.at(i * stride);
    if (last) {
      value(*type.target, part, depth + 1);
    } else {
      array_level(type, part, dimension + 1, depth + 1);
    }
  }
  if (shown < count) emit(fmt::format("{}… {} more", shown > 0 ? ", " : "", count - shown));
  emit("}");
}

}  // namespace inquest::process
