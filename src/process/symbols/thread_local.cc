#include "process/symbols/thread_local.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "binary/elf/layout.h"

namespace inquest::process {
namespace {

constexpr uint32_t kPtTls = 7;
constexpr uint64_t kMaxRelocations = 1 << 20;
constexpr uint64_t kMaxModuleNumber = 1 << 16;

struct RawRela {
  uint64_t offset;
  uint64_t info;
  uint64_t addend;
};

// Relocation types of the two psABIs that put something about thread-local storage into a slot.
struct Kinds {
  uint32_t module = 0;      // the module's number
  uint32_t distance = 0;    // the variable's distance from the thread pointer
  uint32_t descriptor = 0;  // a resolver and its argument
};
Kinds kinds_of(isa::Arch arch) {
  return arch == isa::Arch::kX86_64 ? Kinds{16, 18, 36} : Kinds{1028, 1030, 1031};
}

const elf::Segment* tls_segment(const elf::File& file) {
  for (const auto& segment : file.segments())
    if (segment.type == kPtTls) return &segment;
  return nullptr;
}

ThreadLocalBlock unknown(std::string why) { return {std::nullopt, std::move(why)}; }

// ELF TLS variant II (x86-64): the executable's block ends at the thread pointer, rounded up to its
// alignment. Variant I (AArch64): it begins 16 bytes after it.
std::optional<uint64_t> executable_block(isa::Arch arch, const elf::Segment& segment,
                                         uint64_t thread_pointer) {
  const uint64_t align = std::max<uint64_t>(segment.align, 1);
  if ((align & (align - 1)) != 0) return std::nullopt;
  const auto round_up = [&](uint64_t value) { return (value + align - 1) & ~(align - 1); };
  if (arch == isa::Arch::kX86_64) return thread_pointer - round_up(segment.memory_size);
  return thread_pointer + round_up(16);
}

// What the slots of one module say.
struct Slots {
  std::set<uint64_t> modules;    // module numbers
  std::set<uint64_t> distances;  // of the block's start from the thread pointer (wraps)
};

class SlotReader {
 public:
  SlotReader(const Evidence& evidence, const Module& module, const elf::File& binary)
      : memory_(evidence.memory),
        module_(module),
        binary_(binary),
        kinds_(kinds_of(evidence.image.arch)) {}

  Slots read() {
    for (const std::string_view name : {".rela.dyn", ".rela.plt"}) read_table(name);
    return slots_;
  }

 private:
  // The variable's place in the block, when it is this module's own; nullopt for another's.
  std::optional<uint64_t> own_offset(const RawRela& relocation, ByteView symbols) const {
    const uint64_t index = relocation.info >> 32;
    if (index == 0) return relocation.addend;
    const auto symbol = load<elf::RawSymbol>(symbols, index * sizeof(elf::RawSymbol));
    if (!symbol || symbol->section == 0) return std::nullopt;
    return symbol->value + relocation.addend;
  }

  void read_table(std::string_view name) {
    const elf::Section* table = binary_.find_section(name);
    if (table == nullptr || table->link >= binary_.sections().size()) return;
    const auto relocations = binary_.section_data(*table);
    const auto symbols = binary_.section_data(binary_.sections()[table->link]);
    if (!relocations.ok() || !symbols.ok()) return;
    for (uint64_t i = 0; i < kMaxRelocations; ++i) {
      const auto relocation = load<RawRela>(relocations->bytes(), i * sizeof(RawRela));
      if (!relocation) return;
      const auto type = static_cast<uint32_t>(relocation->info);
      if (type != kinds_.module && type != kinds_.distance && type != kinds_.descriptor) continue;
      if (const auto offset = own_offset(*relocation, symbols->bytes()))
        read_slot(type, module_.to_process(relocation->offset), *offset);
    }
  }

  void read_slot(uint32_t type, Address slot, uint64_t offset) {
    const auto value = memory_.load<uint64_t>(slot);
    if (!value) return;
    if (type == kinds_.module) {
      if (*value != 0) slots_.modules.insert(*value);
    } else if (type == kinds_.distance) {
      if (*value != 0) slots_.distances.insert(*value - offset);
    } else {
      read_descriptor(slot, offset);
    }
  }

  // The resolver's argument is the distance itself, or points at {module number, offset}.
  void read_descriptor(Address slot, uint64_t offset) {
    const auto argument = memory_.load<uint64_t>(slot + 8);
    if (!argument || *argument == 0) return;
    const auto number = memory_.load<uint64_t>(Address(*argument));
    const auto held = memory_.load<uint64_t>(Address(*argument + 8));
    if (number && held) {
      if (*number > 0 && *number <= kMaxModuleNumber && *held == offset)
        slots_.modules.insert(*number);
      return;
    }
    const auto distance = static_cast<int64_t>(*argument);
    constexpr int64_t kFarthest = int64_t{1} << 24;
    if (distance > -kFarthest && distance < kFarthest) slots_.distances.insert(*argument - offset);
  }

