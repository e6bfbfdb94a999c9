"""Stacks of programs that were built or left in unusual ways: tail calls, other C libraries, no unwind tables."""

import os
import resource
import shutil
import subprocess
import time
import unittest
from pathlib import Path

import e2e

TAIL = r"""
#include <stdlib.h>
struct batch { int size; char *payload; };
__attribute__((noinline)) static void batch_free(struct batch *batch) {
  batch->size = 0;
  free(batch->payload);
}
__attribute__((noinline)) int read_size(struct batch *batch) { return batch->size + 1; }
__attribute__((noinline)) int batch_size(struct batch *batch) { return read_size(batch + 1); }
int main(int argc, char **argv) {
  struct batch batch = {argc, (char *)&argc};
  (void)argv;
  if (argc > 1) return batch_size((struct batch *)-16L) + 1;
  batch_free(&batch);
  return 0;
}
"""
CALLBACK = r"""
#include <stdlib.h>
#include <string.h>
struct item { struct item *next; int value; };
__attribute__((noinline)) static int sum(struct item *item) {
  char room[40];
  memset(room, item->value, sizeof room);
  return room[3] + item->next->value;
}
__attribute__((noinline)) static int twice(struct item *item, int n) { volatile int k = n; return sum(item) * k + n; }
__attribute__((noinline)) int compare(const void *a, const void *b) {
  struct item item = {0, *(const int *)a};
  return twice(&item, *(const int *)b);
}
int main(int argc, char **argv) {
  int values[4] = {argc, 3, 2, 1};
  (void)argv;
  qsort(values, 4, sizeof values[0], compare);
  return values[0];
}
"""
WORKER = r"""
#include <pthread.h>
#include <unistd.h>
__attribute__((noinline)) static int work(volatile int *value) { return *value + 1; }
static void *run(void *value) { return (void *)(long)(work(value) + 1); }
static void *idle(void *value) { for (;;) pause(); return value; }
int main(void) {
  pthread_t first, second;
  pthread_create(&first, 0, idle, 0);
  pthread_create(&second, 0, run, 0);
  pthread_join(second, 0);
  return 0;
}
"""
LATE = e2e.SHOP.replace("int main(int argc, char **argv) {", """#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
  puts("ready");
  fflush(stdout);
  usleep(700000);""")


def tail_frames(answer: dict) -> list[str]:
    return [frame["functions"][-1]["short_name"] for frame in answer["facts"]["crashing"]["frames"]
            if frame["found_by"] == "tail_call"]


class TailCalls(e2e.TestCase):
    def test_the_function_that_jumped_into_a_library_is_blamed_and_not_its_caller(self):
        for flags in (("-O2", "-g"), ("-O2",)):
            program = e2e.compile_program(e2e.fresh("tail"), "tail", TAIL, *flags)
            answer = e2e.report(e2e.crash(program))
            self.assertIn("batch_free", tail_frames(answer))
            self.assertEqual(answer["verdict"]["place"]["function"], "batch_free", flags)
            if "-g" in flags:
                self.assertEqual(answer["verdict"]["place"]["line"], e2e.line_of(TAIL, "free(batch->payload)"))

    def test_the_frame_is_marked_on_the_screen(self):
        program = e2e.compile_program(e2e.fresh("tail"), "tail", TAIL, "-O2", "-g")
        core = e2e.crash(program, "x")
        self.assertEqual(e2e.functions(e2e.report(core))[:3], ["read_size", "batch_size", "main"])
        line = next(line for line in e2e.explain(core).out.splitlines() if line.startswith("  #1"))
        self.assertIn("batch_size", line)
        self.assertIn("a tail call", line)

    def test_on_aarch64_too(self):
        e2e.need("aarch64-linux-gnu-gcc", "qemu-aarch64")
        program = e2e.compile_program(e2e.fresh("tail"), "tail", TAIL, "-O2", "-g", "-static",
                                      compiler="aarch64-linux-gnu-gcc")
        core = e2e.crash(program, "x", prefix=["qemu-aarch64"])
        self.assertEqual(e2e.functions(e2e.report(core, "--exe", program))[:3], ["read_size", "batch_size", "main"])


