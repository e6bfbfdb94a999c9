// How stored values become texts, addresses and other DIEs.
#include "binary/dwarf/constants.h"
#include "binary/dwarf/split.h"
#include "binary/dwarf/store.h"

namespace inquest::dwarf {
namespace {

bool is_text_index(uint16_t form) {
  return form == kFormStrx || (form >= kFormStrx1 && form <= kFormStrx4) ||
         form == kFormGnuStrIndex;
}

}  // namespace

std::optional<std::string_view> Store::indexed_text(const Unit& unit, uint64_t index) {
  const unsigned size = unit.layout.offset_size;
  const auto scaled = checked_multiply(index, size);
  const auto at = scaled ? checked_add(unit.root.str_offsets_base, *scaled) : std::nullopt;
  if (!at) return std::nullopt;
  const auto bytes = unit.container->section(kStrOffsets).part(*at, size);
  if (!bytes) return std::nullopt;
  return unit.container->section(kStr).c_string(Reader(*bytes).sized(size));
}

std::optional<std::string_view> Store::text(const Die& die, const Value& value) {
  Container& container = *die.unit->container;
  if (value.form == kFormString)
    return std::string_view(reinterpret_cast<const char*>(value.block.data()), value.block.size());
  if (value.form == kFormStrp) return container.section(kStr).c_string(value.number);
  if (value.form == kFormLineStrp) return container.section(kLineStr).c_string(value.number);
  if (value.form == kFormStrpSup || value.form == kFormGnuStrpAlt) {
    if (container.alt == nullptr) return std::nullopt;
    return container.alt->section(kStr).c_string(value.number);
  }
  if (is_text_index(value.form)) return indexed_text(*die.unit, value.number);
  return std::nullopt;
}

std::optional<std::string_view> Store::text(const Die& die, uint16_t name) {
  return text(die, attribute(die, name));
}

std::optional<uint64_t> Store::indexed_address(const Unit& unit, uint64_t index) {
  const unsigned size = unit.layout.address_size;
  const auto scaled = checked_multiply(index, size);
  const auto at = scaled ? checked_add(unit.root.addr_base, *scaled) : std::nullopt;
  const Container& owner = unit.container->split ? main() : *unit.container;
  const auto bytes = at ? owner.section(kAddr).part(*at, size) : std::nullopt;
  if (!bytes) return std::nullopt;
  return Reader(*bytes).sized(size);
}

std::optional<uint64_t> Store::address(const Unit& unit, const Value& value) {
  if (value.form == kFormAddr) return value.number;
  if (is_address(value)) return indexed_address(unit, value.number);
  return std::nullopt;
}

Unit* Store::type_unit(Container& container, uint64_t signature) {
  Container* places[] = {&container, &main(), types_};
  for (Container* place : places) {
    if (place == nullptr) continue;
    walk_units(*place);
    const auto found = place->signatures.find(signature);
    if (found != place->signatures.end()) return found->second;
  }
  return container.split ? splits_->find_type(container, signature) : nullptr;
}

Die Store::reference(const Die& die, const Value& value) {
  const Unit& unit = *die.unit;
  switch (value.form) {
    case kFormRef1:
    case kFormRef2:
    case kFormRef4:
    case kFormRef8:
    case kFormRefUdata: {
      const auto offset = checked_add(unit.offset, value.number);
      return offset ? read_die(unit, *offset) : Die{};
    }
    case kFormRefAddr:
      return this->die({unit.container->id, value.number});
    case kFormGnuRefAlt:
    case kFormRefSup4:
    case kFormRefSup8:
      if (unit.container->alt == nullptr) return {};
      return this->die({unit.container->alt->id, value.number});
    case kFormRefSig8: {
      Unit* type = type_unit(*unit.container, value.number);
      if (type == nullptr || !enter(*type)) return {};
      const auto offset = checked_add(type->offset, type->type_die);
      return offset ? read_die(*type, *offset) : Die{};
    }
    default:
      return {};
  }
}

Die Store::reference(const Die& die, uint16_t name) {
  const Value value = attribute(die, name);
  return value ? reference(die, value) : Die{};
}

std::optional<DieRef> Store::reference_ref(const Die& die, uint16_t name) {
  const Die target = reference(die, name);
  return target ? std::optional(ref(target)) : std::nullopt;
}

}  // namespace inquest::dwarf
