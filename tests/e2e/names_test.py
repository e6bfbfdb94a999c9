"""Names that attack: those of functions, threads, files and programs go to terminals, browsers and demanglers."""

import re
import struct
import subprocess
import unittest
from pathlib import Path

import e2e

PLACEHOLDER = "quote_" + "x" * 250  # replaced, in the file, by a name that no compiler writes
NAMED = e2e.SHOP.replace("quote", PLACEHOLDER)
FORMS = ([], ["--full"], ["--json"], ["--markdown"], ["--html"], ["--dump=stacks"], ["--dump=facts"], ["--dump=image"])
# C0 but for tab and newline, DEL, C1, and what turns the direction of text.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

RENAMED = r"""
#include <sys/prctl.h>
int main(void) {
  prctl(PR_SET_NAME, "\033[31m\033]0;x\a\r\n", 0, 0, 0);
  *(volatile int *)8 = 1;
  return 0;
}
"""
STRINGS = r"""
__attribute__((noinline)) int read_name(const char *text, const int *where) { (void)text; return *where; }
int main(void) { return read_name("\033[2J\033]52;c;ZXZpbA==\a\xc2\x9b" "31m\xe2\x80\xaetxt\xff\xfe", 0); }
"""


def crash_with_name(name: bytes) -> Path:
    """The core of a program without debug information whose crashing function has this name in .symtab."""
    assert len(name) <= len(PLACEHOLDER)
    program = e2e.compile_program(e2e.fresh("named"), "named", NAMED, "-O0", "-g0")
    content = program.read_bytes()
    assert PLACEHOLDER.encode() in content
    program.write_bytes(content.replace(PLACEHOLDER.encode(), name.ljust(len(PLACEHOLDER), b"\0")))
    return e2e.crash(program)


class Names(e2e.TestCase):
    def assert_quiet(self, core) -> None:
        for form in FORMS:
            with self.subTest(form):
                run = e2e.explain(core, *form)
                self.assert_explained(run)
                found = CONTROL.search(run.out)
                self.assertIsNone(found, found and repr(run.out[max(0, found.start() - 80) : found.end() + 20]))

    def test_the_placeholder_is_shown_so_that_the_other_tests_mean_something(self):
        self.assertIn(PLACEHOLDER[:40], e2e.explain(crash_with_name(PLACEHOLDER.encode()), "--full").out)

    def test_escape_sequences_in_a_functions_name_do_not_reach_the_terminal(self):
        self.assert_quiet(crash_with_name(b"\x1b[2J\x1b]0;owned\x07\r\nquote\x9b31m\xc2\x9b31m"))

    def test_text_that_runs_backwards_in_a_functions_name_is_not_obeyed(self):
        self.assert_quiet(crash_with_name("quote\u202etxt.exe\u2066x".encode()))

    def test_a_name_that_is_not_utf_8_still_gives_utf_8(self):
        core = crash_with_name(b"quote\xff\xfe\xc0\xaf\xed\xa0\x80")
        for form in FORMS:
            done = subprocess.run([e2e.INQUEST, "explain", core, *form], capture_output=True, env=e2e.environment())
            done.stdout.decode("utf-8", errors="strict")

    def test_escape_sequences_in_a_threads_name_do_not_reach_the_terminal(self):
        self.assert_quiet(e2e.crash(e2e.compile_program(e2e.fresh("renamed"), "renamed", RENAMED)))

    def test_escape_sequences_in_a_programs_path_do_not_reach_the_terminal(self):
        program = e2e.compile_program(e2e.fresh("path"), "shop", e2e.SHOP)
        core = e2e.crash(program.rename(program.parent / "\x1b[31mshop\n\r\x07"))
        self.assert_quiet(core)
        self.assert_shop(e2e.report(core))

    def test_escape_sequences_in_the_cores_own_name_do_not_reach_the_terminal(self):
        core = e2e.fresh("core") / "core\x1b[2J\nx"
        core.write_bytes(e2e.shop()[1].read_bytes())
        self.assert_quiet(core)
        core.write_bytes(b"no core")
        self.assertIsNone(CONTROL.search(e2e.explain(core).err))

    def test_escape_sequences_in_source_and_file_names_do_not_reach_the_terminal(self):
        directory = e2e.fresh("source")
        source = directory / "sh\x1b[31mop.c"
        source.write_text(e2e.SHOP.replace("return order->quantity", "/* \x1b[2J \x9b */ return order->quantity"))
        e2e.run_tool(e2e.CC, "-g", "-O0", "-o", directory / "shop", source)
        self.assert_quiet(e2e.crash(directory / "shop"))

    def test_escape_sequences_in_the_programs_own_strings_do_not_reach_the_terminal(self):
        self.assert_quiet(e2e.crash(e2e.compile_program(e2e.fresh("strings"), "strings", STRINGS)))


