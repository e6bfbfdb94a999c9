#include "diagnosis/facts/origin_weights.h"

#include "base/check.h"

namespace inquest::diagnosis {

// A deed that alone explains the death weighs about 50. One that needs a further mistake elsewhere
// (a check that is missing) weighs half of that. What is merely possible weighs about 15, less than
// having crashed, and being on the way weighs next to nothing.
int weight_of(Reason reason) {
  switch (reason) {
    case Reason::kCrashed:
      return 28;
    case Reason::kCaller:
      return 12;
    case Reason::kOuterCaller:
      return 8;
    case Reason::kRecursed:
      return 30;
    case Reason::kMadeIt:
      return 55;
    case Reason::kMadeObject:
      return 10;
    case Reason::kDidNotCheck:
      return 50;
    case Reason::kLibraryGave:
      return 55;
    case Reason::kReturnedIt:
      return 28;
    case Reason::kReturnedWrong:
      return 50;
    case Reason::kHandedOn:
      return 6;
    case Reason::kComputed:
      return 35;
    case Reason::kMayHaveMade:
      return 18;
    case Reason::kGotIt:
      return 10;
    case Reason::kUsedUnset:
      return 55;
    case Reason::kOwnsIt:
      return 8;
    case Reason::kFilledIt:
      return 35;
    case Reason::kIgnoredResult:
      return 48;
    case Reason::kStoresIt:
      return 50;
    case Reason::kStoresResult:
      return 48;
    case Reason::kOnlyWriter:
      return 40;
    case Reason::kStoresOther:
      return 14;
    case Reason::kPassedIt:
      return 55;
    case Reason::kLeftUnset:
      return 45;
    case Reason::kSetsOthers:
      return 15;
    case Reason::kChangedIt:
      return 35;
    case Reason::kShares:
      return 50;
    case Reason::kOverran:
      return 65;
    case Reason::kCopiesInto:
      return 45;
    case Reason::kOtherMember:
      return 45;
    case Reason::kMayOverrun:
      return 38;
    case Reason::kClears:
      return 45;
    case Reason::kFreesIt:
      return 45;
    case Reason::kMayHaveFreed:
      return 24;
    case Reason::kHasItFreed:
      return 38;
    case Reason::kFrees:
      return 10;
    case Reason::kMoves:
      return 18;
    case Reason::kMovesSuch:
      return 45;
    case Reason::kEmptied:
      return 45;
    case Reason::kEmptiedSuch:
      return 25;
    case Reason::kUsedAccessor:
      return 12;
    case Reason::kHandedOut:
      return 40;
    case Reason::kMakesAddress:
      return 18;
    case Reason::kAllocated:
      return 38;
    case Reason::kBreaksRule:
      return 36;
    case Reason::kLinks:
      return 45;
    case Reason::kIsActive:
      return 25;
    case Reason::kCount:
      break;
  }
  INQ_CHECK(false);
  return 0;
}

}  // namespace inquest::diagnosis
