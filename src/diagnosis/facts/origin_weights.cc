#include "diagnosis/facts/origin_weights.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace inquest::diagnosis {
namespace {

// A deed that alone explains the death weighs about 50. One that needs a further mistake elsewhere
// (a check that is missing) weighs half of that. What is merely possible weighs about 15, less than
// having crashed, and being on the way weighs next to nothing.
constexpr std::pair<Reason, int> kWeights[] = {
    {Reason::kCrashed, 28},      {Reason::kCaller, 12},        {Reason::kOuterCaller, 8},
    {Reason::kMadeIt, 55},       {Reason::kDidNotCheck, 50},   {Reason::kLibraryGave, 55},
    {Reason::kReturnedIt, 28},   {Reason::kReturnedWrong, 50}, {Reason::kCasts, 48},
    {Reason::kHandedOn, 6},      {Reason::kComputed, 35},      {Reason::kMayHaveMade, 18},
    {Reason::kGotIt, 10},        {Reason::kUsedUnset, 55},     {Reason::kOwnsIt, 8},
    {Reason::kFilledIt, 35},     {Reason::kIgnoredResult, 48}, {Reason::kStoresIt, 50},
    {Reason::kStoresResult, 48}, {Reason::kOnlyWriter, 40},    {Reason::kStoresOther, 14},
    {Reason::kPassedIt, 55},     {Reason::kLeftUnset, 45},     {Reason::kSetsOthers, 15},
    {Reason::kChangedIt, 35},    {Reason::kShares, 50},        {Reason::kOverran, 65},
    {Reason::kCopiesInto, 45},   {Reason::kOtherMember, 45},   {Reason::kMayOverrun, 38},
    {Reason::kClears, 45},       {Reason::kFreesIt, 45},       {Reason::kMayHaveFreed, 24},
    {Reason::kHasItFreed, 38},   {Reason::kFrees, 10},         {Reason::kMoves, 18},
    {Reason::kMovesSuch, 45},    {Reason::kEmptied, 45},       {Reason::kEmptiedSuch, 25},
    {Reason::kUsedAccessor, 12}, {Reason::kHandedOut, 40},     {Reason::kMakesAddress, 18},
    {Reason::kAllocated, 38},    {Reason::kBreaksRule, 36},    {Reason::kLinks, 45},
    {Reason::kIsActive, 25},
};

}  // namespace

int weight_of(Reason reason) {
  const auto found = std::ranges::find(kWeights, reason, &std::pair<Reason, int>::first);
  INQ_CHECK(found != std::ranges::end(kWeights));
  return found->second;
}

}  // namespace inquest::diagnosis
