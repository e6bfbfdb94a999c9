// optional, variant, pair and tuple of libstdc++ and libc++.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "binary/demangle/names.h"
#include "process/symbols/containers.h"

namespace inquest::process {
namespace {

using dwarf::Type;

constexpr size_t kMaxTupleSize = 64;
constexpr size_t kMaxTupleVisits = 512;

std::string simplified(const std::string& type) { return demangle::simplify_cxx(type); }

bool optional(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto engaged = reader.number({"_M_engaged"});
  auto value = reader.field({"_M_payload", "_M_value"});
  if (!value) engaged = reader.number({"__engaged_"}), value = reader.field({"__val_"});
  if (!value) return false;
  if (!engaged) {
    reader.unreadable();
  } else if (*engaged > 1) {
    reader.corrupt(fmt::format("its flag is {}", *engaged));
  } else if (*engaged == 0) {
    q.printer.emit("std::nullopt");
  } else {
    q.printer.emit("std::optional = ");
    q.printer.member(*value, q.place, q.depth);
  }
  return true;
}

// The `index`-th alternative of a recursive union: {_M_first, _M_rest} or {__head, __tail}. Each
// wraps a value whose type is its (first) template argument.
std::optional<Field> alternative(const ContainerQuestion& q, Field storage, uint64_t index) {
  Types& types = q.printer.types();
  for (uint64_t i = 0;; ++i) {
    const Type& level = types.strip(storage.type);
    const bool gnu = types.find_field(level, "_M_first").has_value();
    const auto step = types.find_field(
        level, i == index ? (gnu ? "_M_first" : "__head") : (gnu ? "_M_rest" : "__tail"));
    if (!step) return std::nullopt;
    storage = Field{step->type, storage.offset + step->offset};
    if (i < index) continue;
    const Type& wrapper = types.strip(storage.type);
    if (wrapper.template_types.empty()) return std::nullopt;
    const auto value = types.find_field(wrapper, "__value");
    return Field{wrapper.template_types[0].second, storage.offset + (value ? value->offset : 0)};
  }
}

bool variant(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  auto index = reader.field({"_M_index"});
  auto storage = reader.field({"_M_u"});
  if (!index) index = reader.field({"__index"}), storage = reader.field({"__data"});
  if (!index || !storage) return false;
  const auto which = q.printer.scalar(*index, q.place);
  const uint64_t bits = 8 * q.printer.types().size(index->type).value_or(1);
  if (!which) {
    reader.unreadable();
  } else if (bits < 64 && *which == (uint64_t{1} << bits) - 1) {
    q.printer.emit("std::variant (valueless)");
  } else if (const auto value =
                 *which < kMaxTupleSize ? alternative(q, *storage, *which) : std::nullopt) {
    q.printer.emit(
        fmt::format("std::variant [{}] ", simplified(q.printer.types().name(value->type))));
    q.printer.member(*value, q.place, q.depth);
  } else {
    reader.corrupt(fmt::format("index {} selects no alternative", *which));
  }
  return true;
}

bool pair(const ContainerQuestion& q) {
  const ContainerReader reader(q);
  const auto first = reader.field({"first"}), second = reader.field({"second"});
  if (!first || !second) return false;
  q.printer.emit("{");
  q.printer.member(*first, q.place, q.depth + 1);
  q.printer.emit(", ");
  q.printer.member(*second, q.place, q.depth + 1);
  q.printer.emit("}");
  return true;
}

struct Leaf {
  uint64_t index;
  Field field;
};

// The number behind "_Head_base<" or "__tuple_leaf<".
std::optional<uint64_t> leaf_index(const std::string& name) {
  for (const std::string_view prefix : {"_Head_base<", "__tuple_leaf<"}) {
    const size_t at = name.find(prefix);
    if (at == std::string::npos) continue;
    uint64_t index = 0;
    const char* first = name.data() + at + prefix.size();
    const auto parsed = std::from_chars(first, name.data() + name.size(), index);
    if (parsed.ec == std::errc()) return index;
  }
  return std::nullopt;
}

void collect(const ContainerQuestion& q, const Type& type, uint64_t offset, int depth,
             size_t& visits, std::vector<Leaf>& leaves) {
  if (depth > kMaxTypeDepth || leaves.size() >= kMaxTupleSize) return;
  for (const auto& member : type.members) {
    if (++visits > kMaxTupleVisits) return;
    if (member.is_static || member.is_virtual_base) continue;
    const Type& inner = q.printer.types().strip(member.type);
    if (member.is_base) {
      const auto index = inner.name.find("_Tuple_impl<") == std::string::npos ||
                                 inner.name.find("_Head_base<") < inner.name.find("_Tuple_impl<")
                             ? leaf_index(inner.name)
                             : std::nullopt;
      if (index) {
        for (const char* value : {"_M_head_impl", "__value_"}) {
          if (auto field = q.printer.types().find_field(inner, value)) {
            field->offset += offset + member.offset;
            leaves.push_back({*index, *field});
            break;
          }
        }
        continue;
      }
      collect(q, inner, offset + member.offset, depth + 1, visits, leaves);
    } else if (member.name == "__base_") {
      collect(q, inner, offset + member.offset, depth + 1, visits, leaves);
    }
  }
}

bool tuple(const ContainerQuestion& q) {
  std::vector<Leaf> leaves;
  size_t visits = 0;
  collect(q, q.type, 0, 0, visits, leaves);
  if (leaves.empty()) return false;
  std::ranges::sort(leaves, {}, &Leaf::index);
  q.printer.emit("{");
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (i > 0) q.printer.emit(", ");
    q.printer.member(leaves[i].field, q.place, q.depth + 1);
  }
  q.printer.emit("}");
  return true;
}

}  // namespace

bool print_sum(const ContainerQuestion& q) {
  if (q.name == "std::optional") return optional(q);
  if (q.name == "std::variant") return variant(q);
  if (q.name == "std::pair") return pair(q);
  if (q.name == "std::tuple") return tuple(q);
  return false;
}

}  // namespace inquest::process
