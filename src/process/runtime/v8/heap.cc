#include "process/runtime/v8/heap.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace inquest::process::v8 {
namespace {

constexpr uint64_t kFirstElement = 16;  // of arrays: behind the Map and the length
constexpr uint64_t kArrayLength = 8;

// Kinds of strings, in the low bits of their type: src/objects/instance-type.h.
constexpr uint16_t kRepresentation = 7, kOneByte = 8;
enum Representation : uint16_t {
  kSequential = 0,
  kCons = 1,
  kExternal = 2,
  kSliced = 3,
  kThin = 5
};
constexpr uint64_t kCharacters = 16;            // of a sequential string
constexpr uint64_t kFirst = 16, kSecond = 24;   // of a ConsString
constexpr uint64_t kParent = 16, kOffset = 24;  // of a SlicedString
constexpr uint64_t kActual = 16;                // of a ThinString
constexpr uint64_t kResourceData = 24;          // of an ExternalString: a plain pointer
constexpr int kMaxDepth = 64;                   // of strings made of strings
constexpr size_t kMaxPieces = 1 << 16;

}  // namespace

char16_t Characters::at(uint64_t index) const {
  if (!wide) return bytes[index];
  return static_cast<char16_t>(bytes[2 * index] | bytes[2 * index + 1] << 8);
}

Error Heap::missing(Address at) const {
  return {ErrorCode::kNotFound,
          fmt::format("{} is {}", to_hex(at), to_string(memory_.why_missing(at)))};
}

Result<Word> Heap::word(Address at) const {
  INQ_TRY(const uint64_t bits, load<uint64_t>(at));
  return Word{bits};
}

Result<uint16_t> Heap::type_of(Word object) const {
  if (!object.is_object())
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no object", to_hex(object.bits)));
  INQ_TRY(const Word map, word(object.object()));
  if (!map.is_object())
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no object", to_hex(object.bits)));
  return load<uint16_t>(map.object() + layout_.map_instance_type);
}

bool Heap::is(Word object, uint16_t type) const {
  if (type == 0) return false;
  const auto found = type_of(object);
  return found.ok() && *found == type;
}

bool Heap::is_string(Word object) const {
  const auto type = type_of(object);
  return type.ok() && *type < layout_.types.first_nonstring;
}

bool Heap::is_function(Word object) const {
  const auto type = type_of(object);
  return type.ok() && *type >= layout_.types.first_function && *type <= layout_.types.last_function;
}

bool Heap::is_context(Word object) const {
  const auto type = type_of(object);
  return type.ok() && *type >= layout_.types.first_context && *type <= layout_.types.last_context;
}

bool Heap::is_bytes(Word object) const {
  return is(object, layout_.types.byte_array) || is(object, layout_.types.trusted_byte_array);
}

struct Heap::Walk {
  uint64_t skip = 0;  // characters that come first and are not wanted
  uint64_t left = 0;
  size_t pieces = 0;
  const std::function<bool(const Characters&)>& visit;
  bool stopped = false;
};

