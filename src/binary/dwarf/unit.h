// Unit, Die and Value: one compilation, partial or type unit, a place in its tree, and an
// attribute's value as stored.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "binary/dwarf/abbreviations.h"
#include "binary/dwarf/reader.h"

namespace inquest::dwarf {

struct Container;
class FunctionTable;
class LineTable;
struct UnitNames;

// What the first DIE of a unit says, resolved once.
struct RootAttributes {
  std::string_view name, comp_dir, dwo_name;
  std::optional<uint64_t> line_offset;
  uint64_t low_pc = 0;
  uint16_t language = 0;
  uint64_t str_offsets_base = 0, addr_base = 0, rnglists_base = 0, loclists_base = 0;
  uint64_t gnu_ranges_base = 0;
  std::optional<uint64_t> dwo_id;
};

struct Unit {
  Unit();
  ~Unit();
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  Container* container = nullptr;
  uint64_t offset = 0;  // of its header in .debug_info
  uint64_t end = 0;
  uint64_t first_die = 0;
  Layout layout;
  uint8_t type = 0;  // DW_UT_*; compile for versions below 5
  uint64_t abbrev_offset = 0;
  uint64_t signature = 0;  // of type units; the dwo_id of version 5 skeletons and split units
  uint64_t type_die = 0;   // of type units: where the type is, from `offset`

  // The rest is filled in when the unit is first entered.
  bool entered = false;
  const uint8_t* base = nullptr;  // start of .debug_info; bytes up to `end` are there
  const AbbreviationTable* abbreviations = nullptr;
  RootAttributes root;
  Unit* skeleton = nullptr;  // of a split unit
  Unit* split = nullptr;     // of a skeleton, once found
  bool split_tried = false;
  bool lines_tried = false;
  bool lines_scanned = false;
  std::unique_ptr<LineTable> lines;
  std::unique_ptr<FunctionTable> functions;
  std::unique_ptr<UnitNames> names;
};

struct Die {
  const Unit* unit = nullptr;
  uint64_t offset = 0;
  const Abbreviation* abbreviation = nullptr;
  const uint8_t* attributes = nullptr;

  explicit operator bool() const { return abbreviation != nullptr; }
  uint16_t tag() const { return abbreviation->tag; }
};

// An attribute's value as stored. Indices and offsets are not resolved yet.
struct Value {
  uint16_t form = 0;  // 0: no such attribute
  uint64_t number = 0;
  ByteView block;  // blocks, expressions, data16, and the text of DW_FORM_string

  explicit operator bool() const { return form != 0; }
};

// The next value of this form; form 0 when it does not fit or is not known.
Value read_value(uint16_t form, int64_t implicit_value, const Layout& layout, Reader& reader);

// The DIE at `offset` of the unit, or an empty one (null entry, outside, unknown code).
Die read_die(const Unit& unit, uint64_t offset);
Reader attribute_reader(const Die& die);
uint64_t end_of_attributes(const Die& die);

Value attribute(const Die& die, uint16_t name);
bool flag(const Die& die, uint16_t name);
// Constants; sign-extended for sdata and implicit_const. nullopt for other classes.
std::optional<int64_t> constant(const Value& value);
std::optional<uint64_t> unsigned_constant(const Value& value);
std::optional<uint64_t> unsigned_attribute(const Die& die, uint16_t name);
bool is_expression(const Value& value);  // a block or exprloc
bool is_address(const Value& value);
bool is_section_offset(
    const Value& value);  // of a location or range list (data4/8 in DWARF 2 and 3)

// Calls `visit(name, value)` for every attribute.
template <typename Visit>
void for_each_attribute(const Die& die, Visit&& visit) {
  Reader reader = attribute_reader(die);
  for (const AttributeSpec& spec : die.unit->abbreviations->specs(*die.abbreviation)) {
    const Value value = read_value(spec.form, spec.implicit_value, die.unit->layout, reader);
    if (!value) return;
    visit(spec.name, value);
  }
}

}  // namespace inquest::dwarf
