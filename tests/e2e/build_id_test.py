"""Which files are trusted: the build that crashed and no other, wherever it is found."""

import re
import shutil
import unittest
from pathlib import Path

import e2e

LIBRARY = """
int scale(const int *factor, int value) {
  return *factor * value;
}
"""
CALLER = """
int scale(const int *factor, int value);
int main(int argc, char **argv) { (void)argv; return scale(0, argc) + 1; }
"""


def rebuilt(path: Path, source: str, *flags) -> None:
    """Puts another build in the place of the one that crashed: its functions lie elsewhere."""
    other = "__attribute__((used)) int padding(int x) { return x * 3 + 1; }\n" + source.replace("quote", "estimate")
    shutil.copy2(e2e.compile_program(e2e.fresh("rebuilt"), path.stem, other, *(flags or ("-g", "-O0"))), path)


class Case:
    """A crash of one's own, whose files a test may move and rebuild."""

    def __init__(self, *flags):
        self.program = e2e.compile_program(e2e.fresh("case"), "shop", e2e.SHOP, *(flags or ("-g", "-O0")))
        self.core = e2e.crash(self.program)
        self.id = e2e.build_id(self.program)

    def kept(self) -> Path:
        """A copy of the build that crashed, somewhere else."""
        return Path(shutil.copy2(self.program, e2e.fresh("kept")))


class ProgramRebuilt(e2e.TestCase):
    def test_another_build_is_refused_by_name_with_both_ids_and_the_way_out(self):
        case = Case()
        rebuilt(case.program, e2e.SHOP)
        run = e2e.explain(case.core)
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for needed in (str(case.program), case.id, e2e.build_id(case.program), "--exe", "not the one that crashed"):
            self.assertIn(needed, words)
        self.assertNotIn("estimate", run.out)

    def test_no_name_is_taken_from_the_refused_build(self):
        case = Case()
        rebuilt(case.program, e2e.SHOP)
        answer = e2e.report(case.core)
        self.assertEqual(e2e.module(answer, "shop")["status"], "mismatch")
        self.assertNotIn("estimate", functions := e2e.functions(answer))
        self.assertNotIn("quote", functions)
        self.assertEqual(answer["facts"]["crashing"]["frames"][0]["module"], str(case.program))
        self.assertIn("module_offset", answer["facts"]["crashing"]["frames"][0])

    def test_the_build_that_crashed_is_taken_with_exe(self):
        case = Case()
        kept = case.kept()
        rebuilt(case.program, e2e.SHOP)
        self.assert_shop(e2e.report(case.core, "--exe", kept))

    def test_a_wrong_exe_is_refused_and_named(self):
        case = Case()
        other = e2e.compile_program(e2e.fresh("other"), "other", "int main(void) { return 0; }\n")
        run = e2e.explain(case.core, "--exe", other)
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for needed in (f"--exe {other}", case.id, e2e.build_id(other)):
            self.assertIn(needed, words)

    def test_the_build_that_crashed_is_found_in_a_sysroot(self):
        case = Case()
        root = e2e.fresh("sysroot")
        inside = root / str(case.program).lstrip("/")
        inside.parent.mkdir(parents=True)
        shutil.copy2(case.program, inside)
        rebuilt(case.program, e2e.SHOP)
        self.assert_shop(e2e.report(case.core, "--sysroot", root))

    def test_the_build_that_crashed_is_found_in_a_debug_directory_by_name_and_by_build_id(self):
        case = Case()
        by_name = case.kept().parent
        by_id = e2e.fresh("debug")
        place = by_id / ".build-id" / case.id[:2]
        place.mkdir(parents=True)
        shutil.copy2(case.program, place / case.id[2:])
        rebuilt(case.program, e2e.SHOP)
        self.assert_shop(e2e.report(case.core, "--debug-dir", by_name))
        self.assert_shop(e2e.report(case.core, "--debug-dir", by_id))
        self.assert_shop(e2e.report(case.core, "--debug-dir", e2e.fresh("nothing"), "--debug-dir", by_id))

    def test_a_program_replaced_by_text_or_an_empty_file_is_no_program(self):
        for content in (b"", b"#!/bin/sh\necho no\n", b"\x7fELF"):
            with self.subTest(content):
                case = Case()
                case.program.unlink()
                case.program.write_bytes(content)
                run = e2e.explain(case.core)
                self.assert_explained(run)
                self.assertIn("SIGSEGV", run.out)
                self.assertNotIn("quote", run.out)


