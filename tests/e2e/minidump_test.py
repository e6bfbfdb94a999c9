"""Minidumps: the same crash as a core and as Breakpad and Crashpad write it."""

import struct
import subprocess
import sys
from pathlib import Path

import e2e

TOOL = Path(__file__).parents[2] / "tools" / "minidump_of_core.py"


def minidump_of(core: Path, writer: str) -> Path:
    path = e2e.fresh("minidump") / "crash.dmp"
    e2e.run_tool(sys.executable, str(TOOL), "--as", writer, str(core), str(path))
    return path


def signature(answer: dict) -> str:
    return answer["signature"]["id"]


class SameCrash(e2e.TestCase):
    def test_the_verdict_and_the_signature_are_those_of_the_core(self):
        core = e2e.shop()[1]
        wanted = signature(e2e.report(core))
        for writer in ("breakpad", "crashpad"):
            with self.subTest(writer):
                answer = e2e.report(minidump_of(core, writer))
                self.assert_shop(answer)
                self.assertEqual(signature(answer), wanted)
                self.assertEqual(answer["facts"]["process"]["producer"], writer)

    def test_packed_and_piped_minidumps_are_unpacked(self):
        content = minidump_of(e2e.shop()[1], "breakpad").read_bytes()
        e2e.need("zstd")
        packed = subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout
        self.assert_shop(e2e.report("-", stdin=content))
        self.assert_shop(e2e.report("-", stdin=packed))


class Symbols(e2e.TestCase):
    """A symbol file of the program, without its binary."""

    def setUp(self):
        self.program, core = e2e.shop()
        self.dump = minidump_of(core, "breakpad")
        self.moved = self.program.with_suffix(".moved")
        self.program.rename(self.moved)
        self.addCleanup(self.moved.rename, self.program)
        self.build_id = e2e.build_id(self.moved)
        identity = bytes.fromhex(self.build_id)[:16]
        first, second, third = struct.unpack("<IHH", identity[:8])
        self.id = f"{first:08X}{second:04X}{third:04X}{identity[8:].hex().upper()}0"

    def write(self, path: Path, module_id: str) -> None:
        """FUNC records out of the symbol table. Addresses count from the first segment."""
        lines = [f"MODULE Linux x86_64 {module_id} shop", "FILE 0 /src/shop.c"]
        for line in e2e.run_tool("nm", "-S", "--defined-only", str(self.moved)).splitlines():
            words = line.split()
            if len(words) == 4 and words[2] in "tT":
                lines.append(f"FUNC {int(words[0], 16):x} {int(words[1], 16):x} 0 {words[3]}")
                lines.append(f"{int(words[0], 16):x} {int(words[1], 16):x} 7 0")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def test_a_store_names_the_functions_by_id(self):
        store = e2e.fresh("store")
        self.write(store / "shop" / self.id / "shop.sym", self.id)
        answer = e2e.report(self.dump, "--no-cache", "--debug-dir", store)
        self.assertEqual(e2e.functions(answer)[0], "quote")
        self.assertEqual(answer["verdict"]["place"]["function"], "quote")
        self.assertEqual(answer["verdict"]["place"]["line"], 7)

    def test_symbols_of_another_build_are_refused_by_name_with_both_ids(self):
        store = e2e.fresh("store")
        other = "0" * 32 + "0"
        self.write(store / "shop.sym", other)
        answer = e2e.report(self.dump, "--no-cache", "--debug-dir", store)
        self.assertNotIn("quote", e2e.functions(answer))
        said = e2e.missing(answer)
        self.assertIn("shop.sym", said)
        self.assertIn(other, said)
        self.assertIn(self.id, said)

    def test_a_store_that_has_other_builds_only_is_named_with_their_ids(self):
        store = e2e.fresh("store")
        other = "ABCDEF" + "0" * 27
        self.write(store / "shop" / other / "shop.sym", other)
        said = e2e.missing(e2e.report(self.dump, "--no-cache", "--debug-dir", store))
        self.assertIn(other, said)
        self.assertIn(self.id, said)


class Bad(e2e.TestCase):
    def test_every_cut_gets_an_answer_or_a_clear_error(self):
        content = minidump_of(e2e.shop()[1], "breakpad").read_bytes()
        for part in range(0, 100, 7):
            with self.subTest(part):
                path = e2e.fresh("cut") / "crash.dmp"
                path.write_bytes(content[: len(content) * part // 100])
                run = e2e.explain(path)
                if run.status != 0:
                    self.assert_clear_error(run, str(path))
                else:
                    self.assertIn("cut short", run.out)

    def test_minidumps_of_other_systems_are_refused_with_what_to_do(self):
        def dump(processor: int, system: int) -> bytes:
            info = struct.pack("<HHHBBIIIIIHH", processor, 0, 0, 0, 0, 10, 0, 0, system, 0, 0, 0) + bytes(24)
            directory = struct.pack("<III", 7, len(info), 32)
            return struct.pack("<IIIIIIQ", 0x504D444D, 0xA793, 1, 32 + len(info), 0, 0, 0) + info + directory

        for name, content in {"Windows": dump(9, 2), "macOS": dump(12, 0x8101), "x86 (32-bit)": dump(0, 0x8201), "ARM (32-bit)": dump(5, 0x8203)}.items():
            with self.subTest(name):
                path = e2e.fresh("foreign") / "crash.dmp"
                path.write_bytes(content)
                run = e2e.explain(path)
                self.assert_clear_error(run, str(path))
                self.assertIn(name, run.err)
                self.assertRegex(run.err, "WinDbg|minidump-stackwalk")


if __name__ == "__main__":
    e2e.main()
