#include "diagnosis/facts/fault.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnosis/facts/arithmetic.h"
#include "diagnosis/facts/call_site.h"
#include "diagnosis/facts/caller_argument.h"
#include "diagnosis/facts/dataflow.h"
#include "diagnosis/facts/operand.h"
#include "diagnosis/facts/signals.h"

namespace inquest::diagnosis {
namespace {

// With so many bytes of stack left, an access to the guard is not the stack's growth.
constexpr uint64_t kNearStackEnd = 64 * 1024;
constexpr size_t kFramesForSize = 3;

// si_addr, when the kernel gave one. For SI_KERNEL it is 0 and means nothing. Old writers of
// minidumps have the address without the code.
std::optional<Address> reported_address(const process::Signal& signal) {
  if (signal.code && (*signal.code <= 0 || *signal.code == kSiKernel)) return std::nullopt;
  return signal.address;
}

std::string_view kind_of(const isa::Instruction& instruction, const isa::MemoryOperand* operand) {
  switch (instruction.flow) {
    case isa::Flow::kCall:
      return "call";
    case isa::Flow::kReturn:
      return "return";
    case isa::Flow::kJump:
      return "jump";
    case isa::Flow::kTrap:
      return "trap";
    case isa::Flow::kSystemCall:
      return "syscall";
    case isa::Flow::kNext:
    case isa::Flow::kBranch:
      break;
  }
  if (instruction.mnemonic.starts_with("push")) return "push";
  if (instruction.divides && operand == nullptr) return "divide";
  if (operand == nullptr) return "other";
  return operand->access == isa::Access::kRead ? "load" : "store";
}

void add_instruction(const Site& site, const Result<isa::Instruction>& decoded, FaultFacts& fault) {
  fault.pc = site.pc();
  if (decoded) {
    fault.instruction = decoded->text;
    fault.needs_feature = decoded->needs_feature;
    fault.kind = kind_of(*decoded, nullptr);
  } else {
    fault.why_not_decoded = decoded.error().message();
  }
}

// An operand of which the evidence does not tell the registers may have produced any address.
bool is_open(const Site& site, const isa::Instruction& instruction) {
  return std::any_of(instruction.memory.begin(), instruction.memory.end(),
                     [&](const isa::MemoryOperand& operand) {
                       return !operand.effective_address(site.registers(), instruction.next_pc());
                     });
}

// The address that the operands do not explain. It is an inconsistency of the evidence, and often
// the whole story.
void add_unexplained(const Site& site, const isa::Instruction* instruction, Address reported,
                     FaultFacts& fault) {
  fault.address = reported;
  fault.address_facts = site.classifier.classify(
      {reported, AccessKind::kNone, 1, site.thread, site.registers().sp()});
  if (instruction == nullptr) return;
  // An instruction that goes on in a page that is not there.
  if (reported > site.pc() && reported < instruction->next_pc()) {
    fault.access = AccessKind::kExecute;
    return;
  }
  if (site.image.producer == process::Producer::kKernelLog && is_open(site, *instruction)) return;
  std::string text = fmt::format("the reported address {} is produced by no operand of `{}`",
                                 to_hex(reported), instruction->text);
  for (const isa::MemoryOperand& operand : instruction->memory) {
    const auto effective = operand.effective_address(site.registers(), instruction->next_pc());
    if (!effective) continue;
    const uint64_t difference = effective->value ^ reported.value;
    text += fmt::format(
        "{} {} gives {}",
        difference != 0 && (difference & (difference - 1)) == 0 ? ", one bit off:" : ";",
        operand_text(site.arch(), operand), to_hex(*effective));
  }
  fault.inconsistencies.push_back(
      text + ": another binary than the one that ran, or registers changed since");
}

bool grows_stack(const Site& site, const isa::MemoryOperand& operand, const FaultFacts& fault) {
  const ThreadStack* stack = site.map.stack_of(site.thread);
  const auto sp = site.registers().sp();
  if (stack == nullptr || !sp || !fault.address || !stack->guard.contains(*fault.address))
    return false;
  if (*sp < stack->range.start + kNearStackEnd) return true;
  return is_stack_operand(site.arch(), operand);
}

// The register may hold the pointer with an index already added. The pointer is what tells.
void classify_expression(const Site& site, OperandFacts& operand) {
  if (!operand.expression || !operand.expression->value || !operand.bad_value ||
      operand.expression->value == operand.bad_value)
    return;
  if (operand.expression->trust == "heuristic") return;
  operand.pointer =
      site.classifier.classify({Address(*operand.expression->value), AccessKind::kNone, 1,
                                site.thread, site.registers().sp()});
}

void add_operand(const Site& site, const StackFacts& frames, const isa::Instruction& instruction,
                 const RefusedOperand& refused, FaultFacts& fault) {
  const isa::MemoryOperand& operand = instruction.memory[refused.index];
  fault.kind = kind_of(instruction, &operand);
  fault.access = to_access_kind(operand.access);
  fault.address = refused.address;
  fault.address_recomputed = refused.recomputed;
  fault.operand = describe_operand(site, instruction, operand, refused.address);
  fault.address_facts = fault.operand->address;
  fault.stack_pointer_in_guard = grows_stack(site, operand, fault);
  if (fault.stack_pointer_in_guard) return;
  if (site.variables != nullptr) {
    add_explanation(site.variables->explain_operand(site.stack, site.frame, refused.index),
                    *fault.operand);
    explain_by_caller(site, frames, *fault.operand);
    if (fault.operand->expression && comes_from_start(frames, *fault.operand->expression)) {
      fault.operand->expression.reset();
      fault.operand->why_no_expression = "the value was not followed to where it comes from";
    }
    classify_expression(site, *fault.operand);
  }
  fault.feeds_call = instruction.target.through_memory || feeds_call(site, instruction);
  fault.changed_since = find_changed_since(site, frames, *fault.operand);
}

// SIGBUS without an address: everything is mapped, so the operand is the one that may lie in a file
// that was cut. The first one that was written in the instruction is taken.
std::optional<RefusedOperand> find_beyond_file(const Site& site,
                                               const isa::Instruction& instruction) {
  if (site.signal.number != kSigBus || site.signal.code) return std::nullopt;
  if (instruction.memory.empty() || instruction.memory[0].implicit) return std::nullopt;
  const auto address =
      instruction.memory[0].effective_address(site.registers(), instruction.next_pc());
  return address ? std::optional(RefusedOperand{0, *address, true}) : std::nullopt;
}

// The one operand whose registers the evidence does not tell, when no other explains the address.
std::optional<RefusedOperand> find_only_unknown(const Site& site,
                                                const isa::Instruction& instruction,
                                                std::optional<Address> reported) {
  if (!reported || site.image.producer != process::Producer::kKernelLog) return std::nullopt;
  std::optional<RefusedOperand> only;
  for (size_t i = 0; i < instruction.memory.size(); ++i) {
    if (instruction.memory[i].effective_address(site.registers(), instruction.next_pc())) continue;
    if (only) return std::nullopt;
    only = RefusedOperand{i, *reported, false};
  }
  return only;
}

void describe_memory_fault(const Site& site, const StackFacts& frames,
                           const Result<isa::Instruction>& decoded, FaultFacts& fault) {
  const auto reported = reported_address(site.signal);
  if (!decoded) {
    if (reported) add_unexplained(site, nullptr, *reported, fault);
    return;
  }
  if (const auto refused = find_refused(site.image, site.registers(), *decoded, reported)) {
    add_operand(site, frames, *decoded, *refused, fault);
    return;
  }
  if (const auto beyond = find_beyond_file(site, *decoded)) {
    add_operand(site, frames, *decoded, *beyond, fault);
    return;
  }
  if (const auto only = find_only_unknown(site, *decoded, reported)) {
    add_operand(site, frames, *decoded, *only, fault);
    return;
  }
  if (!reported && describe_refused_transfer(site, *decoded, fault)) return;
  if (reported) {
    add_unexplained(site, &*decoded, *reported, fault);
  } else if (decoded->privileged) {
    fault.kind = "trap";
  }
}

// int3 and system calls stop behind themselves on x86-64.
Result<isa::Instruction> decode_stopped(const Site& site) {
  if (site.arch() == isa::Arch::kX86_64) {
    const uint64_t back = site.signal.number == kSigTrap  ? 1
                          : site.signal.number == kSigSys ? 2
                                                          : 0;
    if (back != 0) {
      auto before = decode_at(site.modules, site.arch(), site.pc() - back);
      const bool stops =
          before && before->length == back &&
          (before->flow == isa::Flow::kTrap || before->flow == isa::Flow::kSystemCall);
      if (stops) return before;
    }
  }
  return decode_at(site.modules, site.arch(), site.pc());
}

// A handler that raised the signal once more and returned: the thread stands on the instruction
// that faults, but the signal says only who sent it. When it was sent by somebody else, or stands
// elsewhere, no instruction is to blame.
std::optional<FaultFacts> describe_raised_again(const Site& site, const StackFacts& frames) {
  const bool memory = site.signal.number == kSigSegv || site.signal.number == kSigBus;
  if (!memory || site.signal.sender_pid != site.image.pid || !holds_code(site.image, site.pc()))
    return std::nullopt;
  const auto decoded = decode_at(site.modules, site.arch(), site.pc());
  if (!decoded) return std::nullopt;
  const auto refused = find_refused(site.image, site.registers(), *decoded, std::nullopt);
  if (!refused) return std::nullopt;
  FaultFacts fault;
  fault.frame = site.frame;
  add_instruction(site, decoded, fault);
  add_operand(site, frames, *decoded, *refused, fault);
  add_stack_facts(site, fault);
  return fault;
}

}  // namespace

void add_stack_facts(const Site& site, FaultFacts& fault) {
  const ThreadStack* stack = site.map.stack_of(site.thread);
  const auto sp = site.registers().sp();
  if (stack == nullptr || !sp) return;
  // A part of a stack does not tell its size.
  if (site.image.tells_all_mappings) {
    fault.stack_size = stack->range.size();
    if (*sp < stack->range.end) {
      fault.stack_used = std::min(stack->range.end - *sp, stack->range.size());
    }
  }
  // The frame that took the step over the edge may be the caller of the one that noticed.
  Address below = *sp;
  const size_t last = std::min(site.frame + kFramesForSize, site.stack.frames.size());
  for (size_t i = site.frame; i < last; ++i) {
    if (site.stack.frames[i].how == process::FoundBy::kTailCall) continue;
    const auto cfa = site.stack.frames[i].cfa;
    if (!cfa || *cfa <= below) break;
    fault.frame_size = std::max(fault.frame_size.value_or(0), *cfa - below);
    if (!fault.stack_pointer_in_guard) break;
    below = *cfa;
  }
}

std::optional<FaultFacts> describe_fault(const Site& site, const StackFacts& frames) {
  if (!is_fault_signal(site.signal.number) || site.frame >= site.stack.frames.size())
    return std::nullopt;
  if (site.signal.code && *site.signal.code <= 0) return describe_raised_again(site, frames);
  FaultFacts fault;
  fault.frame = site.frame;
  fault.pc = site.pc();
  const bool memory = site.signal.number == kSigSegv || site.signal.number == kSigBus;
  if ((memory || site.signal.number == kSigIll) && !holds_code(site.image, site.pc())) {
    describe_bad_pc(site, fault);
    add_stack_facts(site, fault);
    return fault;
  }
  const Result<isa::Instruction> decoded = decode_stopped(site);
  add_instruction(site, decoded, fault);
  if (memory) {
    describe_memory_fault(site, frames, decoded, fault);
  } else if (site.signal.number == kSigFpe && decoded) {
    describe_division(site, *decoded, fault);
  } else if (site.signal.number == kSigIll) {
    describe_missing_feature(site, fault);
  }
  add_stack_facts(site, fault);
  return fault;
}

}  // namespace inquest::diagnosis
