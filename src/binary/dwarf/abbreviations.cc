#include "binary/dwarf/abbreviations.h"

#include <limits>

#include "binary/dwarf/constants.h"

namespace inquest::dwarf {
namespace {

constexpr uint64_t kUsualTableSize = 2 * 1024;
constexpr int kMaxIndirections = 4;

}  // namespace

SkipStep step_of(uint16_t form, const Layout& layout, bool* known) {
  using Kind = SkipStep::Kind;
  *known = true;
  switch (form) {
    case kFormFlagPresent:
    case kFormImplicitConst:
      return {Kind::kFixed, 0};
    case kFormData1:
    case kFormFlag:
    case kFormRef1:
    case kFormStrx1:
    case kFormAddrx1:
      return {Kind::kFixed, 1};
    case kFormData2:
    case kFormRef2:
    case kFormStrx2:
    case kFormAddrx2:
      return {Kind::kFixed, 2};
    case kFormStrx3:
    case kFormAddrx3:
      return {Kind::kFixed, 3};
    case kFormData4:
    case kFormRef4:
    case kFormStrx4:
    case kFormAddrx4:
    case kFormRefSup4:
      return {Kind::kFixed, 4};
    case kFormData8:
    case kFormRef8:
    case kFormRefSig8:
    case kFormRefSup8:
      return {Kind::kFixed, 8};
    case kFormData16:
      return {Kind::kFixed, 16};
    case kFormAddr:
      return {Kind::kFixed, layout.address_size};
    case kFormRefAddr:
      return {Kind::kFixed, layout.ref_addr_size()};
    case kFormStrp:
    case kFormLineStrp:
    case kFormSecOffset:
    case kFormStrpSup:
    case kFormGnuRefAlt:
    case kFormGnuStrpAlt:
      return {Kind::kFixed, layout.offset_size};
    case kFormSdata:
    case kFormUdata:
    case kFormRefUdata:
    case kFormStrx:
    case kFormAddrx:
    case kFormLoclistx:
    case kFormRnglistx:
    case kFormGnuAddrIndex:
    case kFormGnuStrIndex:
      return {Kind::kLeb, 0};
    case kFormString:
      return {Kind::kString, 0};
    case kFormBlock1:
      return {Kind::kBlock1, 0};
    case kFormBlock2:
      return {Kind::kBlock2, 0};
    case kFormBlock4:
      return {Kind::kBlock4, 0};
    case kFormBlock:
    case kFormExprloc:
      return {Kind::kBlockLeb, 0};
    case kFormIndirect:
      return {Kind::kIndirect, 0};
    default:
      *known = false;
      return {Kind::kIndirect, 0};
  }
}

namespace {

void take_step(const SkipStep& step, const Layout& layout, Reader& reader) {
  using Kind = SkipStep::Kind;
  switch (step.kind) {
    case Kind::kFixed:
      reader.skip(step.size);
      return;
    case Kind::kLeb:
      reader.skip_leb();
      return;
    case Kind::kString:
      reader.c_string();
      return;
    case Kind::kBlock1:
      reader.skip(reader.u8());
      return;
    case Kind::kBlock2:
      reader.skip(reader.u16());
      return;
    case Kind::kBlock4:
      reader.skip(reader.u32());
      return;
    case Kind::kBlockLeb:
      reader.skip(reader.uleb());
      return;
    case Kind::kIndirect:
      break;
  }
  for (int i = 0; i < kMaxIndirections; ++i) {
    const uint64_t form = reader.uleb();
    bool known = false;
    if (form > std::numeric_limits<uint16_t>::max()) break;
    const SkipStep inner = step_of(static_cast<uint16_t>(form), layout, &known);
    if (!known || form == kFormImplicitConst)
      break;  // an implicit constant has its value elsewhere
    if (inner.kind != Kind::kIndirect) return take_step(inner, layout, reader);
  }
  reader.fail();
}

}  // namespace

void skip_form(uint16_t form, const Layout& layout, Reader& reader) {
  bool known = false;
  const SkipStep step = step_of(form, layout, &known);
  if (!known) return reader.fail();
  take_step(step, layout, reader);
}

AbbreviationTable::AbbreviationTable(LazySection& section, uint64_t offset, const Layout& layout)
    : layout_(layout) {
  if (offset >= section.size()) return;
  // Where a table ends is only known at its end: try a usual size first, so that little is
  // inflated and kept.
  for (uint64_t size = kUsualTableSize;; size *= 4) {
    const ByteView table = section.window(offset, size);
    if (table.empty()) return;
    dense_.clear();
    sparse_.clear();
    specs_.clear();
    steps_.clear();
    Reader reader(table);
    const bool complete = parse(reader);
    byte_size_ = table.size() - reader.remaining();
    if (complete || table.size() < size || size >= section.size() - offset) return;
  }
}

// False when the data ended before the table did.
bool AbbreviationTable::parse(Reader& reader) {
  while (true) {
    const uint64_t code = reader.uleb();
    if (!reader.ok()) return false;
    if (code == 0) return true;
    Abbreviation abbreviation;
    const uint64_t tag = reader.uleb();
    abbreviation.tag = tag <= 0xffff ? static_cast<uint16_t>(tag) : uint16_t{0};
    abbreviation.has_children = reader.u8() != 0;
    abbreviation.first_spec = static_cast<uint32_t>(specs_.size());
    while (true) {
      const uint64_t name = reader.uleb();
      const uint64_t form = reader.uleb();
      if (!reader.ok()) return false;
      if (name == 0 && form == 0) break;
      AttributeSpec spec{.name = name <= 0xffff ? static_cast<uint16_t>(name) : uint16_t{0},
                         .form = form <= 0xffff ? static_cast<uint16_t>(form) : uint16_t{0}};
      if (form == kFormImplicitConst) spec.implicit_value = reader.sleb();
      abbreviation.has_pc |= name == kAtLowPc || name == kAtRanges;
      abbreviation.has_sibling |= name == kAtSibling;
      specs_.push_back(spec);
    }
    abbreviation.spec_count = static_cast<uint32_t>(specs_.size()) - abbreviation.first_spec;
    add_steps(abbreviation);
    if (code == dense_.size() + 1) {
      dense_.push_back(abbreviation);
    } else {
      sparse_.emplace(code, abbreviation);
    }
  }
}

void AbbreviationTable::add_steps(Abbreviation& abbreviation) {
  abbreviation.first_step = static_cast<uint32_t>(steps_.size());
  for (const AttributeSpec& spec : specs(abbreviation)) {
    bool known = false;
    SkipStep step = step_of(spec.form, layout_, &known);
    const bool first = steps_.size() == abbreviation.first_step;
    const bool at_fixed_place = first || (steps_.size() == abbreviation.first_step + 1 &&
                                          steps_.back().kind == SkipStep::Kind::kFixed);
    if (spec.name == kAtSibling && spec.form == kFormRef4 && at_fixed_place)
      abbreviation.sibling_at = first ? 0 : static_cast<int32_t>(steps_.back().size);
    // An unknown form has no known size: what follows cannot be found. A fixed step past any unit
    // ends the walk.
    if (!known) step = {SkipStep::Kind::kFixed, std::numeric_limits<uint32_t>::max()};
    const bool merges = step.kind == SkipStep::Kind::kFixed &&
                        steps_.size() > abbreviation.first_step &&
                        steps_.back().kind == SkipStep::Kind::kFixed;
    if (merges && known && steps_.back().size < (1u << 30)) {
      steps_.back().size += step.size;
    } else {
      steps_.push_back(step);
    }
  }
  abbreviation.step_count = static_cast<uint32_t>(steps_.size()) - abbreviation.first_step;
}

const Abbreviation* AbbreviationTable::find_sparse(uint64_t code) const {
  const auto found = sparse_.find(code);
  return found == sparse_.end() ? nullptr : &found->second;
}

void AbbreviationTable::skip_attributes(const Abbreviation& abbreviation, Reader& reader) const {
  const SkipStep* step = steps_.data() + abbreviation.first_step;
  const SkipStep* end = step + abbreviation.step_count;
  for (; step != end; ++step) {
    if (step->kind == SkipStep::Kind::kFixed) {
      reader.skip(step->size);
    } else {
      take_step(*step, layout_, reader);
    }
  }
}

}  // namespace inquest::dwarf
