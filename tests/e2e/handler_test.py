"""libinquest in real programs that really die: what the supervisor hears, and what they die of."""

import functools
import os
import re
import resource
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

import e2e
from handler_supervisor import (CAPTURED, CLOSE_DESCRIPTORS, COUNTED, ENDS_BY_EXIT, IN_PROGRAM_HANDLER, NO_KERNEL_CORE,
                                ON_ALTERNATE_STACK, PASSED_ON, SILENT, STATE_DAMAGED, WRITE_YOURSELF, Supervisor)
import handler_supervisor as wire

SOURCES = Path(__file__).resolve().parent / "handler"
LIBRARIES = Path(e2e.INQUEST).resolve().parent.parent / "lib"
PRELOAD = LIBRARIES / "libinquest-preload.so"
INCLUDE = e2e.ROOT / "include"
SANITIZED = "asan" in str(LIBRARIES) or "tsan" in str(LIBRARIES)


@functools.cache
def victim(name: str, *flags: str) -> Path:
    program = e2e.fresh("victims") / name
    e2e.run_tool(e2e.CC, "-std=gnu11", "-g", "-O0", "-w", "-pthread", "-o", program, SOURCES / f"{name}.c", *flags)
    return program


def linked(name: str) -> Path:
    return victim(name, "-DLINKED", f"-I{INCLUDE}", str(LIBRARIES / "libinquest.a"))


def run(*command, env=None, preload=True, timeout=60, **options) -> subprocess.CompletedProcess:
    variables = {"PATH": os.environ["PATH"], "HOME": str(e2e.work())} | (env or {})
    if preload:
        variables["LD_PRELOAD"] = str(PRELOAD)
    options.setdefault("cwd", e2e.work())
    return subprocess.run([str(part) for part in command], env=variables, capture_output=True, timeout=timeout,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)), **options)