class ProgramMissing(e2e.TestCase):
    def test_a_missing_program_is_named_with_its_build_id_and_frames_keep_their_offsets(self):
        case = Case()
        case.program.unlink()
        run = e2e.explain(case.core)
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for needed in (str(case.program), case.id, "not found", "--exe"):
            self.assertIn(needed, words)
        self.assertRegex(run.out, r"#0 .*shop\+0x[0-9a-f]+")

    def test_the_address_is_still_judged_without_the_program(self):
        case = Case()
        case.program.unlink()
        answer = e2e.report(case.core)
        self.assertIn(e2e.top(answer)["class"], ("null-member-access", "null-dereference"))
        self.assertEqual(answer["facts"]["signal"]["address"], "0x38")

    def test_a_program_without_build_id_is_held_against_memory_and_said_to_be_unverified(self):
        case_flags = ("-g", "-O0", "-Wl,--build-id=none")
        program = e2e.compile_program(e2e.fresh("anonymous"), "shop", e2e.SHOP, *case_flags)
        core = e2e.crash(program)
        answer = e2e.report(core)
        self.assert_shop(answer)
        self.assertEqual(e2e.module(answer, "shop")["status"], "unverified")

    def test_another_program_without_build_id_is_not_believed(self):
        flags = ("-g", "-O0", "-Wl,--build-id=none")
        program = e2e.compile_program(e2e.fresh("anonymous"), "shop", e2e.SHOP, *flags)
        core = e2e.crash(program)
        rebuilt(program, e2e.SHOP + "int more[100] = {1, 2};\n", *flags)
        self.assertNotIn("estimate", e2e.functions(e2e.report(core)))


class Library(e2e.TestCase):
    def build(self):
        directory = e2e.fresh("library")
        library = e2e.compile_program(directory, "libscale.so", LIBRARY, "-g", "-O0", "-shared", "-fPIC")
        program = e2e.compile_program(directory, "caller", CALLER, "-g", "-O0", "-Wl,--no-as-needed", "-L.", "-l:libscale.so",
                                      f"-Wl,-rpath,{directory}")
        return library, program, e2e.crash(program)

    def test_a_library_of_another_build_is_refused_by_name_and_taken_from_a_sysroot(self):
        library, program, core = self.build()
        self.assertEqual(e2e.functions(e2e.report(core))[:2], ["scale", "main"])
        wanted = e2e.build_id(library)
        root = e2e.fresh("sysroot")
        inside = root / str(library).lstrip("/")
        inside.parent.mkdir(parents=True)
        shutil.copy2(library, inside)
        other = e2e.compile_program(e2e.fresh("other"), "libscale.so", "int fudge;\n" + LIBRARY.replace("scale", "grow"),
                                    "-g", "-O0", "-shared", "-fPIC")
        shutil.copy2(other, library)
        run = e2e.explain(core, "--no-cache")
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for needed in (str(library), wanted, e2e.build_id(library), "--sysroot"):
            self.assertIn(needed, words)
        self.assertNotIn("grow", run.out)
        self.assertNotIn("scale()", run.out)
        answer = e2e.report(core, "--no-cache", "--sysroot", root)
        self.assertEqual(e2e.functions(answer)[:2], ["scale", "main"], "the program is found where the core says")

    def test_the_index_of_the_right_build_still_names_its_functions_when_the_file_is_replaced(self):
        library, program, core = self.build()
        self.assertEqual(e2e.functions(e2e.report(core))[:2], ["scale", "main"])
        shutil.copy2(program, library)
        answer = e2e.report(core)
        self.assertEqual(e2e.functions(answer)[:2], ["scale", "main"])
        self.assertEqual(e2e.module(answer, "libscale.so")["status"], "mismatch")

    def test_a_library_whose_file_is_gone_costs_its_names_and_not_the_rest(self):
        library, program, core = self.build()
        library.unlink()
        answer = e2e.report(core)
        self.assertIn("main", e2e.functions(answer))
        self.assertIn(str(library), e2e.missing(answer))
        self.assertNotIn("scale", e2e.functions(answer))


if __name__ == "__main__":
    e2e.main()
