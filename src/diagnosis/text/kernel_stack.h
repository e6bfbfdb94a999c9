// Stacks as the Linux kernel prints its own, from 2.6 to 6.x:
//
//    keyring_destroy+0xe2/0x186                          also " [module]", " a.c:3", "? " in front
//   [<ffffffc000bd5760>] f+0x20/0xec sound/core/seq/seq_fifo.c:96
//   [<     inline     >] vfs_ioctl fs/ioctl.c:43
//   [<c0011234>] (f+0x8/0x40) from [<c0095e60>] (g+0x10/0x80)         32-bit ARM
//   #8 [<0x0000000000811511>] hid_generic_probe+0xa1/0xd0              Linux as a library
//   RIP: 0010:f+0x1/0x20   PC is at f+0xf4/0x400   pc : f+0x18/0x30    of the registers
//
// Source: kernel/kallsyms.c (sprint_symbol), arch/*/kernel/{traps,dumpstack}*.c
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "diagnosis/text/report_lines.h"
#include "diagnosis/text/stack_lines.h"

namespace inquest::diagnosis {

struct KernelFrame {
  StackLine line;         // `module` is that of the kernel's own modules: "mali_kbase"
  bool is_guess = false;  // "? f": found on the stack, perhaps of an earlier call
};

// nullopt when the line is none. Only lines that cannot be mistaken for talk count.
std::optional<KernelFrame> parse_kernel_frame(std::string_view text);

// The frame that a line about the registers names; nullopt when it names none.
std::optional<StackLine> parse_kernel_pc(std::string_view text);

// Stack from lines[0] on, without guesses; "<TASK>" and such are passed over. Returns the lines
// taken.
size_t read_kernel_stack(const ReportLines& lines, StackFacts& stack);

// Marks what reports and ends (kAbort), and what copies bytes for others (kLibrary).
void set_kernel_roles(StackFacts& stack);

}  // namespace inquest::diagnosis
