#include "process/modules/image_header.h"

#include <algorithm>

namespace inquest::process {
namespace {

constexpr uint64_t kPage = 0xfff;
constexpr uint64_t kMaxHeader = 64 << 10;  // ELF header and program headers
constexpr uint64_t kMaxNotes = 64 << 10;
constexpr uint32_t kPtLoad = 1, kPtNote = 4;

}  // namespace

std::optional<elf::File> header_in_memory(const MemoryReader& memory, Address start) {
  auto file = elf::File::parse_image(memory.view(start, kMaxHeader), start.value);
  if (!file.ok() || (file->type() != 2 && file->type() != 3)) return std::nullopt;
  const auto& segments = file->segments();
  const bool loads = std::any_of(segments.begin(), segments.end(), [](const auto& segment) {
    return segment.type == kPtLoad && segment.memory_size > 0;
  });
  if (!loads) return std::nullopt;
  return std::move(*file);
}

uint64_t bias_of(const elf::File& header, Address start) {
  for (const elf::Segment& segment : header.segments()) {
    if (segment.type == kPtLoad && (segment.offset & ~kPage) == 0) {
      return start.value - (segment.vaddr & ~kPage);
    }
  }
  return start.value - header.first_load_address();
}

AddressRange span_of(const elf::File& header, uint64_t bias) {
  uint64_t end = 0;
  for (const elf::Segment& segment : header.segments()) {
    if (segment.type != kPtLoad) continue;
    end = std::max(end, checked_add(segment.vaddr, segment.memory_size).value_or(0));
  }
  const Address start(header.first_load_address() + bias);
  const Address last(((end + kPage) & ~kPage) + bias);
  return {start, std::max(start, last)};
}

std::optional<BuildId> build_id_in_memory(const MemoryReader& memory, const elf::File& header,
                                          uint64_t bias) {
  std::optional<BuildId> found;
  for (const elf::Segment& segment : header.segments()) {
    if (segment.type != kPtNote || segment.memory_size > kMaxNotes) continue;
    const ByteView notes = memory.view(Address(segment.vaddr + bias), segment.memory_size);
    const Status status = elf::for_each_note(notes, segment.align, [&found](const elf::Note& note) {
      if (note.type != 3 || note.name != "GNU" || note.description.empty()) return true;
      found.emplace(note.description);
      return false;
    });
    static_cast<void>(status);  // a note cut off by the end of what was dumped is simply not there
    if (found) break;
  }
  return found;
}

}  // namespace inquest::process
