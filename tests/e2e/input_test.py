"""What is handed over: plain, packed, piped, cut short, or no core at all."""

import os
import random
import struct
import subprocess
import unittest
from pathlib import Path

import e2e

PACKERS = {
    "gzip": ["gzip", "-c"],
    "xz": ["xz", "-c", "-T1", "-1"],
    "zstd": ["zstd", "-q", "-c"],
    "lz4": ["lz4", "-q", "-c"],
}


def packed(kind: str) -> bytes:
    e2e.need(PACKERS[kind][0])
    with open(e2e.shop()[1], "rb") as core:
        return subprocess.run(PACKERS[kind], stdin=core, capture_output=True, check=True).stdout


def as_core(content: bytes) -> Path:
    """A file named `core` with this content, alone in its directory, so that reports on two of them can be equal."""
    path = e2e.fresh("input") / "core"
    path.write_bytes(content)
    return path


def json_of(path: Path) -> str:
    run = e2e.explain(path.name, "--json", cwd=path.parent)
    assert run.status == 0, run.err
    return run.out


class Packed(e2e.TestCase):
    def test_a_packed_core_gets_the_same_report_byte_by_byte_as_the_plain_one(self):
        plain = as_core(e2e.shop()[1].read_bytes())
        wanted = json_of(plain)
        self.assert_shop(e2e.report(plain))
        for kind in PACKERS:
            with self.subTest(kind):
                self.assertEqual(json_of(as_core(packed(kind))), wanted)

    def test_standard_input_gets_the_same_verdict_from_a_pipe_and_from_a_redirected_file(self):
        core = e2e.shop()[1]
        for kind, content in [("plain", core.read_bytes()), *((kind, packed(kind)) for kind in PACKERS)]:
            with self.subTest(kind, by="pipe"):
                self.assert_shop(e2e.report("-", stdin=content))
            with self.subTest(kind, by="redirection"), open(as_core(content), "rb") as file:
                self.assert_shop(e2e.report("-", stdin=file))

    def test_a_packed_core_that_is_cut_off_is_explained_as_far_as_it_goes_and_says_so(self):
        for kind in PACKERS:
            content = packed(kind)
            for part in (0.3, 0.6, 0.95):
                with self.subTest(kind, part=part):
                    core = as_core(content[: int(len(content) * part)])
                    run = e2e.explain(core)
                    if run.status == 0:
                        self.assertRegex(run.out, r"cut (short|off)|truncated|ends early|damaged")
                    else:
                        self.assert_clear_error(run, str(core))

    def test_a_packed_core_with_a_damaged_middle_is_never_a_crash_of_ours(self):
        for kind in PACKERS:
            with self.subTest(kind):
                content = bytearray(packed(kind))
                middle = len(content) // 2
                content[middle : middle + 64] = bytes(64)
                core = as_core(bytes(content))
                run = e2e.explain(core)
                if run.status != 0:
                    self.assert_clear_error(run, str(core))
                self.assertNotIn("bug of inquest", run.err)


