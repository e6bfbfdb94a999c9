#include "capture/record/gather.h"

#include <fmt/format.h>
#include <sys/user.h>

#include <algorithm>

namespace inquest::capture {
namespace {

constexpr uint64_t kRedZone = 128;            // below sp, still in use (System V psABI)
constexpr uint64_t kOverflowReach = 1 << 20;  // how far below its stack an overflowing sp may lie
constexpr uint64_t kScannedStack = 64 << 10;  // of other threads, for pointers
constexpr uint64_t kScannedCrashed = 256 << 10;
constexpr uint64_t kAroundTarget = 256;  // bytes of an object looked at for the second step
constexpr uint64_t kMinAddress = 0x1000;

// Of memory that nobody may access only what is small: guard pages, which programs put behind a
// block, and which hold what stood there before.
bool may_follow(const LiveMapping& mapping) {
  constexpr uint64_t kLargestGuard = 64 << 10;
  return mapping.read || (!mapping.is_file() && mapping.range.size() <= kLargestGuard);
}

Address page_end(Address address) { return (address + (kPage - 1)).page(); }

}  // namespace

Gatherer::Gatherer(const RemoteMemory& memory, const std::vector<LiveMapping>& mappings,
                   uint32_t filter, const GatherLimits& limits, PageStore& store)
    : memory_(memory), mappings_(mappings), filter_(filter), limits_(limits), store_(store) {}

void Gatherer::want(Address page, std::vector<Address>& pages) {
  if (!store_.has(page)) pages.push_back(page);
}

void Gatherer::want_range(Address start, Address end, std::vector<Address>& pages) {
  for (Address page = start.page(); page < end; page = page + kPage) want(page, pages);
}

void Gatherer::fetch(std::vector<Address>& pages) {
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  memory_.read_pages(pages, store_);
  pages.clear();
}

// From sp up to the end of the mapping. Of a recursion without end both ends are kept: where it is,
// and how it began.
void Gatherer::take_stack(const ThreadState& thread, uint64_t cap, std::vector<Address>& pages) {
  const auto after =
      std::upper_bound(mappings_.begin(), mappings_.end(), thread.sp,
                       [](Address a, const LiveMapping& m) { return a < m.range.end; });
  if (after == mappings_.end()) return;
  const LiveMapping* stack = &*after;
  // A stack that overflowed: sp lies in the guard pages below it.
  const bool is_guard = stack->range.contains(thread.sp) && !stack->write;
  if (is_guard && after + 1 != mappings_.end() && (after + 1)->range.start == stack->range.end) {
    stack = &*(after + 1);
  }
  if (!stack->write || stack->range.start > thread.sp + kOverflowReach) return;
  if (keep_rule(*stack, filter_, nullptr).keep == Keep::kNothing) return;
  const Address from = std::max((thread.sp - kRedZone).page(), stack->range.start);
  const Address end = stack->range.end;
  AddressRange near{from, end};
  if (end - from > cap) {
    const uint64_t far = std::min(limits_.overflow_end_bytes, cap / 4);
    near.end = page_end(from + (cap - far));
    want_range(end - far, end, pages);
    left_out_.push_back({fmt::format("{} KiB in the middle of the stack of thread {}",
                                     (end - from - cap) >> 10, thread.tid),
                         fmt::format("over {} KiB a thread", cap >> 10)});
  }
  want_range(near.start, near.end, pages);
  stacks_.push_back({std::max(thread.sp - kRedZone, near.start), near.end});
}

void Gatherer::take_stacks(const std::vector<ThreadState>& threads) {
  constexpr uint64_t kLeast = 16 << 10;
  std::vector<Address> pages;
  const uint64_t share = limits_.all_stacks_bytes / std::max<size_t>(threads.size(), 1);
  const uint64_t cap_of_others =
      std::clamp<uint64_t>(share & ~(kPage - 1), kLeast, limits_.stack_bytes);
  for (size_t i = 0; i < threads.size(); ++i) {
    if (threads[i].sp.is_null()) continue;
    take_stack(threads[i], i == 0 ? limits_.stack_bytes : cap_of_others, pages);
  }
  fetch(pages);
}

void Gatherer::pointed_at(Address start, Address end, size_t limit, std::vector<Address>& pages,
                          std::vector<Address>* targets) {
  const LiveMapping* last = nullptr;
  size_t found = 0;
  for (Address at(start.value & ~uint64_t{7}); at < end && found < limit; at = at + 8) {
    const auto word = store_.load<uint64_t>(at);
    if (!word || *word < kMinAddress) continue;
    const Address target(*word);
    if (last == nullptr || !last->range.contains(target)) last = find_mapping(mappings_, target);
    if (last == nullptr || !may_follow(*last)) continue;
    if (keep_rule(*last, filter_, nullptr).keep != Keep::kAll) {
      // Of a module's file only what is written to: its writable data.
      if (!last->is_file() || !last->write || last->shared) continue;
    }
    if (targets != nullptr) targets->push_back(target);
    const Address page = target.page();
    if (store_.has(page)) continue;
    pages.push_back(page);
    ++found;
  }
}

void Gatherer::take_pointed_pages(const std::vector<ThreadState>& threads) {
  std::vector<Address> pages, targets;
  // Registers first: they are the nearest to what happened.
  for (size_t i = 0; i < threads.size(); ++i) {
    for (size_t at = 0; at + 8 <= threads[i].registers.size(); at += 8) {
      const Address target(load<uint64_t>(threads[i].registers, at).value_or(0));
      const LiveMapping* mapping = find_mapping(mappings_, target);
      if (mapping == nullptr || !may_follow(*mapping)) continue;
      const bool data = mapping->is_file() && mapping->write && !mapping->shared;
      if (!data && keep_rule(*mapping, filter_, nullptr).keep != Keep::kAll) continue;
      want(target.page(), pages);
      if (i == 0) targets.push_back(target);
      // An object may begin before the page and end behind it.
      const Address before = (target - kAroundTarget).page(),
                    behind = (target + kAroundTarget).page();
      if (before != target.page() && mapping->range.contains(before)) want(before, pages);
      if (behind != target.page() && mapping->range.contains(behind)) want(behind, pages);
    }
  }
  for (size_t i = 0; i < stacks_.size() && pages.size() < limits_.pointed_pages_total; ++i) {
    const uint64_t scanned = i == 0 ? kScannedCrashed : kScannedStack;
    const AddressRange stack = stacks_[i];
    const Address end = std::min(stack.end, stack.start + scanned);
    pointed_at(stack.start, end,
               i == 0 ? limits_.pointed_pages_crashed : limits_.pointed_pages_other, pages,
               i == 0 ? &targets : nullptr);
  }
  fetch(pages);
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  for (const Address target : targets) {
    if (pages.size() >= limits_.second_step_pages) break;
    pointed_at(target, target + kAroundTarget, limits_.second_step_pages, pages, nullptr);
  }
  fetch(pages);
}

void Gatherer::take_code(const std::vector<ThreadState>& threads,
                         const std::function<bool(const LiveMapping&)>& is_intact) {
  std::vector<Address> pages;
  for (const ThreadState& thread : threads) {
    const LiveMapping* mapping = find_mapping(mappings_, thread.pc);
    if (mapping == nullptr || mapping->path == "[vsyscall]") continue;
    if (mapping->is_file() && is_intact(*mapping)) continue;
    for (const Address page :
         {thread.pc.page() - kPage, thread.pc.page(), thread.pc.page() + kPage}) {
      if (mapping->range.contains(page)) want(page, pages);
    }
  }
  fetch(pages);
}

// The first page of each file (its ELF header tells the build), the vdso, and writable data: the
// state of allocators and language runtimes is there.
void Gatherer::take_modules() {
  constexpr uint32_t kElfHeaders = 16;
  std::vector<Address> pages, headers;
  uint64_t budget = limits_.all_module_data_bytes;
  uint64_t cut = 0;
  const LiveMapping* before = nullptr;
  bool after_module = false;
  for (const LiveMapping& mapping : mappings_) {
    const bool adjacent = before != nullptr && before->range.end == mapping.range.start;
    const bool header = mapping.is_file() && mapping.file_offset == 0 && mapping.read &&
                        !mapping.shared && (filter_ & kElfHeaders) != 0;
    if (header && !store_.has(mapping.range.start)) headers.push_back(mapping.range.start);
    if (header) want(mapping.range.start, pages);
    if (mapping.path == "[vdso]") want_range(mapping.range.start, mapping.range.end, pages);
    const bool of_module = mapping.is_file() || (adjacent && after_module && mapping.path.empty());
    const bool may = keep_rule(mapping, filter_, nullptr).keep != Keep::kNothing;
    if (of_module && mapping.write && mapping.read && !mapping.shared && may) {
      const uint64_t size = std::min({mapping.range.size(), limits_.module_data_bytes, budget});
      want_range(mapping.range.start, mapping.range.start + size, pages);
      budget -= size;
      cut += size < mapping.range.size() ? 1 : 0;
    }
    after_module = of_module;
    before = &mapping;
  }
  if (cut != 0) {
    left_out_.push_back(
        {fmt::format("the rest of the writable data of {} modules", cut),
         fmt::format("over {} KiB each or {} KiB in all", limits_.module_data_bytes >> 10,
                     limits_.all_module_data_bytes >> 10)});
  }
  fetch(pages);
  // A file that is only data has no header that tells anything; the kernel leaves it out too.
  for (const Address header : headers) {
    const ByteView bytes = store_.page(header);
    const bool is_elf = bytes.size() >= 4 && bytes[0] == 0x7f && bytes[1] == 'E' &&
                        bytes[2] == 'L' && bytes[3] == 'F';
    if (!is_elf) store_.drop(header);
  }
}

bool Gatherer::ensure(Address address, uint64_t size) {
  std::vector<Address> pages;
  want_range(address, address + size, pages);
  fetch(pages);
  return !store_.at(address).empty();
}

void Gatherer::take_link_map(const std::map<uint64_t, uint64_t>& auxv) {
  constexpr uint64_t kAtPhdr = 3, kAtPhnum = 5;
  constexpr uint32_t kPtPhdr = 6, kPtDynamic = 2;
  constexpr uint64_t kMaxHeaders = 64, kMaxDynamic = 128, kHeaderSize = 56, kNameBytes = 256;
  constexpr int64_t kDtDebug = 21;
  const auto headers = auxv.find(kAtPhdr), count = auxv.find(kAtPhnum);
  if (headers == auxv.end() || count == auxv.end()) return;
  std::optional<uint64_t> bias, dynamic;
  const Address table(headers->second);
  const uint64_t entries = std::min(count->second, kMaxHeaders);
  if (!ensure(table, entries * kHeaderSize)) return;
  for (uint64_t i = 0; i < entries; ++i) {
    const Address entry = table + i * kHeaderSize;
    const auto type = store_.load<uint32_t>(entry);
    const auto vaddr = store_.load<uint64_t>(entry + 16);
    if (type == kPtPhdr && vaddr) bias = table.value - *vaddr;
    if (type == kPtDynamic) dynamic = vaddr;
  }
  if (!dynamic) return;  // static: there is no list
  Address entry(bias.value_or(0) + *dynamic), list;
  ensure(entry, kMaxDynamic * 16);
  for (uint64_t i = 0; i < kMaxDynamic; ++i, entry = entry + 16) {
    const auto tag = store_.load<int64_t>(entry);
    if (!tag || *tag == 0) break;
    if (*tag == kDtDebug) list = Address(store_.load<uint64_t>(entry + 8).value_or(0));
  }
  if (list.is_null() || !ensure(list, 40)) return;
  Address node(store_.load<uint64_t>(list + 8).value_or(0));
  for (size_t i = 0; i < limits_.link_map_entries && !node.is_null(); ++i) {
    if (!ensure(node, 40)) return;
    const Address name(store_.load<uint64_t>(node + 8).value_or(0));
    const LiveMapping* mapping = find_mapping(mappings_, name);
    if (mapping != nullptr && !mapping->is_file()) {
      ensure(name, std::min(kNameBytes, mapping->range.end - name));
    }
    const Address dynamic_of(store_.load<uint64_t>(node + 16).value_or(0));
    if (find_mapping(mappings_, dynamic_of) != nullptr) ensure(dynamic_of, 16);
    node = Address(store_.load<uint64_t>(node + 24).value_or(0));
  }
}

}  // namespace inquest::capture
