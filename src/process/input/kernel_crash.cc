#include "process/input/kernel_crash.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "binary/elf/file.h"
#include "binary/isa/decode.h"
#include "platform/os/mapped_file.h"

namespace inquest::process {
namespace {

constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kUserEnd = uint64_t{1} << 56;  // five-level page tables; also that of AArch64
constexpr uint32_t kPtLoad = 1, kExecute = 1, kWrite = 2, kRead = 4;

uint64_t page_down(uint64_t value) { return value & ~(kPageSize - 1); }
uint64_t page_up(uint64_t value) { return page_down(value + kPageSize - 1); }

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

// The few bytes that the kernel printed.
class CodeMemory final : public MemoryReader {
 public:
  CodeMemory(Bytes code, Address start) : code_(std::move(code)), start_(start) {}

  ByteView view(Address address, uint64_t max) const override {
    if (address < start_ || address - start_ >= code_.size()) return {};
    const uint64_t at = address - start_;
    return ByteView(code_).subspan(at, std::min<uint64_t>(max, code_.size() - at));
  }
  Missing why_missing(Address address) const override {
    return view(address, 1).empty() ? Missing::kNotDumped : Missing::kNone;
  }

 private:
  Bytes code_;
  Address start_;
};

// A program as it must have been loaded, if it is the one of the line.
struct Layout {
  os::MappedFile file;
  std::optional<elf::File> elf;
  uint64_t bias = 0;
};

// Where the program must have been loaded for its code to lie in `mapping`; nullopt when it cannot.
std::optional<uint64_t> bias_of(const elf::File& elf, const KernelCrash& crash) {
  const AddressRange mapping = *crash.mapping;
  for (const elf::Segment& segment : elf.segments()) {
    if (segment.type != kPtLoad || (segment.flags & kExecute) == 0) continue;
    const uint64_t start = page_down(segment.vaddr);
    const uint64_t size = page_up(segment.vaddr + segment.file_size) - start;
    uint64_t into = 0;  // the mapping may be a part of the segment
    if (crash.file_offset) {
      const uint64_t offset = page_down(segment.offset);
      into = *crash.file_offset - offset;
      if (*crash.file_offset < offset || into > size || mapping.size() > size - into) continue;
    } else if (mapping.size() != size) {
      continue;
    }
    const uint64_t bias = mapping.start.value - start - into;
    if (bias == 0 || elf.type() != 2 /* ET_EXEC */) return bias;
  }
  return std::nullopt;
}

bool code_agrees(const elf::File& elf, uint64_t bias, const KernelCrash& crash) {
  for (size_t i = 0; i < crash.code.size(); ++i) {
    const auto byte = elf.bytes_at_vaddr(crash.code_start.value + i - bias, 1);
    if (byte && !byte->empty() && byte->front() != crash.code[i]) return false;
  }
  return true;
}

class Builder {
 public:
  Builder(const KernelCrash& crash, const std::string& program, const std::string& source)
      : crash_(crash), program_(program), source_(source) {}

  KernelCrashImage build() {
    ProcessImage& image = result_.image;
    image.arch = crash_.registers.arch();
    image.producer = Producer::kKernelLog;
    image.source = source_;
    image.names_only = true;
    image.pid = crash_.tid;
    image.command = crash_.command;
    image.signal = crash_.signal;
    image.memory = std::make_unique<CodeMemory>(crash_.code, crash_.code_start);
    open_program();
    add_mappings();
    isa::RegisterFile registers = crash_.registers;
    compute_register(registers);
    Thread thread;
    thread.tid = crash_.tid;
    thread.name = crash_.command;
    thread.registers = registers;
    thread.signal = crash_.signal;
    image.threads.push_back(std::move(thread));
    return std::move(result_);
  }

 private:
  void note(std::string text, std::string advice) {
    result_.image.notes.push_back({std::move(text), std::move(advice)});
  }

  void open_program() {
    if (program_.empty()) return;
    if (!crash_.mapping) {
      note(fmt::format("--exe {} was not used: the line names no file that holds the code",
                       program_),
           "");
      return;
    }
    if (base_name(program_) != crash_.module) {
      note(fmt::format("--exe {} was not used: the crash is in {}", program_, crash_.module),
           fmt::format("pass --exe the file {} of the machine that crashed", crash_.module));
      return;
    }
    Layout layout;
    auto file = os::MappedFile::open(program_);
    if (!file.ok()) return note(file.error().message(), "");
    layout.file = std::move(*file);
    auto elf = elf::File::parse(layout.file.bytes());
    if (!elf.ok()) return note(fmt::format("{}: {}", program_, elf.error().message()), "");
    layout.elf = std::move(*elf);
    const auto bias = bias_of(*layout.elf, crash_);
    if (!bias) {
      note(fmt::format("--exe {} was not used: none of its code segments fits the mapping of {} "
                       "bytes that the line names, so it is another build",
                       program_, crash_.mapping->size()),
           "pass the build that was running");
      return;
    }
    layout.bias = *bias;
    if (!code_agrees(*layout.elf, *bias, crash_)) {
      note(fmt::format("--exe {} was not used: the bytes of code in the log are not those of this "
                       "file at the same place, so it is another build",
                       program_),
           "pass the build that was running");
      return;
    }
    result_.program_fits = true;
    layout_ = std::move(layout);
  }

