// The rules behind judge(): each proposes hypotheses from one kind of evidence.
#pragma once

#include <string>
#include <vector>

#include "diagnosis/verdict/verdict.h"

namespace inquest::diagnosis {

// A hypothesis and its rank, 0 (hardly) to 100 (nothing else fits).
struct Proposal {
  Hypothesis hypothesis;
  int weight = 0;
};

using Proposals = std::vector<Proposal>;

// A refused data access: null, freed, wild, read-only, out of bounds, misaligned, truncated file.
void propose_from_memory(const Facts& facts, Proposals& out);
// A program counter that went astray: null call, corrupted pointer, overwritten return address.
void propose_from_control(const Facts& facts, Proposals& out);
// The stack itself ran out, or was overwritten.
void propose_from_stack(const Facts& facts, Proposals& out);
// The program ended itself and left words about it.
void propose_from_abort(const Facts& facts, Proposals& out);
// What the signal alone says: division, illegal instruction, trap, system call, sent by somebody.
void propose_from_signal(const Facts& facts, Proposals& out);
// What a tool that watched the process said, in the words of its report.
void propose_from_report(const Facts& facts, Proposals& out);
// What lines of the kernel and of supervisors tell beyond the fault itself.
void propose_from_log(const Facts& facts, Proposals& out);
// What sanitizers and valgrind found.
void propose_from_checkers(const Facts& facts, Proposals& out);
// What the words of a language's runtime, or of a debugger, mean.
void propose_from_runtime(const Facts& facts, Proposals& out);
// The state of the blocks that the crash leads to: proof for or against what the rules before it
// proposed.
void propose_from_heap(const Facts& facts, Proposals& out);
// What the kernel says of its own crash.
void propose_from_kernel(const Facts& facts, Proposals& out);
// Files that do not fit together.
void propose_from_modules(const Facts& facts, Proposals& out);

// --- words shared by the rules
// ----------------------------------------------------------------------------------

// A signal that tells of a fault, and no fault: raise(), or a handler that sends it on.
bool has_sent_itself_a_fault(const Facts& facts);
// "`order->pricing`" when the expression behind the bad register is known, else "the pointer in
// rdi", else "a pointer".
std::string pointer_words(const OperandFacts& operand);
// "the 4-byte read at 0x38"
std::string access_words(const FaultFacts& fault);
// "member `rate` of `struct Pricing`"; empty when the member is unknown.
std::string member_words(const OperandFacts& operand);
// The expression behind the bad register, without quotes; empty when unknown.
std::string expression_of(const FaultFacts& fault);
// The path of the executable for command lines; "EXE" when it is unknown.
std::string executable_of(const Facts& facts);
// The command line that asks this program for more.
std::string explain_command(const Facts& facts, std::string_view options);

}  // namespace inquest::diagnosis