Status Heap::visit_string(Word string, Walk& walk, int depth) const {
  if (walk.stopped || walk.left == 0) return {};
  if (depth > kMaxDepth || ++walk.pieces > kMaxPieces)
    return Error(ErrorCode::kTooLarge, "a string of too many parts");
  INQ_TRY(const uint16_t type, type_of(string));
  if (type >= layout_.types.first_nonstring)
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no string", to_hex(string.bits)));
  INQ_TRY(const uint32_t length, load<uint32_t>(string.object() + layout_.string_length));
  if (length <= walk.skip) {
    walk.skip -= length;
    return {};
  }
  const auto part = [&](uint64_t offset) -> Status {
    INQ_TRY(const Word inner, field(string, offset));
    return visit_string(inner, walk, depth + 1);
  };
  Address start = string.object() + kCharacters;
  switch (type & kRepresentation) {
    case kCons:
      INQ_TRY_STATUS(part(kFirst));
      return part(kSecond);
    case kThin:
      return part(kActual);
    case kSliced: {
      INQ_TRY(const Word offset, field(string, kOffset));
      if (!offset.is_small() || offset.small() < 0)
        return Error(ErrorCode::kCorrupt, fmt::format("{} is no string", to_hex(string.bits)));
      // What follows the slice in its parent is not of this string.
      Walk inner{.skip = walk.skip + static_cast<uint64_t>(offset.small()),
                 .left = std::min<uint64_t>(walk.left, length - walk.skip),
                 .pieces = walk.pieces,
                 .visit = walk.visit};
      const uint64_t wanted = inner.left;
      INQ_TRY(const Word parent, field(string, kParent));
      INQ_TRY_STATUS(visit_string(parent, inner, depth + 1));
      walk.skip = 0;
      walk.left -= wanted - inner.left;
      walk.pieces = inner.pieces;
      walk.stopped = inner.stopped;
      return {};
    }
    case kExternal: {
      INQ_TRY(const uint64_t data, load<uint64_t>(string.object() + kResourceData));
      start = Address(data);
      break;
    }
    case kSequential:
      break;
    default:
      return Error(ErrorCode::kUnsupported, "a kind of string that is not known");
  }
  const bool wide = (type & kOneByte) == 0;
  const uint64_t width = wide ? 2 : 1;
  start = start + walk.skip * width;
  uint64_t size = std::min<uint64_t>(length - walk.skip, walk.left) * width;
  walk.skip = 0;
  while (size > 0 && !walk.stopped) {
    ByteView bytes = memory_.view(start, size);
    bytes = bytes.first(std::min<uint64_t>(bytes.size(), size) / width * width);
    if (bytes.empty()) return missing(start);
    walk.stopped = !walk.visit({bytes, wide});
    start = start + bytes.size();
    size -= bytes.size();
    walk.left -= bytes.size() / width;
  }
  return {};
}

Status Heap::for_each_piece(Word string, uint64_t limit,
                            const std::function<bool(const Characters&)>& visit) const {
  Walk walk{.skip = 0, .left = limit, .pieces = 0, .visit = visit};
  return visit_string(string, walk, 0);
}

Result<std::u16string> Heap::characters(Word string, uint64_t from, uint64_t count) const {
  std::u16string characters;
  const std::function<bool(const Characters&)> add = [&](const Characters& piece) {
    for (uint64_t i = 0; i < piece.count(); ++i) characters.push_back(piece.at(i));
    return true;
  };
  Walk walk{.skip = from, .left = count, .pieces = 0, .visit = add};
  INQ_TRY_STATUS(visit_string(string, walk, 0));
  return characters;
}

Result<std::string> Heap::text(Word string) const {
  INQ_TRY(const std::u16string all, characters(string, 0, kMaxName));
  return utf8_of_utf16(all);
}

Result<Bytes> Heap::copy(Address at, uint64_t size) const {
  copied_ += size;
  if (size > kMaxTable || copied_ > kMaxCopied)
    return Error(ErrorCode::kTooLarge, "more than enough tables were read before it");
  Bytes bytes(size);
  const MemoryRead got = memory_.read(at, bytes);
  if (got.size != size) return missing(at + got.size);
  return bytes;
}

Result<uint64_t> Heap::array_length(Word array) const {
  INQ_TRY(const Word length, field(array, kArrayLength));
  // Newer arrays keep a plain 32-bit number there.
  const int64_t count = length.is_small() && length.bits >> 32 != 0
                            ? length.small()
                            : static_cast<int64_t>(length.bits & 0xffffffff);
  if (count < 0 || static_cast<uint64_t>(count) > kMaxTable)
    return Error(ErrorCode::kCorrupt, fmt::format("{} is no array", to_hex(array.bits)));
  return static_cast<uint64_t>(count);
}

Result<Bytes> Heap::contents(Word byte_array) const {
  if (!is_bytes(byte_array))
    return Error(ErrorCode::kCorrupt,
                 fmt::format("{} is no array of bytes", to_hex(byte_array.bits)));
  INQ_TRY(const uint64_t size, array_length(byte_array));
  return copy(byte_array.object() + kFirstElement, size);
}

Result<Word> Heap::element(Word array, uint64_t index) const {
  INQ_TRY(const uint64_t length, array_length(array));
  if (index >= length) return Error(ErrorCode::kCorrupt, "an index beyond its array");
  return field(array, kFirstElement + 8 * index);
}

}  // namespace inquest::process::v8
