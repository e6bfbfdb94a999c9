// AbbreviationTable: the shapes of DIEs (.debug_abbrev), prepared so that a DIE nobody asks about
// costs nanoseconds.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "binary/dwarf/lazy_section.h"
#include "binary/dwarf/reader.h"

namespace inquest::dwarf {

struct AttributeSpec {
  uint16_t name = 0;
  uint16_t form = 0;
  int64_t implicit_value = 0;  // DW_FORM_implicit_const
};

// How the numbers of a unit are laid out.
struct Layout {
  uint16_t version = 0;
  uint8_t offset_size = 4;  // 8 in 64-bit DWARF
  uint8_t address_size = 8;

  // DW_FORM_ref_addr: the size of an address in DWARF 2.
  uint8_t ref_addr_size() const { return version <= 2 ? address_size : offset_size; }
  bool operator==(const Layout&) const = default;
};

// One step over attributes: neighbours of fixed size are merged.
struct SkipStep {
  enum class Kind : uint8_t {
    kFixed,
    kLeb,
    kString,
    kBlock1,
    kBlock2,
    kBlock4,
    kBlockLeb,
    kIndirect
  };
  Kind kind = Kind::kFixed;
  uint32_t size = 0;
};

struct Abbreviation {
  uint16_t tag = 0;
  bool has_children = false;
  bool has_pc = false;  // DW_AT_low_pc or DW_AT_ranges
  bool has_sibling = false;
  // Bytes from the first attribute to a DW_FORM_ref4 sibling, when always the same; else −1.
  int32_t sibling_at = -1;
  uint32_t first_spec = 0, spec_count = 0;
  uint32_t first_step = 0, step_count = 0;
};

class AbbreviationTable {
 public:
  // Reads the table at `offset` of .debug_abbrev; one that is damaged has the entries before the
  // damage.
  AbbreviationTable(LazySection& section, uint64_t offset, const Layout& layout);

  // nullptr when the table has no such code.
  const Abbreviation* find(uint64_t code) const {
    if (code - 1 < dense_.size()) return &dense_[code - 1];
    return sparse_.empty() ? nullptr : find_sparse(code);
  }
  std::span<const AttributeSpec> specs(const Abbreviation& abbreviation) const {
    return {specs_.data() + abbreviation.first_spec, abbreviation.spec_count};
  }
  void skip_attributes(const Abbreviation& abbreviation, Reader& reader) const;
  const Layout& layout() const { return layout_; }
  uint64_t byte_size() const { return byte_size_; }

 private:
  bool parse(Reader& reader);
  void add_steps(Abbreviation& abbreviation);
  const Abbreviation* find_sparse(uint64_t code) const;

  Layout layout_;
  std::vector<Abbreviation> dense_;  // codes 1, 2, 3 … as every producer numbers them
  std::unordered_map<uint64_t, Abbreviation> sparse_;
  std::vector<AttributeSpec> specs_;
  std::vector<SkipStep> steps_;
  uint64_t byte_size_ = 0;
};

// The step over one attribute of this form; kIndirect for forms whose size is in the data or
// unknown.
SkipStep step_of(uint16_t form, const Layout& layout, bool* known);
void skip_form(uint16_t form, const Layout& layout, Reader& reader);

}  // namespace inquest::dwarf
