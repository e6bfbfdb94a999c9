#include "process/heap/roots.h"

#include <algorithm>

namespace inquest::process {
namespace {

constexpr uint64_t kRedZone = 128;  // below sp, x86-64 functions that call nobody keep data there
constexpr uint64_t kStretch = uint64_t{8} << 20;
// Pages that are not in the core before the rest of a range is given up: it was not dumped.
constexpr uint64_t kMaxAbsent = 65536;
constexpr size_t kGroup = 64;  // words that are tested together

bool is_readable_data(const Mapping& mapping) {
  return !mapping.protection || (mapping.protection->write && mapping.protection->read);
}

// Cuts the parts of `heap` out of `range`.
std::vector<AddressRange> without(AddressRange range, std::span<const AddressRange> heap) {
  std::vector<AddressRange> left;
  for (const AddressRange& hole : heap) {
    if (hole.end <= range.start) continue;
    if (hole.start >= range.end) break;
    if (hole.start > range.start) left.push_back({range.start, hole.start});
    range.start = std::min(range.end, hole.end);
  }
  if (range.start < range.end) left.push_back(range);
  return left;
}

// The words of `bytes` (aligned to 8 in the process) that lie in [low, low + size).
template <typename Visit>
void scan_view(ByteView bytes, Address start, uint64_t low, uint64_t size, const Visit& visit) {
  const size_t count = bytes.size() / sizeof(uint64_t);
  const uint8_t* data = bytes.data();
  for (size_t first = 0; first < count; first += kGroup) {
    const size_t last = std::min(count, first + kGroup);
    uint64_t hits = 0;
    for (size_t i = first; i < last; ++i) {
      uint64_t word;
      __builtin_memcpy(&word, data + i * sizeof(word), sizeof(word));
      hits += word - low < size ? 1 : 0;
    }
    if (hits == 0) continue;
    for (size_t i = first; i < last; ++i) {
      uint64_t word;
      __builtin_memcpy(&word, data + i * sizeof(word), sizeof(word));
      if (word - low < size) visit(start + i * sizeof(word), word);
    }
  }
}

}  // namespace

std::vector<Root> find_roots(const HeapInput& input, std::span<const AddressRange> heap) {
  const ProcessImage& image = input.image;
  std::vector<std::pair<Address, size_t>> stacks;  // stack pointers and their threads
  for (size_t i = 0; i < image.threads.size(); ++i) {
    if (const auto sp = image.threads[i].registers.sp()) stacks.emplace_back(*sp, i);
  }
  std::sort(stacks.begin(), stacks.end());
  std::vector<Root> roots;
  for (const Mapping& mapping : image.mappings) {
    if (!is_readable_data(mapping)) continue;
    Root root{.range = mapping.range};
    if (input.modules != nullptr) root.module = input.modules->find(mapping.range.start);
    if (root.module != nullptr) root.kind = Root::Kind::kGlobal;
    const auto stack =
        std::lower_bound(stacks.begin(), stacks.end(), std::pair(mapping.range.start, size_t{0}));
    if (root.module == nullptr && stack != stacks.end() && stack->first < mapping.range.end) {
      const Address sp = stack->first;
      root.kind = Root::Kind::kStack;
      root.thread = stack->second;
      const uint64_t used = std::min<uint64_t>(kRedZone, sp - mapping.range.start);
      root.range.start = Address((sp.value - used) & ~uint64_t{7});
    }
    for (const AddressRange& part : without(root.range, heap)) {
      roots.push_back(root);
      roots.back().range = part;
    }
  }
  return roots;
}

void scan_words(const MemoryReader& memory, AddressRange range, AddressRange target,
                const std::function<void(Address, uint64_t)>& visit) {
  Address at((range.start.value + 7) & ~uint64_t{7});
  for (uint64_t absent = 0; at < range.end && absent < kMaxAbsent;) {
    const ByteView bytes = memory.view(at, std::min(kStretch, range.end - at));
    if (bytes.size() < sizeof(uint64_t)) {
      const Address next = (at + 4096).page();  // a hole: on with the next page
      if (next <= at) return;
      at = next;
      ++absent;
      continue;
    }
    absent = 0;
    memory.will_scan(bytes);
    scan_view(bytes, at, target.start.value, target.size(), visit);
    memory.done_with(bytes);
    at = at + (bytes.size() & ~uint64_t{7});
  }
}

namespace {

void find_in_registers(const HeapInput& input, const ReferenceSearch& search, References& out) {
  for (size_t i = 0; i < input.image.threads.size(); ++i) {
    const isa::RegisterFile& registers = input.image.threads[i].registers;
    for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
      const auto value = registers.get(id);
      if (!value || !search.target.contains(Address(*value))) continue;
      if (out.found.size() >= search.max_found) return;
      out.found.push_back({.kind = Root::Kind::kStack,
                           .register_name = std::string(isa::register_name(registers.arch(), id)),
                           .at = {},
                           .to = Address(*value),
                           .thread = i});
    }
  }
}

}  // namespace

References find_references(const HeapInput& input, const ReferenceSearch& search) {
  References out;
  find_in_registers(input, search, out);
  std::vector<AddressRange> excluded = search.heap;
  excluded.insert(excluded.end(), search.records.begin(), search.records.end());
  std::sort(excluded.begin(), excluded.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  std::vector<Root> places = find_roots(input, excluded);
  std::sort(places.begin(), places.end(), [](const Root& a, const Root& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.range.start < b.range.start;
  });
  uint64_t other_bytes = 0;
  for (const Root& place : places) {
    if (place.kind == Root::Kind::kOther) other_bytes += place.range.size();
  }
  if (other_bytes > search.max_heap_bytes)
    std::erase_if(places, [](const Root& r) { return r.kind == Root::Kind::kOther; });
  uint64_t heap_bytes = 0;
  for (const AddressRange& range : search.heap) heap_bytes += range.size();
  out.heap_searched = heap_bytes <= search.max_heap_bytes;
  out.all_searched = out.heap_searched && other_bytes <= search.max_heap_bytes;
  for (const AddressRange& range : search.heap) {
    if (out.heap_searched) places.push_back({.kind = Root::Kind::kHeap, .range = range});
  }
  for (const Root& place : places) {
    scan_words(input.memory, place.range, search.target, [&](Address at, uint64_t value) {
      if (out.found.size() >= search.max_found) {
        out.cut = true;
        return;
      }
      out.found.push_back({.kind = place.kind,
                           .register_name = {},
                           .at = at,
                           .to = Address(value),
                           .thread = place.thread,
                           .module = place.module});
    });
    if (out.cut) break;
  }
  return out;
}

}  // namespace inquest::process
