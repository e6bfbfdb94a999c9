#include "binary/dwarf/cfi.h"

#include <dwarf.h>
#include <elf.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "binary/dwarf/cfi_entries.h"
#include "binary/dwarf/cfi_program.h"

namespace inquest::dwarf {
namespace {

// The sorted table of .eh_frame_hdr: pairs of function start and FDE address, all relative in one
// way.
class SearchTable {
 public:
  SearchTable(ByteView bytes, uint64_t address) : bytes_(bytes), address_(address) {
    usable_ = read_header();
  }

  bool usable() const { return usable_; }

  struct Entry {
    uint64_t start = 0, fde = 0;  // link-time addresses
  };
  // The last entry that starts at or before `pc`. nullopt: there is none, or the table is found to
  // be out of order; then it is not usable() from now on.
  std::optional<Entry> find(uint64_t pc);
  void give_up() { usable_ = false; }

 private:
  bool read_header();
  std::optional<Entry> entry(uint64_t index) const;

  ByteView bytes_;
  uint64_t address_;
  uint8_t encoding_ = DW_EH_PE_omit;
  uint64_t table_offset_ = 0, count_ = 0, pointer_size_ = 0;
  bool usable_ = false;
};

bool SearchTable::read_header() {
  Cursor cursor(bytes_);
  if (cursor.u8() != 1) return false;
  const uint8_t frame_encoding = cursor.u8();
  const uint8_t count_encoding = cursor.u8();
  encoding_ = cursor.u8();
  const auto size = encoded_size(encoding_);
  if (!cursor.ok() || !size) return false;
  if (!read_encoded(cursor, frame_encoding, address_, address_)) return false;
  const auto count = read_encoded(cursor, count_encoding, address_, address_);
  if (!count || *count == 0) return false;
  pointer_size_ = *size;
  table_offset_ = cursor.offset();
  count_ = *count;
  const auto table_size = checked_multiply(count_, 2 * pointer_size_);
  return table_size && *table_size <= cursor.remaining();
}

std::optional<SearchTable::Entry> SearchTable::entry(uint64_t index) const {
  Cursor cursor(bytes_);
  cursor.seek(table_offset_ + index * 2 * pointer_size_);
  const auto start = read_encoded(cursor, encoding_, address_, address_);
  const auto fde = read_encoded(cursor, encoding_, address_, address_);
  if (!start || !fde) return std::nullopt;
  return Entry{*start, *fde};
}

std::optional<SearchTable::Entry> SearchTable::find(uint64_t pc) {
  uint64_t low = 0, high = count_;  // the answer is below `high`, and not before `low`
  std::optional<Entry> best;
  uint64_t above = std::numeric_limits<uint64_t>::max();
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto probe = entry(middle);
    if (!probe || probe->start > above || (best && probe->start < best->start)) {
      give_up();
      return std::nullopt;
    }
    if (probe->start <= pc) {
      best = probe;
      low = middle + 1;
    } else {
      above = probe->start;
      high = middle;
    }
  }
  if (low >= 2) {  // the neighbour too: a short search sees few probes
    const auto before = entry(low - 2);
    if (!before || before->start > best->start) {
      give_up();
      return std::nullopt;
    }
  }
  return best;
}

// Every FDE of one section by address, made by reading it through once.
class LinearIndex {
 public:
  struct Range {
    uint64_t start = 0, end = 0, offset = 0;
  };
  std::vector<Range> ranges;  // sorted by start

  const Range* find(uint64_t pc) const {
    auto after =
        std::upper_bound(ranges.begin(), ranges.end(), pc,
                         [](uint64_t value, const Range& range) { return value < range.start; });
    if (after == ranges.begin()) return nullptr;
    const Range& candidate = *std::prev(after);
    return pc < candidate.end ? &candidate : nullptr;
  }
};

}  // namespace

