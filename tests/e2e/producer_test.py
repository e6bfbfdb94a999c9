"""Who wrote the core: the kernel, gdb of the living and of the dying, qemu-user."""

import os
import re
import resource
import signal
import subprocess
import time
import unittest
from pathlib import Path

import e2e

SLEEPER = r"""
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) void wait_for_work(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
int main(void) { wait_for_work(); return 0; }
"""
IN_VDSO = r"""
#include <time.h>
#include <sys/auxv.h>
#include <elf.h>
#include <string.h>
typedef int (*clock_function)(clockid_t, struct timespec *);
/* The vdso's own clock_gettime, by its own symbol table: libc may ask the kernel instead. */
static clock_function find(void) {
  const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
  const Elf64_Ehdr *header = (const void *)base;
  const Elf64_Phdr *segment = (const void *)(base + header->e_phoff);
  const Elf64_Dyn *dynamic = 0;
  for (int i = 0; i < header->e_phnum; i++)
    if (segment[i].p_type == PT_DYNAMIC) dynamic = (const void *)(base + segment[i].p_offset);
  const Elf64_Sym *symbols = 0;
  const char *names = 0;
  const Elf64_Word *hash = 0;
  for (; dynamic->d_tag; dynamic++) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = (const void *)(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) names = base + dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_HASH) hash = (const void *)(base + dynamic->d_un.d_ptr);
  }
  for (Elf64_Word i = 0; hash && i < hash[1]; i++)
    if (!strcmp(names + symbols[i].st_name, "__vdso_clock_gettime")) return (clock_function)(base + symbols[i].st_value);
  return 0;
}
__attribute__((noinline)) int stamp(clock_function now, struct timespec *where) { return now(CLOCK_MONOTONIC, where) + 1; }
int main(void) {
  clock_function now = find();
  if (!now) return 3;
  return stamp(now, (struct timespec *)8);
}
"""
SENT = r"""
#include <unistd.h>
#include <stdio.h>
__attribute__((noinline)) void serve(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
int main(void) { serve(); return 0; }
"""


def start(program: Path) -> subprocess.Popen:
    """A program that says "ready" and then waits."""
    directory = e2e.fresh("alive")
    process = subprocess.Popen([program], stdout=subprocess.PIPE, cwd=directory,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    assert process.stdout.readline() == b"ready\n"
    while "S" not in Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]:
        time.sleep(0.01)
    return process


class Kernel(e2e.TestCase):
    def test_the_kernels_core_of_a_crash(self):
        answer = e2e.report(e2e.shop()[1])
        self.assert_shop(answer)
        self.assertEqual(answer["facts"]["signal"]["name"], "SIGSEGV")
        self.assertEqual(answer["facts"]["signal"]["code_name"], "SEGV_MAPERR")

    def test_a_signal_from_another_process_is_told_from_a_fault_with_the_senders_pid(self):
        process = start(e2e.compile_program(e2e.fresh("sent"), "sent", SENT))
        process.send_signal(signal.SIGSEGV)
        process.wait(timeout=20)
        process.stdout.close()
        cores = [path for path in Path(process.args[0]).parent.glob("core*")]
        directory = next((path for path in e2e.work().glob("alive-*/core*")), None)
        if directory is None and not cores:
            self.skipTest("this machine writes no cores")
        answer = e2e.report(directory or cores[0])
        self.assertEqual(e2e.top(answer)["class"], "killed-externally")
        self.assertIn(str(os.getpid()), e2e.explain(directory or cores[0]).out)

    def test_a_fault_inside_the_vdso_is_walked_to_the_caller(self):
        program = e2e.compile_program(e2e.fresh("vdso"), "clock", IN_VDSO)
        answer = e2e.report(e2e.crash(program))
        names = e2e.functions(answer)
        self.assertIn("stamp", names)
        self.assertIn("main", names)
        self.assertEqual(answer["facts"]["crashing"]["frames"][0]["module"], "[vdso]")

    def test_a_core_without_file_backed_pages_reads_them_from_the_verified_file(self):
        program = e2e.compile_program(e2e.fresh("filter"), "shop", e2e.SHOP)
        try:
            before = Path("/proc/self/coredump_filter").read_text()
            Path("/proc/self/coredump_filter").write_text("0x1")  # anonymous private memory only; children inherit it
        except OSError:
            self.skipTest("this kernel has no coredump_filter")
        try:
            core = e2e.crash(program)
        finally:
            Path("/proc/self/coredump_filter").write_text("0x" + before.strip())
        self.assert_shop(e2e.report(core))


    def test_memory_that_was_never_written_to_is_no_reason_to_change_the_coredump_filter(self):
        source = e2e.SHOP.replace("struct order {", "char never_touched[1 << 20];\nstruct order {")
        run = e2e.explain(e2e.crash(e2e.compile_program(e2e.fresh("bss"), "shop", source)))
        self.assertIn("never written to", " ".join(run.out.split()))
        self.assertNotIn("coredump_filter", run.out)


class Gdb(e2e.TestCase):
    def test_gcore_of_a_living_process_is_no_crash(self):
        e2e.need("gcore")
        process = start(e2e.compile_program(e2e.fresh("alive"), "sleeper", SLEEPER))
        try:
            prefix = e2e.fresh("gcore") / "core"
            done = subprocess.run(["gcore", "-o", prefix, str(process.pid)], capture_output=True, text=True, timeout=60)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        core = Path(f"{prefix}.{process.pid}")
        if not core.exists():
            self.skipTest(f"gcore wrote nothing: {done.stderr.strip()[-200:]}")
        answer = e2e.report(core)
        self.assertEqual(e2e.top(answer)["class"], "no-crash")
        self.assertIn("wait_for_work", e2e.functions(answer))
        self.assertNotIn("died of", answer["verdict"]["headline"])

    def test_gdbs_core_of_a_crash_gets_the_same_answer_as_the_kernels(self):
        self.assert_shop(e2e.report(e2e.crash_under_gdb(e2e.shop()[0])))


class Aarch64(e2e.TestCase):
    ROOT = "/usr/aarch64-linux-gnu"

    def crash(self, *flags) -> Path:
        e2e.need("aarch64-linux-gnu-gcc", "qemu-aarch64")
        program = e2e.compile_program(e2e.fresh("arm"), "shop", e2e.SHOP, *flags, compiler="aarch64-linux-gnu-gcc")
        return e2e.crash(program, prefix=("qemu-aarch64", "-L", self.ROOT))

    def test_qemus_core_gets_the_same_answer_as_a_native_one(self):
        answer = e2e.report(self.crash("-g", "-O0"), "--sysroot", self.ROOT)
        self.assert_shop(answer)
        self.assertEqual(answer["facts"]["process"]["arch"], "aarch64")

    def test_optimised_code_without_frame_pointers_is_walked(self):
        core = self.crash("-g", "-O2", "-fno-optimize-sibling-calls", "-fomit-frame-pointer")
        self.assertEqual(e2e.functions(e2e.report(core, "--sysroot", self.ROOT))[:3], ["quote", "serve", "main"])

    def test_without_a_sysroot_it_is_explained_as_far_as_the_program_itself(self):
        answer = e2e.report(self.crash("-g", "-O0"))
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])


if __name__ == "__main__":
    e2e.main()
