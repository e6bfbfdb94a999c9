#include "binary/dwarf/store.h"

#include <algorithm>
#include <iterator>

#include "binary/dwarf/constants.h"
#include "binary/dwarf/line_table.h"
#include "binary/dwarf/split.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxUnits = size_t{1} << 21;
constexpr size_t kMaxContainers = 1 << 16;

constexpr std::array<std::string_view, kSectionCount> kNames = {
    ".debug_info",     ".debug_abbrev", ".debug_line",       ".debug_str",
    ".debug_line_str", ".debug_ranges", ".debug_rnglists",   ".debug_loc",
    ".debug_loclists", ".debug_addr",   ".debug_str_offsets"};

}  // namespace

Store::Store(const elf::File& debug, const elf::File* binary, const elf::File* alt,
             std::string binary_path, SectionMemory* memory)
    : debug_(debug),
      binary_path_(std::move(binary_path)),
      memory_(memory),
      splits_(std::make_unique<SplitFinder>(*this)) {
  Container& main = add_container();
  Container& dwz = add_container();
  fill(main, debug);
  for (LazySection*& section : dwz.sections) section = &absent_;
  if (alt != nullptr) {
    fill(dwz, *alt);
    main.alt = &dwz;
  }
  // With split DWARF the skeletons may stay in the binary while its debug file has the rest, or the
  // reverse.
  if (binary != nullptr && main.section(kAddr).empty())
    main.sections[kAddr] = keep(LazySection::of(*binary, kNames[kAddr], memory_));
  aranges_ = LazySection::of(debug, ".debug_aranges", memory_);
  LazySection types = LazySection::of(debug, ".debug_types", memory_);
  if (!types.empty()) {
    types_ = &add_container();
    types_->sections = main.sections;
    types_->sections[kInfo] = keep(std::move(types));
    types_->alt = main.alt;
    types_->types = true;
  }
}

Store::~Store() = default;

void Store::keep_sections() {
  aranges_.keep();
  for (const auto& section : sections_) section->keep();
}

Container& Store::add_container() {
  containers_.push_back(std::make_unique<Container>());
  containers_.back()->id = static_cast<uint32_t>(containers_.size() - 1);
  return *containers_.back();
}

LazySection* Store::keep(LazySection section) {
  sections_.push_back(std::make_unique<LazySection>(std::move(section)));
  return sections_.back().get();
}

void Store::fill(Container& container, const elf::File& file) {
  for (size_t i = 0; i < kSectionCount; ++i)
    container.sections[i] = keep(LazySection::of(file, kNames[i], memory_));
}

bool Store::parse_header(Container& container, uint64_t offset, Unit& unit) {
  constexpr uint64_t kMaxHeader = 12 + 2 + 2 + 8 + 8 + 8;
  LazySection& info = container.section(kInfo);
  if (offset >= info.size()) return false;
  const ByteView front = info.window(offset, kMaxHeader);
  Reader reader(front);
  uint64_t length = reader.u32();
  if (length == 0xffffffff) {
    length = reader.u64();
    unit.layout.offset_size = 8;
  }
  const auto position = [&] { return offset + (front.size() - reader.remaining()); };
  const auto end = checked_add(position(), length);
  // A file cut short still has the units before the cut.
  if (!reader.ok() || length == 0 || !end || *end > info.size()) return false;
  unit.container = &container;
  unit.offset = offset;
  unit.end = *end;
  unit.layout.version = reader.u16();
  unit.type = kUnitCompile;
  const bool is_v5 = unit.layout.version >= 5;
  if (is_v5) {
    unit.type = reader.u8();
    unit.layout.address_size = reader.u8();
  }
  unit.abbrev_offset = reader.sized(unit.layout.offset_size);
  if (!is_v5) unit.layout.address_size = reader.u8();
  if (container.types) unit.type = kUnitType;
  const bool is_type = unit.type == kUnitType || unit.type == kUnitSplitType;
  if (is_type || unit.type == kUnitSkeleton || unit.type == kUnitSplitCompile)
    unit.signature = reader.u64();
  if (is_type) unit.type_die = reader.sized(unit.layout.offset_size);
  unit.first_die = position();
  const bool known = unit.layout.version >= 2 && unit.layout.version <= 5 &&
                     (unit.layout.address_size == 8 || unit.layout.address_size == 4);
  if (!known) unit.first_die = unit.end;  // stepped over, never entered
  return reader.ok() && unit.first_die <= unit.end;
}