struct CfiTable::Impl {
  // What from_file had to unpack.
  std::vector<elf::SectionData> owned;
  FrameSection eh_frame, debug_frame;
  std::optional<SearchTable> search;
  std::optional<LinearIndex> eh_index, debug_index;
  std::unordered_map<uint64_t, std::optional<Cie>> cies[2];  // by offset, for each FrameFormat
  uint64_t budget = kMaxTotalCfaInstructions;

  const Cie* cie(const FrameSection& section, uint64_t offset);
  std::optional<Fde> fde(const FrameSection& section, uint64_t offset);
  LinearIndex read_through(const FrameSection& section);
  std::optional<Fde> find_indexed(const FrameSection& section, std::optional<LinearIndex>& index,
                                  uint64_t pc);
  std::optional<Fde> find_in_eh_frame(uint64_t pc);
  std::optional<Fde> find(uint64_t pc, const FrameSection** section);
};

const Cie* CfiTable::Impl::cie(const FrameSection& section, uint64_t offset) {
  auto& known = cies[section.format == FrameFormat::kEhFrame ? 0 : 1];
  const auto [place, is_new] = known.try_emplace(offset);
  if (is_new) place->second = read_cie(section, offset);
  return place->second ? &*place->second : nullptr;
}

std::optional<Fde> CfiTable::Impl::fde(const FrameSection& section, uint64_t offset) {
  uint64_t next = 0;
  const auto header = read_entry_header(section, offset, &next);
  if (!header || header->is_cie) return std::nullopt;
  const Cie* parent = cie(section, header->cie_offset);
  return parent == nullptr ? std::nullopt : read_fde(section, *header, *parent);
}

LinearIndex CfiTable::Impl::read_through(const FrameSection& section) {
  LinearIndex index;
  uint64_t next = 0;
  for (uint64_t offset = 0; offset < section.bytes.size(); offset = next) {
    // Zero lengths in the middle are terminators of object files that were linked together: read
    // on.
    const auto header = read_entry_header(section, offset, &next);
    if (!header || header->is_cie) continue;
    const Cie* parent = cie(section, header->cie_offset);
    if (parent == nullptr) continue;
    const auto entry = read_fde(section, *header, *parent);
    if (entry && entry->start < entry->end)
      index.ranges.push_back({entry->start, entry->end, offset});
  }
  std::sort(index.ranges.begin(), index.ranges.end(), [](const auto& a, const auto& b) {
    return std::pair(a.start, a.offset) < std::pair(b.start, b.offset);
  });
  return index;
}

std::optional<Fde> CfiTable::Impl::find_indexed(const FrameSection& section,
                                                std::optional<LinearIndex>& index, uint64_t pc) {
  if (section.bytes.empty()) return std::nullopt;
  if (!index) index = read_through(section);
  const auto* range = index->find(pc);
  return range == nullptr ? std::nullopt : fde(section, range->offset);
}

std::optional<Fde> CfiTable::Impl::find_in_eh_frame(uint64_t pc) {
  if (search && search->usable()) {
    const auto entry = search->find(pc);
    if (search->usable()) {
      if (!entry) return std::nullopt;
      const uint64_t offset = entry->fde - eh_frame.address;
      const auto found = offset < eh_frame.bytes.size() ? fde(eh_frame, offset) : std::nullopt;
      if (found && found->start == entry->start) {
        return pc < found->end ? found : std::nullopt;
      }
      search->give_up();  // it points at something else than it says
    }
  }
  return find_indexed(eh_frame, eh_index, pc);
}

std::optional<Fde> CfiTable::Impl::find(uint64_t pc, const FrameSection** section) {
  *section = &eh_frame;
  if (auto found = find_in_eh_frame(pc)) return found;
  *section = &debug_frame;
  return find_indexed(debug_frame, debug_index, pc);
}

