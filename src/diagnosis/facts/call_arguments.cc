#include "diagnosis/facts/call_arguments.h"

#include <algorithm>

#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {
namespace {

// x86-64 code cannot be read backwards. Decoding from a few starts before it falls into step within
// some instructions; the function's own start is tried first.
constexpr uint64_t kWindow = 160;
constexpr uint64_t kMaxFromStart = 16 * 1024;

std::vector<isa::Instruction> decode_range(const process::ModuleSet& modules, isa::Arch arch,
                                           Address start, Address end) {
  std::vector<isa::Instruction> all;
  for (Address at = start; at < end;) {
    auto next = decode_at(modules, arch, at);
    if (!next || next->length == 0) return {};
    at = next->next_pc();
    all.push_back(*std::move(next));
  }
  if (!all.empty() && all.back().next_pc() != end) return {};
  return all;
}

std::vector<isa::Instruction> code_before(const process::ModuleSet& modules,
                                          process::Symbolizer& symbols, isa::Arch arch,
                                          Address return_pc) {
  const process::AnnotatedFrame& frame = symbols.annotate(return_pc - 1);
  if (frame.module != nullptr && !frame.functions.empty() &&
      frame.functions.back().function_start != 0) {
    const Address start = frame.module->to_process(frame.functions.back().function_start);
    if (start < return_pc && return_pc - start <= kMaxFromStart) {
      auto code = decode_range(modules, arch, start, return_pc);
      if (!code.empty()) return code;
    }
  }
  const uint64_t step = arch == isa::Arch::kAArch64 ? 4 : 1;
  for (uint64_t back = kWindow & ~(step - 1); back >= 2 * step; back -= step) {
    auto code = decode_range(modules, arch, return_pc - back, return_pc);
    if (!code.empty()) return code;
  }
  return {};
}

void apply(const isa::Instruction& instruction,
           std::array<std::optional<uint64_t>, isa::kRegisterCount>& known) {
  std::optional<uint64_t> value;
  if (instruction.constant) {
    value = instruction.constant;
  } else if (instruction.copy_of && instruction.copy_bits == 64) {
    value = known[*instruction.copy_of];
  } else if (instruction.address_of) {
    isa::RegisterFile registers;
    const isa::MemoryOperand& operand = *instruction.address_of;
    isa::MemoryOperand plain = operand;
    if (plain.base && *plain.base != isa::x86::kRip && *plain.base != isa::a64::kPc &&
        known[*plain.base]) {
      registers.set(*plain.base, *known[*plain.base]);
    }
    const auto address = plain.effective_address(registers, instruction.next_pc());
    if (address) value = address->value;
  }
  for (const isa::RegisterId id : instruction.writes) {
    if (id < isa::kRegisterCount) known[id] = std::nullopt;
  }
  if (value && !instruction.writes.empty() && instruction.writes[0] < isa::kRegisterCount) {
    known[instruction.writes[0]] = value;
  }
}

}  // namespace

CallArguments constant_arguments(const process::ModuleSet& modules, process::Symbolizer& symbols,
                                 isa::Arch arch, Address return_pc) {
  CallArguments arguments;
  const auto code = code_before(modules, symbols, arch, return_pc);
  if (code.empty()) return arguments;
  const isa::Flow last = code.back().flow;  // a tail call is a jump
  if (last != isa::Flow::kCall && last != isa::Flow::kJump) return arguments;
  std::array<std::optional<uint64_t>, isa::kRegisterCount> known;
  for (size_t i = 0; i + 1 < code.size(); ++i) {
    // Calls clobber what is not saved; a join or a jump makes what was known uncertain.
    const bool target_of_jump =
        std::any_of(code.begin(), code.end(), [&](const isa::Instruction& other) {
          return other.target.direct && *other.target.direct == code[i].pc &&
                 other.flow != isa::Flow::kCall;
        });
    if (target_of_jump) known.fill(std::nullopt);
    apply(code[i], known);
    if (code[i].flow == isa::Flow::kCall) {
      for (isa::RegisterId id = 0; id < isa::kRegisterCount; ++id) {
        if (!isa::is_callee_saved(arch, id)) known[id] = std::nullopt;
      }
    } else if (code[i].flow == isa::Flow::kJump || code[i].flow == isa::Flow::kReturn) {
      known.fill(std::nullopt);
    }
  }
  for (unsigned n = 0; n < kRegisterArguments; ++n) {
    const auto id = isa::argument_register(arch, n);
    if (id) arguments.values[n] = known[*id];
  }
  return arguments;
}

std::vector<Address> nearby_references(const process::ModuleSet& modules, isa::Arch arch,
                                       Address pc) {
  std::vector<Address> found;
  if (arch != isa::Arch::kX86_64) return found;
  // Every `lea reg, [rip+disp32]` (REX.W 8D /r with mod 0, rm 5), wherever instructions begin.
  std::array<uint8_t, kCodeWindow> code{};
  if (modules.memory().read(pc - kCodeWindow, code).size != code.size()) return found;
  for (size_t i = code.size() - 7 + 1; i-- > 0;) {
    const bool lea =
        (code[i] == 0x48 || code[i] == 0x4c) && code[i + 1] == 0x8d && (code[i + 2] & 0xc7) == 0x05;
    if (!lea) continue;
    const auto displacement = load<int32_t>(code, i + 3);
    const Address next = pc - kCodeWindow + i + 7;
    found.push_back(next + static_cast<uint64_t>(int64_t{*displacement}));
  }
  return found;
}

}  // namespace inquest::diagnosis
