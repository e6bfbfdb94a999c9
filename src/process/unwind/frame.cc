#include "process/unwind/frame.h"

namespace inquest::process {

std::string_view to_string(FoundBy how) {
  switch (how) {
    case FoundBy::kContext:
      return "context";
    case FoundBy::kCfi:
      return "cfi";
    case FoundBy::kSignalFrame:
      return "signal_frame";
    case FoundBy::kCallSite:
      return "call_site";
    case FoundBy::kFramePointer:
      return "frame_pointer";
    case FoundBy::kPrologue:
      return "prologue";
    case FoundBy::kScan:
      return "scan";
    case FoundBy::kTailCall:
      return "tail_call";
  }
  return "unknown";
}

std::string_view to_string(Trust trust) {
  switch (trust) {
    case Trust::kCertain:
      return "certain";
    case Trust::kHigh:
      return "high";
    case Trust::kMedium:
      return "medium";
    case Trust::kLow:
      return "low";
  }
  return "unknown";
}

std::string_view to_string(StackEnd end) {
  switch (end) {
    case StackEnd::kComplete:
      return "complete";
    case StackEnd::kNoMoreFrames:
      return "no_more_frames";
    case StackEnd::kMissingMemory:
      return "missing_memory";
    case StackEnd::kCorrupt:
      return "corrupt";
    case StackEnd::kFrameLimit:
      return "frame_limit";
  }
  return "unknown";
}

}  // namespace inquest::process