CfiTable::CfiTable(const Sections& sections) : impl_(std::make_unique<Impl>()) {
  impl_->eh_frame = {sections.eh_frame, sections.eh_frame_address, FrameFormat::kEhFrame};
  impl_->debug_frame = {sections.debug_frame, 0, FrameFormat::kDebugFrame};
  if (!sections.eh_frame_hdr.empty()) {
    impl_->search.emplace(sections.eh_frame_hdr, sections.eh_frame_hdr_address);
  }
}

CfiTable::~CfiTable() = default;

bool CfiTable::reads_eh_frame_linearly() const {
  return !impl_->search || !impl_->search->usable();
}

std::optional<CfiRow> CfiTable::row_at(uint64_t pc) {
  const FrameSection* section = nullptr;
  const auto entry = impl_->find(pc, &section);
  if (!entry) return std::nullopt;
  const Cie* parent = impl_->cie(*section, entry->cie_offset);
  if (parent == nullptr) return std::nullopt;
  return run_cfi_program(*parent, *entry, pc, &impl_->budget);
}

std::optional<CfiTable::Function> CfiTable::function_at(uint64_t pc) {
  const FrameSection* section = nullptr;
  const auto entry = impl_->find(pc, &section);
  return entry ? std::optional(Function{entry->start, entry->end}) : std::nullopt;
}

namespace {

// .eh_frame_hdr by PT_GNU_EH_FRAME, and .eh_frame by the pointer in it: up to the end of its
// segment.
void locate_by_segment(const elf::File& file, CfiTable::Sections& sections) {
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != PT_GNU_EH_FRAME) continue;
    const auto header = file.bytes_at_vaddr(segment.vaddr, segment.file_size);
    if (!header || header->size() < 4) return;
    sections.eh_frame_hdr = *header;
    sections.eh_frame_hdr_address = segment.vaddr;
    if (!sections.eh_frame.empty()) return;
    Cursor cursor(*header);
    cursor.skip(4);
    const auto frame = read_encoded(cursor, (*header)[1], segment.vaddr, segment.vaddr);
    if (!frame) return;
    for (const elf::Segment& load : file.segments()) {
      if (load.type != PT_LOAD || *frame < load.vaddr || *frame - load.vaddr >= load.file_size)
        continue;
      const auto bytes = file.bytes_at_vaddr(*frame, load.file_size - (*frame - load.vaddr));
      if (bytes) sections.eh_frame = *bytes;
      sections.eh_frame_address = *frame;
    }
    return;
  }
}

}  // namespace

std::unique_ptr<CfiTable> CfiTable::from_file(const elf::File& file) {
  return from_sections(file, true);
}

std::unique_ptr<CfiTable> CfiTable::debug_frame_of(const elf::File& file) {
  return from_sections(file, false);
}

std::unique_ptr<CfiTable> CfiTable::from_sections(const elf::File& file, bool with_eh_frame) {
  Sections sections;
  std::vector<elf::SectionData> owned;
  const auto contents = [&](std::string_view name, uint64_t* address) -> ByteView {
    const elf::Section* section = file.find_section(name);
    if (section == nullptr || section->type == SHT_NOBITS) return {};
    auto data = file.section_data(*section);
    if (!data) return {};
    if (address != nullptr) *address = section->address;
    owned.push_back(std::move(*data));
    return owned.back().bytes();
  };
  if (with_eh_frame) {
    sections.eh_frame = contents(".eh_frame", &sections.eh_frame_address);
    sections.eh_frame_hdr = contents(".eh_frame_hdr", &sections.eh_frame_hdr_address);
    if (sections.eh_frame.empty() || sections.eh_frame_hdr.empty())
      locate_by_segment(file, sections);
  }
  sections.debug_frame = contents(".debug_frame", nullptr);
  if (sections.debug_frame.empty()) sections.debug_frame = contents(".zdebug_frame", nullptr);
  if (sections.eh_frame.empty() && sections.debug_frame.empty()) return nullptr;
  auto table = std::make_unique<CfiTable>(sections);
  table->impl_->owned = std::move(owned);
  return table;
}

}  // namespace inquest::dwarf
