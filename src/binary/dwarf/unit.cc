#include "binary/dwarf/unit.h"

#include "binary/dwarf/constants.h"
#include "binary/dwarf/functions.h"
#include "binary/dwarf/line_table.h"
#include "binary/dwarf/search.h"

namespace inquest::dwarf {

Unit::Unit() = default;
Unit::~Unit() = default;

Value read_value(uint16_t form, int64_t implicit_value, const Layout& layout, Reader& reader) {
  Value value{.form = form};
  switch (form) {
    case kFormFlagPresent:
      value.number = 1;
      break;
    case kFormImplicitConst:
      value.number = static_cast<uint64_t>(implicit_value);
      break;
    case kFormData1:
    case kFormFlag:
    case kFormRef1:
    case kFormStrx1:
    case kFormAddrx1:
      value.number = reader.u8();
      break;
    case kFormData2:
    case kFormRef2:
    case kFormStrx2:
    case kFormAddrx2:
      value.number = reader.u16();
      break;
    case kFormStrx3:
    case kFormAddrx3:
      value.number = reader.u24();
      break;
    case kFormData4:
    case kFormRef4:
    case kFormStrx4:
    case kFormAddrx4:
    case kFormRefSup4:
      value.number = reader.u32();
      break;
    case kFormData8:
    case kFormRef8:
    case kFormRefSig8:
    case kFormRefSup8:
      value.number = reader.u64();
      break;
    case kFormData16:
      value.block = reader.bytes(16);
      break;
    case kFormAddr:
      value.number = reader.sized(layout.address_size);
      break;
    case kFormRefAddr:
      value.number = reader.sized(layout.ref_addr_size());
      break;
    case kFormStrp:
    case kFormLineStrp:
    case kFormSecOffset:
    case kFormStrpSup:
    case kFormGnuRefAlt:
    case kFormGnuStrpAlt:
      value.number = reader.sized(layout.offset_size);
      break;
    case kFormSdata:
      value.number = static_cast<uint64_t>(reader.sleb());
      break;
    case kFormUdata:
    case kFormRefUdata:
    case kFormStrx:
    case kFormAddrx:
    case kFormLoclistx:
    case kFormRnglistx:
    case kFormGnuAddrIndex:
    case kFormGnuStrIndex:
      value.number = reader.uleb();
      break;
    case kFormString: {
      const std::string_view text = reader.c_string();
      value.block = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
      break;
    }
    case kFormBlock1:
      value.block = reader.bytes(reader.u8());
      break;
    case kFormBlock2:
      value.block = reader.bytes(reader.u16());
      break;
    case kFormBlock4:
      value.block = reader.bytes(reader.u32());
      break;
    case kFormBlock:
    case kFormExprloc:
      value.block = reader.bytes(reader.uleb());
      break;
    case kFormIndirect: {
      const uint64_t inner = reader.uleb();
      if (inner == kFormIndirect || inner == kFormImplicitConst || inner > 0xffff) return {};
      return read_value(static_cast<uint16_t>(inner), 0, layout, reader);
    }
    default:
      return {};
  }
  return reader.ok() ? value : Value{};
}

Die read_die(const Unit& unit, uint64_t offset) {
  if (offset < unit.first_die || offset >= unit.end || unit.base == nullptr) return {};
  Reader reader(unit.base + offset, unit.base + unit.end);
  const uint64_t code = reader.uleb();
  if (!reader.ok() || code == 0) return {};
  return {&unit, offset, unit.abbreviations->find(code), reader.position()};
}

Reader attribute_reader(const Die& die) { return {die.attributes, die.unit->base + die.unit->end}; }

uint64_t end_of_attributes(const Die& die) {
  Reader reader = attribute_reader(die);
  die.unit->abbreviations->skip_attributes(*die.abbreviation, reader);
  return static_cast<uint64_t>(reader.position() - die.unit->base);
}

Value attribute(const Die& die, uint16_t name) {
  Reader reader = attribute_reader(die);
  for (const AttributeSpec& spec : die.unit->abbreviations->specs(*die.abbreviation)) {
    if (spec.name == name)
      return read_value(spec.form, spec.implicit_value, die.unit->layout, reader);
    skip_form(spec.form, die.unit->layout, reader);
  }
  return {};
}

bool flag(const Die& die, uint16_t name) { return attribute(die, name).number != 0; }

std::optional<int64_t> constant(const Value& value) {
  switch (value.form) {
    case kFormData1:
    case kFormData2:
    case kFormData4:
    case kFormData8:
    case kFormUdata:
    case kFormSdata:
    case kFormImplicitConst:
    case kFormFlag:
    case kFormFlagPresent:
      return static_cast<int64_t>(value.number);
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> unsigned_constant(const Value& value) {
  const auto number = constant(value);
  return number ? std::optional(static_cast<uint64_t>(*number)) : std::nullopt;
}

std::optional<uint64_t> unsigned_attribute(const Die& die, uint16_t name) {
  return unsigned_constant(attribute(die, name));
}

bool is_expression(const Value& value) {
  return value.form == kFormExprloc || value.form == kFormBlock || value.form == kFormBlock1 ||
         value.form == kFormBlock2 || value.form == kFormBlock4;
}

bool is_address(const Value& value) {
  switch (value.form) {
    case kFormAddr:
    case kFormAddrx:
    case kFormAddrx1:
    case kFormAddrx2:
    case kFormAddrx3:
    case kFormAddrx4:
    case kFormGnuAddrIndex:
      return true;
    default:
      return false;
  }
}

bool is_section_offset(const Value& value) {
  return value.form == kFormSecOffset || value.form == kFormData4 || value.form == kFormData8;
}

}  // namespace inquest::dwarf
