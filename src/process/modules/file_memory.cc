#include "process/modules/file_memory.h"

#include <algorithm>

#include "process/modules/paths.h"

namespace inquest::process {
namespace {

constexpr uint32_t kPtLoad = 1, kWrite = 2;
constexpr int64_t kDtTextrel = 22;

bool is_file(const Mapping& mapping) { return is_file_path(mapping.path); }

// The read-only segment of the module that is backed by its file at `address`.
const elf::Segment* constant_segment(const elf::File& file, uint64_t link) {
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != kPtLoad || (segment.flags & kWrite) != 0) continue;
    if (link >= segment.vaddr && link - segment.vaddr < segment.file_size) return &segment;
  }
  return nullptr;
}

}  // namespace

ByteView FileMemory::in_file(const Module& module, Address address, uint64_t max) const {
  const Mapping* mapping = image_.mapping_at(address);
  // An anonymous page inside a module is bss or was written to; only qemu-user's cores name no
  // files at all.
  if (mapping == nullptr || (mapping->protection && mapping->protection->write)) return {};
  if (!is_file(*mapping) && image_.producer != Producer::kQemuUser) return {};
  const elf::File* file = module.binary();
  if (file == nullptr) return {};
  const uint64_t link = module.to_link(address);
  const elf::Segment* segment = constant_segment(*file, link);
  if (segment == nullptr || file->dynamic_value(kDtTextrel)) return {};
  uint64_t size = std::min(max, segment->file_size - (link - segment->vaddr));
  size = std::min(size, mapping->range.end - address);
  return file->bytes_at_vaddr(link, size).value_or(ByteView());
}

ByteView FileMemory::view(Address address, uint64_t max) const {
  const ByteView dumped = image_.memory->view(address, max);
  if (!dumped.empty() || max == 0) return dumped;
  if (image_.memory->why_missing(address) == Missing::kUnmapped) return {};
  const Module* module = find_(address);
  if (module == nullptr || !module->contents_agree()) return {};
  return in_file(*module, address, max);
}

Missing FileMemory::why_missing(Address address) const {
  const Missing in_core = image_.memory->why_missing(address);
  if (in_core == Missing::kNone || in_core == Missing::kUnmapped) return in_core;
  const Mapping* mapping = image_.mapping_at(address);
  if (mapping == nullptr || (mapping->protection && mapping->protection->write)) return in_core;
  const Module* module = find_(address);
  if (module == nullptr) {
    const bool left_out = in_core == Missing::kNotDumped || in_core == Missing::kNotKept;
    return left_out && is_file(*mapping) ? Missing::kFileUnverified : in_core;
  }
  if (!is_file(*mapping) && image_.producer != Producer::kQemuUser) return in_core;
  switch (module->status()) {
    case FileStatus::kVerified:
      break;
    case FileStatus::kUnverified:
      if (!module->contents_agree()) return Missing::kFileUnverified;
      break;
    case FileStatus::kMissing:
      return Missing::kFileMissing;
    case FileStatus::kMismatch:
      return Missing::kFileMismatch;
    case FileStatus::kInMemoryOnly:
      return in_core;
  }
  return in_file(*module, address, 1).empty() ? in_core : Missing::kNone;
}

}  // namespace inquest::process
