// Sizes of types, and what stands behind typedefs and qualifiers.
#include "binary/dwarf/type_shape.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxDimensions = 32;

std::optional<uint64_t> element_count(const Die& subrange) {
  const auto count = attribute(subrange, kAtCount);
  if (count) return unsigned_constant(count);
  const auto upper = constant(attribute(subrange, kAtUpperBound));
  if (!upper) return std::nullopt;
  // data forms say nothing about the sign: an upper bound of −1 is an empty array.
  const Value raw = attribute(subrange, kAtUpperBound);
  const bool minus_one = (raw.form == kFormData1 && *upper == 0xff) ||
                         (raw.form == kFormData2 && *upper == 0xffff) ||
                         (raw.form == kFormData4 && *upper == 0xffffffff) || *upper == -1;
  if (minus_one)
    return raw.form == kFormData1 || raw.form == kFormData2 ? static_cast<uint64_t>(*upper) + 1 : 0;
  const int64_t lower = constant(attribute(subrange, kAtLowerBound)).value_or(0);
  if (*upper < lower) return 0;
  return static_cast<uint64_t>(*upper) - static_cast<uint64_t>(lower) + 1;
}

}  // namespace

bool is_transparent(const Die& die) {
  switch (die.tag()) {
    case kTagTypedef:
    case kTagTemplateAlias:
    case kTagConstType:
    case kTagVolatileType:
    case kTagRestrictType:
    case kTagAtomicType:
      return true;
    default:
      return false;
  }
}

// Through typedefs and qualifiers; empty for void and for loops.
Die strip_die(Store& store, Die die) {
  for (int hops = 0; die && hops < kMaxTypeDepth; ++hops) {
    if (!is_transparent(die)) return die;
    die = store.reference(die, kAtType);
  }
  return {};
}

std::vector<std::optional<uint64_t>> dimensions_of(Store& store, const Die& array) {
  std::vector<std::optional<uint64_t>> dimensions;
  for_each_child(store, array, [&](const Die& child) {
    const bool counts = child.tag() == kTagSubrangeType || child.tag() == kTagEnumerationType;
    if (counts && dimensions.size() < kMaxDimensions) dimensions.push_back(element_count(child));
  });
  return dimensions;
}

std::optional<uint64_t> size_of(Store& store, const Die& die, int depth) {
  if (!die || depth > kMaxTypeDepth) return std::nullopt;
  const auto size = unsigned_attribute(die, kAtByteSize);
  if (size) return size;
  // Declared here, defined in a type unit.
  if (const Die definition = store.reference(die, kAtSignature))
    return size_of(store, definition, depth + 1);
  switch (die.tag()) {
    case kTagPointerType:
    case kTagReferenceType:
    case kTagRvalueReferenceType:
      return die.unit->layout.address_size;
    case kTagArrayType: {
      auto total = size_of(store, store.reference(die, kAtType), depth + 1);
      const auto dimensions = dimensions_of(store, die);
      if (dimensions.empty()) return std::nullopt;
      for (const auto& count : dimensions)
        total = total && count ? checked_multiply(*total, *count) : std::nullopt;
      return total;
    }
    default:
      if (is_transparent(die)) return size_of(store, store.reference(die, kAtType), depth + 1);
      return std::nullopt;
  }
}

}  // namespace inquest::dwarf
