// Rust's VecDeque, LinkedList, BinaryHeap, and the hash and B-tree forms of maps and sets.
#include <fmt/format.h>

#include "process/symbols/containers_rust.h"

namespace inquest::process {
namespace {

using dwarf::DieRef;
using dwarf::Type;

constexpr uint64_t kMaxBuckets = uint64_t{1} << 20;  // looked at for one table
constexpr uint64_t kMaxTreeHeight = 24;
constexpr uint64_t kNodeCapacity = 11;  // of a B-tree node

bool deque(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  Types& types = q.printer.types();
  const auto head = reader.number({"head"}), length = reader.number({"len"});
  const auto buffer = reader.field({"buf", "inner", "ptr"});
  const auto pointer = buffer ? rust_pointer(types, *buffer) : std::nullopt;
  const auto capacity = reader.number({"buf", "inner", "cap", "__0"});
  if (!head || !length || !pointer || !capacity || q.type.template_types.empty()) return false;
  const auto data = q.printer.scalar(*pointer, q.place);
  const DieRef element = q.type.template_types[0].second;
  const uint64_t size = types.size(element).value_or(0);
  if (!data || size == 0) return false;
  if (*length > *capacity || (*head >= *capacity && *length > 0)) {
    reader.corrupt(fmt::format("head {} and size {} in a ring of {}", *head, *length, *capacity));
    return true;
  }
  if (!reader.plausible(*data, *length == 0 ? 0 : *capacity, size)) return true;
  reader.open(*length);
  const uint64_t shown = reader.shown(*length);
  for (uint64_t i = 0; i < shown && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    const uint64_t at = *head + i < *capacity ? *head + i : *head + i - *capacity;
    q.printer.value(element, Place::in_memory(Address(*data + at * size)), q.depth + 1);
  }
  reader.close(shown, *length);
  return true;
}

// The type that Option<NonNull<T>> points at.
std::optional<DieRef> optional_target(Types& types, DieRef option) {
  for (const auto& variant : types.strip(option).members) {
    const auto pointer = rust_pointer(types, Field{variant.type, 0});
    if (pointer) return types.strip(pointer->type).target;
  }
  return std::nullopt;
}

bool linked_list(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  Types& types = q.printer.types();
  const auto head = reader.field({"head"});
  const auto length = reader.number({"len"});
  const auto node_type = head ? optional_target(types, head->type) : std::nullopt;
  if (!length || !node_type) return false;
  const Type& node = types.strip(*node_type);
  const auto next = types.find_field(node, "next"), element = types.find_field(node, "element");
  const auto first = q.place.at(head->offset).read(q.printer.memory(), 8);
  if (!next || !element || first.state != ValueState::kPresent) return false;
  uint64_t at = *load<uint64_t>(first.bytes);
  if (!reader.plausible(at, *length, 1)) return true;
  reader.open(*length);
  const uint64_t shown = reader.shown(*length);
  for (uint64_t i = 0; i < shown && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    const auto following = q.printer.memory().load<uint64_t>(Address(at + next->offset));
    if (at == 0 || !following) {
      q.printer.emit(fmt::format("<node {} is not readable: corrupt>", to_hex(at)));
      break;
    }
    q.printer.member(*element, Place::in_memory(Address(at)), q.depth + 1);
    at = *following;
  }
  reader.close(shown, *length);
  return true;
}

// "key: value" of a pair in a table or node, the key alone for sets.
void entry(const ContainerQuestion& q, const Field& key, const std::optional<Field>& value,
           const Place& place) {
  q.printer.member(key, place, q.depth + 1);
  if (!value || q.printer.types().size(value->type).value_or(0) == 0) return;
  q.printer.emit(": ");
  q.printer.member(*value, place, q.depth + 1);
}

// hashbrown: control bytes at `ctrl`, one a bucket, with the top bit clear when it is full; the
// buckets lie below them, the first one last.
bool hash_table(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  Types& types = q.printer.types();
  const auto table = reader.field({"table", "table"});
  const auto raw = reader.field({"table"});
  if (!table || !raw) return false;
  const Type& typed = types.strip(raw->type);
  const auto mask = reader.number({"table", "table", "bucket_mask"});
  const auto items = reader.number({"table", "table", "items"});
  const auto wrapped = reader.field({"table", "table", "ctrl"});
  const auto pointer = wrapped ? rust_pointer(types, *wrapped) : std::nullopt;
  const auto control = pointer ? q.printer.scalar(*pointer, q.place) : std::nullopt;
  if (!mask || !items || !control || typed.template_types.empty()) return false;
  const Type& pair = types.strip(typed.template_types[0].second);
  const auto key = types.find_field(pair, "__0"), value = types.find_field(pair, "__1");
  const auto size = types.size(pair.die);
  if (!key || !size || *size == 0) return false;
  if ((*mask & (*mask + 1)) != 0 || *items > *mask + 1) {
    reader.corrupt(fmt::format("{} items in {} buckets", *items, *mask + 1));
    return true;
  }
  if (!reader.plausible(*control, *items == 0 ? 0 : *mask + 1, 1)) return true;
  reader.open(*items);
  const uint64_t shown = reader.shown(*items);
  uint64_t found = 0;
  for (uint64_t i = 0; i <= *mask && i < kMaxBuckets && found < shown && !q.printer.full(); ++i) {
    const auto state = q.printer.memory().load<uint8_t>(Address(*control + i));
    if (!state) {
      q.printer.emit("<cut: the rest is not in the core>");
      break;
    }
    if ((*state & 0x80) != 0) continue;
    if (found++ > 0) q.printer.emit(", ");
    entry(q, *key, value, Place::in_memory(Address(*control - (i + 1) * *size)));
  }
  reader.close(found, *items);
  return true;
}

struct TreeNode {
  uint64_t parent = 0, index = 0, length = 0, keys = 0, values = 0, edges = 0;  // offsets
  Field key;
  std::optional<Field> value;
};

std::optional<TreeNode> node_layout(Types& types, DieRef leaf) {
  const Type& type = types.strip(leaf);
  const auto parent = types.find_field(type, "parent"),
             index = types.find_field(type, "parent_idx");
  const auto length = types.find_field(type, "len"), keys = types.find_field(type, "keys");
  const auto values = types.find_field(type, "vals");
  const auto size = types.size(leaf);
  if (!parent || !index || !length || !keys || !values || !size) return std::nullopt;
  const auto key = types.strip(keys->type).target, value = types.strip(values->type).target;
  if (!key || !value) return std::nullopt;
  TreeNode out{parent->offset, index->offset,       length->offset, keys->offset,
               values->offset, (*size + 7) / 8 * 8, Field{*key, 0}, std::nullopt};
  // The elements are MaybeUninit<T>: a union {uninit, value}.
  const auto inner = types.find_field(types.strip(*key), "value");
  if (inner) out.key = *inner;
  if (types.size(*value).value_or(0) > 0) {
    const auto held = types.find_field(types.strip(*value), "value");
    out.value = held ? *held : Field{*value, 0};
  }
  return out;
}

// Steps over a B-tree's pairs in order.
class TreeWalk {
 public:
  TreeWalk(const MemoryReader& memory, const TreeNode& layout, uint64_t root, uint64_t height)
      : memory_(memory), layout_(layout), node_(root) {
    descend(height);
  }