class HandlerTest(unittest.TestCase):
    def dies(self, *command, of, code=None, preload=True, flags=None, wait=False, **supervisor):
        """Runs it under a supervisor: it dies of the signal, and is reported once. The report."""
        with Supervisor(**supervisor) as listening:
            done = run(*command, env=listening.environment, preload=preload)
        self.assertEqual(listening.errors, [])
        self.assertEqual(done.returncode, -of, done.stderr)
        self.assertEqual(len(listening.crashes), 1, listening.crashes)
        crash = listening.crashes[0]
        self.assertEqual(crash.signal, of)
        if code is not None:
            self.assertEqual(crash.code, code)
        if flags is not None:
            self.assertEqual(crash.flags, flags)
        return crash

    def not_reported(self, *command, status=0, preload=True, **options):
        with Supervisor() as listening:
            done = run(*command, env=listening.environment, preload=preload, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(listening.crashes, [])
        return done


# What each fault is to its signal handler: number, si_code, si_addr where it is known.
FAULTS = {
    "SEGV": (signal.SIGSEGV, 1, 0x1234),
    "noncanonical": (signal.SIGSEGV, 128, 0),
    "jump": (signal.SIGSEGV, 1, 0x77777000),
    "BUS": (signal.SIGBUS, 2, None),
    "ILL": (signal.SIGILL, 2, None),
    "FPE": (signal.SIGFPE, 1, None),
    "TRAP": (signal.SIGTRAP, 128, None),
    "SYS": (signal.SIGSYS, 1, None),
    "ABRT": (signal.SIGABRT, -6, None),
    "XFSZ": (signal.SIGXFSZ, 0, None),
    "raise": (signal.SIGSEGV, -6, None),
    "kill": (signal.SIGILL, 0, None),
    "overflow": (signal.SIGSEGV, None, None),
}


class EachSignalInEachThread(HandlerTest):
    def matrix(self, where, flags=ON_ALTERNATE_STACK, skip=()):
        for how, (number, code, address) in FAULTS.items():
            if how in skip:
                continue
            with self.subTest(how=how, where=where):
                crash = self.dies(victim("die"), how, where, of=number, code=code, flags=flags)
                if address is not None:
                    self.assertEqual(crash.address, address)
                self.assertEqual(crash.tid == crash.pid, where == "main" or crash.tid == crash.pid and how == "kill")

    def test_main_thread(self):
        self.matrix("main")

    def test_worker_thread(self):
        self.matrix("worker", skip=("XFSZ", "kill"))  # sent to the process: any thread takes them

    def test_c11_thread(self):
        self.matrix("c11", skip=("XFSZ", "kill"))

    def test_one_of_many_threads(self):
        self.matrix("many", skip=("XFSZ", "kill"))

    def test_many_threads_at_once_are_one_crash(self):
        for _ in range(5):
            self.matrix("storm", skip=("XFSZ", "kill"))

    def test_threads_that_nobody_gave_a_stack(self):
        self.matrix("clone", flags=0, skip=("overflow", "XFSZ", "kill"))

    def test_overflow_without_an_alternate_stack_dies_unreported(self):
        self.not_reported(victim("die"), "overflow", "clone", status=-signal.SIGSEGV)

    def test_processor_time_used_up(self):
        self.dies(victim("die"), "XCPU", "main", of=signal.SIGXCPU)

    def test_child_by_fork(self):
        for how in ("SEGV", "ABRT", "overflow"):
            with self.subTest(how=how), Supervisor() as listening:
                done = run(victim("die"), how, "fork", env=listening.environment)
                number = FAULTS[how][0]
                self.assertEqual(done.returncode, -number)
                self.assertEqual([crash.signal for crash in listening.crashes], [number] * 2)  # the parent follows it
                self.assertNotEqual(listening.crashes[0].pid, listening.crashes[1].pid)

    def test_child_by_vfork(self):
        for how in ("SEGV", "ABRT"):
            with self.subTest(how=how), Supervisor() as listening:
                done = run(victim("die"), how, "vfork", env=listening.environment)
                self.assertEqual(done.returncode, 7)
                self.assertEqual([crash.signal for crash in listening.crashes], [FAULTS[how][0]])


class ProgramsWithHandlers(HandlerTest):
    """Preloaded, the program sets its handlers after us; linked, before."""

    def both(self, mode, **expected):
        with self.subTest(mode=mode, how="preloaded"):
            self.dies(victim("handlers"), mode, **expected)
        with self.subTest(mode=mode, how="linked"):
            self.dies(linked("handlers"), mode, preload=False, **expected)

    def test_what_the_program_survives_is_not_reported(self):
        for mode in ("mends", "jumps", "jumps-abort", "ignores", "holds", "returns", "asks"):
            with self.subTest(mode=mode):
                self.not_reported(victim("handlers"), mode)
                self.not_reported(linked("handlers"), mode, preload=False)

    def test_an_exit_long_after_a_longjmp_is_no_crash(self):
        self.not_reported(victim("handlers"), "jumps-exits", status=3)

    def test_default_action_however_it_was_set(self):
        for mode in ("nothing", "default"):
            self.both(mode, of=signal.SIGSEGV, code=1)

    def test_handler_restores_the_default_and_returns(self):
        for mode in ("restores", "restores-onstack", "resethand"):
            self.both(mode, of=signal.SIGSEGV, code=1)

    def test_handler_raises_its_signal_again(self):
        for mode in ("raises", "plain"):
            self.both(mode, of=signal.SIGSEGV, code=1)
        self.dies(victim("handlers"), "raises-nodefer", of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK | PASSED_ON)

    def test_handler_calls_the_one_before(self):
        self.both("chains", of=signal.SIGSEGV, code=1)

    def test_handler_aborts(self):
        self.both("aborts", of=signal.SIGABRT)

    def test_ignoring_a_fault_does_not_stop_it(self):
        self.both("ignores-fault", of=signal.SIGSEGV, code=1)

    def test_returning_into_abort(self):
        self.both("abort-returns", of=signal.SIGABRT, code=-6)

    def test_fault_inside_the_handler(self):
        crash = self.dies(victim("handlers"), "faults", of=signal.SIGSEGV, code=1)
        self.assertEqual((crash.address, crash.flags), (0x5678, ON_ALTERNATE_STACK | IN_PROGRAM_HANDLER))

    def test_handler_that_catches_its_own_faults_goes_on(self):
        crash = self.dies(victim("handlers"), "reports", of=signal.SIGSEGV, code=1)
        self.assertEqual((crash.address, crash.flags), (0x1234, ON_ALTERNATE_STACK | PASSED_ON))

    def test_handler_that_exits(self):
        for mode, status in (("exits", 5), ("exits-properly", 6)):
            with self.subTest(mode=mode), Supervisor() as listening:
                done = run(victim("handlers"), mode, env=listening.environment)
                self.assertEqual(done.returncode, status)
                self.assertEqual([(crash.signal, crash.address, crash.flags) for crash in listening.crashes],
                                 [(signal.SIGSEGV, 0x1234, ON_ALTERNATE_STACK | PASSED_ON | ENDS_BY_EXIT)])

    def test_blocked_faults(self):
        self.dies(victim("handlers"), "blocked", of=signal.SIGSEGV, code=1)
        self.dies(victim("handlers"), "blocked-worker", of=signal.SIGSEGV, code=1)
        # Linked, the kernel does what it always did.
        self.not_reported(linked("handlers"), "blocked", preload=False, status=-signal.SIGSEGV)

    def test_default_set_after_us(self):
        self.dies(victim("handlers"), "reset-later", of=signal.SIGSEGV, code=1)
        self.not_reported(linked("handlers"), "reset-later", preload=False, status=-signal.SIGSEGV)

    def test_overflow_under_a_handler_without_its_own_stack(self):
        self.both("overflow", of=signal.SIGSEGV)

    def test_ignored_signals_are_handed_on_by_exec(self):
        self.not_reported(victim("handlers"), "exec-ignored")


class AlternateStacks(HandlerTest):
    def test_each_thread_has_one_and_none_is_left_behind(self):
        done = self.not_reported(victim("threads"))
        self.assertIn(b"without 0 lost 0", done.stdout)


class BrokenProcesses(HandlerTest):
    def test_heap(self):
        self.dies(victim("broken"), "bins", of=signal.SIGSEGV)
        self.dies(victim("broken"), "bins-abort", of=signal.SIGABRT)
        with Supervisor() as listening:
            done = run(victim("broken"), "heap", env=listening.environment)
        self.assertIn(-done.returncode, (signal.SIGSEGV, signal.SIGABRT))
        self.assertEqual([crash.signal for crash in listening.crashes], [-done.returncode])

    def test_stack_pointer(self):
        self.dies(victim("broken"), "stack", of=signal.SIGSEGV, flags=ON_ALTERNATE_STACK)

    def test_thread_pointer(self):
        self.dies(victim("broken"), "thread-pointer", of=signal.SIGSEGV, code=1)

    def test_one_copy_of_the_handlers_state(self):
        self.dies(victim("broken"), "one-copy", of=signal.SIGSEGV, flags=ON_ALTERNATE_STACK | STATE_DAMAGED)

    def test_all_of_the_handlers_state(self):
        """Nobody can be told; the process still dies, at once, of its signal."""
        for how in ("both-copies", "no-state", "no-memory"):
            with self.subTest(how=how):
                start = time.monotonic()
                self.not_reported(victim("broken"), how, status=-signal.SIGSEGV)
                self.assertLess(time.monotonic() - start, 2 * e2e.SLOWNESS)

    def test_filtered_system_calls(self):
        self.not_reported(victim("broken"), "errno", status=-signal.SIGSEGV)
        self.not_reported(victim("broken"), "errno-abort", status=-signal.SIGABRT)
        self.not_reported(victim("broken"), "trap-abort", status=-signal.SIGABRT)
        # A filter that kills for socket() kills here too; that is all that is left to see.
        self.not_reported(victim("broken"), "kill", status=-signal.SIGSYS)


class TheConversation(HandlerTest):
    def test_no_supervisor(self):
        done = run(victim("die"), "SEGV", "main", env={"INQUEST_SUPERVISOR": "@nobody-listens-here"})
        self.assertEqual(done.returncode, -signal.SIGSEGV)

    def test_silent_supervisor_is_waited_for_as_long_as_the_options_say(self):
        start = time.monotonic()
        with Supervisor(outcome=SILENT) as listening:
            done = run(linked("linked"), "options", listening.name, preload=False)
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertEqual(len(listening.crashes), 1)
        self.assertGreater(time.monotonic() - start, 0.19)
        self.assertLess(time.monotonic() - start, 2)

    def test_slow_supervisor(self):
        self.dies(victim("die"), "SEGV", "storm", of=signal.SIGSEGV, delay=0.5)

    def test_counted_only(self):
        self.dies(victim("die"), "SEGV", "main", of=signal.SIGSEGV, outcome=COUNTED)

    def test_socket_in_the_file_system(self):
        self.dies(victim("die"), "SEGV", "main", of=signal.SIGSEGV, path=str(e2e.fresh("socket") / "s"))

    def test_addresses_that_make_no_sense_leave_the_program_alone(self):
        for address in ("name", "@", "x" * 300, "@" + "x" * 107, ""):
            with self.subTest(address=address):
                self.assertEqual(run("/bin/true", env={"INQUEST_SUPERVISOR": address}).returncode, 0)

    @unittest.skipIf(os.geteuid() != 0, "needs root to listen as somebody else")
    def test_a_stranger_is_told_nothing(self):
        os.seteuid(65534)
        try:
            listening = Supervisor()
        finally:
            os.seteuid(0)
        with listening:
            done = run(victim("die"), "SEGV", "main", env=listening.environment)
        self.assertEqual(done.returncode, -signal.SIGSEGV)
        self.assertEqual(listening.crashes, [])

    def test_descriptors_are_closed_before_death(self):
        """A port can be bound again while the process still waits to die."""
        script = ("import ctypes, os, socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
                  "print(s.getsockname()[1], flush=True); ctypes.string_at(0)")
        with Supervisor(flags=CLOSE_DESCRIPTORS | NO_KERNEL_CORE) as listening:
            done = run("/usr/bin/python3", "-c", script, env=listening.environment)
        self.assertEqual((done.returncode, len(listening.crashes)), (-signal.SIGSEGV, 1))
        with socket.socket() as again:
            again.bind(("127.0.0.1", int(done.stdout)))

    def test_kernel_core_only_when_wanted(self):
        for flags, wanted in ((0, True), (NO_KERNEL_CORE, False)):
            with Supervisor(flags=flags) as listening:
                directory = e2e.fresh("core")
                subprocess.run([victim("die"), "SEGV", "main"], cwd=directory, timeout=60,
                               env=listening.environment | {"LD_PRELOAD": str(PRELOAD)},
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
            if flags == 0 and not list(directory.iterdir()):
                self.skipTest("this machine writes no cores")
            self.assertEqual(bool(list(directory.iterdir())), wanted)

    def test_the_kernels_core_is_as_without_us(self):
        """Signal, address and registers of the fault, not of the handler."""
        core = e2e.crash(victim("die"), "SEGV", "worker", env={"LD_PRELOAD": str(PRELOAD), "INQUEST_SUPERVISOR": "@no"})
        answer = e2e.report(core)
        self.assertEqual(e2e.functions(answer)[:2], ["fault", "dying"])
        self.assertIn("0x1234", str(answer["facts"]))

    def test_pieces_when_the_supervisor_may_not_read(self):
        with Supervisor(outcome=WRITE_YOURSELF) as listening:
            done = run(victim("die"), "SEGV", "worker", env=listening.environment)
        self.assertEqual((done.returncode, listening.errors), (-signal.SIGSEGV, []))
        crash = listening.crashes[0]
        self.assertTrue(crash.pieces)
        kinds = [kind for kind, _, _ in crash.pieces]
        for kind in (wire.UCONTEXT, wire.SIGINFO, wire.MAPS, wire.AUXV, wire.MEMORY):
            self.assertIn(kind, kinds)
        maps = b"".join(data for kind, _, data in crash.pieces if kind == wire.MAPS)
        self.assertIn(b"[stack]", maps)
        self.assertTrue(maps.endswith(b"\n"))
        ucontext = next(data for kind, _, data in crash.pieces if kind == wire.UCONTEXT)
        stack_pointer = int.from_bytes(ucontext[40 + 15 * 8:][:8], "little")
        self.assertTrue(any(kind == wire.MEMORY and address <= stack_pointer < address + len(data)
                            for kind, address, data in crash.pieces))


class FirstProcessOfANamespace(HandlerTest):
    def setUp(self):
        command = ["unshare", "--pid", "--fork", "--kill-child"]
        self.prefix = command if os.geteuid() == 0 else command[:1] + ["--user", "--map-root-user"] + command[1:]
        self.prefix += ["env", f"LD_PRELOAD={PRELOAD}"]  # not for unshare itself, which dies of what its child died of
        if run(*self.prefix, "true", preload=False).returncode != 0:
            self.skipTest("this machine lets nobody make a pid namespace")

    def test_faults_kill(self):
        with Supervisor() as listening:
            done = run(*self.prefix, victim("die"), "SEGV", "main", env=listening.environment, preload=False)
        self.assertEqual([crash.signal for crash in listening.crashes], [signal.SIGSEGV])
        self.assertIn(done.returncode, (-signal.SIGSEGV, 128 + signal.SIGSEGV))

    def test_sent_signals_would_be_ignored_so_that_it_exits(self):
        for how, number in (("ABRT", signal.SIGABRT), ("raise", signal.SIGSEGV), ("SYS", signal.SIGSYS)):
            with self.subTest(how=how), Supervisor() as listening:
                done = run(*self.prefix, victim("die"), how, "main", env=listening.environment, preload=False)
                self.assertEqual([crash.signal for crash in listening.crashes], [number])
                self.assertEqual(done.returncode, 128 + number)


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

    def notes(self, core: Path) -> dict[str, list[str]]:
        """Our notes, as text, by key."""
        data = core.read_bytes()
        found = {}
        for text in re.findall(rb"INQUEST\0(.*?)CORE\0", data, re.DOTALL):
            for pair in text.split(b"\0"):
                if b"=" in pair:
                    key, value = pair.decode().split("=", 1)
                    found.setdefault(key, []).append(value)
        return found

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
        notes = self.notes(core)
        self.assertEqual(notes["writer"], ["handler"])
        self.assertEqual(notes["fidelity"], ["registers"])
        self.assertEqual(notes["signal"], ["11"])
        self.assertEqual(notes["reason"], ["no supervisor answered"])
        self.assertIn("other threads: nobody stopped them", notes["missing"])

    def test_gdb_shows_stack_and_modules(self):
        e2e.need("gdb")
        core = self.record(victim("die"), "SEGV", "worker")
        shown = e2e.run_tool("gdb", "-batch", "-nx", "-ex", "bt", "-ex", "info sharedlibrary", victim("die"), core)
        self.assertRegex(shown, r"#0 .* fault \(how=0x[0-9a-f]+ \"SEGV\"\)")
        self.assertRegex(shown, r"#1 .* dying")
        self.assertRegex(shown, r"libc\.so\.6")

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


class TheLibrary(HandlerTest):
    def test_errors(self):
        done = run(linked("linked"), "errors", preload=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_nothing_happens_before_install(self):
        self.not_reported(linked("linked"), "not-installed", preload=False, status=-signal.SIGSEGV)

    def test_shared_and_from_cplusplus(self):
        for compiler, flags in ((e2e.CC, ()), (e2e.CXX, ("-xc++", "-fpermissive"))):
            program = e2e.fresh("linked") / "linked"
            e2e.run_tool(compiler, "-w", "-g", *flags, f"-I{INCLUDE}", SOURCES / "linked.c", "-xnone", "-o", program,
                         f"-L{LIBRARIES}", "-linquest", f"-Wl,-rpath,{LIBRARIES}", "-pthread")
            self.dies(program, "", of=signal.SIGSEGV, code=1, preload=False)

    def test_overflow_in_a_thread_that_asked_for_a_stack(self):
        self.dies(linked("linked"), "worker", of=signal.SIGSEGV, preload=False, flags=ON_ALTERNATE_STACK)

    def test_annotations(self):
        crash = self.dies(linked("linked"), "annotations", of=signal.SIGSEGV, preload=False)
        self.assertEqual(crash.annotations, {"version": "1.2.3", "request": "GET /ä?a=b", "empty": ""})

    def test_annotations_changed_at_the_moment_of_the_crash_are_whole(self):
        for _ in range(10):
            crash = self.dies(linked("linked"), "annotating", of=signal.SIGSEGV, preload=False)
            self.assertIn("shared", crash.annotations)
            for value in crash.annotations.values():
                self.assertLessEqual(len(set(value)), 1, value)

    def test_annotations_of_a_linked_program_that_is_preloaded_too(self):
        program = e2e.fresh("linked") / "linked"
        e2e.run_tool(e2e.CC, "-w", f"-I{INCLUDE}", SOURCES / "linked.c", "-o", program, f"-L{LIBRARIES}", "-linquest",
                     f"-Wl,-rpath,{LIBRARIES}", "-pthread")
        self.assertEqual(self.dies(program, "annotations", of=signal.SIGSEGV).annotations["version"], "1.2.3")

    def test_exported_symbols(self):
        def exported(name):
            listing = e2e.run_tool("nm", "-D", "--defined-only", LIBRARIES / name)
            return {line.split()[-1] for line in listing.splitlines()}
        public = {"inquest_install", "inquest_thread_init", "inquest_annotate"}
        self.assertEqual(exported("libinquest.so"), public)
        self.assertEqual(exported("libinquest-preload.so") - public, {
            "sigaction", "signal", "bsd_signal", "ssignal", "sysv_signal", "__sysv_signal", "pthread_sigmask",
            "sigprocmask", "pthread_create", "thrd_create", "exit", "_exit", "_Exit", "quick_exit"})

    def test_no_library_is_needed(self):
        for name in ("libinquest.so", "libinquest-preload.so"):
            self.assertNotIn("NEEDED", e2e.run_tool("readelf", "-d", LIBRARIES / name))

    def test_musl(self):
        e2e.need("musl-gcc")
        program = e2e.fresh("musl") / "die"
        e2e.run_tool("musl-gcc", "-w", "-g", "-o", program, SOURCES / "die.c", "-idirafter", "/usr/include",
                     "-idirafter", "/usr/include/x86_64-linux-gnu")
        for where in ("main", "worker"):
            self.dies(program, "SEGV", where, of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK)
            self.dies(program, "overflow", where, of=signal.SIGSEGV)
        self.dies(program, "ABRT", "main", of=signal.SIGABRT)


class Runtimes(HandlerTest):
    def test_python(self):
        crash = self.dies("/usr/bin/python3", "-c", "import ctypes; ctypes.string_at(0)", of=signal.SIGSEGV, code=1)
        self.assertEqual(crash.comm, "python3")
        self.dies("/usr/bin/python3", "-c", "import os; os.abort()", of=signal.SIGABRT)

    def test_python_with_faulthandler(self):
        for code, number in (("import ctypes; ctypes.string_at(0)", signal.SIGSEGV), ("import os; os.abort()", signal.SIGABRT)):
            with Supervisor() as listening:
                done = run("/usr/bin/python3", "-X", "faulthandler", "-c", code, env=listening.environment)
            self.assertEqual(done.returncode, -number)
            self.assertIn(b"Fatal Python error", done.stderr)  # it still has its say
            self.assertEqual([crash.signal for crash in listening.crashes], [number])

    def test_python_subprocesses_and_threads(self):
        """Children that reset their signals between vfork and exec must not change what the parent has."""
        script = ("import ctypes, subprocess, threading\n"
                  "for i in range(20): subprocess.run(['/bin/true'])\n"
                  "t = threading.Thread(target=ctypes.string_at, args=(0,)); t.start(); t.join()")
        self.dies("/usr/bin/python3", "-c", script, of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK)

    def test_node(self):
        e2e.need("node")
        addon = e2e.fresh("addon") / "crash.node"
        source = addon.with_suffix(".c")
        source.write_text('#include <pthread.h>\n#include <stdlib.h>\n'
                          'static void* worker(void* p) { *(volatile int*)0x1234 = 1; return p; }\n'
                          '__attribute__((constructor)) static void crash(void) {\n'
                          '  if (getenv("IN_THREAD")) { pthread_t t; pthread_create(&t, 0, worker, 0); pthread_join(t, 0); }\n'
                          '  *(volatile int*)0x1234 = 1;\n}\n')
        e2e.run_tool(e2e.CC, "-shared", "-fPIC", "-o", addon, source)
        load = f"process.dlopen({{exports: {{}}}}, {str(addon)!r})"
        worker = f"new (require('worker_threads').Worker)({load!r}, {{eval: true}})"
        for script, environment in ((load, {}), (load, {"IN_THREAD": "1"}), (worker, {})):
            with self.subTest(script=script, environment=environment), Supervisor() as listening:
                done = run("node", "-e", script, env=listening.environment | environment)
                self.assertEqual(done.returncode, -signal.SIGSEGV, done.stderr)
                self.assertEqual([(crash.signal, crash.code, crash.address) for crash in listening.crashes],
                                 [(signal.SIGSEGV, 1, 0x1234)])
        self.dies("node", "-e", "process.abort()", of=signal.SIGABRT)
        self.dies("node", "-e", "process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 9999)", of=signal.SIGSEGV)

    def test_node_catches_webassembly_traps_itself(self):
        e2e.need("node")
        # (module (memory 1) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
        code = ("0061736d0100000001060160017f017f030201000503010001070501016600000a09010700200028020" "00b")
        script = (f"const m = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('{code}', 'hex')));"
                  "let n = 0; for (let i = 0; i < 1000; ++i) try { m.exports.f(-9) } catch (e) { ++n }; console.log(n);")
        done = self.not_reported("node", "-e", script)
        self.assertEqual(done.stdout.strip(), b"1000")

    def test_java(self):
        e2e.need("java", "javac")
        directory = e2e.fresh("java")
        (directory / "T.java").write_text("""
            public class T {
              int field; static T[] all = {new T(), null};
              public static void main(String[] a) throws Exception {
                int n = 0;
                for (int i = 0; i < 200000; ++i) try { all[i & 1].field++; } catch (NullPointerException e) { ++n; }
                System.out.println(n);
                if (a.length == 0) return;
                var f = sun.misc.Unsafe.class.getDeclaredField("theUnsafe"); f.setAccessible(true);
                ((sun.misc.Unsafe) f.get(null)).putAddress(0x1234, 1);
              }
            }""")
        e2e.run_tool("javac", "T.java", cwd=directory)
        done = self.not_reported("java", "-Xcomp", "-XX:CompileOnly=T", "T", cwd=directory)
        self.assertEqual(done.stdout.split()[-1], b"100000")
        with Supervisor() as listening:
            done = run("java", "T", "crash", cwd=directory, env=listening.environment)
        self.assertIn(b"A fatal error has been detected by the Java Runtime Environment", done.stdout)
        self.assertIn(done.returncode, (-signal.SIGABRT, 128 + signal.SIGABRT))
        self.assertEqual([crash.signal for crash in listening.crashes], [signal.SIGABRT])


if __name__ == "__main__":
    e2e.main()
