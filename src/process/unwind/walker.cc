#include "process/unwind/walker.h"

#include <fmt/format.h>

#include <algorithm>

#include "process/unwind/scan.h"
#include "process/unwind/signal_frame.h"

namespace inquest::process {
namespace {

Trust at_best(Trust trust, Trust limit) { return std::max(trust, limit); }

}  // namespace

Walker::Walker(const isa::RegisterFile& registers, CodeSites& sites, StackWords& stack)
    : sites_(sites), stack_(stack) {
  Frame& frame = callee();
  frame.registers = registers;
  frame.pc = registers.pc().value_or(Address());
  frame.interrupted = true;
  floor_ = registers.sp().value_or(Address());
  const CodeSite& site = sites_.at(frame.pc, false);
  frame.is_signal_handler_return = site.is_trampoline || (site.has_row && site.row.signal_frame);
}

void Walker::note(std::string text, std::string advice) {
  if (notes_.size() >= kMaxNotes) return;
  const auto same = [&](const Note& other) { return other.text == text; };
  if (std::any_of(notes_.begin(), notes_.end(), same)) return;
  notes_.push_back({std::move(text), std::move(advice)});
}

void Walker::move_up() {
  now_ = 1 - now_;
  floor_ = caller_floor_;
  expects_call_ = caller_expects_call_;
  outermost_ = caller_outermost_;
}

bool Walker::find_caller() {
  sites_.forget_old();
  callee().cfa.reset();
  caller_expects_call_ = false;
  caller_outermost_ = false;
  Frame& frame = callee();
  if (outermost_) return stop(StackEnd::kComplete);
  if (!frame.registers.pc()) {
    note("the program counter of this thread was not recorded");
    return stop(StackEnd::kNoMoreFrames);
  }
  const CodeSite& site = sites_.at(frame.pc, expects_call_);
  if (!site.executable) return from_bad_pc();
  if (frame.is_signal_handler_return) return from_signal_frame();
  if (site.has_row) return from_cfi(site);
  if (sites_.is_entry_code(frame.pc)) return stop(StackEnd::kComplete);
  return from_guess();
}

void Walker::found(FoundBy how, Trust trust) {
  Frame& frame = caller();
  frame.pc = frame.registers.pc().value_or(Address());
  frame.cfa.reset();
  frame.how = how;
  frame.trust = trust;
  frame.interrupted = false;
  frame.is_signal_handler_return = false;
  caller_expects_call_ = true;
  scans_ = how == FoundBy::kScan ? scans_ + 1 : 0;
}

// The caller may be the trampoline that a signal handler returns to: nobody called it.
void Walker::mark_signal_return() {
  Frame& frame = caller();
  const CodeSite& site = sites_.at(frame.pc, true);
  bool is_return = site.is_trampoline || (site.has_row && site.row.signal_frame);
  if (!is_return && !site.call.is_call() && site.executable && frame.registers.sp()) {
    is_return = looks_like_signal_frame(*frame.registers.sp(), sites_);
  }
  if (!is_return) return;
  frame.is_signal_handler_return = true;
  frame.interrupted = true;
  caller_expects_call_ = false;
}

bool Walker::stop_for_missing(Address address) {
  const Missing why = stack_.memory().why_missing(address);
  if (why == Missing::kUnmapped) {
    corrupt_ = true;
    note(fmt::format("the stack ends here: {} lies in no mapping", to_hex(address)));
    return stop(StackEnd::kCorrupt);
  }
  note(fmt::format("the stack ends here: the memory at {} is {}", to_hex(address), to_string(why)));
  return stop(StackEnd::kMissingMemory);
}

// --- Below a signal handler.

bool Walker::from_signal_frame() {
  Frame& frame = callee();
  const auto sp = frame.registers.sp();
  const auto saved =
      sp ? read_signal_frame(frame.registers.arch(), *sp, stack_.memory()) : std::nullopt;
  const CodeSite& site = sites_.at(frame.pc, false);
  if (!saved || (!site.is_trampoline && !looks_like_signal_frame(*sp, sites_))) {
    // A trampoline of a kind that we do not know, but whose CFI says where things are.
    if (site.has_row && site.row.signal_frame) return from_cfi(site);
    return sp ? stop_for_missing(*sp) : stop(StackEnd::kNoMoreFrames);
  }
  if (++switches_ > kMaxStackSwitches) {
    note("signal frames follow each other without end");
    corrupt_ = true;
    return stop(StackEnd::kCorrupt);
  }
  const auto fs_base = frame.registers.get(isa::x86::kFsBase);
  frame.cfa = saved->sp();
  caller().registers = *saved;
  if (frame.registers.arch() == isa::Arch::kX86_64 && fs_base)
    caller().registers.set(isa::x86::kFsBase, *fs_base);
  const bool trusted = frame.trust <= Trust::kHigh;
  found(FoundBy::kSignalFrame, trusted ? Trust::kCertain : frame.trust);
  caller().interrupted = true;
  caller_expects_call_ = false;
  caller_floor_ = saved->sp().value_or(Address());
  return true;
}

// --- By call frame information.

bool Walker::from_cfi(const CodeSite& site) {
  Frame& frame = callee();
  const CfiStep step =
      step_by_cfi(site, frame.registers, frame.interrupted, sites_, stack_, &caller().registers);
  frame.cfa = step.cfa;
  switch (step.outcome) {
    case CfiStep::Outcome::kOutermost:
      return stop(StackEnd::kComplete);
    case CfiStep::Outcome::kMissing:
      if (stack_.memory().why_missing(step.missing_at) != Missing::kUnmapped) {
        return stop_for_missing(step.missing_at);
      }
      // The stack pointer is bad. The frame pointer may be good.
      corrupt_ = true;
      note(fmt::format("the stack pointer leads to {}, which lies in no mapping",
                       to_hex(step.missing_at)));
      frame.cfa.reset();
      return from_guess();
    case CfiStep::Outcome::kFailed:
      frame.cfa.reset();
      return from_guess();
    case CfiStep::Outcome::kCaller:
      return accept(step, site.row.signal_frame);
  }
  return stop(StackEnd::kNoMoreFrames);
}

bool Walker::accept(const CfiStep& step, bool below_signal_frame) {
  if (below_signal_frame) {
    found(FoundBy::kSignalFrame, callee().trust);
    caller().interrupted = true;
    caller_expects_call_ = false;
    caller_floor_ = *step.cfa;
    if (++switches_ > kMaxStackSwitches) return stop(StackEnd::kCorrupt);
    return true;
  }
  if (!check_growth(step)) return false;
  caller_floor_ = *step.cfa;
  return accept_pc(step);
}

// The caller's sp lies above the callee's, unless code switched stacks.
bool Walker::check_growth(const CfiStep& step) {
  const Address cfa = *step.cfa;
  if (cfa > floor_) return true;
  // An AArch64 leaf has nothing on the stack.
  const bool leaf = cfa == floor_ && callee().interrupted && !step.return_slot;
  if (leaf) return true;
  const Mapping* from = sites_.image().mapping_at(floor_);
  const Mapping* to = sites_.image().mapping_at(cfa);
  if (to != nullptr && from != to && ++switches_ <= kMaxStackSwitches) return true;
  corrupt_ = true;
  note(fmt::format("the stack does not grow: the frame at {} leads back to {}", to_hex(floor_),
                   to_hex(cfa)));
  return stop(StackEnd::kCorrupt);
}

bool Walker::accept_pc(const CfiStep& step) {
  const Address pc = *caller().registers.pc();
  if (pc.is_null()) return ended_by_null(step);
  const CodeSite& site = sites_.at(pc, true);
  if (!site.executable) return accept_overwritten(step);
  const Trust callee_trust = callee().trust;
  if (site.call.is_call()) {
    // CFI from a guessed frame that meets a call again vouches for both.
    found(FoundBy::kCfi,
          callee_trust == Trust::kLow ? Trust::kMedium : at_best(callee_trust, Trust::kHigh));
    return true;
  }
  found(FoundBy::kCfi, at_best(callee_trust, Trust::kMedium));
  mark_signal_return();
  if (caller().is_signal_handler_return) {
    caller().trust = at_best(callee_trust, Trust::kHigh);
    return true;
  }
  return site.call.kind == CallBefore::Kind::kUnknown || accept_uncalled(step);
}

// The return address is code, but no call stands before it: something wrote it there by hand, as
// makecontext does, or by mistake.
bool Walker::accept_uncalled(const CfiStep& step) {
  const Address pc = caller().pc;
  const auto function = sites_.function_at(pc);
  if (function && function->start == pc) {
    caller().interrupted = true;
    caller_expects_call_ = false;
    // Set up as the first function of a stack: then there is nothing further up.
    caller_outermost_ = !scan_for_return(*step.cfa, kScanWords, std::nullopt, sites_, stack_);
    if (caller_outermost_) return true;
  }
  caller().trust = Trust::kLow;
  if (step.return_slot && callee().trust <= Trust::kHigh) {
    corrupt_ = true;
    note(fmt::format("the return address {} at {} does not follow a call: it was overwritten",
                     to_hex(pc), to_hex(*step.return_slot)));
  }
  return true;
}

// A return address of zero ends the stacks of threads and coroutines that were set up by hand; it
// may as well have been overwritten with zeros.
bool Walker::ended_by_null(const CfiStep& step) {
  const auto fp = caller().registers.fp();
  if (sites_.is_entry_code(callee().pc) || (fp && fp->is_null())) return stop(StackEnd::kComplete);
  const auto hit = scan_for_return(*step.cfa, kScanWords, callee().pc, sites_, stack_);
  if (!hit) return stop(StackEnd::kComplete);
  return accept_overwritten(step);
}

bool Walker::accept_overwritten(const CfiStep& step) {
  // Nobody called the entry point: argc stands where a return address would.
  if (sites_.is_entry_code(callee().pc)) return stop(StackEnd::kComplete);
  const bool trusted = callee().trust <= Trust::kHigh;
  if (trusted && step.return_slot) {
    note_overwritten(*step.return_slot, step.raw_return);
  } else {
    note(fmt::format("what stands for the return address of {} is {}, which is no code",
                     to_hex(callee().pc), describe_word(step.raw_return)));
  }
  return from_scan(*step.cfa, trusted ? kScanWordsCorrupt : kScanWords, callee().pc);
}

// --- Without call frame information.

bool Walker::from_guess() {
  Frame& frame = callee();
  const bool interrupted = !expects_call_;
  if (interrupted) {
    if (const auto guess = caller_by_code(frame.registers, sites_, stack_))
      return accept_guess(*guess);
  }
  const auto slot =
      interrupted ? return_slot_by_code(frame.registers, sites_.memory()) : std::nullopt;
  const auto in_slot = slot ? stack_.load(*slot) : std::nullopt;
  if (in_slot && !sites_.is_executable(Address(*in_slot))) {
    note_overwritten(*slot, *in_slot);
    frame.cfa = *slot + 8;
    return from_scan(*slot + 8, kScanWordsCorrupt, frame.pc);
  }
  const auto by_pointer = caller_by_frame_pointer(frame.registers, stack_floor(), sites_, stack_);
  // Code without frame pointers leaves those of the code above in place: a nearer call of this very
  // function, or a signal frame, is better.
  if (by_pointer && frame.registers.sp()) {
    const size_t below = static_cast<size_t>((by_pointer->floor - *frame.registers.sp()) / 8);
    const auto hit = scan_for_return(*frame.registers.sp(), std::min(below, kScanWordsTrusted),
                                     frame.pc, sites_, stack_);
    const bool is_better = hit && (hit->is_trampoline || (interrupted && hit->calls_callee));
    if (is_better && hit->slot + 8 < by_pointer->floor) {
      return from_scan(*frame.registers.sp(), kScanWordsTrusted, frame.pc);
    }
  }
  if (by_pointer) return accept_guess(*by_pointer);
  const size_t words = frame.trust <= Trust::kHigh ? kScanWordsTrusted : kScanWords;
  return from_scan(floor_, words, frame.pc);
}

// Where frames may begin: at sp, unless that is not on any stack while the frame pointer is. (Just
// below a stack is fine: it overflowed.)
Address Walker::stack_floor() const {
  const auto fp = current().registers.fp();
  const bool sp_is_bad = sites_.image().mapping_at(floor_) == nullptr && fp &&
                         (*fp < floor_ || *fp - floor_ > kMaxFrameSize);
  return sp_is_bad ? *fp : floor_;
}

bool Walker::accept_guess(const GuessedCaller& guess) {
  caller().registers = guess.registers;
  callee().cfa = guess.cfa;
  found(guess.how, at_best(callee().trust, guess.trust));
  caller_floor_ = guess.floor;
  mark_signal_return();
  if (guess.follows_no_call) caller().interrupted = true;
  return true;
}

bool Walker::from_scan(Address from, size_t words, std::optional<Address> callee_pc) {
  if (scans_ >= kMaxScans) {
    note(fmt::format("{} frames in a row could only be guessed: stopped", kMaxScans));
    return stop(StackEnd::kNoMoreFrames);
  }
  const auto first = stack_.load(Address((from.value + 7) & ~uint64_t{7}));
  if (!first) {
    const bool no_stack = sites_.memory().why_missing(from) == Missing::kUnmapped;
    if (no_stack) note(fmt::format("the stack pointer {} lies in no mapping", to_hex(from)));
    return no_stack ? stop(StackEnd::kNoMoreFrames) : stop_for_missing(from);
  }
  const auto hit = scan_for_return(from, words, callee_pc, sites_, stack_);
  if (!hit) {
    note(fmt::format("no return address found in {} words above {}", words, to_hex(from)));
    return stop(corrupt_ ? StackEnd::kCorrupt : StackEnd::kNoMoreFrames);
  }
  const auto fs_base = callee().registers.get(isa::x86::kFsBase);
  caller().registers = registers_at_return(hit->slot, hit->return_address, sites_, stack_);
  if (callee().registers.arch() == isa::Arch::kX86_64 && fs_base) {
    caller().registers.set(isa::x86::kFsBase, *fs_base);
  }
  if (!callee().cfa) callee().cfa = caller().registers.sp();
  found(FoundBy::kScan,
        (hit->calls_callee && hit->leads_on) || hit->is_trampoline ? Trust::kMedium : Trust::kLow);
  caller_floor_ = hit->slot + 8;
  if (hit->is_trampoline) mark_signal_return();
  return true;
}

}  // namespace inquest::process