  bool ok() const { return ok_; }
  uint64_t node() const { return node_; }
  uint64_t index() const { return index_; }
  // To the next pair; false at the end or at what cannot be read.
  bool settle() {
    while (ok_) {
      const auto length = memory_.load<uint16_t>(Address(node_ + layout_.length));
      if (!length || *length > kNodeCapacity) return ok_ = false;
      if (index_ < *length) return true;
      const auto parent = memory_.load<uint64_t>(Address(node_ + layout_.parent));
      const auto index = memory_.load<uint16_t>(Address(node_ + layout_.index));
      if (!parent || !index || *parent == 0 || ++height_ > kMaxTreeHeight) return ok_ = false;
      node_ = *parent;
      index_ = *index;
    }
    return false;
  }
  void advance() {
    ++index_;
    if (height_ == 0) return;
    const uint64_t below = height_ - 1;
    if (!child(index_)) return;
    descend(below);
  }

 private:
  bool child(uint64_t edge) {
    const auto next = memory_.load<uint64_t>(Address(node_ + layout_.edges + edge * 8));
    if (!next || *next == 0 || edge > kNodeCapacity) return ok_ = false;
    node_ = *next;
    return true;
  }
  void descend(uint64_t height) {
    if (height > kMaxTreeHeight) {
      ok_ = false;
      return;
    }
    for (uint64_t level = height; level > 0 && ok_; --level) child(0);
    height_ = 0;
    index_ = 0;
  }

