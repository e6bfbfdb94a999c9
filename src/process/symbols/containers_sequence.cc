// Strings, views, vector, array, deque and lists of libstdc++ and libc++.
#include <fmt/format.h>

#include <charconv>

#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

using dwarf::DieRef;
using dwarf::Type;

constexpr uint64_t kListNodeHeader = 16;    // two links
constexpr uint64_t kForwardNodeHeader = 8;  // one
constexpr uint64_t kDequeBlockBytes = 512;  // libstdc++
constexpr uint64_t kLibcxxDequeBytes = 4096;

void elements(const ContainerQuestion& q, DieRef type, uint64_t data, uint64_t count) {
  const ContainerReader reader(q);
  const auto size = q.printer.types().size(type);
  if (!size || *size == 0) return q.printer.emit("{…}");
  if (!reader.plausible(data, count, *size)) return;
  reader.open(count);
  const uint64_t shown = reader.shown(count);
  for (uint64_t i = 0; i < shown && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    q.printer.value(type, Place::in_memory(Address(data + i * *size)), q.depth + 1);
  }
  reader.close(shown, count);
}

std::optional<DieRef> pointee(const ContainerQuestion& q, const Field& pointer) {
  return q.printer.types().strip(pointer.type).target;
}

// --- strings
// --------------------------------------------------------------------------------------

// Bytes of a character of a string or view; 1 when its type does not say.
uint64_t unit_of(const ContainerQuestion& q) {
  if (q.type.template_types.empty()) return 1;
  return q.printer.types().size(q.type.template_types[0].second).value_or(1);
}

void text(const ContainerQuestion& q, uint64_t data, uint64_t size) {
  if (size == 0) return q.printer.emit("\"\"");
  const uint64_t unit = unit_of(q);
  if (!ContainerReader(q).plausible(data, size, unit)) return;
  if (unit == 1) return q.printer.quoted(Address(data), size);
  q.printer.quoted_wide(Address(data), size, unit);
}

bool gnu_string(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (!reader.field({"_M_dataplus", "_M_p"})) return false;
  const auto data = reader.number({"_M_dataplus", "_M_p"});
  const auto size = reader.number({"_M_string_length"});
  const auto local = reader.field({"_M_local_buf"});
  if (!data || !size || !local) {
    reader.unreadable();
    return true;
  }
  const auto place = q.place.address();
  const bool is_local = place && *data == (*place + local->offset).value;
  if (is_local && *size > 15 / unit_of(q)) {
    reader.corrupt(fmt::format("size {} in a buffer of 16 bytes", *size));
    return true;
  }
  const auto capacity = reader.number({"_M_allocated_capacity"});
  if (!is_local && capacity && *size > *capacity) {
    reader.corrupt(fmt::format("size {} above capacity {}", *size, *capacity));
    return true;
  }
  text(q, *data, *size);
  return true;
}

// Short strings keep their size in the first byte above the flag bit; long ones point elsewhere.
bool libcxx_string(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto flag = reader.field({"__s", "__is_long_"});
  const auto short_data = reader.field({"__s", "__data_"});
  if (!flag || !short_data || !reader.field({"__l", "__data_"})) return false;
  const auto is_long = q.printer.scalar(*flag, q.place);
  if (!is_long) {
    reader.unreadable();
  } else if ((*is_long & 1) != 0) {
    text(q, reader.number({"__l", "__data_"}).value_or(0),
         reader.number({"__l", "__size_"}).value_or(0));
  } else {
    const uint64_t size = reader.number({"__s", "__size_"}).value_or(0) & 0x7f;
    const auto place = q.place.address();
    if (size > 23 / unit_of(q) - 1) {
      reader.corrupt(fmt::format("size {} in a buffer of 23 bytes", size));
    } else if (place) {
      text(q, (*place + short_data->offset).value, size);
    } else {
      q.printer.emit("{…}");
    }
  }
  return true;
}

// Of characters of other sizes the plain structure printer shows what there is.
bool holds_text(const ContainerQuestion& q) {
  const uint64_t unit = unit_of(q);
  return unit == 1 || unit == 2 || unit == 4;
}

bool view(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto data = reader.number({"_M_str"});
  auto size = reader.number({"_M_len"});
  if (!data) data = reader.number({"__data_"}), size = reader.number({"__size_"});
  if (!data || !size) return false;
  text(q, *data, *size);
  return true;
}

// N of "std::span<int, 3>" and "std::span<int, 3UL>"; DWARF has value parameters by name only.
std::optional<uint64_t> fixed_extent(const std::string& name) {
  const size_t comma = name.rfind(", ");
  if (comma == std::string::npos) return std::nullopt;
  uint64_t extent = 0;
  const auto parsed = std::from_chars(name.data() + comma + 2, name.data() + name.size(), extent);
  if (parsed.ec != std::errc() || extent == ~uint64_t{0}) return std::nullopt;
  return extent;
}

