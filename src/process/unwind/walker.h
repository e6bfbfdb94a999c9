// Walker: from one frame to its caller, down the ladder
// context → call site of a bad pc → signal frame → CFI → code at pc, frame pointer → scan.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "process/unwind/cfi_step.h"
#include "process/unwind/frame.h"
#include "process/unwind/no_cfi.h"

namespace inquest::process {

// Limits on what corrupt stacks can make us do.
inline constexpr int kMaxStackSwitches = 64;  // by coroutines and alternate signal stacks
inline constexpr int kMaxScans = 256;         // frames found by scanning, one after the other
inline constexpr size_t kMaxNotes = 16;

// For notes: the word, and the text that it is when it is some.
std::string describe_word(uint64_t word);

class Walker {
 public:
  // `sites` must outlive this. `registers` are those of the innermost frame.
  Walker(const isa::RegisterFile& registers, CodeSites& sites, StackWords& stack);

  // Finds the caller of current(), and with it current().cfa. False at the end; then see end().
  // After true, current() is still the callee until move_up().
  bool find_caller();
  void move_up();

  const Frame& current() const { return frames_[now_]; }
  StackEnd end() const { return end_; }
  bool corrupt() const { return corrupt_; }
  std::vector<Note>& notes() { return notes_; }
  void note(std::string text, std::string advice = {});

 private:
  Frame& callee() { return frames_[now_]; }
  Frame& caller() { return frames_[1 - now_]; }
  bool stop(StackEnd end) {
    end_ = end;
    return false;
  }
  bool stop_for_missing(Address address);

  // The rungs. Each answers whether there is a caller; `stop` was called when not.
  bool from_bad_pc();
  bool from_signal_frame();
  bool from_cfi(const CodeSite& site);
  bool from_guess();
  bool from_scan(Address from, size_t words, std::optional<Address> callee_pc);

  // What a step by CFI found: is it a frame?
  bool accept(const CfiStep& step, bool below_signal_frame);
  bool accept_pc(const CfiStep& step);
  bool accept_uncalled(const CfiStep& step);
  bool accept_guess(const GuessedCaller& guess);
  bool accept_overwritten(const CfiStep& step);
  bool check_growth(const CfiStep& step);
  bool ended_by_null(const CfiStep& step);
  void found(FoundBy how, Trust trust);
  void mark_signal_return();
  Address stack_floor() const;

  bool call_site_of_bad_pc(Address slot, Address return_address, bool returned_here);
  std::optional<Address> slot_of_bad_return(Address pc) const;
  void note_overwritten(Address slot, uint64_t contents);

  CodeSites& sites_;
  StackWords& stack_;
  std::array<Frame, 2> frames_;
  size_t now_ = 0;
  Address floor_;  // current().sp, or what it is at least when that is unknown
  Address caller_floor_;
  bool expects_call_ = false;  // current() is a plain return address
  bool caller_expects_call_ = false;
  bool outermost_ = false;  // current() was found to have no caller before it was moved up to
  bool caller_outermost_ = false;
  int switches_ = 0;
  int scans_ = 0;
  bool corrupt_ = false;
  StackEnd end_ = StackEnd::kNoMoreFrames;
  std::vector<Note> notes_;
};

struct UnwindOptions;
// The whole stack: walked, its cycle folded. What Unwinder does, without modules.
Stack walk_stack(const isa::RegisterFile& registers, CodeSites& sites, StackWords& words,
                 const UnwindOptions& options);

}  // namespace inquest::process
