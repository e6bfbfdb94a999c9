#include "process/modules/compare.h"

#include <algorithm>
#include <set>

namespace inquest::process {
namespace {

constexpr uint32_t kPtLoad = 1, kPtDynamic = 2, kExecute = 1, kWrite = 2;
constexpr uint64_t kDtNull = 0, kDtDebug = 21, kDtTextrel = 22;
constexpr size_t kMaxEntries = 1024;
constexpr size_t kEnoughEntries = 5;
constexpr uint64_t kPage = 0x1000;
constexpr uint64_t kSampledPages = 16;   // of each segment
constexpr uint64_t kLoSun = 0x6ffffd00;  // tags from here up are flags, counts and pointers alike

struct Tally {
  size_t same = 0;
  bool differs = false;
};

// ld.so adds the bias to pointers in place on some architectures and versions, and fills DT_DEBUG
// in.
Tally compare_dynamic(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  Tally tally;
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != kPtDynamic) continue;
    const auto bytes = slice(file.bytes(), segment.offset, segment.file_size);
    if (!bytes) continue;
    for (size_t i = 0; i < std::min(kMaxEntries, bytes->size() / 16); ++i) {
      const uint64_t tag = *load<uint64_t>(*bytes, i * 16);
      const uint64_t value = *load<uint64_t>(*bytes, i * 16 + 8);
      const Address at(segment.vaddr + bias + i * 16);
      const auto memory_tag = memory.load<uint64_t>(at);
      const auto memory_value = memory.load<uint64_t>(at + 8);
      if (!memory_tag || !memory_value) break;
      if (*memory_tag != tag) {
        tally.differs = true;
        break;
      }
      if (tag == kDtNull) break;
      if (tag == kDtDebug) continue;
      if (*memory_value == value || *memory_value == value + bias) {
        ++tally.same;
      } else if (tag < kLoSun) {
        tally.differs = true;
      }
    }
  }
  return tally;
}

Tally compare_read_only(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  Tally tally;
  if (file.dynamic_value(static_cast<int64_t>(kDtTextrel))) return tally;
  for (const elf::Segment& segment : file.segments()) {
    if (segment.type != kPtLoad || (segment.flags & kWrite) != 0) continue;
    const uint64_t pages = segment.file_size / kPage;
    const uint64_t step = std::max<uint64_t>(1, pages / kSampledPages) * kPage;
    for (uint64_t at = 0; at < segment.file_size; at += step) {
      const uint64_t size = std::min(kPage, segment.file_size - at);
      const auto stored = file.bytes_at_vaddr(segment.vaddr + at, size);
      if (!stored) break;
      const ByteView held = memory.view(Address(segment.vaddr + bias + at), size);
      if (held.empty()) continue;
      if (!std::equal(held.begin(), held.end(), stored->begin())) {
        tally.differs = true;
        return tally;
      }
      ++tally.same;
    }
  }
  return tally;
}

// Stacks that are looked at, and words of each from its pointer on.
constexpr size_t kMaxStacks = 64;
constexpr uint64_t kStackWords = 2048;
constexpr size_t kEnoughCalls = 3;

bool is_code(const elf::File& file, uint64_t at) {
  const auto& all = file.segments();
  return std::any_of(all.begin(), all.end(), [at](const elf::Segment& segment) {
    return segment.type == kPtLoad && (segment.flags & kExecute) != 0 && at >= segment.vaddr &&
           at - segment.vaddr < segment.file_size;
  });
}

// Does a call end in front of the link-time address `at`?
bool is_behind_x86_call(const elf::File& file, uint64_t at) {
  constexpr uint64_t kLongest = 6;
  const auto bytes = file.bytes_at_vaddr(at - kLongest, kLongest);
  if (!bytes) return false;
  const auto byte = [&](uint64_t before) { return (*bytes)[kLongest - before]; };
  if (byte(5) == 0xe8) {
    const auto distance = static_cast<int32_t>(*load<uint32_t>(*bytes, 2));
    if (is_code(file, at + static_cast<uint64_t>(int64_t{distance}))) return true;
  }
  // call [rip+d32], [register+d32], [register+d8], register
  return (byte(6) == 0xff && (byte(5) == 0x15 || byte(5) / 8 == 0x90 / 8)) ||
         (byte(3) == 0xff && byte(2) / 8 == 0x50 / 8) ||
         (byte(2) == 0xff && byte(1) / 8 == 0xd0 / 8);
}

bool is_behind_a64_call(const elf::File& file, uint64_t at) {
  const auto bytes = at % 4 == 0 ? file.bytes_at_vaddr(at - 4, 4) : std::nullopt;
  if (!bytes) return false;
  const uint32_t word = *load<uint32_t>(*bytes, 0);
  return (word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000;  // bl, blr
}

struct CallTally {
  std::set<uint64_t> calls, others;  // link-time addresses
};

CallTally calls_on_stacks(const elf::File& file, uint64_t bias, const ProcessImage& image) {
  CallTally tally;
  for (size_t i = 0; i < std::min(image.threads.size(), kMaxStacks); ++i) {
    const auto sp = image.threads[i].registers.sp();
    if (!sp) continue;
    const ByteView stack = image.memory->view(*sp, kStackWords * 8);
    for (uint64_t offset = 0; offset + 8 <= stack.size(); offset += 8) {
      const uint64_t at = *load<uint64_t>(stack, offset) - bias;
      if (!is_code(file, at)) continue;
      const bool behind = image.arch == isa::Arch::kX86_64 ? is_behind_x86_call(file, at)
                                                           : is_behind_a64_call(file, at);
      (behind ? tally.calls : tally.others).insert(at);
    }
  }
  return tally;
}

}  // namespace

Comparison compare_static(const elf::File& file, uint64_t bias, const ProcessImage& image) {
  const Tally constant = compare_read_only(file, bias, *image.memory);
  if (constant.differs) return Comparison::kDisagrees;
  if (constant.same == 0) return Comparison::kNothing;
  const CallTally tally = calls_on_stacks(file, bias, image);
  const bool agrees =
      tally.calls.size() >= kEnoughCalls && tally.calls.size() > tally.others.size();
  return agrees ? Comparison::kAgrees : Comparison::kNothing;
}

Comparison compare_with_memory(const elf::File& file, uint64_t bias, const MemoryReader& memory) {
  const Tally dynamic = compare_dynamic(file, bias, memory);
  const Tally constant = compare_read_only(file, bias, memory);
  if (dynamic.differs || constant.differs) return Comparison::kDisagrees;
  // One page alone may be the ELF header's, which says little; a dynamic section is unlike any
  // other build's.
  return dynamic.same >= kEnoughEntries || constant.same >= 2 ? Comparison::kAgrees
                                                              : Comparison::kNothing;
}

}  // namespace inquest::process
