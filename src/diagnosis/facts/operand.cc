#include "diagnosis/facts/operand.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/address_facts.h"

namespace inquest::diagnosis {
namespace {

using isa::MemoryOperand;

// What an operand of unknown size (rep movs, xsave) may touch.
constexpr uint64_t kUnknownSize = 4096;
constexpr uint64_t kTagMask =
    (uint64_t{1} << 56) - 1;  // AArch64 reports addresses without their tag

bool covers(isa::Arch arch, Address effective, uint64_t size, Address reported) {
  uint64_t distance = reported - effective;
  if (arch == isa::Arch::kAArch64) {
    distance = (reported.value & kTagMask) - (effective.value & kTagMask);
  }
  return distance < std::max<uint64_t>(size, 1);
}

bool is_writing(isa::Access access) {
  return access != isa::Access::kRead && access != isa::Access::kExecute;
}

// The pages at null, and what is too high for a process.
bool is_never_mapped(isa::Arch arch, Address address) {
  constexpr unsigned kX86Bits = 47, kA64Bits = 48;
  const uint64_t plain = arch == isa::Arch::kAArch64 ? address.value & kTagMask : address.value;
  return plain < kNullPages || plain >> (arch == isa::Arch::kAArch64 ? kA64Bits : kX86Bits) != 0;
}

// Would the processor or the kernel refuse this address, as far as the mappings say?
bool is_unusable(const process::ProcessImage& image, const MemoryOperand& operand,
                 Address address) {
  if (operand.required_alignment > 1 && address.value % operand.required_alignment != 0)
    return true;
  const process::Mapping* mapping = image.mapping_at(address);
  if (mapping == nullptr) return image.tells_all_mappings || is_never_mapped(image.arch, address);
  if (!mapping->protection) return false;
  return is_writing(operand.access) ? !mapping->protection->write : !mapping->protection->read;
}

bool is_mapped(const process::ProcessImage& image, uint64_t value) {
  return image.mapping_at(Address(value)) != nullptr;
}

}  // namespace

std::string operand_text(isa::Arch arch, const MemoryOperand& operand) {
  std::string inside;
  const auto append = [&](std::string_view part) {
    if (!inside.empty()) inside += '+';
    inside += part;
  };
  if (operand.base) append(isa::register_name(arch, *operand.base));
  if (operand.index) {
    append(operand.scale > 1
               ? fmt::format("{}*{}", isa::register_name(arch, *operand.index), operand.scale)
               : std::string(isa::register_name(arch, *operand.index)));
  }
  if (operand.displacement < 0 && !inside.empty()) {
    inside += fmt::format("-{:#x}", uint64_t{0} - static_cast<uint64_t>(operand.displacement));
  } else if (operand.displacement != 0 || inside.empty()) {
    append(fmt::format("{:#x}", static_cast<uint64_t>(operand.displacement)));
  }
  std::string segment;
  if (operand.segment_base) segment = *operand.segment_base == isa::x86::kFsBase ? "fs:" : "gs:";
  return fmt::format("{}[{}]", segment, inside);
}

std::optional<RefusedOperand> find_refused(const process::ProcessImage& image,
                                           const isa::RegisterFile& registers,
                                           const isa::Instruction& instruction,
                                           std::optional<Address> reported) {
  std::optional<RefusedOperand> by_page;
  for (size_t i = 0; i < instruction.memory.size(); ++i) {
    const MemoryOperand& operand = instruction.memory[i];
    const auto effective = operand.effective_address(registers, instruction.next_pc());
    if (!effective) continue;
    if (!reported) {
      if (is_unusable(image, operand, *effective)) return RefusedOperand{i, *effective, true};
      continue;
    }
    const uint64_t size = operand.size == 0 ? kUnknownSize : operand.size;
    if (covers(image.arch, *effective, size, *reported)) return RefusedOperand{i, *reported, false};
    // Some producers report the page only.
    if (!by_page && effective->page() == *reported) by_page = RefusedOperand{i, *effective, false};
  }
  return by_page;
}

bool is_stack_operand(isa::Arch arch, const MemoryOperand& operand) {
  if (!operand.base) return false;
  return *operand.base == isa::sp_register(arch) ||
         (*operand.base == isa::fp_register(arch) && !operand.index);
}

std::optional<BadRegister> find_bad_register(const process::ProcessImage& image,
                                             const isa::RegisterFile& registers,
                                             const MemoryOperand& operand) {
  const isa::Arch arch = registers.arch();
  std::optional<uint64_t> base, index;
  const bool base_is_pc = operand.base && *operand.base == isa::pc_register(arch);
  if (operand.base && !base_is_pc) base = registers.get(*operand.base);
  if (operand.index) index = registers.get(*operand.index);
  if (!base && !index) return std::nullopt;
  if (!index) return BadRegister{*operand.base, false};
  if (!base) return BadRegister{*operand.index, true};
  if (*base == 0) return BadRegister{*operand.base, false};
  if (is_mapped(image, *base)) return BadRegister{*operand.index, true};
  // Without a scale, compilers may put the pointer into either place.
  if (operand.scale == 1 && is_mapped(image, *index)) return BadRegister{*operand.base, true};
  if (operand.scale == 1 && *index == 0) return BadRegister{*operand.index, false};
  return BadRegister{*operand.base, false};
}

OperandFacts describe_operand(const Site& site, const isa::Instruction& instruction,
                              const MemoryOperand& operand, std::optional<Address> refused) {
  OperandFacts facts;
  facts.text = operand_text(site.arch(), operand);
  facts.access = to_access_kind(operand.access);
  facts.size = operand.size;
  facts.displacement = operand.displacement;
  facts.effective = operand.effective_address(site.registers(), instruction.next_pc());
  const auto sp = site.registers().sp();
  const auto address = refused ? refused : facts.effective;
  if (address) {
    facts.address = site.classifier.classify(
        {*address, facts.access, refused ? operand.required_alignment : 1, site.thread, sp});
  }
  const auto bad = find_bad_register(site.image, site.registers(), operand);
  if (!bad) return facts;
  if (bad->is_index) {
    ExpressionFact index;
    index.text = isa::register_name(site.arch(), bad->id);
    index.value = site.registers().get(bad->id);
    facts.index = std::move(index);
    return facts;
  }
  facts.bad_register = isa::register_name(site.arch(), bad->id);
  facts.bad_value = site.registers().get(bad->id);
  if (facts.bad_value) {
    facts.pointer = site.classifier.classify(
        {Address(*facts.bad_value), AccessKind::kNone, 1, site.thread, sp});
  }
  return facts;
}

void add_explanation(const process::OperandExplanation& explanation, OperandFacts& facts) {
  if (explanation.pointer) facts.expression = to_fact(*explanation.pointer);
  if (explanation.member) facts.member = to_fact(*explanation.member);
  if (explanation.index) facts.index = to_fact(*explanation.index);
  facts.accessed = explanation.access;
  facts.why_no_expression = explanation.why_not;
}

}  // namespace inquest::diagnosis
