#include "binary/dwarf/split.h"

#include <fmt/format.h>

#include "binary/dwarf/constants.h"

namespace inquest::dwarf {
namespace {

constexpr size_t kMaxSplitFiles = 1 << 14;

struct NamedSection {
  SectionKind kind;
  const char* name;
};
constexpr NamedSection kSplitSections[] = {
    {kInfo, ".debug_info.dwo"},         {kAbbrev, ".debug_abbrev.dwo"},
    {kLine, ".debug_line.dwo"},         {kStr, ".debug_str.dwo"},
    {kRnglists, ".debug_rnglists.dwo"}, {kLoc, ".debug_loc.dwo"},
    {kLoclists, ".debug_loclists.dwo"}, {kStrOffsets, ".debug_str_offsets.dwo"},
};

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string join(std::string_view directory, std::string_view path) {
  if (path.starts_with('/') || directory.empty()) return std::string(path);
  return fmt::format("{}/{}", directory, path);
}

std::optional<SectionKind> section_of(uint32_t number, uint32_t version) {
  switch (number) {
    case kSectInfo:
    case kSectTypesV2:
      return kInfo;
    case kSectAbbrev:
      return kAbbrev;
    case kSectLine:
      return kLine;
    case kSectLoclists:
      return version == 5 ? kLoclists : kLoc;
    case kSectStrOffsets:
      return kStrOffsets;
    case kSectRnglistsV5:
      return version == 5 ? std::optional(kRnglists) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

SplitFinder::SplitFile* SplitFinder::open(const std::string& path, bool package) {
  const auto known = files_.find(path);
  if (known != files_.end()) return known->second.get();
  if (files_.size() >= kMaxSplitFiles) return nullptr;
  auto& slot = files_[path];
  auto mapping = os::MappedFile::open(path);
  if (!mapping.ok()) return nullptr;
  auto file = std::make_unique<SplitFile>();
  file->mapping = std::move(*mapping);
  auto parsed = elf::File::parse(file->mapping.bytes());
  if (!parsed.ok()) return nullptr;
  file->elf = std::move(*parsed);
  file->sections.fill(store_.absent());
  for (const NamedSection& section : kSplitSections)
    file->sections[section.kind] =
        store_.keep(LazySection::of(*file->elf, section.name, store_.memory()));
  file->types = store_.keep(LazySection::of(*file->elf, ".debug_types.dwo", store_.memory()));
  if (package) {
    file->is_package = true;
    file->units =
        PackageIndex(store_.keep(LazySection::of(*file->elf, ".debug_cu_index"))->whole());
    file->type_units =
        PackageIndex(store_.keep(LazySection::of(*file->elf, ".debug_tu_index"))->whole());
  }
  slot = std::move(file);
  return slot.get();
}

// The container's compile unit when its id is the skeleton's.
Unit* SplitFinder::accept(Container& container, Unit& skeleton) {
  store_.walk_units(container);
  for (const auto& [offset, unit] : container.units) {
    if (unit->type == kUnitType || unit->type == kUnitSplitType) continue;
    unit->skeleton = &skeleton;
    if (store_.enter(*unit) && unit->root.dwo_id == skeleton.root.dwo_id) return unit.get();
  }
  return nullptr;
}

Unit* SplitFinder::from_file(SplitFile& file, Unit& skeleton) {
  Container& container = store_.add_container();
  container.split = true;
  container.skeleton = &skeleton;
  container.sections = file.sections;
  file_of_[container.id] = &file;
  if (!file.types->empty()) {
    Container& types = store_.add_container();
    types.split = types.types = true;
    types.skeleton = &skeleton;
    types.sections = file.sections;
    types.sections[kInfo] = file.types;
    types_of_[container.id] = types_of_[types.id] = &types;
  }
  return accept(container, skeleton);
}

Container* SplitFinder::slice(SplitFile& file, const PackageIndex& index, uint64_t signature,
                              Unit* skeleton) {
  const auto row = index.find(signature);
  if (row.empty()) return nullptr;
  Container& container = store_.add_container();
  container.split = true;
  container.skeleton = skeleton;
  container.sections.fill(store_.absent());
  container.sections[kStr] = file.sections[kStr];
  for (const auto& part : row) {
    const auto kind = section_of(part.section, index.version());
    if (!kind) continue;
    const bool types = part.section == kSectTypesV2;
    if (types && part.size == 0) continue;
    container.types |= types;
    LazySection* whole = types ? file.types : file.sections[*kind];
    const auto bytes = whole->part(part.offset, part.size);
    if (bytes) container.sections[*kind] = store_.keep(LazySection::over(*bytes));
  }
  file_of_[container.id] = &file;
  return &container;
}

Unit* SplitFinder::from_package(SplitFile& file, Unit& skeleton) {
  Container* container = slice(file, file.units, *skeleton.root.dwo_id, &skeleton);
  return container != nullptr ? accept(*container, skeleton) : nullptr;
}

Unit* SplitFinder::find(Unit& skeleton) {
  const std::string& binary = store_.binary_path();
  if (!binary.empty()) {
    SplitFile* package = open(binary + ".dwp", true);
    Unit* unit = package != nullptr ? from_package(*package, skeleton) : nullptr;
    if (unit != nullptr) return unit;
  }
  const std::string_view name = skeleton.root.dwo_name;
  const std::string_view base = name.substr(name.rfind('/') + 1);
  const std::string directory = directory_of(binary);
  const std::string places[] = {join(skeleton.root.comp_dir, name), join(directory, base),
                                join(directory, name)};
  bool mismatch = false;
  for (const std::string& place : places) {
    SplitFile* file = open(place, false);
    if (file == nullptr) continue;
    Unit* unit = from_file(*file, skeleton);
    if (unit != nullptr) return unit;
    mismatch = true;
  }
  note_missing(skeleton, mismatch);
  return nullptr;
}

// Once: a program has hundreds of them, and what to do about it is the same.
void SplitFinder::note_missing(const Unit& skeleton, bool mismatch) {
  if (noted_) return;
  noted_ = true;
  store_.notes().push_back(
      fmt::format("split debug information {} {}; functions and variables of that unit are "
                  "unknown",
                  join(skeleton.root.comp_dir, skeleton.root.dwo_name),
                  mismatch ? "is of another build" : "was not found"));
}

Unit* SplitFinder::find_type(Container& container, uint64_t signature) {
  const auto types = types_of_.find(container.id);
  if (types != types_of_.end()) {
    store_.walk_units(*types->second);
    const auto found = types->second->signatures.find(signature);
    if (found != types->second->signatures.end()) return found->second;
  }
  const auto file = file_of_.find(container.id);
  if (file == file_of_.end() || !file->second->is_package) return nullptr;
  Container* sliced = slice(*file->second, file->second->type_units, signature, container.skeleton);
  if (sliced == nullptr) return nullptr;
  store_.walk_units(*sliced);
  const auto found = sliced->signatures.find(signature);
  if (found == sliced->signatures.end()) return nullptr;
  container.signatures.emplace(signature, found->second);  // next time it is found at once
  return found->second;
}

}  // namespace inquest::dwarf
