#include "diagnosis/facts/memory_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "binary/isa/registers.h"

namespace inquest::diagnosis {
namespace {

using process::Mapping;
using process::ProcessImage;

constexpr uint64_t kAtRandom = 25, kAtExecFn = 31;

// The kernel places the start of brk at random up to 32 MiB behind the program (1 GiB for AArch64).
constexpr uint64_t kMaxBrkGap = uint64_t{1} << 30;
// glibc aligns the heaps of its secondary arenas to HEAP_MAX_SIZE, 64 MiB on 64-bit systems.
constexpr uint64_t kArenaAlignment = uint64_t{64} << 20;
// An access so far below the part of a stack that was dumped is one to the stack.
constexpr uint64_t kRefusedBelow = uint64_t{64} << 10;
// Below a stack in which the stack pointer was lost, a larger hole is not taken for a guard.
constexpr uint64_t kMaxStackOverrun = uint64_t{1} << 30;

bool is_writable(const Mapping& mapping) { return mapping.protection && mapping.protection->write; }

bool is_no_access(const Mapping& mapping) {
  return mapping.protection && !mapping.protection->read && !mapping.protection->write &&
         !mapping.protection->execute;
}

bool could_be_stack(const Mapping& mapping) {
  return (is_writable(mapping) || !mapping.protection) &&
         (mapping.path.empty() || mapping.path.starts_with("[stack") ||
          mapping.path.starts_with("[anon"));
}

std::optional<uint64_t> auxv_value(const ProcessImage& image, uint64_t key) {
  const auto found = image.auxv.find(key);
  return found == image.auxv.end() ? std::nullopt : std::optional(found->second);
}

std::optional<uint64_t> thread_pointer(const ProcessImage& image, const process::Thread& thread) {
  return thread.registers.get(image.arch == isa::Arch::kX86_64 ? isa::x86::kFsBase
                                                               : isa::a64::kTpidr);
}

}  // namespace

std::string protection_text(const Mapping& mapping) {
  if (!mapping.protection) return "????";
  std::string text = "---p";
  if (mapping.protection->read) text[0] = 'r';
  if (mapping.protection->write) text[1] = 'w';
  if (mapping.protection->execute) text[2] = 'x';
  return text;
}

MemoryMap::MemoryMap(const ProcessImage& image, const process::ModuleSet& modules) : image_(image) {
  find_stacks();
  find_heaps(modules);
}

const Mapping* MemoryMap::before(Address address) const {
  const auto& all = image_.mappings;
  auto after = std::upper_bound(all.begin(), all.end(), address,
                                [](Address a, const Mapping& m) { return a < m.range.start; });
  while (after != all.begin()) {
    const Mapping& candidate = *std::prev(after);
    if (candidate.range.end <= address) return &candidate;
    --after;
  }
  return nullptr;
}

const Mapping* MemoryMap::after(Address address) const {
  const auto& all = image_.mappings;
  const auto found =
      std::upper_bound(all.begin(), all.end(), address,
                       [](Address a, const Mapping& m) { return a < m.range.start; });
  return found == all.end() ? nullptr : &*found;
}

// The main stack holds what the auxiliary vector points at; glibc and musl keep a thread's
// descriptor at the top of its stack; else the mapping that holds sp, or the one right above it
// when sp ran out of the stack.
const Mapping* MemoryMap::stack_mapping(size_t thread, bool is_main) const {
  const process::Thread& t = image_.threads[thread];
  const auto sp = t.registers.sp();
  if (is_main) {
    for (const uint64_t key : {kAtRandom, kAtExecFn}) {
      const auto value = auxv_value(image_, key);
      const Mapping* mapping = value ? image_.mapping_at(Address(*value)) : nullptr;
      if (mapping != nullptr && could_be_stack(*mapping)) return mapping;
    }
  } else if (const auto tp = thread_pointer(image_, t)) {
    const Mapping* mapping = image_.mapping_at(Address(*tp));
    // A dynamically loaded program's main thread has its descriptor elsewhere, other threads' lie
    // in their stacks.
    if (mapping != nullptr && could_be_stack(*mapping) && sp && *sp < Address(*tp) &&
        Address(*tp) - *sp < kMaxStackOverrun) {
      return mapping;
    }
  }
  if (!sp) return nullptr;
  const Mapping* holder = image_.mapping_at(*sp);
  if (holder != nullptr && could_be_stack(*holder)) return holder;
  if (holder != nullptr && !is_no_access(*holder)) return nullptr;
  const Mapping* above = after(*sp);
  return above != nullptr && could_be_stack(*above) && above->range.start - *sp < kMaxStackOverrun
             ? above
             : nullptr;
}

AddressRange MemoryMap::guard_below(const AddressRange& stack, bool is_main) const {
  if (!image_.tells_all_mappings) return refused_below(stack);
  const Mapping* below = before(stack.start);
  if (below != nullptr && below->range.end == stack.start) {
    return is_no_access(*below) ? below->range : AddressRange{stack.start, stack.start};
  }
  if (!is_main) {
    // Cores leave out mappings without access at times: the page below is then a hole.
    const Address floor = below != nullptr ? below->range.end : Address(0);
    const uint64_t gap = std::min<uint64_t>(stack.start - floor, uint64_t{64} << 10);
    return {stack.start - gap, stack.start};
  }
  const Address floor = below != nullptr ? below->range.end : Address(0);
  const uint64_t gap = std::min<uint64_t>(stack.start - floor, kMainStackGap);
  return {stack.start - gap, stack.start};
}

// Where nobody wrote down what lies below a stack: what the kernel refused right there.
AddressRange MemoryMap::refused_below(const AddressRange& stack) const {
  constexpr int kSegv = 11, kSiKernel = 0x80;
  const process::Signal& signal = image_.signal;
  const bool refused = signal.number == kSegv && signal.address && signal.code &&
                       *signal.code > 0 && *signal.code != kSiKernel;
  const uint64_t gap = std::min(stack.start.value, kRefusedBelow);
  if (!refused || *signal.address >= stack.start || stack.start - *signal.address > gap) {
    return {stack.start, stack.start};
  }
  return {stack.start - gap, stack.start};
}

std::optional<ThreadStack> MemoryMap::find_stack(size_t thread) const {
  const process::Thread& t = image_.threads[thread];
  const bool is_main = t.tid == image_.pid;
  const Mapping* mapping = stack_mapping(thread, is_main);
  if (mapping == nullptr) return std::nullopt;
  ThreadStack stack{.thread = thread,
                    .tid = t.tid,
                    .is_main = is_main,
                    .range = mapping->range,
                    .sp = t.registers.sp()};
  stack.guard = guard_below(stack.range, is_main);
  // A large frame steps over the guard: the whole hole up to sp belongs to this overflow.
  if (stack.sp && *stack.sp < stack.guard.start &&
      stack.range.start - *stack.sp < kMaxStackOverrun && image_.mapping_at(*stack.sp) == nullptr) {
    const Mapping* below = before(stack.range.start);
    if (below == nullptr || below->range.end <= *stack.sp) stack.guard.start = stack.sp->page();
  }
  return stack;
}

void MemoryMap::find_stacks() {
  for (size_t i = 0; i < image_.threads.size(); ++i) {
    auto stack = find_stack(i);
    if (stack) stacks_.push_back(*stack);
  }
}

void MemoryMap::find_heaps(const process::ModuleSet& modules) {
  const process::Module* main = modules.main();
  // brk lies between the program and the next module above it; what touches the program's end is
  // its .bss.
  Address brk_limit = main != nullptr ? main->range.end + kMaxBrkGap : Address(0);
  for (const auto& module : modules.all()) {
    if (main != nullptr && module->range.start > main->range.start)
      brk_limit = std::min(brk_limit, module->range.start);
  }
  bool found_brk = false;
  for (const Mapping& mapping : image_.mappings) {
    const bool named = mapping.path == "[heap]";
    const bool anonymous = mapping.path.empty() && is_writable(mapping);
    if (!named && !anonymous) continue;
    if (stack_at(mapping.range.start) != nullptr) continue;
    const bool brk = named || (main != nullptr && mapping.range.start > main->range.end &&
                               mapping.range.start < brk_limit);
    if (brk || is_arena(mapping)) heaps_.push_back(mapping.range);
    found_brk = found_brk || brk;
  }
  // qemu-user has brk begin where the program's .bss ends, in the same mapping or in one that
  // touches it.
  const Mapping* joined =
      main != nullptr && !found_brk ? image_.mapping_at(main->range.end) : nullptr;
  if (joined != nullptr && joined->path.empty() && is_writable(*joined) &&
      stack_at(joined->range.start) == nullptr) {
    heaps_.push_back({main->range.end, joined->range.end});
  }
}

// heap_info, at the start of a secondary arena's heap, begins with the pointer to its arena.
bool MemoryMap::is_arena(const Mapping& mapping) const {
  if (mapping.range.start.value % kArenaAlignment != 0 || image_.memory == nullptr) return false;
  const auto owner = image_.memory->load_pointer(mapping.range.start);
  return owner && owner->value != 0 && image_.mapping_at(*owner) != nullptr;
}

const ThreadStack* MemoryMap::stack_of(size_t thread) const {
  const auto found =
      std::lower_bound(stacks_.begin(), stacks_.end(), thread,
                       [](const ThreadStack& s, size_t wanted) { return s.thread < wanted; });
  return found != stacks_.end() && found->thread == thread ? &*found : nullptr;
}

const ThreadStack* MemoryMap::stack_at(Address address) const {
  const auto found = std::find_if(stacks_.begin(), stacks_.end(),
                                  [&](const ThreadStack& s) { return s.range.contains(address); });
  return found == stacks_.end() ? nullptr : &*found;
}

const ThreadStack* MemoryMap::guard_at(Address address) const {
  const auto found = std::find_if(stacks_.begin(), stacks_.end(),
                                  [&](const ThreadStack& s) { return s.guard.contains(address); });
  return found == stacks_.end() ? nullptr : &*found;
}

bool MemoryMap::in_heap(Address address) const {
  return std::any_of(heaps_.begin(), heaps_.end(),
                     [&](const AddressRange& r) { return r.contains(address); });
}

std::string MemoryMap::describe(const Mapping& mapping) const {
  if (const ThreadStack* stack = stack_at(mapping.range.start)) {
    return stack->is_main ? "the main thread's stack"
                          : fmt::format("the stack of thread {}", stack->tid);
  }
  const std::string access = mapping.protection ? " " + protection_text(mapping) : std::string();
  if (in_heap(mapping.range.start)) return "the heap";
  return (mapping.path.empty() ? std::string("anonymous memory") : mapping.path) + access;
}

}  // namespace inquest::diagnosis
