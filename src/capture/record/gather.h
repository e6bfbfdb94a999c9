// What of a stopped process's memory is always kept: stacks, what registers and stack words point
// to, code that is in no file, headers and small writable data of modules, the loader's list.
//
// Costs about the same for any size of process: every count is bounded.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "capture/record/dump_policy.h"
#include "capture/record/page_store.h"
#include "capture/record/remote_memory.h"
#include "capture/record/stop.h"

namespace inquest::capture {

struct GatherLimits {
  uint64_t stack_bytes = 1 << 20;           // of each thread
  uint64_t all_stacks_bytes = 32 << 20;     // of all threads
  uint64_t overflow_end_bytes = 256 << 10;  // of those kept at the far end of a deep stack
  size_t pointed_pages_crashed = 384;       // one step from the crashing thread's stack
  size_t pointed_pages_other = 24;          // from each other thread's
  size_t pointed_pages_total = 1024;
  size_t second_step_pages = 256;
  uint64_t module_data_bytes = 64 << 10;  // of each writable mapping of a module
  uint64_t all_module_data_bytes = 1 << 20;
  size_t link_map_entries = 512;
};

// What was left out of what would have been kept, and why, for people.
struct LeftOut {
  std::string what, why;
};

class Gatherer {
 public:
  Gatherer(const RemoteMemory& memory, const std::vector<LiveMapping>& mappings, uint32_t filter,
           const GatherLimits& limits, PageStore& store);

  void take_stacks(const std::vector<ThreadState>& threads);
  void take_pointed_pages(const std::vector<ThreadState>& threads);
  // `is_intact`: the mapping's file is still what was mapped, so that its pages need not be kept.
  void take_code(const std::vector<ThreadState>& threads,
                 const std::function<bool(const LiveMapping&)>& is_intact);
  void take_modules();
  // The loader's list: `auxv` leads to the program headers, these to r_debug.
  void take_link_map(const std::map<uint64_t, uint64_t>& auxv);

  const std::vector<LeftOut>& left_out() const { return left_out_; }

 private:
  void want(Address page, std::vector<Address>& pages);
  void want_range(Address start, Address end, std::vector<Address>& pages);
  void fetch(std::vector<Address>& pages);
  void take_stack(const ThreadState& thread, uint64_t cap, std::vector<Address>& pages);
  // Pages that the words in [start, end) of kept memory point at.
  void pointed_at(Address start, Address end, size_t limit, std::vector<Address>& pages,
                  std::vector<Address>* targets);
  bool ensure(Address address, uint64_t size);

  const RemoteMemory& memory_;
  const std::vector<LiveMapping>& mappings_;
  uint32_t filter_;
  GatherLimits limits_;
  PageStore& store_;
  std::vector<AddressRange> stacks_;  // as kept, the crashed thread's first
  std::vector<LeftOut> left_out_;
};

}  // namespace inquest::capture
