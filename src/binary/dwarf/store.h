// Store: the debug sections of one binary and of the files they point at, and how their values are
// resolved.
//
// A container is one DIE space: .debug_info of the debug file (0), of its dwz file (1), then
// .debug_types, .dwo files and units of a .dwp package as they are met. Work on one question is
// bounded by a budget, so that hostile lists that point at each other end with "unknown" instead of
// taking for ever.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "binary/dwarf/debug_info.h"
#include "binary/dwarf/lazy_section.h"
#include "binary/dwarf/unit.h"
#include "binary/elf/file.h"

namespace inquest::dwarf {

enum SectionKind : uint8_t {
  kInfo,
  kAbbrev,
  kLine,
  kStr,
  kLineStr,
  kRanges,
  kRnglists,
  kLoc,
  kLoclists,
  kAddr,
  kStrOffsets,
  kSectionCount,
};

class SplitFinder;

struct Container {
  uint32_t id = 0;
  bool split = false;                                  // .dwo contents
  bool types = false;                                  // .debug_types: every unit is a type unit
  std::array<LazySection*, kSectionCount> sections{};  // never null; an absent one is empty
  Container* alt = nullptr;
  // A .dwo file: the skeleton that led here, whose addresses and ranges its units use.
  Unit* skeleton = nullptr;

  std::map<uint64_t, std::unique_ptr<Unit>> units;  // by offset, as they are met
  std::unordered_map<uint64_t, Unit*> signatures;   // type units, complete when `walked`
  bool walked = false;                              // every header was read
  std::map<std::pair<uint64_t, uint32_t>, std::unique_ptr<AbbreviationTable>> abbreviations;

  LazySection& section(SectionKind kind) const { return *sections[kind]; }
};

// What one question may cost: DIEs, list entries and line rows count one each.
class Work {
 public:
  static constexpr int64_t kPerQuestion = int64_t{1} << 27;  // about a second
  void start() { left_ = kPerQuestion; }
  bool spend(int64_t amount = 1) { return (left_ -= amount) > 0; }
  bool exhausted() const { return left_ <= 0; }

 private:
  int64_t left_ = kPerQuestion;
};

using Range = std::pair<uint64_t, uint64_t>;  // [first, second)

class Store {
 public:
  Store(const elf::File& debug, const elf::File* binary, const elf::File* alt,
        std::string binary_path, SectionMemory* memory = nullptr);
  ~Store();

  Container& main() { return *containers_[0]; }
  Container* container(uint32_t id) {
    return id < containers_.size() ? containers_[id].get() : nullptr;
  }
  Container* types() { return types_; }  // .debug_types, when there is one
  LazySection& aranges() { return aranges_; }
  Work& work() { return work_; }
  const elf::File& debug_file() const { return debug_; }
  const std::string& binary_path() const { return binary_path_; }
  std::vector<std::string>& notes() { return notes_; }
  // Prefixes that qualified_name worked out.
  std::map<DieRef, std::string>& scope_names() { return scope_names_; }

  // The unit whose header is at `offset`; nullptr when there is no readable one.
  Unit* unit_at(Container& container, uint64_t offset);
  // The unit that holds the DIE at `offset`.
  Unit* unit_around(Container& container, uint64_t offset);
  // Reads every header of the container; false when work ran out or a header is damaged.
  bool walk_units(Container& container);
  // Reads abbreviations and the first DIE. False for a unit that cannot be used.
  bool enter(Unit& unit);
  // The unit with the contents: the split unit of a skeleton when it is found, else `unit` itself.
  Unit& full_unit(Unit& unit);

  Die root(Unit& unit);
  Die die(DieRef ref);  // empty when there is none
  DieRef ref(const Die& die) const { return {die.unit->container->id, die.offset}; }

  // Resolution of stored values.
  std::optional<std::string_view> text(const Die& die, const Value& value);
  std::optional<std::string_view> text(const Die& die, uint16_t name);
  std::optional<uint64_t> address(const Unit& unit, const Value& value);
  std::optional<uint64_t> indexed_address(const Unit& unit, uint64_t index);
  Die reference(const Die& die, const Value& value);
  Die reference(const Die& die, uint16_t name);
  std::optional<DieRef> reference_ref(const Die& die, uint16_t name);

  // Code ranges of a DIE. Empty ranges and those of dropped code are left out.
  std::vector<Range> ranges(const Die& die);
  bool covers(const Die& die, uint64_t pc);
  // Location lists: entries of the list that `value` of `die` names; a plain expression is one
  // entry over all.
  std::vector<DebugInfo::LocationRange> locations(const Die& die, const Value& value);

  // Line table of a unit; header only unless `sequences`. nullptr when there is none.
  LineTable* lines(Unit& unit, bool sequences);
  // The name of file `index` as DW_AT_decl_file and DW_AT_call_file of this unit's DIEs count.
  std::string_view file_name(const Unit& unit, uint64_t index);

  // A further container; `id` is set.
  Container& add_container();
  LazySection* keep(LazySection section);
  LazySection* absent() { return &absent_; }
  SectionMemory* memory() { return memory_; }
  // Hands what was read of compressed sections to the memory.
  void keep_sections();

 private:
  void fill(Container& container, const elf::File& file);
  bool parse_header(Container& container, uint64_t offset, Unit& unit);
  const AbbreviationTable* abbreviations(Unit& unit);
  void read_root(Unit& unit);
  Unit* type_unit(Container& container, uint64_t signature);
  std::optional<std::string_view> indexed_text(const Unit& unit, uint64_t index);
  template <typename Visit>
  void visit_ranges(const Die& die, Visit&& visit);
  template <typename Visit>
  void visit_legacy_ranges(const Unit& unit, uint64_t offset, Visit&& visit);
  template <typename Visit>
  void visit_rnglist(const Unit& unit, uint64_t offset, Visit&& visit);
  std::optional<uint64_t> list_offset(const Unit& unit, const Value& value, SectionKind kind);

  const elf::File& debug_;
  std::string binary_path_;
  SectionMemory* memory_;
  std::vector<std::unique_ptr<LazySection>> sections_;
  std::vector<std::unique_ptr<Container>> containers_;
  Container* types_ = nullptr;
  LazySection absent_;
  LazySection aranges_;
  Work work_;
  std::vector<std::string> notes_;
  std::map<DieRef, std::string> scope_names_;
  std::unique_ptr<SplitFinder> splits_;
};

}  // namespace inquest::dwarf