  const MemoryReader& memory_;
  const Module& module_;
  const elf::File& binary_;
  Kinds kinds_;
  Slots slots_;
};

enum class CLibrary : uint8_t { kUnknown, kGlibc, kMusl };

// By the program's interpreter; by the loaded modules when it names none that is known.
CLibrary c_library(const ModuleSet& modules) {
  const auto known = [](std::string_view path) {
    if (path.find("ld-musl") != std::string_view::npos) return CLibrary::kMusl;
    if (path.find("ld-linux") != std::string_view::npos) return CLibrary::kGlibc;
    return path.ends_with("libc.so.6") ? CLibrary::kGlibc : CLibrary::kUnknown;
  };
  for (const auto& module : modules.all()) {
    if (!module->is_main || module->binary() == nullptr) continue;
    const auto found = known(module->binary()->interpreter().value_or(""));
    if (found != CLibrary::kUnknown) return found;
  }
  for (const auto& module : modules.all())
    if (const auto found = known(module->name); found != CLibrary::kUnknown) return found;
  return CLibrary::kUnknown;
}

// The thread's vector of blocks: its address lies in the thread's descriptor, at the second word
// on x86-64; on AArch64 at the thread pointer (glibc) or before it (musl).
std::optional<uint64_t> vector_address(const Evidence& evidence, uint64_t thread_pointer,
                                       bool musl) {
  const MemoryReader& memory = evidence.memory;
  if (evidence.image.arch != isa::Arch::kX86_64)
    return memory.load<uint64_t>(Address(musl ? thread_pointer - 8 : thread_pointer));
  const auto self = memory.load<uint64_t>(Address(thread_pointer));
  if (!self || *self != thread_pointer) return std::nullopt;
  return memory.load<uint64_t>(Address(thread_pointer + 8));
}

ThreadLocalBlock through_vector(const Evidence& evidence, const Module& module,
                                uint64_t thread_pointer, uint64_t number) {
  const MemoryReader& memory = evidence.memory;
  const CLibrary library = c_library(evidence.modules);
  if (library == CLibrary::kUnknown)
    return unknown("how this C library keeps thread-local storage is not known here");
  const bool musl = library == CLibrary::kMusl;
  const auto vector = vector_address(evidence, thread_pointer, musl);
  if (!vector) return unknown("the thread's vector of thread-local blocks is not in the core");
  // glibc: pairs of words, the length before the first; musl: words, the length first.
  const auto length = memory.load<uint64_t>(Address(musl ? *vector : *vector - 16));
  const auto block = memory.load<uint64_t>(Address(*vector + number * (musl ? 8 : 16)));
  if (!length || *length > kMaxModuleNumber)
    return unknown("the thread's vector of thread-local blocks is not as it should be");
  const std::string none =
      "this thread has not used the thread-local variables of " + module.name + " yet";
  if (number > *length) return unknown(none);
  if (!block) return unknown("the thread's vector of thread-local blocks is not in the core");
  if (*block == ~uint64_t{0} || *block == 0) return unknown(none);
  return {*block, {}};
}

}  // namespace

ThreadLocalBlock thread_local_block(const Evidence& evidence, const Module& module,
                                    uint64_t thread_pointer) {
  const elf::File* binary = module.binary();
  if (binary == nullptr) return unknown(module.name + " is not at hand");
  const elf::Segment* segment = tls_segment(*binary);
  if (segment == nullptr) return unknown(module.name + " has no thread-local storage");
  if (module.is_main) {
    const auto block = executable_block(evidence.image.arch, *segment, thread_pointer);
    return block ? ThreadLocalBlock{block, {}} : unknown("its alignment is damaged");
  }
  const Slots slots = SlotReader(evidence, module, *binary).read();
  if (slots.modules.size() > 1 || slots.distances.size() > 1)
    return unknown("the records about thread-local storage of " + module.name + " disagree");
  ThreadLocalBlock answer;
  if (!slots.modules.empty()) {
    answer = through_vector(evidence, module, thread_pointer, *slots.modules.begin());
  } else if (slots.distances.empty()) {
    return unknown(module.name + " does not record where its thread-local storage is");
  }
  if (!slots.distances.empty()) {
    const uint64_t fixed = thread_pointer + *slots.distances.begin();
    if (answer.start && *answer.start != fixed)
      return unknown("the records about thread-local storage of " + module.name + " disagree");
    answer = {fixed, {}};
  }
  const uint64_t align = std::max<uint64_t>(segment->align, 1);
  if (answer.start && ((align & (align - 1)) != 0 || (*answer.start - segment->vaddr) % align != 0))
    return unknown("the thread-local storage found for " + module.name + " is not aligned");
  return answer;
}

}  // namespace inquest::process
