"""libinquest in programs that really die: what the supervisor hears, and what they die of."""

import os
import resource
import signal
import socket
import subprocess
import time
import unittest

import e2e
import handler_supervisor as wire
from handler_case import FAULTS, PRELOAD, SOURCES, HandlerTest, linked, run, victim
from handler_supervisor import (CLOSE_DESCRIPTORS, COUNTED, ENDS_BY_EXIT, IN_PROGRAM_HANDLER, NO_KERNEL_CORE,
                                ON_ALTERNATE_STACK, PASSED_ON, SILENT, STATE_DAMAGED, WRITE_YOURSELF, Supervisor)

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
        for mode in ("mends", "jumps", "jumps-abort", "ignores", "holds", "returns", "asks",
                     "deep", "deep-onstack", "vectors"):
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

    def test_handler_puts_back_the_one_before_and_raises(self):
        for mode in ("puts-back-raises", "puts-back-plainly"):
            with self.subTest(mode=mode):
                crash = self.dies(linked("handlers"), mode, of=signal.SIGSEGV, code=1, preload=False)
                self.assertEqual(crash.address, 0x1234)

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
                                 [(signal.SIGSEGV, 0x1234, PASSED_ON | ENDS_BY_EXIT)])

    def test_a_second_thread_that_exits_does_not_cut_off_the_report_of_the_first(self):
        for _ in range(5):
            with Supervisor(delay=0.2) as listening:
                done = run(victim("handlers"), "exits-storm", env=listening.environment)
            self.assertEqual(done.returncode, 5)
            self.assertEqual([crash.flags for crash in listening.crashes], [PASSED_ON | ENDS_BY_EXIT])
            self.assertEqual(listening.errors, [])  # it was still there to be answered

    def test_handler_that_exits_after_many_threads_left_theirs_by_longjmp(self):
        with Supervisor() as listening:
            done = run(victim("handlers"), "exits-later", env=listening.environment)
        self.assertEqual((done.returncode, [crash.flags for crash in listening.crashes]), (5, [PASSED_ON | ENDS_BY_EXIT]))

    def test_handler_unwinds_through_ours(self):
        program = e2e.fresh("unwinds") / "unwinds"
        e2e.run_tool(e2e.CXX, "-O0", "-rdynamic", "-fnon-call-exceptions", "-o", program, SOURCES / "unwinds.cc")
        for arguments, status in ((["trace"], 10), (["trace", "onstack"], 10), (["throw"], 12), (["throw", "onstack"], 12)):
            with self.subTest(arguments=arguments):
                run_status = run(program, *arguments, env={"INQUEST_SUPERVISOR": "@nobody"}).returncode
                self.assertEqual(run_status, status)

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

    @unittest.skipIf(os.uname().machine != "x86_64", "no shadow stacks")
    def test_with_a_shadow_stack_the_programs_handler_still_runs(self):
        """Few machines have one: a copy of the library that is told so when it asks."""
        ask, told = bytes.fromhex("f3480f1ec8"), bytes.fromhex("4883c80890")  # rdsspq %rax; or $8, %rax and nop
        library = e2e.fresh("shadow") / PRELOAD.name
        code = PRELOAD.read_bytes()
        self.assertIn(ask, code)
        library.write_bytes(code.replace(ask, told))
        for mode in ("mends", "jumps"):
            self.not_reported("env", f"LD_PRELOAD={library}", victim("handlers"), mode, preload=False)

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

    def test_a_small_alternate_stack_is_enough(self):
        """What the kernel needs for its frame, and 4 KiB."""
        self.dies(victim("broken"), "small-stack", of=signal.SIGSEGV, flags=ON_ALTERNATE_STACK)
        directory = e2e.fresh("records")
        done = run(victim("broken"), "small-stack", env={"INQUEST_RECORD_DIR": str(directory)})
        self.assertEqual((done.returncode, len(list(directory.iterdir()))), (-signal.SIGSEGV, 1))

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

    def test_a_fault_of_the_report_is_not_given_to_the_programs_handler(self):
        self.not_reported(victim("broken"), "trap-handled", status=-signal.SIGSEGV)
        self.not_reported(victim("broken"), "trap-handled-exits", status=5)


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

    def test_the_descriptors_that_it_still_needs_are_named(self):
        """So that a supervisor can close all others, ports among them, while it still looks."""
        with Supervisor() as listening:
            run(victim("die"), "SEGV", "worker", env=listening.environment)
        self.assertEqual(listening.errors, [])
        crash = listening.crashes[0]
        self.assertEqual(crash.is_connected_to, listening.name)
        self.assertEqual((crash.needed["file"], crash.needed["directory"]), (-1, -1))

    def test_the_descriptors_of_its_own_record_are_named(self):
        directory, path = str(e2e.fresh("records")), str(e2e.fresh("file") / "record")
        with Supervisor() as listening:
            run(linked("linked"), "descriptor", path, preload=False,
                env=listening.environment | {"INQUEST_RECORD_DIR": directory})
        crash = listening.crashes[0]
        self.assertEqual(crash.is_connected_to, listening.name)
        self.assertEqual([crash.files[crash.needed[name]] for name in ("file", "directory")], [path, directory])

    def test_descriptors_that_the_program_has_taken_over_are_not_named(self):
        with Supervisor() as listening:
            run(linked("linked"), "reused", e2e.fresh("reused"), e2e.fresh("other") / "database", preload=False,
                env=listening.environment)
        self.assertEqual([crash.needed["directory"] for crash in listening.crashes], [-1])

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


if __name__ == "__main__":
    e2e.main()
