// set, map and their multi and unordered forms, of libstdc++ and libc++.
#include <fmt/format.h>

#include <set>

#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

using dwarf::DieRef;
using dwarf::Type;

constexpr uint64_t kGnuTreeNodeHeader = 32;  // colour, parent, left, right
constexpr uint64_t kLibcxxTreeNodeHeader =
    25;  // left, right, parent, colour; the value may use the padding
constexpr uint64_t kGnuHashNodeHeader = 8;      // next
constexpr uint64_t kLibcxxHashNodeHeader = 16;  // next, hash
constexpr int kMaxTreeDepth = 128;

// libc++ wraps the pair of a map; the wrapper's only interesting member is __cc_.
Field unwrapped(const ContainerQuestion& q, DieRef value) {
  const Type& type = q.printer.types().strip(value);
  if (is_structure(type)) {
    for (const char* name : {"__cc_", "__cc"})
      if (const auto pair = q.printer.types().find_field(type, name)) return *pair;
  }
  return Field{value, 0};
}

// "key: value" of a map's element, the element itself of a set's.
void entry(const ContainerQuestion& q, const Field& field, Address value, bool is_map) {
  const Place place = Place::in_memory(value).at(field.offset);
  const Type& type = q.printer.types().strip(field.type);
  const auto key = is_map ? q.printer.types().find_field(type, "first") : std::nullopt;
  const auto mapped = is_map ? q.printer.types().find_field(type, "second") : std::nullopt;
  if (!key || !mapped) return q.printer.value(field.type, place, q.depth + 1);
  q.printer.member(*key, place, q.depth + 1);
  q.printer.emit(": ");
  q.printer.member(*mapped, place, q.depth + 1);
}

bool is_map(const ContainerQuestion& q) { return q.name.ends_with("map"); }

// The value type of the node: template argument `index` of the member `table`'s type.
std::optional<DieRef> value_type(const ContainerQuestion& q, std::string_view table, size_t index) {
  const auto field = q.printer.types().find_field(q.type, table);
  if (!field) return std::nullopt;
  const Type& type = q.printer.types().strip(field->type);
  if (index < type.template_types.size()) return type.template_types[index].second;
  return std::nullopt;
}

uint64_t aligned(const ContainerQuestion& q, uint64_t offset, DieRef type) {
  const uint64_t alignment = q.printer.types().alignment(type);
  return (offset + alignment - 1) / alignment * alignment;
}

struct TreeShape {
  uint64_t root = 0;
  uint64_t count = 0;
  uint64_t left = 0, right = 0;  // offsets of the links in a node
  uint64_t value = 0;            // offset of the value
  DieRef type;
};

std::optional<TreeShape> tree_shape(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (const auto type = value_type(q, "_M_t", 1)) {
    const auto root = reader.number({"_M_header", "_M_parent"});
    const auto count = reader.number({"_M_node_count"});
    if (!root || !count) return std::nullopt;
    return TreeShape{*root, *count, 16, 24, aligned(q, kGnuTreeNodeHeader, *type), *type};
  }
  const auto type = value_type(q, "__tree_", 0);
  if (!type) return std::nullopt;
  auto root = reader.number({"__tree_", "__end_node_", "__left_"});
  if (!root) root = reader.number({"__tree_", "__pair1_", "__left_"});
  auto count = reader.number({"__tree_", "__size_"});
  if (!count) count = reader.number({"__tree_", "__pair3_", "__value_"});
  if (!root || !count) return std::nullopt;
  return TreeShape{*root, *count, 0, 8, aligned(q, kLibcxxTreeNodeHeader, *type), *type};
}