  const MemoryReader& memory_;
  const TreeNode& layout_;
  uint64_t node_ = 0, index_ = 0;
  uint64_t height_ = 0;
  bool ok_ = true;
};

bool tree(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  Types& types = q.printer.types();
  const auto length = reader.number({"length"});
  const auto root = reader.field({"root"});
  if (!length || !root) return false;
  if (*length == 0) {
    reader.open(0);
    reader.close(0, 0);
    return true;
  }
  // root: Option<NodeRef {height, node}>.
  std::optional<Field> height, node;
  for (const auto& variant : types.strip(root->type).members) {
    const Type& some = types.strip(variant.type);
    height = types.find_field(some, "height");
    node = types.find_field(some, "node");
    if (height && node) break;
  }
  const auto pointer = node ? rust_pointer(types, *node) : std::nullopt;
  const auto leaf = pointer ? types.strip(pointer->type).target : std::nullopt;
  const auto layout = leaf ? node_layout(types, *leaf) : std::nullopt;
  if (!height || !layout) return false;
  const Place place = q.place.at(root->offset);
  const auto levels = q.printer.scalar(*height, place), top = q.printer.scalar(*pointer, place);
  if (!levels || !top) {
    reader.unreadable();
    return true;
  }
  if (!reader.plausible(*top, *length, 1)) return true;
  TreeWalk walk(q.printer.memory(), *layout, *top, *levels);
  const uint64_t shown = reader.shown(*length);
  const uint64_t key_size = types.size(layout->key.type).value_or(0);
  const uint64_t value_size = layout->value ? types.size(layout->value->type).value_or(0) : 0;
  reader.open(*length);
  uint64_t done = 0;
  for (; done < shown && !q.printer.full() && walk.settle(); ++done) {
    if (done > 0) q.printer.emit(", ");
    const uint64_t at = walk.node() + layout->keys + walk.index() * key_size;
    q.printer.member(layout->key, Place::in_memory(Address(at)), q.depth + 1);
    if (layout->value) {
      const uint64_t mapped = walk.node() + layout->values + walk.index() * value_size;
      q.printer.emit(": ");
      q.printer.member(*layout->value, Place::in_memory(Address(mapped)), q.depth + 1);
    }
    walk.advance();
  }
  if (done < shown && !q.printer.full())
    q.printer.emit(" <a node is not as it should be: corrupt>");
  reader.close(done, *length);
  return true;
}

// Sets and heaps wrap a map, a table or a Vec in one member.
bool inner(const ContainerQuestion& q, std::initializer_list<std::string_view> path,
           bool (*print)(const ContainerQuestion&)) {
  const auto field = q.printer.types().find_path(q.type, path);
  if (!field) return false;
  const Type& type = q.printer.types().strip(field->type);
  const Place place = q.place.at(field->offset);
  return print({q.printer, type, place, q.depth, q.name});
}

}  // namespace

bool print_rust_collection(const ContainerQuestion& q) {
  if (q.name == "alloc::collections::vec_deque::VecDeque") return deque(q);
  if (q.name == "alloc::collections::linked_list::LinkedList") return linked_list(q);
  if (q.name == "alloc::collections::binary_heap::BinaryHeap")
    return inner(q, {"data"}, print_rust);
  if (q.name == "hashbrown::map::HashMap") return hash_table(q);
  if (q.name == "std::collections::hash::map::HashMap") return inner(q, {"base"}, hash_table);
  if (q.name == "hashbrown::set::HashSet") return inner(q, {"map"}, hash_table);
  if (q.name == "std::collections::hash::set::HashSet")
    return inner(q, {"base", "map"}, hash_table);
  if (q.name == "alloc::collections::btree::map::BTreeMap") return tree(q);
  if (q.name == "alloc::collections::btree::set::BTreeSet") return inner(q, {"map"}, tree);
  return false;
}

}  // namespace inquest::process
