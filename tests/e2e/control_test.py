"""Where control went, when it went wrong: what the report may say of the call, and what it may not."""

import unittest

import e2e

# run() calls step() through a table; step() ends by a jump to a null pointer and leaves no frame.
TAIL = r"""
#include <stdio.h>
struct state { void (**table)(struct state *); void (*done)(struct state *); const char *name; int steps; };
__attribute__((noinline)) static void step(struct state *state) { puts(state->name); state->done(state); }
static void (*table[])(struct state *) = {0, 0, step};
__attribute__((noinline)) int run(struct state *state) { state->table[2](state); return state->steps; }
int main(void) { struct state state = {table, 0, "stepping", 1}; __asm__("" : : "r"(&state) : "memory"); return run(&state); }
"""
# hang_up() calls a pointer of a freed object that leads nowhere; no register leads to the object any more.
STALE = r"""
#include <stdlib.h>
struct line { char name[24]; void (*on_close)(void); long rest[4]; };
__attribute__((noinline)) int hang_up(struct line *line) {
  __attribute__((nodebug)) void (*on_close)(void) = line->on_close;
  __asm__ volatile(
      "xor %%edi, %%edi\n xor %%eax, %%eax\n xor %%esi, %%esi\n xor %%ecx, %%ecx\n"
      "xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n xor %%r11d, %%r11d"
      : "+d"(on_close) : : "rdi", "rax", "rsi", "rcx", "r8", "r9", "r10", "r11");
  on_close();
  return 1;
}
__attribute__((noinline)) void drop(struct line *line) { free(line); }
int main(void) {
  struct line *volatile lines[2];
  for (int i = 0; i < 2; ++i) lines[i] = malloc(sizeof(struct line));
  lines[0]->on_close = (void (*)(void))0x10000001000;
  drop(lines[0]);
  __asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15", "memory");
  return hang_up(lines[0]);
}
"""
SELF = r"""
#include <signal.h>
#include <unistd.h>
int main(void) { kill(getpid(), SIGSEGV); pause(); return 0; }
"""


class Control(unittest.TestCase):
    def crash(self, name, source, *flags, **options):
        return e2e.report(e2e.crash(e2e.compile_program(e2e.fresh("control"), name, source, *flags, **options)))

    def test_a_call_is_not_blamed_for_a_jump_that_what_it_called_made(self):
        answer = self.crash("tail", TAIL, "-O2", "-g0")
        verdict = e2e.top(answer)
        self.assertEqual(verdict["class"], "null-function-call")
        self.assertNotIn("+0x10]", verdict["sentence"])
        self.assertIn("tail calls", " ".join(answer["facts"]["fault"]["inconsistencies"]))

    def test_a_value_that_came_through_a_foreign_function_interface_is_not_the_callers_register(self):
        core = e2e.crash("/usr/bin/python3", "-c", "import ctypes; ctypes.string_at(0)")
        answer = e2e.report(core)
        frames = e2e.functions(answer)
        self.assertIn("ffi_call", frames)
        behind = set(frames[frames.index("ffi_call"):])
        said = {step.get("function") for step in answer["facts"]["origin"]["steps"]}
        self.assertFalse(said & behind, "nobody can follow a value through ffi_call")

    def test_a_pointer_of_a_freed_object_that_was_called_is_told_by_the_object(self):
        e2e.need(e2e.CLANG)
        answer = self.crash("stale", STALE, "-O1", "-g", "-w", compiler=e2e.CLANG)
        allocations = (answer["facts"].get("heap") or {}).get("allocations", [])
        self.assertEqual([(a["state"], a["bad_value_at"]) for a in allocations], [("freed", 24)])
        self.assertEqual(e2e.top(answer)["class"], "use-after-free")

    def test_a_signal_that_a_process_sends_itself_is_no_fault(self):
        verdict = e2e.top(self.crash("self", SELF, "-O1"))
        self.assertEqual(verdict["class"], "deliberate-trap")
        self.assertIn("sent SIGSEGV to itself", verdict["sentence"])


if __name__ == "__main__":
    e2e.main()
