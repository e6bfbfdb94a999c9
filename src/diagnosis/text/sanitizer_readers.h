// From the parts of a sanitizer's report to facts, one function a tool. Internal to text.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "diagnosis/facts/facts.h"
#include "diagnosis/text/sanitizer_report.h"

namespace inquest::diagnosis {

// Each expects facts.reported with tool, summary and excerpt set, and sets the rest: the error, the
// access, the stacks, the allocation, the signal. Stacks are moved out of `raw`.
void read_address_error(SanitizerReport& raw, Facts& facts);  // also every tool's deadly signals
void read_thread_error(SanitizerReport& raw, Facts& facts);
void read_uninitialised_value(SanitizerReport& raw, Facts& facts);
void read_leaks(SanitizerReport& raw, Facts& facts);
void read_fuzzer_error(SanitizerReport& raw, Facts& facts);

// --- shared
// "READ of size 8 at 0x… thread T0 (name)" and its like: "Write of size 4 at 0x… by thread T1".
bool read_access(std::string_view line, ReportedFacts& reported);
// "0x… is located 4 bytes after 10-byte region [0x…,0x…)", "… global variable 'g' …"
std::optional<AllocationFact> read_location(std::string_view line);
// The allocation to which stacks belong; made when there is none.
AllocationFact& allocation_of(Facts& facts, Address address);
// Moves a section to the further stacks of the report.
void add_related(SanitizerReport::Section& section, Facts& facts);
// The innermost frame of a stack that is in the program's own code, by the usual roles.
const FunctionFact* user_function_of(const StackFacts& stack);

}  // namespace inquest::diagnosis