bool span(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto data = reader.field({"_M_ptr"});
  auto size = reader.number({"_M_extent_value"});
  if (!data) data = reader.field({"__data_"}), size = reader.number({"__size_"});
  if (!size) size = fixed_extent(q.type.name);
  if (!data || !size) return false;
  const auto element = pointee(q, *data);
  const auto address = q.printer.scalar(*data, q.place);
  if (!element || !address) return false;
  elements(q, *element, *address, *size);
  return true;
}

// --- vector
// ---------------------------------------------------------------------------------------

void bits(const ContainerQuestion& q, uint64_t data, uint64_t count) {
  const ContainerReader reader(q);
  if (!reader.plausible(data, count / 8 + 1, 1)) return;
  reader.open(count);
  const uint64_t shown = reader.shown(count);
  for (uint64_t i = 0; i < shown; ++i) {
    const auto byte = q.printer.memory().load<uint8_t>(Address(data + i / 8));
    if (i > 0) q.printer.emit(", ");
    q.printer.emit(!byte ? "<not in the core>" : (*byte >> (i % 8) & 1) != 0 ? "true" : "false");
  }
  reader.close(shown, count);
}

bool gnu_vector_bool(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto start = reader.number({"_M_start", "_M_p"});
  const auto finish = reader.number({"_M_finish", "_M_p"});
  const auto offset = reader.number({"_M_finish", "_M_offset"});
  if (!start || !finish || !offset) return false;
  if (*finish < *start || *offset > 64 || *finish - *start > kMaxPlausibleBytes) {
    reader.corrupt("its end lies before its start");
  } else {
    bits(q, *start, (*finish - *start) * 8 + *offset);
  }
  return true;
}

bool vector(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (gnu_vector_bool(q)) return true;
  auto start = reader.field({"_M_start"}), finish = reader.field({"_M_finish"});
  if (!start) start = reader.field({"__begin_"}), finish = reader.field({"__end_"});
  if (!start) return false;
  const auto element = pointee(q, *start);
  const auto from = q.printer.scalar(*start, q.place);
  if (!finish) {  // libc++ vector<bool>
    const auto size = reader.number({"__size_"});
    if (!from || !size) return false;
    bits(q, *from, *size);
    return true;
  }
  const auto to = q.printer.scalar(*finish, q.place);
  const auto size = element ? q.printer.types().size(*element) : std::nullopt;
  if (!from || !to) {
    reader.unreadable();
  } else if (!size || *size == 0) {
    return false;
  } else if (*to < *from) {
    reader.corrupt(fmt::format("its end {} lies before its start {}", to_hex(*to), to_hex(*from)));
  } else if ((*to - *from) % *size != 0) {
    reader.corrupt(
        fmt::format("{} bytes are not a whole number of elements of {}", *to - *from, *size));
  } else {
    elements(q, *element, *from, (*to - *from) / *size);
  }
  return true;
}

bool array(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto inner = reader.field({"_M_elems"});
  if (!inner) inner = reader.field({"__elems_"});
  if (!inner) return false;
  q.printer.member(*inner, q.place, q.depth);
  return true;
}

// --- deque
// ----------------------------------------------------------------------------------------

struct DequeShape {
  uint64_t map = 0;    // of pointers to blocks
  uint64_t first = 0;  // index of the first element, counted from the map's first block
  uint64_t count = 0;
  uint64_t per_block = 1;
};

bool gnu_deque_shape(const ContainerReader& reader, uint64_t size, DequeShape& shape) {
  const auto start = reader.number({"_M_start", "_M_cur"});
  const auto first = reader.number({"_M_start", "_M_first"});
  const auto node = reader.number({"_M_start", "_M_node"});
  const auto end = reader.number({"_M_finish", "_M_cur"});
  const auto end_first = reader.number({"_M_finish", "_M_first"});
  const auto end_node = reader.number({"_M_finish", "_M_node"});
  if (!start || !first || !node || !end || !end_first || !end_node) return false;
  shape.per_block = size < kDequeBlockBytes ? kDequeBlockBytes / size : 1;
  shape.map = *node;
  shape.first = (*start - *first) / size;
  const uint64_t blocks = (*end_node - *node) / 8;
  shape.count = blocks * shape.per_block + (*end - *end_first) / size - shape.first;
  if (*start < *first || *end < *end_first || *end_node < *node || shape.first > shape.per_block)
    shape.count = ~uint64_t{0};
  return true;
}

bool libcxx_deque_shape(const ContainerReader& reader, uint64_t size, DequeShape& shape) {
  const auto map = reader.number({"__map_", "__begin_"});
  const auto start = reader.number({"__start_"});
  auto count = reader.number({"__size_"});
  if (!count) count = reader.number({"__size_", "__value_"});
  if (!map || !start || !count) return false;
  shape.per_block = size < 256 ? kLibcxxDequeBytes / size : 16;
  shape = {*map, *start, *count, shape.per_block};
  return true;
}

