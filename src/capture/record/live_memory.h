// LiveMemory: the memory of a stopped process as a MemoryReader for the analysis, which keeps each
// page that the analysis touches.
//
// view() answers addresses of a reserved range of our own in which nothing is mapped; the first
// touch of a page raises SIGSEGV, whose handler reads the page from /proc/PID/mem into the shared
// memory of the parent and maps it there. So the analysis reads exactly as it would from a core,
// and what it read is known page by page. For one process that does nothing else: it installs a
// handler for SIGSEGV.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "capture/record/dump_policy.h"
#include "capture/record/page_store.h"
#include "platform/os/fd.h"
#include "process/image/memory.h"

namespace inquest::capture {

// Pages that were touched, in memory shared with the parent.
class TouchedPages {
 public:
  static Result<TouchedPages> create(uint32_t max_pages);
  TouchedPages(TouchedPages&& other) noexcept;
  TouchedPages& operator=(TouchedPages&&) = delete;
  TouchedPages(const TouchedPages&) = delete;
  TouchedPages& operator=(const TouchedPages&) = delete;
  ~TouchedPages();

  // How many pages are whole by now; those of higher numbers may be half written.
  uint32_t count() const { return header()->count.load(std::memory_order_acquire); }
  Address address(uint32_t number) const { return Address(addresses()[number]); }
  ByteView page(uint32_t number) const { return {pages_ + number * kPage, kPage}; }
  uint32_t max_pages() const { return max_pages_; }
  // Pages that were touched over the limit: the analysis had them, the record has not.
  uint32_t over() const { return header()->over.load(); }
  bool finished() const { return header()->finished.load() != 0; }
  void set_finished() { header()->finished.store(1); }

 private:
  friend class LiveMemory;
  friend struct Shadow;
  struct Header {
    std::atomic<uint32_t> count, over, finished;
  };
  TouchedPages() = default;
  Header* header() const { return reinterpret_cast<Header*>(control_); }
  uint64_t* addresses() const { return reinterpret_cast<uint64_t*>(control_ + kPage); }

  os::Fd file_;  // pages, and nothing else
  uint8_t* pages_ = nullptr;
  uint8_t* control_ = nullptr;  // Header, then from the next page on the addresses
  uint32_t max_pages_ = 0;
};

// Where LiveMemory reads. All that it refers to must outlive it.
struct LiveSource {
  const std::vector<LiveMapping>& mappings;
  uint32_t filter = 0;                            // coredump_filter
  const std::map<uint64_t, MappingFlags>& flags;  // as far as they are known by now
  int mem = -1, pagemap = -1;                     // of /proc/PID
  // What was read already. Memory that the process itself may not access, or that a copy of it has
  // not, comes from there or not at all.
  const PageStore& kept;
};

class LiveMemory final : public process::MemoryReader {
 public:
  // `touched` must outlive it. There may be one LiveMemory in a process.
  static Result<std::unique_ptr<LiveMemory>> create(const LiveSource& source,
                                                    TouchedPages& touched);
  ~LiveMemory() override;

  ByteView view(Address address, uint64_t max) const override;
  process::Missing why_missing(Address address) const override;

 private:
  struct Area {
    AddressRange range;
    uint64_t shadow = 0;   // where range.start is, in the reserved range
    uint64_t visible = 0;  // bytes from its start on that may be read
    uint64_t guard = 0;    // bytes at its start that nobody may read; known once it was asked for
    bool only_kept = false, guard_known = false;
    bool unsure = false;  // all of it may be read if any page was written to: see settle()
  };
  LiveMemory() = default;
  const Area* find(Address address) const;
  // Looks whether any page was written to: the kernel then dumps the whole mapping.
  void settle(Area& area) const;
  // The guard of a thread's stack may be a part of its mapping (MADV_GUARD_INSTALL, glibc 2.42).
  void find_guard(Area& area) const;

  mutable std::vector<Area> areas_;  // settled when first asked for
  int mem_ = -1, pagemap_ = -1;
  const PageStore* kept_ = nullptr;
};

}  // namespace inquest::capture
