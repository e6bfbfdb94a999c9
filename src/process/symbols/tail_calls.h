// Tail calls: functions that a stack passed through and that left no frame on it, because they
// jumped to what they called last.
//
// The call instruction of a frame says which function was entered. When that is not the function of
// the frame above it, the way between them led over jumps; those that every possible way has in
// common are put back as frames (FoundBy::kTailCall), and the others are named in a note.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "process/symbols/tail_jumps.h"
#include "process/unwind/frame.h"

namespace inquest::process {

// Not thread-safe. All must outlive it. Keeps what it found by pc, so that equal stacks cost one.
class TailCalls {
 public:
  TailCalls(const ProcessImage& image, const ModuleSet& modules, Unwinder& unwinder,
            Symbolizer& symbols)
      : image_(image),
        jumps_(image, modules, unwinder, symbols),
        modules_(modules),
        symbols_(symbols) {}

  void restore(Stack& stack);

 private:
  struct Passed {
    Address end;                  // behind a jump that leaves the function
    std::optional<Address> jump;  // nullopt: it may have been another one
  };
  // The functions between a frame and its caller, innermost first.
  struct Way {
    std::vector<Passed> passed;
    bool only_way = true;  // false: there may have been more of them
    std::string note;
  };

  class Restored;

  static Passed left_by(const std::vector<TailExit>& exits);
  const Way& between(const Frame& callee, const Frame& caller);
  Way find(Address callee_pc, Address entered);
  std::string describe(const std::vector<Address>& functions, Address callee_pc);

  const ProcessImage& image_;
  TailJumps jumps_;
  const ModuleSet& modules_;
  Symbolizer& symbols_;
  std::map<std::pair<Address, Address>, Way> known_;
  size_t searches_ = 0;
};

}  // namespace inquest::process
