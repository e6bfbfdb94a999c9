#include "process/unwind/scan.h"

#include <algorithm>

#include "process/unwind/signal_frame.h"

namespace inquest::process {
namespace {

// Without CFI, a function is taken to be no longer than this.
constexpr uint64_t kLongFunction = 0x10000;

// How much a candidate says for itself.
constexpr int kCallsCalleeScore = 8, kLeadsOnScore = 4, kIndirectScore = 2, kDirectScore = 1;
// The frame of a signal, whole: only a call of the callee is better.
constexpr int kTrampolineScore = kCallsCalleeScore - 1;
// In code that is not at hand, next to a callee whose code is not at hand either: as good as a call
// that leads on.
constexpr int kUnknownScore = kLeadsOnScore + kIndirectScore;

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

// Fills in what speaks for `hit`; 0: nothing does.
int look_at(ScanHit& hit, std::optional<Address> callee_pc, bool blind, CodeSites& sites,
            StackWords& stack) {
  const CallBefore call = sites.call_before(hit.return_address);
  if (call.kind == CallBefore::Kind::kUnknown) return blind ? kUnknownScore : 0;
  if (call.kind == CallBefore::Kind::kNone) {
    const bool returns_from_handler =
        sites.is_trampoline(hit.return_address) && looks_like_signal_frame(hit.slot + 8, sites);
    if (!returns_from_handler) return 0;
    hit.is_trampoline = hit.leads_on = true;
    return kTrampolineScore;
  }
  hit.calls_callee = callee_pc && call.kind == CallBefore::Kind::kDirect &&
                     may_be_start_of(call.target, *callee_pc, sites);
  hit.leads_on = leads_on(hit, sites, stack);
  return (hit.calls_callee ? kCallsCalleeScore : 0) + (hit.leads_on ? kLeadsOnScore : 0) +
         (call.kind == CallBefore::Kind::kIndirect ? kIndirectScore : kDirectScore);
}

}  // namespace

bool may_be_start_of(Address target, Address pc, CodeSites& sites) {
  if (target > pc) return false;
  const auto function = sites.function_at(pc);
  if (function) return function->start == target;
  if (pc - target >= kLongFunction) return false;
  // System calls that return twice have a hole in their CFI: clone is such a function.
  constexpr uint64_t kHole = 64;
  const auto known = sites.function_at(target);
  return !known || (known->start == target && known->end <= pc && pc - known->end < kHole);
}

std::optional<ScanHit> scan_for_return(Address from, size_t words, std::optional<Address> callee_pc,
                                       CodeSites& sites, StackWords& stack) {
  constexpr uint64_t kWord = 8;
  const Address start((from.value + kWord - 1) & ~(kWord - 1));
  // Is the callee's own code missing, as when the program's file was not found? When there is no
  // callee, as after a jump to null, what stands before a word that points into code that is not at
  // hand cannot speak for or against it either.
  const bool blind = !callee_pc || sites.memory().view(*callee_pc, 1).empty();
  std::optional<ScanHit> best;
  int best_score = 0;
  for (size_t i = 0; i < std::max(words, kScanWordsFurther); ++i) {
    if ((i >= words && best) || !sites.may_scan_word()) break;
    const Address slot = start + i * kWord;
    const auto word = stack.load(slot);
    if (!word) break;
    const Address code = sites.code_address(*word);
    if (!sites.is_executable(code)) continue;
    ScanHit hit{.slot = slot, .return_address = code};
    const int score = look_at(hit, callee_pc, blind, sites, stack);
    const bool is_strong = hit.calls_callee || hit.leads_on;
    if (score > best_score && (i < words || is_strong)) {
      best = hit;
      best_score = score;
    }
    // What lies above a signal frame was interrupted, and called nothing.
    if (hit.is_trampoline || (hit.calls_callee && hit.leads_on)) break;
  }
  return best;
}

isa::RegisterFile registers_at_return(Address slot, Address return_address, CodeSites& sites,
                                      StackWords& stack) {
  isa::RegisterFile registers(sites.image().arch);
  registers.set_pc(return_address);
  // On AArch64 the record may lie anywhere in the callee's frame: where the caller's begins is
  // unknown.
  if (registers.arch() == isa::Arch::kX86_64) registers.set_sp(slot + 8);
  const auto before = stack.load(slot - 8);
  if (!before || *before <= slot.value || *before % 8 != 0) return registers;
  const Mapping* mapping = sites.image().mapping_at(slot);
  if (mapping != nullptr && mapping->range.contains(Address(*before))) {
    registers.set(isa::fp_register(registers.arch()), *before);
  }
  return registers;
}

}  // namespace inquest::process
