"""Where names and lines come from: every way that compilers and distributions ship debug information."""

import functools
import shutil
import subprocess
import unittest
from pathlib import Path

import e2e

PLAIN = ("-g", "-O0")


class Forms(e2e.TestCase):
    """The same crash, its debug information written in each form, gets the same whole answer."""

    def check(self, *flags, compiler=e2e.CC, after=None):
        program = e2e.compile_program(e2e.fresh("form"), "shop", e2e.SHOP, *flags, compiler=compiler)
        if after is not None:
            after(program)
        self.assert_shop(e2e.report(e2e.crash(program)))
        return program

    def test_dwarf_4_and_5_of_gcc_and_clang(self):
        for compiler in (e2e.CC, e2e.CLANG):
            for version in (4, 5):
                with self.subTest(compiler, dwarf=version):
                    e2e.need(compiler)
                    self.check("-O0", "-g", f"-gdwarf-{version}", compiler=compiler)

    def test_dwarf_64(self):
        self.check("-O0", "-g", "-gdwarf64")

    def test_type_units(self):
        for version in (4, 5):
            with self.subTest(dwarf=version):
                self.check("-O0", "-g", f"-gdwarf-{version}", "-fdebug-types-section")

    def test_sections_compressed_by_the_compiler(self):
        for kind in ("zlib", "zlib-gnu"):
            with self.subTest(kind):
                program = self.check("-O0", "-g", f"-gz={kind}")
                shown = e2e.run_tool("readelf", "-SW", program)
                self.assertRegex(shown, r"\.zdebug|[ A-Z]C[A-Z]* ", "the sections are not compressed at all")

    def test_sections_compressed_with_zstd(self):
        def compress(program: Path) -> None:
            e2e.run_tool("objcopy", "--compress-debug-sections=zstd", program)
            header = e2e.run_tool("readelf", "-tW", program)
            if "ZSTD" not in header:
                self.skipTest("this objcopy cannot compress with zstd")

        self.check(*PLAIN, after=compress)

    def test_split_dwarf_in_dwo_files(self):
        for compiler in (e2e.CC, e2e.CLANG):
            for version in (4, 5):
                with self.subTest(compiler, dwarf=version):
                    e2e.need(compiler)
                    program = self.check("-O0", "-g", "-gsplit-dwarf", f"-gdwarf-{version}", compiler=compiler)
                    self.assertTrue(list(program.parent.glob("*.dwo")))

    def test_split_dwarf_packed_in_a_dwp_beside_the_program(self):
        # binutils' dwp dies on DWARF 5, and llvm's may never end on what gcc wrote: each with what it can read.
        for tool, compiler, version in (("dwp", e2e.CC, 4), ("llvm-dwp-19", e2e.CLANG, 4), ("llvm-dwp-19", e2e.CLANG, 5)):
            with self.subTest(tool, dwarf=version):
                e2e.need(tool, compiler)

                def pack(program: Path) -> None:
                    e2e.run_tool(tool, "-e", program.name, "-o", f"{program.name}.dwp", cwd=program.parent)
                    parts = list(program.parent.glob("*.dwo"))
                    self.assertTrue(parts)
                    for part in parts:
                        part.unlink()

                self.check("-O0", "-g", "-gsplit-dwarf", f"-gdwarf-{version}", compiler=compiler, after=pack)

    def test_split_dwarf_whose_dwo_is_gone_keeps_function_and_line(self):
        program = e2e.compile_program(e2e.fresh("form"), "shop", e2e.SHOP, "-O0", "-g", "-gsplit-dwarf")
        for part in program.parent.glob("*.dwo"):
            part.unlink()
        answer = e2e.report(e2e.crash(program))
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])
        self.assertEqual(answer["verdict"]["place"]["line"], e2e.SHOP_LINE)

    def test_a_dwo_of_another_build_is_not_believed(self):
        directory = e2e.fresh("form")
        program = e2e.compile_program(directory, "shop", e2e.SHOP, "-O0", "-g", "-gsplit-dwarf", "-gdwarf-5")
        mine, = directory.glob("*.dwo")
        other = e2e.compile_program(e2e.fresh("other"), "shop", e2e.SHOP.replace("quote", "estimate"), "-O0", "-g", "-gsplit-dwarf", "-gdwarf-5")
        theirs, = other.parent.glob("*.dwo")
        shutil.copy2(theirs, mine)
        self.assertNotIn("estimate", e2e.functions(e2e.report(e2e.crash(program))))

    def test_no_pie_static_and_other_linkers(self):
        for flags in (("-no-pie",), ("-static",), ("-static-pie",)):
            with self.subTest(flags):
                self.check(*PLAIN, *flags)

    def test_link_time_optimisation_keeps_function_and_line(self):
        program = e2e.compile_program(e2e.fresh("form"), "shop", e2e.SHOP, "-O2", "-g", "-flto")
        answer = e2e.report(e2e.crash(program))
        self.assertEqual(e2e.functions(answer)[0], "quote")
        self.assertEqual(answer["verdict"]["place"]["line"], e2e.SHOP_LINE)

    def test_line_tables_only_name_function_and_line(self):
        e2e.need(e2e.CLANG)
        program = e2e.compile_program(e2e.fresh("form"), "shop", e2e.SHOP, "-O0", "-gline-tables-only", compiler=e2e.CLANG)
        answer = e2e.report(e2e.crash(program))
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])
        self.assertEqual(answer["verdict"]["place"]["line"], e2e.SHOP_LINE)

    def test_frames_described_only_in_debug_frame_are_walked(self):
        program = e2e.compile_program(e2e.fresh("form"), "shop", e2e.SHOP, "-O1", "-g", "-fomit-frame-pointer",
                                      "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-optimize-sibling-calls")
        self.assertEqual(e2e.functions(e2e.report(e2e.crash(program)))[:3], ["quote", "serve", "main"])