class Demangling(e2e.TestCase):
    """Names of 250 bytes that cost a naive demangler gigabytes or minutes."""

    def check(self, name: str) -> None:
        core = crash_with_name(name.encode()[: len(PLACEHOLDER)])
        for form in ([], ["--full"], ["--json"]):
            run = e2e.explain(core, *form, timeout=30)
            self.assert_explained(run)
            self.assertLess(run.cpu, 1 * e2e.SLOWNESS)
            self.assertLess(run.peak_mib, 200)
            self.assertLess(len(run.out), 1 << 20)

    def test_substitutions_that_double_each_time(self):
        # Each parameter is a template of the one before, twice.
        name = "_Z1fI1aE" + "vS_"
        parts, last = "", "S_"
        for index in range(40):
            parts += f"1bI{last}{last}E"
            last = f"S{index:X}_" if index else "S0_"
        self.check("_Z1f1a" + parts)
        self.check(name + "I" * 200)

    def test_deep_nesting(self):
        for piece in ("P", "N1a", "I1aI", "FvP", "A1_", "XadL_Z", "DpT_", "LZ", "cvS_", "K", "M1a"):
            with self.subTest(piece):
                self.check("_Z1f" + piece * (240 // len(piece)))

    def test_pack_expansions_and_back_references(self):
        self.check("_Z1fIJ" + "Dp" * 30 + "T_" * 60 + "EEvv")
        self.check("_Z" + "1aI" * 60 + "S_" * 20 + "E" * 30)
        self.check("_ZN" + "9" * 240)

    def test_rust_names_of_version_0_with_back_references(self):
        self.check("_RNvC1a" + "INvB0_" * 35)
        self.check("_RINvC1a1f" + "TB2_" * 55 + "E")
        self.check("_RNv" + "C9999999999a" * 20)
        self.check("_RIC0" + "FEE" * 80)

    def test_a_version_0_name_that_refers_to_itself(self):
        self.check("_RNvB_1a")
        self.check("_RB_")
        self.check("_RIB_E")


class SymbolTable(e2e.TestCase):
    def test_a_symbol_table_that_lies_costs_names_and_nothing_else(self):
        for name, change in {
            "sizes": lambda section: struct.pack_into("<Q", section, 32, 0xFFFFFFFFFFFFFFFF),
            "offsets": lambda section: struct.pack_into("<Q", section, 24, 0xFFFFFFFFFFFFFF00),
            "entries": lambda section: struct.pack_into("<Q", section, 56, 0),
            "links": lambda section: struct.pack_into("<I", section, 40, 0xFFFFFFFF),
        }.items():
            with self.subTest(name):
                program = e2e.compile_program(e2e.fresh("lies"), "shop", e2e.SHOP)
                content = bytearray(program.read_bytes())
                table, = struct.unpack_from("<Q", content, 40)
                count, = struct.unpack_from("<H", content, 60)
                for index in range(count):
                    at = table + index * 64
                    section = bytearray(content[at : at + 64])
                    if struct.unpack_from("<I", section, 4)[0] in (1, 2, 3) and not struct.unpack_from("<Q", section, 16)[0]:
                        change(section)
                        content[at : at + 64] = section
                program.write_bytes(content)
                run = e2e.explain(e2e.crash(program), "--full")
                self.assert_explained(run)
                self.assertLess(run.cpu, 1 * e2e.SLOWNESS)
                self.assertLess(run.peak_mib, 200)
                self.assertIn("SIGSEGV", run.out)


if __name__ == "__main__":
    e2e.main()
