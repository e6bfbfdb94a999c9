#include "process/runtime/cpython/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/utf8.h"

namespace inquest::process::cpython {
namespace {

constexpr size_t kMaxTypesKept = 4096;

// The state of a text says first whether it is interned, a number up to 3, then its form: kind (3
// bits), compact, ascii. The first takes two bits; in releases of 3.14 it has a half of the word to
// itself. A kind is never 0, so that there is one way to read it.
uint32_t first_bit_of_form(uint32_t state) { return (state & 0xfffc) != 0 ? 2 : 16; }

}  // namespace

bool may_be_object(Address address) {
  // The lower half of the address space, x86-64 and AArch64 alike (48 bits).
  return address.value % 8 == 0 && address.value >= 0x1000 && address.value >> 48 == 0;
}

uint64_t without_mark(uint64_t word, const Version& version) {
  return version.is_at_least(14) ? word & ~uint64_t{3} : word;
}

Error Objects::missing(Address at) const {
  return {ErrorCode::kNotFound,
          fmt::format("{} is {}", to_hex(at), to_string(memory_.why_missing(at)))};
}

Result<Bytes> Objects::copy(Address at, uint64_t size) const {
  copied_ += size;
  if (copied_ > kMaxCopied)
    return Error(ErrorCode::kTooLarge, "more than enough names and tables were read before it");
  Bytes bytes(size);
  const MemoryRead got = memory_.read(at, bytes);
  if (got.size != size) return missing(at + got.size);
  return bytes;
}

Result<Address> Objects::pointer(Address object, uint32_t offset) const {
  INQ_TRY(const uint64_t value, field<uint64_t>(object, offset));
  if (value != 0 && !may_be_object(Address(value))) {
    return Error(ErrorCode::kCorrupt, fmt::format("{} at {} is no pointer to an object",
                                                  to_hex(value), to_hex(object + offset)));
  }
  return Address(value);
}

Result<std::string> Objects::name_of_type(Address type) const {
  if (const auto known = types_.find(type); known != types_.end()) return known->second;
  if (!may_be_object(type))
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no type", to_hex(type)));
  // A type's type is `type`, or made by one that is: the chain ends at itself.
  INQ_TRY(Address meta, pointer(type, layout_.object_type));
  for (int depth = 0;; ++depth) {
    if (meta.is_null() || depth == 4)
      return Error(ErrorCode::kCorrupt, fmt::format("{} is no type", to_hex(type)));
    INQ_TRY(const Address next, pointer(meta, layout_.object_type));
    if (next == meta) break;
    meta = next;
  }
  INQ_TRY(const uint64_t at, field<uint64_t>(type, layout_.type_name));
  std::string name = c_text(Address(at));
  if (name.empty()) {
    if (const auto known = learned_.find(type); known != learned_.end()) name = known->second;
  }
  if (types_.size() < kMaxTypesKept) types_.emplace(type, name);
  return name;
}

void Objects::learn_type(Address type, std::string_view name) {
  if (learned_.size() >= kMaxTypesKept) return;
  learned_.emplace(type, name);
  types_.erase(type);
}

Result<std::string> Objects::type_of(Address object) const {
  INQ_TRY(const Address type, pointer(object, layout_.object_type));
  return name_of_type(type);
}

Status Objects::check_type(Address object, std::string_view name) const {
  if (!may_be_object(object))
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no object", to_hex(object)));
  INQ_TRY(const std::string type, type_of(object));
  if (type.empty() || type == name) return {};
  return Error(ErrorCode::kMismatch,
               fmt::format("{} is of type {}, not {}", to_hex(object), type, name));
}

// PyASCIIObject, PyCompactUnicodeObject and PyUnicodeObject (Include/cpython/unicodeobject.h).
// Those that are not compact are of classes made from str, or of old ways to make one (up to 3.11).
Result<Objects::Characters> Objects::characters(Address object, uint64_t max) const {
  Characters result;
  INQ_TRY(result.length, field<uint64_t>(object, layout_.text_length));
  INQ_TRY(const uint32_t state, field<uint32_t>(object, layout_.text_state));
  const uint32_t form = state >> first_bit_of_form(state);
  const uint32_t kind = form & 7;
  const bool is_compact = (form & 8) != 0, is_ascii = (form & 16) != 0;
  const bool is_sound = kind == 1 || ((kind == 2 || kind == 4) && !is_ascii);
  if (!is_sound || result.length > INT64_MAX) {
    return Error(ErrorCode::kCorrupt,
                 fmt::format("the text at {} contradicts itself", to_hex(object)));
  }
  Address data = object + (is_ascii ? layout_.ascii_size : layout_.compact_size);
  if (!is_compact) {
    INQ_TRY(const uint64_t pointer, field<uint64_t>(object, layout_.compact_size));
    data = Address(pointer);
  }
  INQ_TRY(const Bytes bytes, copy(data, std::min(result.length, max) * kind));
  result.codes.reserve(bytes.size() / kind);
  for (uint64_t at = 0; at + kind <= bytes.size(); at += kind) {
    uint32_t code = 0;
    std::memcpy(&code, bytes.data() + at, kind);
    result.codes.push_back(code);
  }
  return result;
}

Result<std::string> Objects::text(Address object) const {
  INQ_TRY_STATUS(check_type(object, "str"));
  INQ_TRY(const Characters all, characters(object));
  std::string text;
  text.reserve(all.codes.size());
  for (const uint32_t code : all.codes) append_utf8(text, code);
  return text + (all.length > all.codes.size() ? "…" : "");
}

std::string Objects::c_text(Address at) const {
  return repair_utf8(memory_.load_c_string(at, kMaxTypeName).value_or(std::string()));
}

Result<Bytes> Objects::bytes(Address object) const {
  INQ_TRY_STATUS(check_type(object, "bytes"));
  INQ_TRY(const uint64_t size, field<uint64_t>(object, layout_.bytes_size));
  if (size > kMaxBytes) {
    return Error(ErrorCode::kTooLarge,
                 fmt::format("the bytes at {} are {} long", to_hex(object), size));
  }
  return copy(object + layout_.bytes_value, size);
}

}  // namespace inquest::process::cpython