class Separate(e2e.TestCase):
    """A stripped program, its debug information somewhere else."""

    def split(self, link: bool = True) -> tuple[Path, Path]:
        """A stripped program, and its debug file in a directory that nobody searches."""
        program = e2e.compile_program(e2e.fresh("split"), "shop", e2e.SHOP, *PLAIN)
        debug = e2e.fresh("elsewhere") / "shop.debug"
        e2e.run_tool("objcopy", "--only-keep-debug", program, debug)
        e2e.run_tool("strip", program)
        if link:
            e2e.run_tool("objcopy", f"--add-gnu-debuglink={debug}", program)
        return program, debug

    def test_stripped_and_nothing_else_gives_module_and_offset(self):
        program, _ = self.split()
        answer = e2e.report(e2e.crash(program))
        frame = answer["facts"]["crashing"]["frames"][0]
        self.assertEqual(frame["module"], str(program))
        self.assertRegex(frame["module_offset"], r"^0x[0-9a-f]+$")
        self.assertNotIn("quote", e2e.functions(answer))
        self.assertEqual(answer["facts"]["crashing"]["end"], "complete")

    def test_by_build_id_below_a_debug_directory(self):
        program, debug = self.split(link=False)
        root = e2e.fresh("debug")
        place = root / ".build-id" / e2e.build_id(program)[:2]
        place.mkdir(parents=True)
        shutil.move(debug, place / (e2e.build_id(program)[2:] + ".debug"))
        self.assert_shop(e2e.report(e2e.crash(program), "--debug-dir", root))

    def test_by_debug_link_beside_the_program(self):
        program, debug = self.split()
        shutil.move(debug, program.parent / "shop.debug")
        self.assert_shop(e2e.report(e2e.crash(program)))

    def test_by_debug_link_in_a_hidden_directory_beside_the_program(self):
        program, debug = self.split()
        (program.parent / ".debug").mkdir()
        shutil.move(debug, program.parent / ".debug" / "shop.debug")
        self.assert_shop(e2e.report(e2e.crash(program)))

    def test_by_debug_link_in_a_debug_directory(self):
        program, debug = self.split()
        self.assert_shop(e2e.report(e2e.crash(program), "--debug-dir", debug.parent))

    def test_below_the_sysroots_debug_directory(self):
        program, debug = self.split()
        root = e2e.fresh("sysroot")
        place = root / "usr/lib/debug" / str(program.parent).lstrip("/")
        place.mkdir(parents=True)
        shutil.move(debug, place / "shop.debug")
        self.assert_shop(e2e.report(e2e.crash(program), "--sysroot", root))

    def test_a_debug_file_of_another_build_is_refused_by_name(self):
        program, debug = self.split()
        other, other_debug = self.split()
        other_id = e2e.build_id(other)
        if other_id == e2e.build_id(program):  # the same source in another directory: DW_AT_comp_dir differs
            self.skipTest("the compiler made the same build-id twice")
        shutil.move(other_debug, program.parent / "shop.debug")
        run = e2e.explain(e2e.crash(program))
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for needed in (str(program.parent / "shop.debug"), other_id, e2e.build_id(program), "--debug-dir"):
            self.assertIn(needed, words)
        self.assertNotIn("quote()", run.out)

    def test_without_a_build_id_the_checksum_of_the_debug_link_decides(self):
        directory = e2e.fresh("split")
        program = e2e.compile_program(directory, "shop", e2e.SHOP, *PLAIN, "-Wl,--build-id=none")
        e2e.run_tool("objcopy", "--only-keep-debug", program, f"{program}.debug")
        e2e.run_tool("strip", program)
        e2e.run_tool("objcopy", f"--add-gnu-debuglink={program}.debug", program)
        core = e2e.crash(program)
        self.assert_shop(e2e.report(core, "--no-cache"))
        with open(f"{program}.debug", "ab") as debug:
            debug.write(b"another")
        self.assertNotIn("quote", e2e.functions(e2e.report(core, "--no-cache")))

    def test_a_compressed_separate_debug_file(self):
        program, debug = self.split()
        e2e.run_tool("objcopy", "--compress-debug-sections=zlib", debug)
        root = e2e.fresh("debug")
        place = root / ".build-id" / e2e.build_id(program)[:2]
        place.mkdir(parents=True)
        shutil.move(debug, place / (e2e.build_id(program)[2:] + ".debug"))
        self.assert_shop(e2e.report(e2e.crash(program), "--debug-dir", root))

    def test_frames_described_only_in_the_separate_files_debug_frame_are_walked(self):
        program = e2e.compile_program(e2e.fresh("split"), "shop", e2e.SHOP, "-O1", "-g", "-fomit-frame-pointer",
                                      "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-optimize-sibling-calls")
        e2e.run_tool("objcopy", "--only-keep-debug", program, f"{program}.debug")
        e2e.run_tool("strip", program)
        e2e.run_tool("objcopy", f"--add-gnu-debuglink={program}.debug", program)
        self.assertEqual(e2e.functions(e2e.report(e2e.crash(program)))[:3], ["quote", "serve", "main"])