// In-order walk of the first few nodes; a damaged tree ends with a sentence.
void tree_nodes(const ContainerQuestion& q, const TreeShape& shape, uint64_t limit) {
  const MemoryReader& memory = q.printer.memory();
  const Field field = unwrapped(q, shape.type);
  std::vector<uint64_t> path;
  std::set<uint64_t> seen;
  uint64_t node = shape.root, shown = 0;
  while ((node != 0 || !path.empty()) && shown < limit && !q.printer.full()) {
    while (node != 0) {
      if (path.size() >= kMaxTreeDepth || !seen.insert(node).second)
        return q.printer.emit(" <a cycle at node " + to_hex(node) + ": corrupt>");
      path.push_back(node);
      const auto left = memory.load<uint64_t>(Address(node + shape.left));
      if (!left)
        return q.printer.emit(
            fmt::format(" <node {} is {}: corrupt>", to_hex(node),
                        to_string(memory.why_missing(Address(node + shape.left)))));
      node = *left;
    }
    const uint64_t current = path.back();
    path.pop_back();
    if (shown++ > 0) q.printer.emit(", ");
    entry(q, field, Address(current + shape.value), is_map(q));
    const auto right = memory.load<uint64_t>(Address(current + shape.right));
    if (!right) return q.printer.emit(" <cut: the rest is not in the core>");
    node = *right;
  }
}

struct HashShape {
  uint64_t first = 0;
  uint64_t count = 0;
  uint64_t value = 0;  // offset of the value in a node
  DieRef type;
};

std::optional<HashShape> hash_shape(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (const auto type = value_type(q, "_M_h", 1)) {
    const auto first = reader.number({"_M_before_begin", "_M_nxt"});
    const auto count = reader.number({"_M_element_count"});
    if (!first || !count) return std::nullopt;
    return HashShape{*first, *count, aligned(q, kGnuHashNodeHeader, *type), *type};
  }
  const auto type = value_type(q, "__table_", 0);
  if (!type) return std::nullopt;
  auto first = reader.number({"__table_", "__first_node_", "__next_"});
  if (!first) first = reader.number({"__table_", "__p1_", "__next_"});
  auto count = reader.number({"__table_", "__size_"});
  if (!count) count = reader.number({"__table_", "__p2_", "__value_"});
  if (!first || !count) return std::nullopt;
  return HashShape{*first, *count, aligned(q, kLibcxxHashNodeHeader, *type), *type};
}

void hash_nodes(const ContainerQuestion& q, const HashShape& shape, uint64_t limit) {
  const MemoryReader& memory = q.printer.memory();
  const Field field = unwrapped(q, shape.type);
  uint64_t node = shape.first;
  for (uint64_t shown = 0; shown < limit && !q.printer.full(); ++shown) {
    if (shown > 0) q.printer.emit(", ");
    if (node == 0) return q.printer.emit("<the chain ends early: corrupt>");
    const auto next = memory.load<uint64_t>(Address(node));
    if (!next)
      return q.printer.emit(fmt::format("<node {} is {}: corrupt>", to_hex(node),
                                        to_string(memory.why_missing(Address(node)))));
    entry(q, field, Address(node + shape.value), is_map(q));
    node = *next;
  }
}

}  // namespace

bool print_tree(const ContainerQuestion& q) {
  if (q.name != "std::map" && q.name != "std::set" && q.name != "std::multimap" &&
      q.name != "std::multiset")
    return false;
  const auto shape = tree_shape(q);
  if (!shape) return false;
  const ContainerReader reader(q);
  if (!reader.plausible(shape->root, shape->count, kGnuTreeNodeHeader)) return true;
  if (shape->count == 0 && shape->root != 0) {
    reader.corrupt("size 0, but its root is " + to_hex(shape->root));
    return true;
  }
  reader.open(shape->count);
  const uint64_t shown = reader.shown(shape->count);
  tree_nodes(q, *shape, shown);
  reader.close(shown, shape->count);
  return true;
}

bool print_hash(const ContainerQuestion& q) {
  if (!q.name.starts_with("std::unordered_")) return false;
  const auto shape = hash_shape(q);
  if (!shape) return false;
  const ContainerReader reader(q);
  if (!reader.plausible(shape->first, shape->count, 1)) return true;
  reader.open(shape->count);
  const uint64_t shown = reader.shown(shape->count);
  hash_nodes(q, *shape, shown);
  reader.close(shown, shape->count);
  return true;
}

}  // namespace inquest::process