Unit* Store::unit_at(Container& container, uint64_t offset) {
  const auto found = container.units.find(offset);
  if (found != container.units.end()) return found->second.get();
  if (container.units.size() >= kMaxUnits || !work_.spend(16)) return nullptr;
  auto unit = std::make_unique<Unit>();
  if (!parse_header(container, offset, *unit)) return nullptr;
  return container.units.emplace(offset, std::move(unit)).first->second.get();
}

Unit* Store::unit_around(Container& container, uint64_t offset) {
  uint64_t start = 0;
  const auto after = container.units.upper_bound(offset);
  if (after != container.units.begin()) {
    Unit* before = std::prev(after)->second.get();
    if (offset < before->end) return offset >= before->first_die ? before : nullptr;
    start = before->end;
  }
  while (start <= offset) {
    Unit* unit = unit_at(container, start);
    if (unit == nullptr) return nullptr;
    if (offset < unit->end) return offset >= unit->first_die ? unit : nullptr;
    start = unit->end;
  }
  return nullptr;
}

bool Store::walk_units(Container& container) {
  if (container.walked) return true;
  const uint64_t size = container.section(kInfo).size();
  uint64_t offset = 0;
  while (offset < size) {
    const Unit* unit = unit_at(container, offset);
    if (unit == nullptr) break;
    offset = unit->end;
  }
  if (work_.exhausted()) return false;
  container.walked = true;
  for (const auto& [at, unit] : container.units) {
    if (unit->type == kUnitType || unit->type == kUnitSplitType)
      container.signatures.emplace(unit->signature, unit.get());
  }
  return offset >= size;
}

const AbbreviationTable* Store::abbreviations(Unit& unit) {
  const uint32_t shape = uint32_t{unit.layout.version} << 16 |
                         uint32_t{unit.layout.offset_size} << 8 | unit.layout.address_size;
  auto& table = unit.container->abbreviations[{unit.abbrev_offset, shape}];
  if (table == nullptr) {
    table = std::make_unique<AbbreviationTable>(unit.container->section(kAbbrev),
                                                unit.abbrev_offset, unit.layout);
    work_.spend(static_cast<int64_t>(table->byte_size() / 2));
  }
  return table.get();
}

bool Store::enter(Unit& unit) {
  if (unit.entered) return unit.base != nullptr;
  unit.entered = true;
  const auto bytes = unit.container->section(kInfo).part(unit.offset, unit.end - unit.offset);
  if (!bytes || unit.first_die >= unit.end) return false;
  unit.abbreviations = abbreviations(unit);
  unit.base = bytes->data() - unit.offset;
  if (unit.skeleton == nullptr) unit.skeleton = unit.container->skeleton;
  read_root(unit);
  return true;
}

namespace {

// Where lists begin when a split unit names no base: behind the header of the section's only
// contribution.
uint64_t header_size(const Layout& layout, bool has_offset_table) {
  const uint64_t length = layout.offset_size == 8 ? 12 : 4;
  return length + (has_offset_table ? 8 : 4);
}

}  // namespace