class MiniDebug(e2e.TestCase):
    def test_a_stripped_program_with_gnu_debugdata_names_its_functions(self):
        """Made as distributions make it: function symbols that are not dynamic, xz, one section."""
        e2e.need("xz")
        source = e2e.SHOP.replace("__attribute__((noinline)) int", "__attribute__((noinline)) static int")
        program = e2e.compile_program(e2e.fresh("mini"), "shop", source, *PLAIN)
        names = [line.split()[2] for line in e2e.run_tool("nm", "--format=bsd", "--defined-only", program).splitlines()
                 if line.split()[1] in "Tt"]
        self.assertIn("quote", names)
        keep = program.parent / "keep"
        keep.write_text("\n".join(names) + "\n")
        mini = program.parent / "mini"
        e2e.run_tool("objcopy", "--only-keep-debug", program, f"{mini}.full")
        e2e.run_tool("objcopy", "-S", "--remove-section=.comment", "--remove-section=.gdb_index",
                     f"--keep-symbols={keep}", f"{mini}.full", mini)
        e2e.run_tool("strip", "--strip-all", program)
        e2e.run_tool("xz", mini)
        e2e.run_tool("objcopy", f"--add-section=.gnu_debugdata={mini}.xz", program)
        for path in program.parent.glob("mini*"):
            path.unlink()
        self.assertNotIn("quote", subprocess.run(["nm", program], capture_output=True, text=True).stdout)
        self.assertEqual(e2e.functions(e2e.report(e2e.crash(program)))[:3], ["quote", "serve", "main"])

    def test_gnu_debugdata_that_is_no_xz_costs_the_names_only(self):
        program = e2e.compile_program(e2e.fresh("mini"), "shop", e2e.SHOP, *PLAIN)
        e2e.run_tool("strip", program)
        junk = program.parent / "junk"
        junk.write_bytes(b"\xfd7zXZ\0" + bytes(range(200)))
        e2e.run_tool("objcopy", f"--add-section=.gnu_debugdata={junk}", program)
        answer = e2e.report(e2e.crash(program))
        self.assertEqual(answer["facts"]["crashing"]["frames"][0]["module"], str(program))


class Dwz(e2e.TestCase):
    @functools.cache
    def pair():
        """Two programs whose common debug information dwz moved into one file."""
        e2e.need("dwz")
        directory = e2e.fresh("dwz")
        big = "".join(f"struct shared_{i} {{ int a_{i}; long b_{i}[{i + 1}]; struct shared_{i} *next; }} s_{i};\n" for i in range(60))
        for name in ("shop", "twin"):
            e2e.compile_program(directory, name, big + e2e.SHOP, "-O0", "-g", "-gdwarf-4")
        done = subprocess.run(["dwz", "-m", "common.debug", "shop", "twin"], capture_output=True, text=True, cwd=directory)
        if done.returncode != 0 or not (directory / "common.debug").exists():
            raise unittest.SkipTest(f"dwz made no common file: {done.stderr}")
        return directory, e2e.crash(directory / "shop"), big.count("\n")

    def test_a_program_whose_types_dwz_moved_to_a_common_file(self):
        directory, core, lines = Dwz.pair()
        answer = e2e.report(core, "--no-cache")
        self.assertEqual(e2e.top(answer)["expression"], "order->pricing")
        self.assertEqual(answer["verdict"]["place"]["line"], e2e.SHOP_LINE + lines)
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])

    def test_a_common_file_that_is_gone_is_named(self):
        directory, core, _ = Dwz.pair()
        away = (directory / "common.debug").rename(directory / "away")
        try:
            answer = e2e.report(core, "--no-cache")
        finally:
            away.rename(directory / "common.debug")
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])
        self.assertIn("common.debug", e2e.missing(answer))


if __name__ == "__main__":
    e2e.main()
