"""What the handler writes itself when no supervisor answers."""

import json
import os
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import e2e
from handler_case import FAULTS, HandlerTest, linked, run, victim
from handler_supervisor import SILENT, Supervisor

class Records(HandlerTest):
    """What the handler writes itself."""

    def record(self, *command, preload=True, status=-signal.SIGSEGV) -> Path:
        directory = e2e.fresh("records")
        done = run(*command, env={"INQUEST_RECORD_DIR": str(directory)}, preload=preload)
        self.assertEqual(done.returncode, status, done.stderr)
        names = os.listdir(directory)
        self.assertEqual(len(names), 1, names)
        self.assertRegex(names[0], r"^inquest-\d+-\d+-\d+\.core$")
        self.assertEqual((directory / names[0]).stat().st_mode & 0o777, 0o600)
        return directory / names[0]

    def note(self, core: Path) -> dict:
        """Our JSON."""
        data = core.read_bytes()
        text = data[data.index(b'{"version":1,"captured_at"'):].decode(errors="replace")
        return json.JSONDecoder().raw_decode(text)[0]

    def test_every_signal_is_explained(self):
        for how in ("SEGV", "jump", "BUS", "ILL", "FPE", "TRAP", "SYS", "ABRT", "overflow"):
            for where in ("main", "worker"):
                with self.subTest(how=how, where=where):
                    number = FAULTS[how][0]
                    core = self.record(victim("die"), how, where, status=-number)
                    self.assertLess(core.stat().st_size, 1 << 20)
                    answer = e2e.report(core)
                    self.assertEqual(answer["facts"]["signal"]["number"], number)
                    names = e2e.functions(answer)
                    self.assertIn("overflow_stack" if how == "overflow" else "fault", names)
                    if how != "overflow":
                        self.assertIn("dying", names)

    def test_notes(self):
        core = self.record(victim("die"), "SEGV", "worker")
        note = self.note(core)
        self.assertEqual((note["how"], note["signal"], note["annotations"]), ("handler", 11, []))
        self.assertEqual(note["fidelity"]["level"], "registers only")
        self.assertIn({"what": "other threads", "why": "nobody stopped them"}, note["fidelity"]["missing"])
        self.assertLess(abs(time.time() - datetime.fromisoformat(note["captured_at"]).timestamp()), 60)
        self.assertIn(b"[stack]\n", core.read_bytes())

    def test_annotations(self):
        directory = e2e.fresh("records")
        run(linked("linked"), "annotations", preload=False, env={"INQUEST_RECORD_DIR": str(directory)})
        self.assertEqual(self.note(next(directory.iterdir()))["annotations"],
                         [{"name": "version", "value": "1.2.3"}, {"name": "request", "value": "GET /ä?a=b"},
                          {"name": "empty", "value": ""}])

    def test_gdb_shows_stack_and_modules(self):
        e2e.need("gdb")
        core = self.record(victim("die"), "SEGV", "worker")
        shown = e2e.run_tool("gdb", "-batch", "-nx", "-ex", "bt", "-ex", "info sharedlibrary", victim("die"), core)
        self.assertRegex(shown, r"#0 .* fault \(how=0x[0-9a-f]+ \"SEGV\"\)")
        self.assertRegex(shown, r"#1 .* dying")
        self.assertRegex(shown, r"libc\.so\.6")

    def test_more_mappings_than_there_is_room_for(self):
        """The list is cut where it matters least: modules and stack stay."""
        program = e2e.compile_program(e2e.fresh("mappings"), "many", """
            #include <sys/mman.h>
            int main(void) {
              for (int i = 0; i < 30000; ++i) {
                char* p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (p == MAP_FAILED) break;
                mprotect(p, 4096, PROT_READ);
              }
              *(volatile int*)0x1234 = 1;
            }""")
        core = self.record(program)
        self.assertIn("some mappings without a name", str(self.note(core)["fidelity"]["missing"]))
        answer = e2e.report(core)
        self.assertEqual(e2e.functions(answer)[0], "main")
        self.assertNotIn("stack pointer", str(answer["facts"].get("missing")))
        self.assertEqual(len(e2e.module(answer, "libc.so.6")) > 0, True)

    def test_storm_leaves_one_record(self):
        self.record(victim("die"), "SEGV", "storm")

    def test_what_is_kept_out_of_cores_is_kept_out(self):
        directory = e2e.fresh("secret")
        self.assertEqual(run(linked("linked"), "secret", directory, preload=False).returncode, -signal.SIGSEGV)
        data = next(directory.iterdir()).read_bytes()
        self.assertIn(b"SHOW-THIS-TEXT", data)
        self.assertNotIn(b"KEEP-THIS-SECRET", data)

    def test_into_a_descriptor(self):
        path = e2e.fresh("file") / "record"
        self.assertEqual(run(linked("linked"), "descriptor", path, preload=False).returncode, -signal.SIGSEGV)
        self.assertEqual(e2e.functions(e2e.report(path))[:1], ["main"])

    def test_into_a_pipe(self):
        done = run(linked("linked"), "pipe", "-", preload=False)
        path = e2e.fresh("file") / "record"
        path.write_bytes(done.stdout)
        self.assertEqual(e2e.functions(e2e.report(path))[:1], ["main"])

    def test_into_a_full_pipe_that_does_not_block(self):
        """As the pipes of event loops are."""
        path = e2e.fresh("file") / "record"
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        with subprocess.Popen([linked("linked"), "pipe", "-"], stdout=write_end) as dying:
            os.close(write_end)
            time.sleep(0.3)  # it is full by now
            with open(read_end, "rb") as pipe:
                path.write_bytes(pipe.read())
        self.assertEqual(dying.returncode, -signal.SIGSEGV)
        answer = e2e.report(path)
        self.assertEqual(e2e.functions(answer)[:1], ["main"])
        self.assertNotIn("the core is cut short", str(answer["facts"]["missing"]))

    def test_into_a_pipe_that_nobody_reads(self):
        """It still dies of its signal, not of SIGPIPE, and the record goes where it can."""
        directory = e2e.fresh("records")
        done = run(linked("linked"), "unread", "-", preload=False, env={"INQUEST_RECORD_DIR": str(directory)})
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertEqual(len(os.listdir(directory)), 1)

    def test_a_descriptor_that_is_another_file_by_now_is_left_alone(self):
        directory, other = e2e.fresh("reused"), e2e.fresh("other") / "database"
        done = run(linked("linked"), "reused", directory, other, preload=False)
        self.assertEqual(done.returncode, -signal.SIGSEGV, done.stderr)
        self.assertEqual(other.read_bytes(), b"")
        self.assertEqual(len(list(directory.iterdir())), 1)  # the path was kept as well

    def test_no_room_leaves_nothing_that_looks_like_a_record(self):
        directory = e2e.fresh("full")
        if os.geteuid() != 0 or run("mount", "-t", "tmpfs", "-o", "size=64k", "none", directory,
                                    preload=False).returncode != 0:
            self.skipTest("cannot mount a small file system")
        try:
            done = run(victim("die"), "SEGV", "main", env={"INQUEST_RECORD_DIR": str(directory)})
            self.assertEqual((done.returncode, os.listdir(directory)), (-signal.SIGSEGV, []))
        finally:
            run("umount", directory, preload=False)

    def test_silent_supervisor_does_not_lose_the_record(self):
        directory = e2e.fresh("records")
        with Supervisor(outcome=SILENT) as listening:
            done = run(victim("die"), "SEGV", "main",
                       env=listening.environment | {"INQUEST_RECORD_DIR": str(directory)})
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertEqual(len(os.listdir(directory)), 1)


if __name__ == "__main__":
    e2e.main()
