#include "process/input/core_mappings.h"

#include <algorithm>
#include <tuple>

namespace inquest::process {
namespace {

constexpr uint64_t kAtPhdr = 3, kAtRandom = 25, kAtExecfn = 31, kAtSysinfoEhdr = 33;
constexpr Address kVsyscall(0xffffffffff600000);
constexpr uint64_t kBrkRandomSpan = uint64_t{1}
                                    << 30;  // brk starts at most this far behind the program

struct Load {
  AddressRange range;
  uint64_t offset = 0;
  uint64_t dumped = 0;
  Protection protection;
};

std::vector<Load> loads_of(const elf::File& core, size_t* overlapping) {
  std::vector<Load> loads;
  for (const elf::Segment& segment : core.segments()) {
    if (segment.type != 1 /* PT_LOAD */ || segment.memory_size == 0) continue;
    const auto end = checked_add(segment.vaddr, segment.memory_size);
    if (!end) {
      ++*overlapping;
      continue;
    }
    loads.push_back(
        {{Address(segment.vaddr), Address(*end)},
         segment.offset,
         std::min(segment.file_size, segment.memory_size),
         {(segment.flags & 4) != 0, (segment.flags & 2) != 0, (segment.flags & 1) != 0}});
  }
  std::sort(loads.begin(), loads.end(), [](const Load& a, const Load& b) {
    return std::tie(a.range.start, a.offset, a.range.end) <
           std::tie(b.range.start, b.offset, b.range.end);
  });
  return loads;
}

// Cuts `range` off the front of what is before `floor`; false when nothing is left.
bool clip(AddressRange& range, Address floor) {
  range.start = std::max(range.start, floor);
  return range.start < range.end;
}

class Crossing {
 public:
  Crossing(uint64_t core_size, const std::vector<MappedRange>& files)
      : core_size_(core_size), files_(files) {}

  void add(const Load& load) {
    Address at = load.range.start;
    while (at < load.range.end) {
      while (next_ < files_.size() && files_[next_].range.end <= at) ++next_;
      if (next_ == files_.size() || files_[next_].range.start >= load.range.end) {
        emit({at, load.range.end}, &load, nullptr);
        return;
      }
      const MappedRange& file = files_[next_];
      if (file.range.start > at) {
        emit({at, file.range.start}, &load, nullptr);
        at = file.range.start;
      }
      const Address end = std::min(file.range.end, load.range.end);
      emit({at, end}, &load, &file);
      at = end;
    }
  }

  // Files mapped below `limit` for which there is no segment: gcore leaves text out, truncation
  // loses headers.
  void add_files_below(Address from, Address limit) {
    while (next_ < files_.size() && files_[next_].range.start < limit) {
      AddressRange range = files_[next_].range;
      range.end = std::min(range.end, limit);
      if (clip(range, from)) emit(range, nullptr, &files_[next_]);
      if (files_[next_].range.end > limit) return;  // the rest belongs to the segment at `limit`
      ++next_;
    }
  }

  CoreMappings result;

 private:
  void emit(AddressRange range, const Load* load, const MappedRange* file) {
    Mapping mapping;
    CoreMemory::Piece piece;
    mapping.range = piece.range = range;
    if (load != nullptr) {
      const uint64_t inside = range.start - load->range.start;
      mapping.protection = load->protection;
      piece.dumped = load->dumped > inside ? std::min(load->dumped - inside, range.size()) : 0;
      const auto offset = checked_add(load->offset, inside);
      piece.offset = offset.value_or(UINT64_MAX);
      piece.available =
          piece.offset >= core_size_ ? 0 : std::min(piece.dumped, core_size_ - piece.offset);
      mapping.dumped = piece.dumped;
      mapping.truncated = piece.available < piece.dumped;
    }
    if (file != nullptr) {
      mapping.path = file->path;
      mapping.file_offset = file->file_offset + (range.start - file->range.start);
    }
    result.mappings.push_back(std::move(mapping));
    result.pieces.push_back(piece);
  }

