// What speaks for a function being the one that holds the bug, and how much. One table, so that the
// rules can be weighed against each other; docs/design/diagnosis.md gives the principle of each.
#pragma once

#include <cstdint>

namespace inquest::diagnosis {

enum class Reason : uint8_t {
  // Where it died. What is known before anything is traced.
  kCrashed,
  kCaller,
  kOuterCaller,
  // Followed, instruction by instruction, from the value that was refused.
  kMadeIt,         // set the constant that arrived
  kDidNotCheck,    // used what a function of the program returned as it came
  kLibraryGave,    // used what a library function returned as it came
  kReturnedIt,     // returned the value; it may be allowed to
  kReturnedWrong,  // returned the address of something else
  kCasts,          // takes an object of one type for one of another
  kHandedOn,       // passed it on
  kComputed,       // the arithmetic that gave it
  kMayHaveMade,    // one of several that may have made it
  kGotIt,          // got it from a callee, and could not have told that it was bad
  kUsedUnset,      // used a variable of its own without setting it
  kOwnsIt,         // it lies in its local variable
  kFilledIt,       // was given its address and writes there
  kIgnoredResult,  // did not look at what the function returned that was to fill it in
  // Found by searching the program for who could have done it.
  kStoresIt,      // stores this very value in the member
  kStoresResult,  // stores what a call returned, unseen, and the call may return this value
  kOnlyWriter,    // nobody else writes to the member at all
  kStoresOther,   // stores something that may be the value
  kPassedIt,      // gives this very value to what stores it
  kLeftUnset,     // makes such objects and leaves the member unset
  kSetsOthers,    // sets other members of such objects
  kChangedIt,     // writes to what was changed meanwhile
  kShares,        // copies the pointer from one object to another: two owners
  kOverran,       // writes behind the end of what stands before the member
  kCopiesInto,    // copies into the buffer before the member, without a bound that fits
  kOtherMember,   // writes another member of a union, or of another layout, to the same place
  kMayOverrun,    // writes elements of the array before the member
  kClears,        // clears whole objects
  kFreesIt,       // frees such an object
  kMayHaveFreed,  // frees such an object, or moves such elements; but nobody can tell that it was
                  // gone
  kHasItFreed,    // calls what frees such an object
  kFrees,         // frees something
  kMoves,         // takes from or grows a container: its elements may move
  kMovesSuch,     // of such elements
  kEmptied,       // empties the very smart pointer or container
  kEmptiedSuch,   // empties one of that kind
  kUsedAccessor,  // looked into it
  kHandedOut,     // made the address of the wrong object known
  kMakesAddress,  // makes the address of an object, for who knows what
  kAllocated,     // allocated the block that was left behind
  kBreaksRule,    // writes a value that the failed check compared
  kLinks,         // writes the link that the recursion goes along
  // Corroboration: adds to what speaks for it anyhow.
  kIsActive,  // it runs right now: on this stack, or in another thread
  kCount,
};

int weight_of(Reason reason);

}  // namespace inquest::diagnosis