class CutShort(e2e.TestCase):
    def test_a_core_cut_at_ten_places_says_how_much_is_lost_and_what_to_do(self):
        content = e2e.shop()[1].read_bytes()
        notes_end = first_load_offset(content)
        cuts = [4, 63, 64, 700, notes_end // 2, notes_end, *(len(content) * part // 10 for part in (3, 5, 8)), len(content) - 1]
        for cut in cuts:
            with self.subTest(cut=cut, of=len(content)):
                core = as_core(content[:cut])
                run = e2e.explain(core)
                if run.status != 0:
                    self.assert_clear_error(run, str(core))
                    self.assertRegex(run.err, rf"\b{cut}\b", "the error does not say how much is there")
                    continue
                self.assertRegex(run.out, r"cut short: .* of it (is|are) there, .* (is|are) lost")
                self.assertIn("ulimit -c unlimited", run.out)
                self.assertIn("SIGSEGV", run.out)

    def test_what_a_cut_core_no_longer_has_is_not_shown_as_zero(self):
        content = e2e.shop()[1].read_bytes()
        core = as_core(content[: len(content) // 2])  # the stack is written last
        answer = e2e.report(core, "--full")
        variables = answer["facts"]["crashing"]["frames"][0].get("variables", [])
        self.assertTrue(variables)
        for variable in variables:
            self.assertNotIn("text", variable)
            self.assertIn("not in the core", variable["why_not"])

    def test_a_core_limited_by_ulimit_is_explained_as_far_as_it_goes(self):
        limit = 128 * 1024
        core = e2e.crash(e2e.shop()[0], core_limit=limit)
        if core.stat().st_size > limit:
            self.skipTest("this kernel does not heed RLIMIT_CORE")
        run = e2e.explain(core)
        self.assert_explained(run)
        self.assertIn("cut short", run.out)


class Meant(e2e.TestCase):
    def test_a_file_without_a_command_gets_the_command_that_was_meant(self):
        core = as_core(b"anything")
        run = e2e.inquest(core)
        self.assertEqual(run.status, 2)
        self.assertIn(f"did you mean: inquest explain {core}", run.err)

    def test_a_word_that_is_no_command_is_named(self):
        run = e2e.inquest("explode")
        self.assertEqual(run.status, 2)
        self.assertIn("no command 'explode'", run.err)

    def test_a_running_process_gets_the_command_that_takes_its_core(self):
        for path in (str(os.getpid()), f"/proc/{os.getpid()}"):
            with self.subTest(path):
                run = e2e.explain(path)
                self.assertEqual(run.status, 1)
                self.assertIn(f"gcore -o core {os.getpid()}", run.err)


class NotACore(e2e.TestCase):
    def refused(self, path, *words: str, **options) -> str:
        run = e2e.explain(path, **options)
        self.assert_clear_error(run, str(path))
        for word in words:
            self.assertIn(word, run.err)
        self.assertLess(run.seconds, 2)
        return run.err

    def test_an_empty_file_names_a_full_disk_and_the_core_limit(self):
        self.refused(as_core(b""), "empty", "disk", "ulimit -c")

    def test_a_directory_is_said_to_be_one(self):
        self.refused(e2e.fresh("directory"), "directory")

    def test_a_file_that_is_not_there_is_said_to_be_missing(self):
        self.refused(e2e.work() / "no-such-core", "cannot open")

    def test_a_file_without_permission_names_the_permission(self):
        core = as_core(b"secret")
        core.chmod(0)
        options = {}
        if os.geteuid() == 0:
            core.parent.chmod(0o755)
            e2e.work().chmod(0o755)
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            if any(not parent.stat().st_mode & 0o001 for parent in [*core.parents, *Path(e2e.INQUEST).resolve().parents]):
                self.skipTest("the other user cannot reach the files of this test")
        self.refused(core, "ermission", **options)

    def test_text_is_quoted_and_said_to_be_text(self):
        self.refused(as_core(b"Nov 21 06:00:00 host kernel: oom\n" * 20), "text", "Nov 21 06:00:00")

    def test_text_that_is_quoted_cannot_talk_to_the_terminal(self):
        error = self.refused(as_core(b"\x1b[2J\x1b]0;owned\x07 hello\n"))
        self.assertNotIn("\x1b", error)

    def test_an_executable_is_told_apart_from_its_core(self):
        self.refused(e2e.shop()[0], "executable", "--exe")

    def test_random_bytes_are_not_a_core(self):
        self.refused(as_core(random.Random(2).randbytes(4096)), "not an ELF core")

    def test_bytes_without_one_readable_letter_are_not_called_text(self):
        self.refused(as_core(bytes(0x80 | byte for byte in random.Random(3).randbytes(4096))), "not an ELF core")

    def test_cores_of_other_machines_name_the_machine(self):
        def header(wide: int, order: int, machine: int) -> bytes:
            return struct.pack(("<" if order == 1 else ">") + "4sBBB9xHHI", b"\x7fELF", wide, order, 1, 4, machine, 1) + bytes(400)

        for name, content in {
            "i386": header(1, 1, 3),
            "ARM": header(1, 1, 40),
            "x32": header(1, 1, 62),
            "RISC-V": header(2, 1, 243),
            "s390x": header(2, 2, 22),
            "big-endian": header(2, 2, 183),
        }.items():
            with self.subTest(name):
                self.refused(as_core(content), name, "x86_64", "aarch64")

    def test_a_minidump_is_named(self):
        self.refused(as_core(b"MDMP\x93\xa7" + bytes(500)), "minidump")

    def test_a_pipe_that_ends_at_once_is_an_empty_input(self):
        run = e2e.explain("-", stdin=b"")
        self.assertEqual(run.status, 1)
        self.assertIn("empty", run.err)

    def test_an_endless_device_is_refused_at_once(self):
        self.refused("/dev/zero", "not a regular file")

    def test_a_named_pipe_is_read_as_standard_input_is(self):
        fifo = e2e.fresh("fifo") / "core"
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', e2e.shop()[1], fifo]) as writer:
            self.assert_shop(e2e.report(fifo, timeout=20))
            self.assertEqual(writer.wait(timeout=20), 0)


def first_load_offset(core: bytes) -> int:
    offset, count = struct.unpack_from("<Q", core, 32)[0], struct.unpack_from("<H", core, 56)[0]
    headers = [struct.unpack_from("<IIQ", core, offset + index * 56) for index in range(count)]
    return min(start for kind, _, start in headers if kind == 1)


if __name__ == "__main__":
    e2e.main()
