// SplitFinder: where a skeleton unit's contents went: a .dwo file, or a .dwp package (DWARF 5
// section 7.3.5).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "binary/dwarf/package_index.h"
#include "binary/dwarf/store.h"
#include "platform/os/mapped_file.h"

namespace inquest::dwarf {

class SplitFinder {
 public:
  explicit SplitFinder(Store& store) : store_(store) {}

  // Looks in the package beside the binary, then at the recorded place, then beside the binary. A
  // file whose id is not the skeleton's is refused. nullptr when nothing fits; the store's notes
  // then say what was looked for.
  Unit* find(Unit& skeleton);
  // A type unit that a unit of this split container refers to.
  Unit* find_type(Container& container, uint64_t signature);

 private:
  struct SplitFile {
    os::MappedFile mapping;
    std::optional<elf::File> elf;
    std::array<LazySection*, kSectionCount> sections{};
    LazySection* types = nullptr;
    bool is_package = false;
    PackageIndex units, type_units;
  };

  SplitFile* open(const std::string& path, bool package);
  Unit* from_file(SplitFile& file, Unit& skeleton);
  Unit* from_package(SplitFile& file, Unit& skeleton);
  // A container over the contributions of one row.
  Container* slice(SplitFile& file, const PackageIndex& index, uint64_t signature, Unit* skeleton);
  Unit* accept(Container& container, Unit& skeleton);
  void note_missing(const Unit& skeleton, bool mismatch);

  Store& store_;
  std::map<std::string, std::unique_ptr<SplitFile>> files_;  // nullptr: cannot be used
  std::map<uint32_t, SplitFile*> file_of_;                   // by container
  std::map<uint32_t, Container*> types_of_;  // .debug_types.dwo of a container's file
  bool noted_ = false;
};

}  // namespace inquest::dwarf