bool deque(const ContainerQuestion& q) {
  if (q.type.template_types.empty()) return false;
  const ContainerReader reader(q);
  const DieRef element = q.type.template_types[0].second;
  const uint64_t size = q.printer.types().size(element).value_or(0);
  DequeShape shape;
  if (size == 0 ||
      (!gnu_deque_shape(reader, size, shape) && !libcxx_deque_shape(reader, size, shape)))
    return false;
  const auto bytes = checked_multiply(shape.count, size);
  if (!bytes || *bytes > kMaxPlausibleBytes) {
    reader.corrupt(fmt::format("size {} is not plausible", shape.count));
    return true;
  }
  reader.open(shape.count);
  const uint64_t shown = reader.shown(shape.count);
  for (uint64_t i = 0; i < shown && !q.printer.full(); ++i) {
    if (i > 0) q.printer.emit(", ");
    const uint64_t at = shape.first + i;
    const auto block =
        q.printer.memory().load_pointer(Address(shape.map + at / shape.per_block * 8));
    if (!block) {
      q.printer.emit("<not in the core>");
    } else {
      q.printer.value(element, Place::in_memory(*block + at % shape.per_block * size), q.depth + 1);
    }
  }
  reader.close(shown, shape.count);
  return true;
}

// --- lists
// ----------------------------------------------------------------------------------------

// Follows the links from `first` until `end`. `size` is what the list itself says, when it does.
struct ListShape {
  uint64_t first = 0, end = 0;
  uint64_t next = 0;   // offset of the link in a node
  uint64_t value = 0;  // offset of the element
  std::optional<uint64_t> size;
};
void list_nodes(const ContainerQuestion& q, const ListShape& shape) {
  const auto& [first, end, link, header, size] = shape;
  const ContainerReader reader(q);
  const DieRef element = q.type.template_types[0].second;
  if (size && !reader.plausible(*size == 0 ? 1 : first, *size, header)) return;
  q.printer.emit(size ? fmt::format("{} of length {} = {{", q.name, *size) : q.name + " {");
  const uint64_t limit = reader.shown(size.value_or(q.printer.options().max_elements));
  uint64_t node = first, shown = 0;
  for (; node != end && shown < limit && !q.printer.full(); ++shown) {
    if (shown > 0) q.printer.emit(", ");
    const auto next = q.printer.memory().load<uint64_t>(Address(node + link));
    if (!next) {
      q.printer.emit(fmt::format("<node {} is {}: corrupt>", to_hex(node),
                                 to_string(q.printer.memory().why_missing(Address(node)))));
      return q.printer.emit("}");
    }
    q.printer.value(element, Place::in_memory(Address(node + header)), q.depth + 1);
    node = *next;
  }
  if (size) return reader.close(shown, *size);
  q.printer.emit(node == end ? "}" : shown == 0 ? "…}" : ", …}");
}

bool list(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto place = q.place.address();
  if (!place || q.type.template_types.empty()) return false;
  auto head = reader.field({"_M_impl", "_M_node"});
  auto first = reader.number({"_M_impl", "_M_node", "_M_next"});
  auto size = reader.number({"_M_impl", "_M_node", "_M_size"});
  uint64_t link = 0;
  if (!head) {
    head = reader.field({"__end_"});
    if (const auto next = reader.field({"__end_", "__next_"}); head && next)
      link = next->offset - head->offset;
    first = reader.number({"__end_", "__next_"});
    size = reader.number({"__size_"});
    if (!size) size = reader.number({"__size_alloc_", "__value_"});
  }
  if (!head || !first) return false;
  list_nodes(q, {*first, (*place + head->offset).value, link, kListNodeHeader, size});
  return true;
}

bool forward_list(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  if (q.type.template_types.empty()) return false;
  auto first = reader.number({"_M_impl", "_M_head", "_M_next"});
  if (!first) first = reader.number({"__before_begin_", "__next_"});
  if (!first) return false;
  list_nodes(q, {*first, 0, 0, kForwardNodeHeader, std::nullopt});
  return true;
}

bool initializer_list(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto data = reader.field({"_M_array"});
  auto size = reader.number({"_M_len"});
  if (!data) data = reader.field({"__begin_"}), size = reader.number({"__size_"});
  const auto element = data ? pointee(q, *data) : std::nullopt;
  const auto address = data ? q.printer.scalar(*data, q.place) : std::nullopt;
  if (!size || !element || !address) return false;
  elements(q, *element, *address, *size);
  return true;
}

bool adapter(const ContainerQuestion& q) {
  const auto inner = ContainerReader(q).field({"c"});
  if (!inner) return false;
  q.printer.member(*inner, q.place, q.depth);
  return true;
}

}  // namespace

bool print_sequence(const ContainerQuestion& q) {
  if (q.name == "std::basic_string" || q.name == "std::string")
    return holds_text(q) && (gnu_string(q) || libcxx_string(q));
  if (q.name == "std::basic_string_view") return holds_text(q) && view(q);
  if (q.name == "std::vector") return vector(q);
  if (q.name == "std::array") return array(q);
  if (q.name == "std::span") return span(q);
  if (q.name == "std::deque") return deque(q);
  if (q.name == "std::list") return list(q);
  if (q.name == "std::forward_list") return forward_list(q);
  if (q.name == "std::initializer_list") return initializer_list(q);
  if (q.name == "std::stack" || q.name == "std::queue" || q.name == "std::priority_queue")
    return adapter(q);
  return false;
}

}  // namespace inquest::process