void Store::read_root(Unit& unit) {
  RootAttributes& root = unit.root;
  if (unit.layout.version >= 5) {
    root.str_offsets_base = header_size(unit.layout, false);
    root.addr_base = header_size(unit.layout, false);
    root.rnglists_base = root.loclists_base = header_size(unit.layout, true);
    if (unit.type == kUnitSkeleton || unit.type == kUnitSplitCompile) root.dwo_id = unit.signature;
  }
  if (unit.skeleton != nullptr) {
    root.addr_base = unit.skeleton->root.addr_base;
    root.gnu_ranges_base = unit.skeleton->root.gnu_ranges_base;
    root.low_pc = unit.skeleton->root.low_pc;
    root.comp_dir = unit.skeleton->root.comp_dir;
  }
  const Die die = read_die(unit, unit.first_die);
  if (!die) return;
  // Bases first: other attributes of the same DIE need them.
  for_each_attribute(die, [&](uint16_t name, const Value& value) {
    switch (name) {
      case kAtStrOffsetsBase:
        root.str_offsets_base = value.number;
        break;
      case kAtAddrBase:
      case kAtGnuAddrBase:
        root.addr_base = value.number;
        break;
      case kAtRnglistsBase:
        root.rnglists_base = value.number;
        break;
      case kAtLoclistsBase:
        root.loclists_base = value.number;
        break;
      case kAtGnuRangesBase:
        root.gnu_ranges_base = value.number;
        break;
      case kAtStmtList:
        root.line_offset = value.number;
        break;
      case kAtLanguage:
        root.language = static_cast<uint16_t>(value.number);
        break;
      case kAtGnuDwoId:
        root.dwo_id = value.number;
        break;
      default:
        break;
    }
  });
  for_each_attribute(die, [&](uint16_t name, const Value& value) {
    switch (name) {
      case kAtName:
        root.name = text(die, value).value_or("");
        break;
      case kAtCompDir:
        root.comp_dir = text(die, value).value_or("");
        break;
      case kAtDwoName:
      case kAtGnuDwoName:
        root.dwo_name = text(die, value).value_or("");
        break;
      case kAtLowPc:
        root.low_pc = address(unit, value).value_or(0);
        break;
      default:
        break;
    }
  });
}

Unit& Store::full_unit(Unit& unit) {
  if (!enter(unit)) return unit;
  if (unit.split != nullptr) return *unit.split;
  if (unit.split_tried || unit.root.dwo_name.empty() || !unit.root.dwo_id ||
      unit.container->split || containers_.size() >= kMaxContainers)
    return unit;
  unit.split_tried = true;
  unit.split = splits_->find(unit);
  return unit.split != nullptr ? *unit.split : unit;
}

Die Store::root(Unit& unit) { return enter(unit) ? read_die(unit, unit.first_die) : Die{}; }

Die Store::die(DieRef ref) {
  Container* in = container(ref.file);
  if (in == nullptr) return {};
  Unit* unit = unit_around(*in, ref.offset);
  return unit != nullptr && enter(*unit) ? read_die(*unit, ref.offset) : Die{};
}

LineTable* Store::lines(Unit& unit, bool sequences) {
  if (!enter(unit)) return nullptr;
  if (!unit.lines_tried) {
    unit.lines_tried = true;
    LazySection& section = unit.container->section(kLine);
    if (unit.root.line_offset && *unit.root.line_offset < section.size())
      unit.lines = LineTable::parse_header(*unit.container, *unit.root.line_offset, unit);
  }
  if (unit.lines != nullptr && sequences && !unit.lines_scanned) {
    unit.lines_scanned = true;
    unit.lines->scan(work_);
  }
  return unit.lines.get();
}

std::string_view Store::file_name(const Unit& unit, uint64_t index) {
  auto& self =
      const_cast<Unit&>(unit);  // units belong to this store; line tables are filled in late
  LineTable* table = lines(self, false);
  // A split unit without a table of its own counts in its skeleton's.
  if (table == nullptr && unit.skeleton != nullptr) table = lines(*unit.skeleton, false);
  return table != nullptr ? table->file_name(index) : std::string_view();
}

}  // namespace inquest::dwarf
