"""Large processes: many threads, terabytes of address space, deep stacks. Time and memory stay small."""

import os
import re
import unittest

import e2e

THREADS = r"""
#include <pthread.h>
#include <unistd.h>
static pthread_barrier_t started;
__attribute__((noinline)) void wait_for_jobs(int fd) { char byte; if (read(fd, &byte, 1) < 0) _exit(3); }
static void *worker(void *fd) { pthread_barrier_wait(&started); wait_for_jobs(*(int *)fd); return 0; }
__attribute__((noinline)) void dispatch(int *job) { *job = 1; }
int main(int argc, char **argv) {
  int fds[2], count = 999;
  (void)argc; (void)argv;
  if (pipe(fds) != 0) return 3;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  pthread_barrier_init(&started, 0, count + 1);
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, &small, worker, &fds[0]) != 0) return 3;
  }
  pthread_barrier_wait(&started);
  usleep(50000);
  dispatch(0);
  return 0;
}
"""
SPARSE = r"""
#include <sys/mman.h>
#include <stddef.h>
__attribute__((noinline)) int look_up(const char *table, size_t index, int *result) { *result = table[index]; return 1; }
int main(void) {
  const size_t size = (size_t)20 << 30;
  char *table = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (table == MAP_FAILED) return 3;
  table[0] = 1;
  table[size / 2] = 2;
  table[size - 1] = 3;
  return look_up(table, size / 2, 0);
}
"""
RECURSION = r"""
struct node { struct node *left; int depth; };
int parse_term(struct node *node);
__attribute__((noinline)) int parse_expr(struct node *node) { volatile char scratch[64]; scratch[0] = 1; node->depth++; return parse_term(node) + scratch[0]; }
__attribute__((noinline)) int parse_term(struct node *node) { volatile char scratch[32]; scratch[0] = 2; return parse_expr(node->left) + scratch[0]; }
int main(void) { struct node self; self.left = &self; self.depth = 0; return parse_expr(&self); }
"""


class Large(e2e.TestCase):
    def test_a_thousand_threads_are_walked_and_told_in_a_few_lines(self):
        core = e2e.crash(e2e.compile_program(e2e.fresh("threads"), "pool", THREADS, "-g", "-O0", "-pthread"))
        e2e.explain(core)  # fills the index
        run = e2e.explain(core)
        self.assert_explained(run)
        self.assertLess(run.cpu, 1 * e2e.SLOWNESS)
        self.assertLess(run.peak_mib, 120)
        self.assertIn("dispatch", run.out)
        # On a busy machine some still stand in the barrier: what counts is that each is in one of the groups.
        groups = re.findall(r"^  (?:(\d+) threads|thread \d+):", run.out, re.MULTILINE)
        self.assertEqual(sum(int(count or 1) for count in groups), 999, run.out)
        self.assertIn("wait_for_jobs", run.out)
        self.assertLess(len(run.out.splitlines()), 60)

    def test_with_full_every_one_of_a_thousand_threads_is_accounted_for(self):
        core = e2e.crash(e2e.compile_program(e2e.fresh("threads"), "pool", THREADS, "-g", "-O0", "-pthread"))
        answer = e2e.report(core, "--full")
        self.assertEqual(answer["facts"]["process"]["thread_count"], 1000)
        others = answer["facts"]["others"]
        told = {tid for stack in others for tid in [stack["tid"], *stack.get("alike", [])]}
        self.assertEqual(len(told), 999)
        self.assertEqual([stack for stack in others if "worker" not in e2e.functions(answer, stack)], [])

    def test_twenty_gigabytes_of_untouched_memory_cost_nothing(self):
        program = e2e.compile_program(e2e.fresh("sparse"), "lookup", SPARSE)
        free = os.statvfs(e2e.work())
        if free.f_bavail * free.f_frsize < 2 << 30:
            self.skipTest("too little room on the disk")
        core = e2e.crash(program, timeout=120)
        self.assertGreater(core.stat().st_size, 20 << 30, "the core is not the one meant")
        if core.stat().st_blocks * 512 > 1 << 30:
            self.skipTest("this file system keeps no holes")
        run = e2e.explain(core, "--full")
        self.assert_explained(run)
        self.assertLess(run.cpu, 1 * e2e.SLOWNESS)
        self.assertLess(run.peak_mib, 120)
        self.assertIn("look_up", run.out)
        self.assertEqual(e2e.top(e2e.report(core))["class"], "null-dereference")

    def test_a_stack_overflow_is_shown_as_its_cycle_and_count(self):
        core = e2e.crash(e2e.compile_program(e2e.fresh("deep"), "parser", RECURSION))
        run = e2e.explain(core)
        self.assert_explained(run)
        answer = e2e.report(core)
        self.assertEqual(e2e.top(answer)["class"], "stack-overflow-recursion")
        cycle = answer["facts"]["crashing"]["cycle"]
        self.assertEqual(cycle["period"], 2)
        self.assertGreater(cycle["count"], 1000)
        words = " ".join(run.out.split())
        self.assertRegex(words, r"parse_(expr|term) → parse_(expr|term)")
        self.assertRegex(words, r"× ?[\d,]+")
        self.assertIn("guard", words)
        self.assertLess(run.out.count("parse_expr"), 20, "the recursion is told once")
        self.assertLess(len(run.out.splitlines()), 70)
        self.assertLess(run.peak_mib, 120)

    def test_the_outermost_caller_of_a_deep_recursion_is_found(self):
        core = e2e.crash(e2e.compile_program(e2e.fresh("deep"), "parser", RECURSION))
        self.assertIn("main", e2e.functions(e2e.report(core)))


if __name__ == "__main__":
    e2e.main()
