// Why the process ended itself: glibc's last message, an exception in flight, a panic, a failed
// check, abort() alone.
#pragma once

#include "diagnosis/facts/facts.h"
#include "diagnosis/facts/site.h"

namespace inquest::diagnosis {

// kNone when neither the signal nor the stack speak of an end of its own making.
AbortFacts describe_abort(const Site& site, const StackFacts& frames);

// glibc's `__abort_msg` of a module: the text that was written to stderr before abort(). Exported
// by libc.so.6 even when stripped; a symbol of static programs otherwise.
std::optional<std::string> read_abort_message(const process::MemoryReader& memory,
                                              Address variable);

// The same record found by its form, for want of the C library's file: on a page of its own, its
// size first. Only texts of a known kind count. nullopt when there is none.
struct FoundMessage {
  std::string text;
  Address record;
};
std::optional<FoundMessage> search_abort_message(const process::ProcessImage& image);

}  // namespace inquest::diagnosis