class UnusualPrograms(e2e.TestCase):
    def test_without_unwind_tables_the_frame_pointer_or_the_calls_lead_on(self):
        wanted = ["sum", "twice", "compare"]
        for flag in ("-fno-omit-frame-pointer", "-fomit-frame-pointer"):
            program = e2e.compile_program(e2e.fresh("bare"), "bare", CALLBACK, "-O2", "-fno-asynchronous-unwind-tables",
                                          flag)
            names = e2e.functions(e2e.report(e2e.crash(program)))
            self.assertEqual(names[:3], wanted, flag)
            self.assertIn("main", names)
            self.assertEqual(names[-1], "_start")

    def test_musl_and_static_pie(self):
        builds = [("gcc-12", ("-g", "-O1", "-static-pie"))]
        if shutil.which("musl-gcc"):
            builds.append(("musl-gcc", ("-g", "-O1")))
        for compiler, flags in builds:
            program = e2e.compile_program(e2e.fresh("libc"), "shop", e2e.SHOP, *flags, compiler=compiler)
            answer = e2e.report(e2e.crash(program))
            self.assert_shop(answer)
            self.assertEqual(e2e.functions(answer)[-1], "_start")

    def test_the_thread_that_crashed_is_told_about_and_not_the_main_one(self):
        program = e2e.compile_program(e2e.fresh("worker"), "worker", WORKER, "-g", "-O1", "-pthread")
        answer = e2e.report(e2e.crash(program))
        self.assertEqual(e2e.functions(answer)[:2], ["work", "run"])
        self.assertNotEqual(answer["facts"]["crashing"]["tid"], answer["facts"]["process"]["pid"])

    def test_a_program_deleted_or_replaced_while_it_ran_is_not_given_the_new_ones_names(self):
        for replaced in (False, True):
            directory = e2e.fresh("late")
            program = e2e.compile_program(directory, "late", LATE, "-g", "-O1")
            process = subprocess.Popen([program], cwd=directory, stdout=subprocess.PIPE, preexec_fn=lambda:
                                       resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
            process.stdout.readline()
            program.unlink()
            if replaced:
                e2e.compile_program(directory, "late", LATE.replace("quote", "other"), "-g", "-O2")
            process.communicate(timeout=30)
            if not (directory / "core").exists():
                raise unittest.SkipTest("the kernel writes cores elsewhere")
            answer = e2e.report(directory / "core")
            self.assertNotIn("other", e2e.functions(answer))
            self.assertEqual(e2e.top(answer)["class"], "null-member-access")
            self.assertIn("late", e2e.missing(answer))

    def test_a_setuid_program(self):
        dumpable = Path("/proc/sys/fs/suid_dumpable")
        if os.getuid() != 0 or not dumpable.exists() or dumpable.read_text().strip() == "0":
            raise unittest.SkipTest("no cores of setuid programs: fs.suid_dumpable is 0, or this is not root")
        e2e.need("setpriv")
        program = e2e.compile_program(e2e.fresh("setuid"), "shop", e2e.SHOP)
        for path in (program, *program.parents):
            if path == e2e.work().parent:
                break
            path.chmod(0o777)
        program.chmod(0o4755)
        directory = e2e.fresh("crash")
        directory.chmod(0o777)
        subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program], cwd=directory,
                       check=False, preexec_fn=lambda: resource.setrlimit(
                           resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        time.sleep(0.1)
        if not (directory / "core").exists():
            raise unittest.SkipTest("the kernel writes cores elsewhere")
        self.assert_shop(e2e.report(directory / "core"))


if __name__ == "__main__":
    e2e.main()
