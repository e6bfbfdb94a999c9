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
SELF = r"""
#include <signal.h>
#include <unistd.h>
int main(void) { kill(getpid(), SIGSEGV); pause(); return 0; }
"""


class Control(unittest.TestCase):
    def crash(self, name, source, *flags):
        return e2e.report(e2e.crash(e2e.compile_program(e2e.fresh("control"), name, source, *flags)))

    def test_a_call_is_not_blamed_for_a_jump_that_what_it_called_made(self):
        answer = self.crash("tail", TAIL, "-O2", "-g0")
        verdict = e2e.top(answer)
        self.assertEqual(verdict["class"], "null-function-call")
        self.assertNotIn("+0x10]", verdict["sentence"])
        self.assertIn("tail calls", " ".join(answer["facts"]["fault"]["inconsistencies"]))

    def test_a_signal_that_a_process_sends_itself_is_no_fault(self):
        verdict = e2e.top(self.crash("self", SELF, "-O1"))
        self.assertEqual(verdict["class"], "deliberate-trap")
        self.assertIn("sent SIGSEGV to itself", verdict["sentence"])


if __name__ == "__main__":
    e2e.main()
