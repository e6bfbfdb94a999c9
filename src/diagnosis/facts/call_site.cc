#include "diagnosis/facts/call_site.h"

#include "diagnosis/facts/operand.h"

namespace inquest::diagnosis {
namespace {

constexpr uint64_t kWord = 8;

AddressFacts classify_target(const Site& site, Address target) {
  return site.classifier.classify(
      {target, AccessKind::kExecute, 1, site.thread, site.registers().sp()});
}

// Where the call or jump goes, as registers and memory say now.
std::optional<Address> target_of(const Site& site, const isa::Instruction& instruction,
                                 const isa::RegisterFile& registers) {
  if (instruction.target.direct) return instruction.target.direct;
  if (instruction.target.through_register) {
    const auto value = registers.get(*instruction.target.through_register);
    return value ? std::optional(Address(*value)) : std::nullopt;
  }
  if (!instruction.target.through_memory || instruction.memory.empty()) return std::nullopt;
  const auto slot = instruction.memory[0].effective_address(registers, instruction.next_pc());
  return slot ? site.modules.memory().load_pointer(*slot) : std::nullopt;
}

// Could the instruction have gone anywhere, with these registers? A call through memory that is not
// there would have been refused itself: what it called has gone on by a tail call since, and left
// no frame.
bool could_have_run(const Site& site, const isa::Instruction& instruction,
                    const isa::RegisterFile& registers) {
  if (!instruction.target.through_memory || instruction.memory.empty()) return true;
  const auto slot = instruction.memory[0].effective_address(registers, instruction.next_pc());
  return !slot || site.modules.memory().why_missing(*slot) != process::Missing::kUnmapped;
}

void add_call_operand(const Site& site, const isa::Instruction& call,
                      const isa::RegisterFile& registers, FaultFacts& fault) {
  OperandFacts operand;
  if (call.target.through_memory && !call.memory.empty()) {
    const isa::MemoryOperand& slot = call.memory[0];
    operand.text = operand_text(site.arch(), slot);
    operand.access = AccessKind::kRead;
    operand.size = slot.size;
    operand.displacement = slot.displacement;
    operand.effective = slot.effective_address(registers, call.next_pc());
    if (operand.effective) {
      operand.address = site.classifier.classify(
          {*operand.effective, AccessKind::kRead, 1, site.thread, registers.sp()});
    }
    if (const auto bad = find_bad_register(site.image, registers, slot)) {
      operand.bad_register = isa::register_name(site.arch(), bad->id);
      operand.bad_value = registers.get(bad->id);
    }
  } else if (call.target.through_register) {
    operand.text = isa::register_name(site.arch(), *call.target.through_register);
    operand.access = AccessKind::kExecute;
    operand.bad_register = operand.text;
    operand.bad_value = registers.get(*call.target.through_register);
    operand.effective = target_of(site, call, registers);
  } else {
    return;
  }
  fault.call_operand = std::move(operand);
}

void explain_target(const Site& site, size_t caller, FaultFacts& fault) {
  if (site.variables == nullptr || !fault.call_operand) return;
  const process::OperandExplanation explanation =
      site.variables->explain_call_target(site.stack, caller);
  add_explanation(explanation, *fault.call_operand);
  if (!explanation.pointer) return;
  fault.call_target_expression = explanation.pointer->text;
}

// The registers at the moment of the call: nothing ran at the bad pc, so they still stand there,
// but for sp and pc.
isa::RegisterFile registers_at_call(const Site& site, size_t caller) {
  isa::RegisterFile registers = site.registers();
  const process::Frame& frame = site.stack.frames[caller];
  registers.set_pc(frame.pc);
  if (const auto sp = frame.registers.sp()) registers.set_sp(*sp);
  return registers;
}

// x86-64: a `ret` leaves what it popped right below sp. AArch64: it went to where x30 still points.
bool came_by_return(const Site& site) {
  if (site.arch() == isa::Arch::kAArch64)
    return site.registers().get(isa::a64::kLr) == site.pc().value;
  const auto sp = site.registers().sp();
  if (!sp) return false;
  const auto popped = site.modules.memory().load_pointer(*sp - kWord);
  return popped && *popped == site.pc();
}

// The call, or the jump of a tail call, by which `frame` was left.
std::optional<isa::Instruction> transfer_from(const Site& site, const process::Frame& frame) {
  if (frame.how != process::FoundBy::kTailCall)
    return call_before(site.modules, site.arch(), frame.pc);
  if (!frame.jump) return std::nullopt;
  auto jump = decode_at(site.modules, site.arch(), *frame.jump);
  return jump.ok() ? std::optional(*std::move(jump)) : std::nullopt;
}

}  // namespace

void describe_bad_pc(const Site& site, FaultFacts& fault) {
  fault.pc_is_bad = true;
  fault.access = AccessKind::kExecute;
  fault.address = site.pc();
  fault.pc_facts = classify_target(site, site.pc());
  fault.address_facts = fault.pc_facts;
  const size_t caller = site.frame + 1;
  std::optional<isa::Instruction> call;
  if (caller < site.stack.frames.size() && !site.stack.frames[caller].is_signal_handler_return) {
    call = transfer_from(site, site.stack.frames[caller]);
  }
  const bool direct = call && call->target.direct;
  if (call && !direct) {
    const isa::RegisterFile registers = registers_at_call(site, caller);
    const auto target = target_of(site, *call, registers);
    const bool fits = !target || *target == site.pc() || !came_by_return(site);
    if (fits && could_have_run(site, *call, registers)) {
      fault.kind = "call";
      fault.frame = caller;
      fault.pc = call->pc;
      fault.instruction = call->text;
      add_call_operand(site, *call, registers, fault);
      explain_target(site, caller, fault);
      if (target && *target != site.pc()) {
        fault.inconsistencies.push_back(
            "the call before the return address goes to " + to_hex(*target) + " now, not to " +
            to_hex(site.pc()) +
            ": what it called through has changed, or control came here another way");
      }
      return;
    }
    if (fits)
      fault.inconsistencies.push_back(
          "`" + call->text +
          "` before the return address cannot have gone there with these registers: what it called "
          "was left by tail calls, which leave no frame");
  }
  fault.kind = came_by_return(site) ? "return" : "jump";
}

bool describe_refused_transfer(const Site& site, const isa::Instruction& instruction,
                               FaultFacts& fault) {
  std::optional<Address> target;
  if (instruction.flow == isa::Flow::kReturn && site.arch() == isa::Arch::kX86_64) {
    const auto sp = site.registers().sp();
    target = sp ? site.modules.memory().load_pointer(*sp) : std::nullopt;
  } else if (instruction.flow == isa::Flow::kCall || instruction.flow == isa::Flow::kJump) {
    target = target_of(site, instruction, site.registers());
  }
  if (!target) return false;
  AddressFacts facts = classify_target(site, *target);
  if (!facts.has(AddressTrait::kNonCanonical)) return false;
  fault.kind = instruction.flow == isa::Flow::kReturn ? "return"
               : instruction.flow == isa::Flow::kCall ? "call"
                                                      : "jump";
  fault.pc_is_bad = true;
  fault.access = AccessKind::kExecute;
  fault.address = *target;
  fault.address_recomputed = true;
  fault.pc_facts = facts;
  fault.address_facts = std::move(facts);
  add_call_operand(site, instruction, site.registers(), fault);
  if (site.variables == nullptr || !fault.call_operand) return true;
  if (instruction.target.through_register) {
    const auto expression = site.variables->explain_register(site.stack, site.frame,
                                                             *instruction.target.through_register);
    if (expression) {
      fault.call_operand->expression = to_fact(*expression);
      fault.call_target_expression = expression->text;
    }
  } else {
    add_explanation(site.variables->explain_operand(site.stack, site.frame, 0),
                    *fault.call_operand);
  }
  return true;
}

}  // namespace inquest::diagnosis
