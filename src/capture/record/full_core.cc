#include "capture/record/full_core.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "capture/record/core_writer.h"

namespace inquest::capture {
namespace {

constexpr uint64_t kChunk = 4 << 20;  // bytes a call

// The pages of a range that exist, as /proc/PID/pagemap tells them.
class Present {
 public:
  explicit Present(int pagemap) : pagemap_(pagemap) {}

  // How many pages from `page` on, at most `max`, exist (or do not: `*exists`).
  uint64_t run(Address page, uint64_t max, bool* exists) {
    uint64_t length = 0;
    while (length < max) {
      const auto now = entry(page + length * kPage);
      if (!now) {  // unknown: read it
        if (length == 0) *exists = true;
        return length == 0 ? max : length;
      }
      const bool here = (*now >> 62) != 0;  // in memory or swapped
      if (length == 0) *exists = here;
      if (here != *exists) return length;
      ++length;
    }
    return length;
  }

 private:
  std::optional<uint64_t> entry(Address page) {
    const uint64_t number = page.value / kPage;
    if (number < first_ || number >= first_ + count_) {
      const ssize_t got = ::pread(pagemap_, entries_.data(), sizeof entries_,
                                  static_cast<off_t>(number * sizeof(uint64_t)));
      first_ = number;
      count_ = got > 0 ? static_cast<uint64_t>(got) / sizeof(uint64_t) : 0;
      if (count_ == 0) return std::nullopt;
    }
    return entries_[number - first_];
  }

  int pagemap_;
  std::array<uint64_t, 4096> entries_ = {};
  uint64_t first_ = 0, count_ = 0;
};

// What of a mapping goes into the core, as the kernel chooses it.
uint64_t dumped_size(const LiveMapping& mapping, const Captured& captured,
                     const RemoteMemory& memory) {
  constexpr uint32_t kElfHeaders = 16;
  constexpr uint64_t kMostAsked = 1 << 16;  // pages
  const auto flags = captured.flags.find(mapping.range.start.value);
  const KeepRule rule = keep_rule(mapping, captured.circumstances.filter,
                                  flags == captured.flags.end() ? nullptr : &flags->second);
  if (rule.keep == Keep::kNothing) return 0;
  if (rule.keep == Keep::kAll && mapping.read) return mapping.range.size();
  const uint64_t pages = std::min(mapping.range.size() / kPage, kMostAsked);
  const std::vector<bool> written = memory.written(mapping.range.start, pages);
  if (std::find(written.begin(), written.end(), true) != written.end()) return mapping.range.size();
  const bool header = mapping.is_file() && mapping.file_offset == 0 && mapping.read &&
                      (captured.circumstances.filter & kElfHeaders) != 0;
  return header ? kPage : 0;
}

// `may_be_absent`: pages that do not exist are zero, and become holes. Those of a file that were
// not read yet do not exist either, and must be read.
Status write_range(AddressRange range, bool may_be_absent, const RemoteMemory& memory,
                   CoreSink& sink, std::vector<uint8_t>& buffer, FullCore& result) {
  Present present(memory.pagemap_fd());
  for (Address at = range.start; at < range.end;) {
    bool exists = true;
    const uint64_t left = (range.end - at) / kPage;
    const uint64_t most = std::min(left, kChunk / kPage);
    const uint64_t pages = may_be_absent ? present.run(at, most, &exists) : most;
    const uint64_t size = pages * kPage;
    if (!exists) {
      INQ_TRY_STATUS(sink.skip(size));
      at = at + size;
      continue;
    }
    const size_t got = memory.read(at, std::span<uint8_t>(buffer).first(size)) & ~(kPage - 1);
    if (got != 0) INQ_TRY_STATUS(sink.append(ByteView(buffer).first(got)));
    result.written += got;
    if (got < size) {  // one page that cannot be read
      ++result.unreadable;
      INQ_TRY_STATUS(sink.skip(kPage));
      at = at + kPage;
    }
    at = at + got;
  }
  return {};
}

}  // namespace

Result<FullCore> write_full_core(const Captured& captured, const RemoteMemory& memory,
                                 CoreSink& sink) {
  std::vector<CoreRange> ranges;
  for (const LiveMapping& mapping : captured.mappings) {
    const uint64_t size = dumped_size(mapping, captured, memory);
    if (size == 0) continue;
    ranges.push_back({{mapping.range.start, mapping.range.start + size},
                      mapping.read,
                      mapping.write,
                      mapping.execute});
  }
  INQ_TRY_STATUS(sink.append(core_head(notes_of(captured), ranges)));
  FullCore result;
  std::vector<uint8_t> buffer(kChunk);
  for (const CoreRange& range : ranges) {
    INQ_TRY_STATUS(sink.begin_segment());
    const LiveMapping* mapping = find_mapping(captured.mappings, range.range.start);
    const bool anonymous =
        mapping != nullptr && !mapping->is_file() && !mapping->shared && mapping->path != "[vdso]";
    INQ_TRY_STATUS(write_range(range.range, anonymous, memory, sink, buffer, result));
    if (!memory.is_alive()) {
      return Error(ErrorCode::kUnavailable, "the process ended before all memory was read");
    }
  }
  return result;
}

}  // namespace inquest::capture