  uint64_t core_size_;
  const std::vector<MappedRange>& files_;
  size_t next_ = 0;
};

std::vector<MappedRange> sorted_files(const std::vector<MappedRange>& files, size_t* overlapping) {
  std::vector<MappedRange> sorted = files;
  std::sort(sorted.begin(), sorted.end(), [](const MappedRange& a, const MappedRange& b) {
    return std::tie(a.range.start, a.range.end, a.path) <
           std::tie(b.range.start, b.range.end, b.path);
  });
  Address floor;
  std::erase_if(sorted, [&](MappedRange& file) {
    const Address start = file.range.start;
    const bool kept = clip(file.range, floor);
    if (file.range.start != start || !kept) ++*overlapping;
    if (!kept) return true;
    file.file_offset += file.range.start - start;
    floor = file.range.end;
    return false;
  });
  return sorted;
}

Mapping* mapping_at(ProcessImage& image, Address address) {
  return const_cast<Mapping*>(image.mapping_at(address));
}

void name_stack(ProcessImage& image) {
  std::vector<Address> hints;  // the kernel puts these at the top of the initial stack
  for (const uint64_t type : {kAtExecfn, kAtRandom}) {
    const auto entry = image.auxv.find(type);
    if (entry != image.auxv.end()) hints.emplace_back(entry->second);
  }
  for (const Thread& thread : image.threads) {
    if (thread.tid == image.pid && thread.registers.sp()) hints.push_back(*thread.registers.sp());
  }
  for (const Address hint : hints) {
    Mapping* mapping = mapping_at(image, hint);
    if (mapping == nullptr || !mapping->path.empty()) continue;
    mapping->path = "[stack]";
    return;
  }
}

void name_vdso(ProcessImage& image) {
  const auto entry = image.auxv.find(kAtSysinfoEhdr);
  Mapping* vdso = entry == image.auxv.end() ? nullptr : mapping_at(image, Address(entry->second));
  if (vdso == nullptr || !vdso->path.empty()) return;
  vdso->path = "[vdso]";
  // The kernel puts the data that the vdso reads right before it.
  while (vdso != image.mappings.data()) {
    Mapping* before = vdso - 1;
    if (before->range.end != vdso->range.start || !before->path.empty() || !before->protection ||
        !before->protection->read || before->protection->write || before->protection->execute) {
      return;
    }
    before->path = "[vvar]";
    vdso = before;
  }
}

// The kernel starts brk behind the program, at a random distance. Only the first anonymous,
// writable mapping there can be it.
void name_heap(ProcessImage& image) {
  const auto entry = image.auxv.find(kAtPhdr);
  if (image.producer == Producer::kQemuUser || entry == image.auxv.end()) return;
  const Mapping* program = image.mapping_at(Address(entry->second));
  if (program == nullptr || program->path.empty()) return;
  auto at = static_cast<size_t>(program - image.mappings.data());
  const std::string path = program->path;
  Address end = program->range.end;
  for (; at < image.mappings.size(); ++at) {
    Mapping& mapping = image.mappings[at];
    const bool adjacent = mapping.range.start == end;
    if (mapping.path == path || (adjacent && mapping.path.empty())) {  // data, then bss
      end = mapping.range.end;
      continue;
    }
    if (mapping.path.empty() && mapping.protection && mapping.protection->write &&
        !mapping.protection->execute && mapping.range.start - end <= kBrkRandomSpan) {
      mapping.path = "[heap]";
    }
    return;
  }
}

}  // namespace

CoreMappings cross_mappings(const elf::File& core, const std::vector<MappedRange>& files) {
  size_t overlapping = 0;
  std::vector<Load> loads = loads_of(core, &overlapping);
  const std::vector<MappedRange> sorted = sorted_files(files, &overlapping);
  Crossing crossing(core.bytes().size(), sorted);
  Address floor;
  for (Load& load : loads) {
    const Address start = load.range.start;
    const bool kept = clip(load.range, floor);
    const uint64_t lost = (kept ? load.range.start : load.range.end) - start;
    if (lost != 0) ++overlapping;
    if (!kept) continue;
    const auto offset = checked_add(load.offset, lost);
    if (!offset) continue;
    load.offset = *offset;
    load.dumped -= std::min(load.dumped, lost);
    crossing.add_files_below(floor, load.range.start);
    crossing.add(load);
    floor = load.range.end;
  }
  crossing.add_files_below(floor, Address(UINT64_MAX));
  crossing.result.overlapping = overlapping;
  return std::move(crossing.result);
}

void name_special_mappings(ProcessImage& image) {
  if (Mapping* page = mapping_at(image, kVsyscall); page != nullptr && page->path.empty()) {
    if (image.arch == isa::Arch::kX86_64) page->path = "[vsyscall]";
  }
  name_vdso(image);
  name_stack(image);
  name_heap(image);
}

}  // namespace inquest::process
