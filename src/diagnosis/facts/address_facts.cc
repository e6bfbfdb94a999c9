#include "diagnosis/facts/address_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include "diagnosis/facts/environment.h"
#include "diagnosis/facts/poison.h"
#include "diagnosis/facts/signals.h"

namespace inquest::diagnosis {
namespace {

using process::Mapping;

constexpr uint64_t kRedZone = 128;  // bytes below sp that x86-64 leaf functions may use
constexpr unsigned kPageShift = 12;
constexpr uint64_t kChunkAlignment = 16;
// Pages of heap that are tried for a free-list link that is not the last of its list: 1 GiB of
// heap.
constexpr uint64_t kMaxHeapPages = uint64_t{1} << 18;
constexpr uint64_t kMaxLinkDisplacement = 1024;
// Below this bit, a flipped bit leads to a neighbouring page so often that it proves nothing.
constexpr unsigned kFirstTellingBit = 24;

bool is_canonical(isa::Arch arch, uint64_t value) {
  if (arch == isa::Arch::kAArch64) {
    const uint64_t top = (value >> 48) & 0xff;  // the highest byte is ignored (TBI)
    return top == 0 || value >> 48 == 0xffff;
  }
  const auto sign = static_cast<int64_t>(value) >> 47;
  return sign == 0 || sign == -1;
}

bool is_kernel_half(uint64_t value) { return value >> 48 == 0xffff; }

uint64_t without_tag(isa::Arch arch, uint64_t value) {
  return arch == isa::Arch::kAArch64 && value >> 55 != 0x1ff ? value & ((uint64_t{1} << 56) - 1)
                                                             : value;
}

void add(AddressFacts& facts, AddressTrait trait) {
  if (!facts.has(trait)) facts.traits.push_back(trait);
}

void say(AddressFacts& facts, std::string sentence) {
  if (facts.statement.empty()) facts.statement = std::move(sentence);
}

std::string bytes_text(uint64_t count) {
  return fmt::format("{} byte{}", count, count == 1 ? "" : "s");
}

// The size now of a regular file; nullopt when it is not at hand.
std::optional<uint64_t> file_size(const std::string& path) {
  std::error_code error;
  if (path.empty() || path[0] != '/') return std::nullopt;
  if (!std::filesystem::is_regular_file(path, error) || error) return std::nullopt;
  const auto size = std::filesystem::file_size(path, error);
  return error ? std::nullopt : std::optional<uint64_t>(size);
}

}  // namespace

AddressClassifier::AddressClassifier(const MemoryMap& map, const process::ModuleSet& modules,
                                     process::Symbolizer* symbols)
    : map_(map), modules_(modules), symbols_(symbols), perturb_(malloc_perturb_byte(map.image())) {}

AddressFacts AddressClassifier::classify(const AddressQuestion& question) const {
  AddressFacts facts;
  facts.address = question.address;
  AddressQuestion plain = question;
  plain.address = Address(without_tag(map_.image().arch, question.address.value));
  add_shape(plain, facts);
  const Mapping* mapping = map_.image().mapping_at(plain.address);
  const bool unknown = mapping == nullptr && !is_known_unmapped(plain.address);
  if (mapping != nullptr) {
    add_mapped(plain, *mapping, facts);
  } else if (unknown) {
    add_unknown(plain, facts);
  } else {
    add_unmapped(plain, facts);
  }
  if (plain.required_alignment > 1 && plain.address.value % plain.required_alignment != 0) {
    add(facts, AddressTrait::kMisaligned);
    say(facts, fmt::format("{} is not a multiple of {}, which the instruction needs",
                           to_hex(plain.address), plain.required_alignment));
  }
  say(facts, mapping != nullptr
                 ? fmt::format("{} lies in {}", to_hex(plain.address), map_.describe(*mapping))
             : unknown
                 ? fmt::format("whether {} was mapped is not in the dump", to_hex(plain.address))
                 : fmt::format("{} is not mapped", to_hex(plain.address)));
  return facts;
}

// Where the dump tells only some of the mappings: what no process can have, what the kernel said of
// the fault, and what is no address by its looks.
bool AddressClassifier::is_known_unmapped(Address address) const {
  const process::ProcessImage& image = map_.image();
  if (image.tells_all_mappings) return true;
  constexpr int kMapError = 1;  // SEGV_MAPERR
  const bool refused = image.signal.number == kSigSegv && image.signal.code == kMapError &&
                       image.signal.address == address;
  return refused || address.value < kNullPages || !is_canonical(image.arch, address.value) ||
         is_kernel_half(address.value);
}

void AddressClassifier::add_unknown(const AddressQuestion& question, AddressFacts& facts) const {
  if (const ThreadStack* guard = map_.guard_at(question.address)) {
    add(facts, AddressTrait::kGuardPage);
    facts.distance = guard->range.start - question.address;
    facts.mapping = fmt::format("the guard below the stack of thread {}", guard->tid);
    say(facts, fmt::format("{} lies {} below the stack of thread {}, and was refused",
                           to_hex(question.address), bytes_text(facts.distance), guard->tid));
    return;
  }
  add_patterns(facts.address.value, facts);
}

// What the number says by itself.
void AddressClassifier::add_shape(const AddressQuestion& question, AddressFacts& facts) const {
  const uint64_t value = question.address.value;
  if (value == 0) {
    add(facts, AddressTrait::kNull);
    say(facts, "0x0 is the null pointer");
    return;
  }
  if (value < kNullPages) {
    add(facts, AddressTrait::kNearNull);
    say(facts, fmt::format("{} lies {} behind null, in pages that no program has mapped",
                           to_hex(question.address), bytes_text(value)));
  }
  if (!is_canonical(map_.image().arch, value)) add(facts, AddressTrait::kNonCanonical);
  if (is_kernel_half(value)) add(facts, AddressTrait::kKernelHalf);
}

void AddressClassifier::add_mapped(const AddressQuestion& question, const Mapping& mapping,
                                   AddressFacts& facts) const {
  const Address address = question.address;
  facts.mapping = map_.describe(mapping);
  if (mapping.protection) {
    const process::Protection& p = *mapping.protection;
    const bool writes =
        question.access == AccessKind::kWrite || question.access == AccessKind::kReadWrite;
    if (!p.read && !p.write && !p.execute) add(facts, AddressTrait::kNoAccessMapping);
    if (p.read && !p.write && (writes || question.access == AccessKind::kNone))
      add(facts, AddressTrait::kReadOnlyMapping);
    if (!p.execute && question.access == AccessKind::kExecute)
      add(facts, AddressTrait::kNoExecuteMapping);
  }
  if (const ThreadStack* guard = map_.guard_at(address)) {
    add(facts, AddressTrait::kGuardPage);
    facts.distance = guard->range.start - address;
    facts.mapping = fmt::format("the guard below the stack of thread {}", guard->tid);
    say(facts, fmt::format("{} lies in the guard area {} below the stack of thread {}",
                           to_hex(address), bytes_text(facts.distance), guard->tid));
  }
  if (const ThreadStack* stack = map_.stack_at(address)) {
    const bool own = stack->thread == question.thread;
    add(facts, own ? AddressTrait::kInOwnStack : AddressTrait::kInStackOfOtherThread);
    const auto sp = question.sp ? question.sp : stack->sp;
    if (own && sp && address + kRedZone < *sp) {
      add(facts, AddressTrait::kBelowStackPointer);
      say(facts, fmt::format("{} lies in the thread's own stack, {} below the stack pointer: in a "
                             "frame that has ended",
                             to_hex(address), bytes_text(*sp - address)));
    }
  }
  if (map_.in_heap(address)) add(facts, AddressTrait::kInHeap);
  if (const process::Module* module = modules_.find(address)) {
    add(facts, AddressTrait::kInModule);
    const auto near = symbols_ != nullptr ? symbols_->symbol_at(address) : std::nullopt;
    if (near) {
      facts.symbol =
          near->offset == 0 ? near->name : fmt::format("{}+{:#x}", near->name, near->offset);
    }
    say(facts, fmt::format("{} lies in {}{}", to_hex(address), module->name,
                           facts.symbol.empty() ? std::string() : ", at " + facts.symbol));
  } else if (!mapping.path.empty() && mapping.path[0] == '/') {
    // Past the end of a mapped file the kernel has no page to give. Only the size of today can be
    // known.
    const uint64_t offset = mapping.file_offset + (address - mapping.range.start);
    const auto size = file_size(mapping.path);
    if (size && offset >= ((*size + 0xfff) & ~uint64_t{0xfff})) {
      add(facts, AddressTrait::kBeyondEndOfFile);
      facts.distance = offset - *size;
      say(facts, fmt::format("{} maps byte {} of {}, which now has only {}", to_hex(address),
                             offset, mapping.path, bytes_text(*size)));
    }
  }
}

void AddressClassifier::add_unmapped(const AddressQuestion& question, AddressFacts& facts) const {
  const uint64_t value = question.address.value;
  add(facts, AddressTrait::kUnmapped);
  // The heap of a program at a fixed address lies so low that its page numbers are small.
  if (value < kSmallInteger && map_.in_heap(Address(value << kPageShift))) {
    add(facts, AddressTrait::kFreedTcacheLink);
    if (value >= kNullPages) add(facts, AddressTrait::kSmallInteger);
    facts.statement = fmt::format(
        "{} is a small number, and also the number of a page of the heap: what glibc's free() "
        "writes over the start of a freed block",
        to_hex(question.address));
    return;
  }
  if (value < kNullPages) return;
  if (const ThreadStack* guard = map_.guard_at(question.address)) {
    add(facts, AddressTrait::kGuardPage);
    facts.distance = guard->range.start - question.address;
    facts.mapping = fmt::format("the gap below the stack of thread {}", guard->tid);
    say(facts,
        fmt::format(
            "{} lies {} below the stack of thread {}, where the kernel lets it grow no further",
            to_hex(question.address), bytes_text(facts.distance), guard->tid));
    return;
  }
  if (value < kSmallInteger) {
    add(facts, AddressTrait::kSmallInteger);
    say(facts,
        fmt::format("{} ({}) is a small number, not an address", to_hex(question.address), value));
    return;
  }
  // The tag byte of AArch64 is part of a pattern, though not of the address.
  const uint64_t whole = facts.address.value;
  add_patterns(whole, facts);
  if (facts.has(AddressTrait::kPoison) || facts.has(AddressTrait::kFreedTcacheLink)) return;
  add_neighbours(question.address, facts);
  if (facts.has(AddressTrait::kJustPastMapping) || facts.has(AddressTrait::kJustBeforeMapping))
    return;
  if (auto text = as_text(whole)) {
    add(facts, AddressTrait::kText);
    facts.text = *text;
    say(facts, fmt::format("{} is the text \"{}\"", to_hex(question.address), *text));
  } else if (auto wide = as_utf16_text(whole)) {
    add(facts, AddressTrait::kUtf16Text);
    facts.text = *wide;
    say(facts, fmt::format("{} is the UTF-16 text \"{}\"", to_hex(question.address), *wide));
  } else {
    add_damage(value, facts);
  }
  if (facts.has(AddressTrait::kNonCanonical)) {
    say(facts, fmt::format("{} is not a canonical address: no process can have it",
                           to_hex(question.address)));
  } else if (facts.has(AddressTrait::kKernelHalf)) {
    say(facts, fmt::format("{} belongs to the kernel's half of the address space",
                           to_hex(question.address)));
  }
}

void AddressClassifier::add_neighbours(Address address, AddressFacts& facts) const {
  if (!map_.image().tells_all_mappings) return;
  const Mapping* below = map_.before(address);
  const Mapping* above = map_.after(address);
  const uint64_t past = below != nullptr ? address - below->range.end : ~uint64_t{0};
  const uint64_t ahead = above != nullptr ? above->range.start - address : ~uint64_t{0};
  if (past < kNearMapping && past <= ahead) {
    add(facts, AddressTrait::kJustPastMapping);
    facts.mapping = map_.describe(*below);
    facts.distance = past;
    say(facts, fmt::format("{} lies {} past the end of {}", to_hex(address), bytes_text(past),
                           facts.mapping));
  } else if (ahead < kNearMapping) {
    add(facts, AddressTrait::kJustBeforeMapping);
    facts.mapping = map_.describe(*above);
    facts.distance = ahead;
    say(facts, fmt::format("{} lies {} before the start of {}", to_hex(address), bytes_text(ahead),
                           facts.mapping));
  }
}

void AddressClassifier::add_patterns(uint64_t value, AddressFacts& facts) const {
  if (auto poison = find_poison(value, perturb_)) {
    add(facts, AddressTrait::kPoison);
    facts.poison_name = poison->name;
    const std::string offset =
        poison->displacement == 0
            ? std::string()
            : fmt::format(" {} {}", poison->displacement < 0 ? "minus" : "plus",
                          bytes_text(static_cast<uint64_t>(std::abs(poison->displacement))));
    say(facts,
        fmt::format("{} is a fill pattern, no address: {}{}", to_hex(value), poison->name, offset));
    return;
  }
  if (const std::string name = as_negative_errno(value); !name.empty()) {
    add(facts, AddressTrait::kPoison);
    facts.poison_name = "-" + name + ", an error code returned as a pointer";
    say(facts, fmt::format("{} is {}: an error code used as a pointer", to_hex(value),
                           static_cast<int64_t>(value)));
    return;
  }
  if (const auto chunk = demangle_free_link(value)) {
    add(facts, AddressTrait::kFreedTcacheLink);
    say(facts, fmt::format("{} is what glibc's free() writes over the start of a freed block near "
                           "{}: its free-list "
                           "link, shifted and mixed",
                           to_hex(value), to_hex(*chunk)));
  }
}

bool AddressClassifier::is_plausible_target(Address address) const {
  const Mapping* mapping = map_.image().mapping_at(address);
  if (mapping == nullptr || address.value < kNullPages) return false;
  return map_.in_heap(address) || map_.stack_at(address) != nullptr ||
         modules_.find(address) != nullptr || (mapping->protection && mapping->protection->write);
}

// Values that one accident away were good pointers.
void AddressClassifier::add_damage(uint64_t value, AddressFacts& facts) const {
  const uint64_t high = value >> 32;
  if (high == 0 || high == 0xffffffff) {
    // An int that held a pointer: only the low half survived, sign-extended when its top bit was
    // set.
    for (const Mapping& mapping : map_.image().mappings) {
      const Address whole((mapping.range.start.value & 0xffffffff00000000) | (value & 0xffffffff));
      if (whole.value >> 32 == 0 || whole.value >> 32 == 0xffffffff) continue;
      if (!mapping.range.contains(whole) || !is_plausible_target(whole)) continue;
      add(facts, AddressTrait::kTruncatedPointer);
      facts.mapping = map_.describe(mapping);
      say(facts,
          fmt::format(
              "{} is the low half of {}, an address in {}: a pointer was passed through 32 bits",
              to_hex(value), to_hex(whole), facts.mapping));
      return;
    }
  }
  std::optional<Address> intended;
  for (unsigned bit = kFirstTellingBit; bit < 64; ++bit) {
    const Address candidate(value ^ (uint64_t{1} << bit));
    if (!is_plausible_target(candidate)) continue;
    if (intended) return;  // two answers are none
    intended = candidate;
  }
  if (!intended) return;
  add(facts, AddressTrait::kBitFlip);
  facts.mapping = map_.describe(*map_.image().mapping_at(*intended));
  say(facts, fmt::format("{} differs in one bit from {}, an address in {}", to_hex(value),
                         to_hex(*intended), facts.mapping));
}

// glibc stores `next ^ (address of the link >> 12)` (safe-linking, 2.32). The last chunk of a list
// has next = 0, so the value is a page number of the heap. Otherwise both parts lie in the heap,
// and one of its pages gives the other.
std::optional<Address> AddressClassifier::demangle_free_link(uint64_t value) const {
  if (value < 16 || value >> 48 != 0) return std::nullopt;
  if (map_.image().mapping_at(Address(value)) != nullptr) return std::nullopt;
  const Address page(value << kPageShift);
  for (const AddressRange& heap : map_.heaps()) {
    if (heap.contains(page)) return page;
    // A member behind such a link, or a vtable's offset added to it.
    if (value >= kSmallInteger && value >= heap.end.value >> kPageShift &&
        value - (heap.end.value >> kPageShift) < kMaxLinkDisplacement) {
      return heap.end - 1;
    }
    const uint64_t first = heap.start.value >> kPageShift;
    const uint64_t pages = std::min(heap.size() >> kPageShift, kMaxHeapPages);
    // The link is 16-byte aligned, so the low four bits of the value are those of the page number.
    for (uint64_t number = first + ((value - first) % kChunkAlignment); number < first + pages;
         number += kChunkAlignment) {
      const Address next(value ^ number);
      if (heap.contains(next)) return Address(number << kPageShift);
    }
  }
  return std::nullopt;
}

}  // namespace inquest::diagnosis
