#include "process/unwind/scan.h"

namespace inquest::process {
namespace {

// Without CFI, a function is taken to be no longer than this.
constexpr uint64_t kLongFunction = 0x10000;

// How much a candidate says for itself.
constexpr int kCallsCalleeScore = 8, kLeadsOnScore = 4, kIndirectScore = 2, kDirectScore = 1;

// Does CFI, from a frame that returns to `hit`, find one more return address?
bool leads_on(const ScanHit& hit, CodeSites& sites, StackWords& stack) {
  const CodeSite& site = sites.at(hit.return_address, true);
  if (!site.has_row) return false;
  const isa::RegisterFile registers =
      registers_at_return(hit.slot, hit.return_address, sites, stack);
  isa::RegisterFile caller;
  const CfiStep step = step_by_cfi(site, registers, false, sites, stack, &caller);
  if (step.outcome == CfiStep::Outcome::kOutermost) return true;
  if (step.outcome != CfiStep::Outcome::kCaller || *step.cfa <= hit.slot) return false;
  return sites.is_executable(*caller.pc()) && sites.call_before(*caller.pc()).is_call();
}

}  // namespace

bool may_be_start_of(Address target, Address pc, CodeSites& sites) {
  if (target > pc) return false;
  const auto function = sites.function_at(pc);
  if (function) return function->start == target;
  return pc - target < kLongFunction && !sites.function_at(target);
}

std::optional<ScanHit> scan_for_return(Address from, size_t words, std::optional<Address> callee_pc,
                                       CodeSites& sites, StackWords& stack) {
  constexpr uint64_t kWord = 8;
  const Address start((from.value + kWord - 1) & ~(kWord - 1));
  std::optional<ScanHit> best;
  int best_score = 0;
  for (size_t i = 0; i < words; ++i) {
    const Address slot = start + i * kWord;
    const auto word = stack.load(slot);
    if (!word) break;
    const Address code = sites.code_address(*word);
    if (!sites.is_executable(code)) continue;
    const CallBefore call = sites.call_before(code);
    if (!call.is_call()) continue;
    ScanHit hit{.slot = slot, .return_address = code};
    hit.calls_callee = callee_pc && call.kind == CallBefore::Kind::kDirect &&
                       may_be_start_of(call.target, *callee_pc, sites);
    hit.leads_on = leads_on(hit, sites, stack);
    const int score = (hit.calls_callee ? kCallsCalleeScore : 0) +
                      (hit.leads_on ? kLeadsOnScore : 0) +
                      (call.kind == CallBefore::Kind::kIndirect ? kIndirectScore : kDirectScore);
    if (score > best_score) {
      best = hit;
      best_score = score;
    }
    if (hit.calls_callee && hit.leads_on) break;
  }
  return best;
}

isa::RegisterFile registers_at_return(Address slot, Address return_address, CodeSites& sites,
                                      StackWords& stack) {
  isa::RegisterFile registers(sites.image().arch);
  registers.set_pc(return_address);
  registers.set_sp(slot + 8);
  const auto before = stack.load(slot - 8);
  if (!before || *before <= slot.value || *before % 8 != 0) return registers;
  const Mapping* mapping = sites.image().mapping_at(slot);
  if (mapping != nullptr && mapping->range.contains(Address(*before))) {
    registers.set(isa::fp_register(registers.arch()), *before);
  }
  return registers;
}

}  // namespace inquest::process
