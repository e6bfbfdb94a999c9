#include "process/heap/object_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace inquest::process {
namespace {

constexpr uint64_t kMaxTypeName = 1024;
constexpr uint64_t kMaxOffsetToTop = uint64_t{1} << 20;
constexpr uint64_t kShownText = 40;
// Bytes by which a block may be larger than what was asked for.
constexpr uint64_t kMaxSlack = 40;
constexpr uint64_t kLocalCapacity = 15;  // of a std::string that keeps its text inside

// Itanium ABI, 2.9.4: a mangled type without "_Z", with '*' in front when it is local to its file.
bool is_type_name(std::string_view text) {
  if (text.starts_with('*')) text.remove_prefix(1);
  if (text.size() < 2) return false;
  const bool starts =
      (text[0] >= '1' && text[0] <= '9') || text[0] == 'N' || text[0] == 'S' || text[0] == 'Z';
  return starts && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '$';
         });
}

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7f : c == '\n' || c == '\t' || c == '\r';
  });
}

}  // namespace

bool ObjectNamer::in_module(Address address) const {
  return input_.modules != nullptr && input_.modules->find(address) != nullptr;
}

std::optional<ObjectName> ObjectNamer::type_of_vtable(Address vtable) const {
  if (vtable.value % 8 != 0 || !in_module(vtable)) return std::nullopt;
  const MemoryReader& memory = input_.memory;
  // In front of the functions: the distance to the whole object, and its type_info.
  const auto to_top = memory.load<int64_t>(vtable - 16);
  const auto type = memory.load_pointer(vtable - 8);
  if (!to_top || *to_top > 0 || *to_top < -static_cast<int64_t>(kMaxOffsetToTop))
    return std::nullopt;
  if (!type || type->value % 8 != 0 || !in_module(*type)) return std::nullopt;
  const auto name = memory.load_pointer(*type + 8);
  if (!name || !in_module(*name)) return std::nullopt;
  bool complete = false;
  auto text = memory.load_c_string(*name, kMaxTypeName, &complete);
  if (!text || !complete || !is_type_name(*text)) return std::nullopt;
  if (text->starts_with('*')) text->erase(0, 1);
  return ObjectName{.mangled = std::move(*text), .shape = {}, .contents = {}, .vtable = vtable};
}

std::optional<ObjectName> ObjectNamer::by_vtable(Address object) const {
  const auto vtable = input_.memory.load_pointer(object);
  return vtable ? type_of_vtable(*vtable) : std::nullopt;
}

// {pointer, length, capacity}: the block was made for the capacity. (The NUL behind the text may
// have been overwritten: that is why one asks.)
std::optional<ObjectName> ObjectNamer::as_string(const Block& block, Address owner) const {
  const MemoryReader& memory = input_.memory;
  const auto length = memory.load<uint64_t>(owner + 8),
             capacity = memory.load<uint64_t>(owner + 16);
  if (!length || !capacity || *length > *capacity || *capacity <= kLocalCapacity)
    return std::nullopt;
  if (*capacity >= block.size || block.size - *capacity > kMaxSlack) return std::nullopt;
  Bytes bytes(std::min(*length, kShownText));
  const auto got = memory.read(block.start, bytes);
  const std::string text(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(got.size));
  return ObjectName{.mangled = {},
                    .shape = "std::string storage",
                    .contents = is_text(text) ? text : std::string(),
                    .vtable = {}};
}

// {begin, end, end of storage}.
std::optional<ObjectName> ObjectNamer::as_vector(const Block& block, Address owner) const {
  const MemoryReader& memory = input_.memory;
  const auto end = memory.load<uint64_t>(owner + 8), limit = memory.load<uint64_t>(owner + 16);
  if (!end || !limit) return std::nullopt;
  const uint64_t start = block.start.value;
  if (*end < start || *limit < *end || *limit <= start) return std::nullopt;
  const uint64_t room = *limit - start;
  if (room > block.size || block.size - room > kMaxSlack) return std::nullopt;
  return ObjectName{
      .mangled = {},
      .shape = fmt::format("std::vector storage ({} of {} bytes in use)", *end - start, room),
      .contents = {},
      .vtable = {}};
}

std::optional<ObjectName> ObjectNamer::by_owner(const Block& block, Address owner) const {
  const auto pointer = input_.memory.load_pointer(owner);
  if (!pointer || *pointer != block.start) return std::nullopt;
  if (auto vector = as_vector(block, owner)) return vector;
  return as_string(block, owner);
}

}  // namespace inquest::process
