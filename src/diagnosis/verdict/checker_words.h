// Sentences about what a checking tool reported. Internal to verdict.
#pragma once

#include <string>

#include "diagnosis/facts/facts.h"

namespace inquest::diagnosis {

// "Cart::close() at cart.cc:12": the innermost frame of the program's own code; empty when none has
// a name or a place.
std::string place_words(const StackFacts& stack);
// "the 8-byte read at 0x602000000010"; "the access" when nothing more is known.
std::string access_words(const ReportedFacts& reported);
// The allocation that the report is about; nullptr when it speaks of none.
const AllocationFact* reported_allocation(const Facts& facts);
// "0x… lies 4 bytes past the end of a heap block of 10 bytes", ", allocated in f() at a.cc:3", ",
// freed in g() at a.cc:9", as far as known.
std::string allocation_words(const AllocationFact& allocation);
// "addr2line -Cfie app 0x12" when the frame to open has neither function nor line; else empty.
std::string symbolise_command(const Facts& facts);

}  // namespace inquest::diagnosis
