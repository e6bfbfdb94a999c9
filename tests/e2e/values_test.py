"""What arguments and locals are worth: the same as gdb says, however the compiler kept them, and never a wrong value."""

from pathlib import Path

import compare_values
import e2e

SOURCES = Path(__file__).resolve().parent / "values"


def crash(directory: Path, source: str, compiler: str, *flags: str) -> tuple[Path, Path]:
    program = directory / "program"
    e2e.run_tool(compiler, "-w", "-g", *flags, SOURCES / source, "-o", program)
    return e2e.crash(program), program


def variables(core: Path) -> dict[str, str]:
    """The texts (or the reasons) of the crashing thread's variables; of the innermost frame where names repeat."""
    found: dict[str, str] = {}
    for frame in e2e.report(core, "--full")["facts"]["crashing"]["frames"]:
        for variable in frame.get("variables", []):
            found.setdefault(variable["name"], variable.get("text") or variable.get("why_not"))
    return found


class AgreeWithGdb(e2e.TestCase):
    def check(self, source: str, compiler: str, *flags: str) -> None:
        e2e.need(compiler, "gdb")
        core, program = crash(e2e.fresh("values"), source, compiler, *flags)
        rows = compare_values.compare_core(e2e.INQUEST, str(core), str(program))
        # An array of characters is shown up to its first NUL, by gdb as a whole.
        wrong = [row for row in rows if row[2] == "differ" and row[1][1] != "num"]
        self.assertEqual(wrong, [])
        self.assertGreater(sum(row[2] == "same" for row in rows), 10)

    def test_plain_types(self):
        for compiler in (e2e.CC, e2e.CLANG):
            for level in ("-O0", "-O1", "-O2", "-O3"):
                for version in ("-gdwarf-4", "-gdwarf-5"):
                    with self.subTest(compiler, level=level, version=version):
                        self.check("shapes.c", compiler, level, version)

    def test_containers_of_libstdcxx(self):
        for level in ("-O0", "-O2"):
            with self.subTest(level):
                self.check("containers.cc", e2e.CXX, "-std=c++20", level)


class ThreadLocal(e2e.TestCase):
    """Thread-local variables of a library, for each way that its code reaches them."""

    def check(self, *, compiler=e2e.CC, library=(), program=()) -> None:
        e2e.need(compiler)
        directory = e2e.fresh("local")
        e2e.run_tool(compiler, "-g", "-O0", "-fPIC", "-shared", *library, SOURCES / "local_library.c", "-o",
                     directory / "libtls.so")
        e2e.run_tool(compiler, "-g", "-O0", *program, SOURCES / "local_program.c", "-o", directory / "program",
                     *(() if "-DDL" in program else (f"-L{directory}", "-ltls", f"-Wl,-rpath,{directory}")), "-pthread")
        found = variables(e2e.crash(directory / "program", env={"LD_LIBRARY_PATH": str(directory)}))
        self.assertEqual(found["calls"], "13")
        self.assertEqual(found["name"], '"Inner"')
        self.assertEqual(found["own"], "6")

    def test_general_dynamic(self):
        self.check()

    def test_of_a_library_that_was_opened_later(self):
        self.check(program=("-DDL",))

    def test_initial_exec(self):
        self.check(library=("-ftls-model=initial-exec",))

    def test_descriptors(self):
        self.check(library=("-mtls-dialect=gnu2",))
        self.check(library=("-mtls-dialect=gnu2",), program=("-DDL",))

    def test_musl(self):
        self.check(compiler="musl-gcc")


if __name__ == "__main__":
    e2e.main()