  void add_program() {
    for (const elf::Segment& segment : layout_->elf->segments()) {
      if (segment.type != kPtLoad || segment.memory_size == 0) continue;
      const uint64_t start = page_down(segment.vaddr);
      const auto end = checked_add(segment.vaddr, segment.memory_size);
      if (!end || *end > kUserEnd) continue;
      Mapping mapping;
      mapping.range = {Address(start + layout_->bias), Address(page_up(*end) + layout_->bias)};
      mapping.protection = Protection{(segment.flags & kRead) != 0, (segment.flags & kWrite) != 0,
                                      (segment.flags & kExecute) != 0};
      mapping.path = crash_.module;
      mapping.file_offset = page_down(segment.offset);
      add(std::move(mapping));
    }
    result_.image.executable = crash_.module;
  }

  // Mappings do not overlap: what was there first stays.
  void add(Mapping mapping) {
    auto& all = result_.image.mappings;
    if (mapping.range.end <= mapping.range.start) return;
    const bool overlaps = std::any_of(all.begin(), all.end(), [&](const Mapping& other) {
      return other.range.start < mapping.range.end && mapping.range.start < other.range.end;
    });
    if (overlaps) return;
    all.push_back(std::move(mapping));
    std::sort(all.begin(), all.end(),
              [](const Mapping& a, const Mapping& b) { return a.range.start < b.range.start; });
  }

  void add_named() {
    Mapping mapping;
    mapping.range = *crash_.mapping;
    mapping.protection = Protection{true, false, true};
    mapping.path = crash_.module;
    mapping.file_offset = crash_.file_offset.value_or(0);
    const uint64_t offset = mapping.file_offset;
    if (offset != 0 && offset < mapping.range.start.value) {
      Mapping head;  // what lies before it in the file: where modules are counted from
      head.range = {mapping.range.start - offset, mapping.range.start};
      head.protection = Protection{true, false, false};
      head.path = crash_.module;
      add(std::move(head));
    }
    add(std::move(mapping));
    if (crash_.module.find(".so") == std::string::npos) result_.image.executable = crash_.module;
  }

  void add_mappings() {
    if (layout_) {
      add_program();
    } else if (crash_.mapping) {
      add_named();
    }
    const Address page = crash_.code_start.page();
    if (!crash_.code.empty()) {  // code without a file: just-in-time compiled
      Mapping code;
      code.range = {page, Address(page_up((crash_.code_start + crash_.code.size()).value))};
      code.protection = Protection{true, false, true};
      add(std::move(code));
    }
    // A page that is there and did not allow what was wanted.
    const auto address = crash_.signal.address;
    if (!address || !crash_.page_present.value_or(false) || address->value >= kUserEnd) return;
    if (crash_.wanted != KernelCrash::Wanted::kWrite &&
        crash_.wanted != KernelCrash::Wanted::kExecute)
      return;
    Mapping refused;
    refused.range = {address->page(), address->page() + kPageSize};
    refused.protection = Protection{true, false, false};
    if (crash_.wanted == KernelCrash::Wanted::kExecute) refused.protection->write = true;
    add(std::move(refused));
  }

  ByteView code_at(Address pc) const {
    const ByteView printed = result_.image.memory->view(pc, isa::kMaxInstructionLength);
    if (!printed.empty() || !layout_) return printed;
    for (uint64_t size = isa::kMaxInstructionLength; size > 0; --size) {
      if (const auto bytes = layout_->elf->bytes_at_vaddr(pc.value - layout_->bias, size)) {
        return *bytes;
      }
    }
    return {};
  }

  bool fits_access(const isa::MemoryOperand& operand) const {
    const bool writes =
        operand.access == isa::Access::kWrite || operand.access == isa::Access::kReadWrite;
    if (crash_.wanted == KernelCrash::Wanted::kWrite) return writes;
    if (crash_.wanted == KernelCrash::Wanted::kRead) return operand.access != isa::Access::kWrite;
    return true;
  }

  // The one register that the refused operand needs and the line does not tell follows from the
  // address. Not more than one: two unknowns have no answer.
  void compute_register(isa::RegisterFile& registers) {
    const auto pc = registers.pc();
    if (!pc || !crash_.signal.address || crash_.wanted == KernelCrash::Wanted::kExecute) return;
    const auto instruction = isa::decode(registers.arch(), code_at(*pc), *pc);
    if (!instruction.ok()) return;
    const isa::MemoryOperand* refused = nullptr;
    for (const isa::MemoryOperand& operand : instruction->memory) {
      const auto known = operand.effective_address(registers, instruction->next_pc());
      if (known && *known == *crash_.signal.address) return;  // explained already
      if (known || !fits_access(operand)) continue;
      if (refused != nullptr) return;
      refused = &operand;
    }
    if (refused == nullptr) return;
    // Of rep movs and their like the address may lie anywhere behind the register's first value,
    // but the register moves along with it.
    if (refused->inexact || refused->segment_base || refused->truncated32) return;
    if (refused->index_sign_extend32 || refused->index_zero_extend32) return;
    const uint64_t rest =
        crash_.signal.address->value - static_cast<uint64_t>(refused->displacement);
    if (refused->base && !refused->index && *refused->base != isa::pc_register(registers.arch())) {
      registers.set(*refused->base, rest);
      result_.computed.push_back(*refused->base);
    }
  }

  const KernelCrash& crash_;
  const std::string& program_;
  const std::string& source_;
  std::optional<Layout> layout_;
  KernelCrashImage result_;
};

}  // namespace

KernelCrashImage image_of_kernel_crash(const KernelCrash& crash, const std::string& program,
                                       const std::string& source) {
  return Builder(crash, program, source).build();
}

}  // namespace inquest::process
