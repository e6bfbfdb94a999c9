"""The npm package in node processes that really die: what the log says, what they die of, what they survive."""

import datetime
import json
import os
import re
import signal
import subprocess
import unittest

import e2e
import node_case
from node_case import app, application, run

WAYS = {
    "segv": (signal.SIGSEGV, "0x1"), "bus": (signal.SIGBUS, None), "ill": (signal.SIGILL, None),
    "fpe": (signal.SIGFPE, None), "overflow": (signal.SIGSEGV, None), "abort": (signal.SIGABRT, "sent"),
    "raised": (signal.SIGABRT, "sent"), "kill": (signal.SIGSEGV, "sent"), "recursion": (signal.SIGSEGV, "0x1"),
    "hot": (signal.SIGSEGV, "0x1"), "jump": (signal.SIGSEGV, "0x77777000"),
}
# What the child's steps may take at most, and the start of the program on a busy machine.
BOUND = 8.0


def positions(lines) -> list[tuple[str, str]]:
    """(function, file:line) of frames as V8 or JSC print them, from service() down to main()."""
    found = []
    for line in lines:
        frame = re.fullmatch(r"\s*at (?:async )?(.+?) \((.*?):(\d+):(\d+)\)\s*", line)
        if frame:
            found.append((frame[1].split(".")[-1], f"{os.path.basename(frame[2])}:{frame[3]}"))
    names = [name for name, _ in found]
    return found[names.index("service"):] if "service" in names else []


class NodeTest(e2e.TestCase):
    def setUp(self):
        if not node_case.runtimes():
            self.skipTest("there is no node")

    def each_runtime(self, include_bun=True):
        for runtime in node_case.runtimes():
            if runtime.is_bun and not include_bun:
                continue
            with self.subTest(runtime=runtime.name):
                yield runtime

    def assert_died(self, death, of):
        self.assertEqual(death.status, -of, death.err + death.log)
        self.assertLess(death.seconds, BOUND)

    def assert_stack_is_true(self, death):
        """The frames are those that the engine itself told a moment before; only service() was further up then."""
        told, printed = positions(death.out.split("\n")), positions(death.javascript)
        self.assertEqual([name for name, _ in told][:2], ["service", "order"])
        self.assertEqual(printed[1:], told[1:], death.log)
        self.assertEqual(printed[0][0], "service")
        line = int(told[0][1].split(":")[1]) + 1
        self.assertEqual(printed[0][1], f"app.js:{line}")


class EachWayToDie(NodeTest):
    def test_signal_first_line_and_stack(self):
        for runtime in self.each_runtime():
            for kind, (number, address) in WAYS.items():
                if runtime.is_bun and (kind == "kill" or kind == "abort") and runtime.version >= (1, 4):
                    continue  # it takes all handlers away before it does this
                with self.subTest(kind=kind):
                    death = app(runtime, kind)
                    self.assert_died(death, number)
                    name = signal.Signals(number).name
                    if address == "sent":
                        self.assertEqual(death.first_line, f"PID {death.pid} received {name} from PID {death.pid}")
                    else:
                        where = address or "0x[0-9a-f]+"
                        self.assertRegex(death.first_line, f"^PID {death.pid} received {name} for address: {where}$")
                    self.assert_stack_is_true(death)
                    self.assertEqual("stack overflow" in death.log, kind == "overflow")

    def test_same_words_to_stderr(self):
        for runtime in self.each_runtime():
            loud = app(runtime, "segv")
            self.assertIn(loud.log, loud.err)
            quiet = app(runtime, "segv", env={"QUIET": "1"})
            self.assertNotIn("received", quiet.err)
            self.assertIn("received SIGSEGV", quiet.log)

    def test_when_and_in_what(self):
        for runtime in self.each_runtime():
            log = app(runtime, "segv").log
            told = datetime.datetime.fromisoformat(re.search(r"pc 0x[0-9a-f]+, (\S+)Z$", log, re.MULTILINE)[1])
            now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
            self.assertLess(abs((now - told).total_seconds()), 60)
            self.assertRegex(log, f"(?m)^inquest [0-9.]+, {re.escape(runtime.name)}, .*linux (x64|arm64)$")

    def test_native_frames_name_the_addon(self):
        for runtime in self.each_runtime():
            death = app(runtime, "segv")
            self.assertRegex(death.section("Native stack")[0], r"^/.*/inquest\.node\(.*\+0x[0-9a-f]+\)\[0x[0-9a-f]+\]$")
            self.assertGreater(len(death.section("Native stack")), 1)

    def test_thread_without_javascript(self):
        for runtime in self.each_runtime():
            death = app(runtime, "pool")
            self.assert_died(death, signal.SIGSEGV)
            self.assertIn("other.node", death.section("Native stack")[0])
            self.assertEqual(death.javascript, [])
            self.assertIn("(no JavaScript stack: no language is known to run on this thread)", death.log)

    def test_heap_limit_reached(self):
        for runtime in self.each_runtime(include_bun=False):
            death = app(runtime, "memory", options=["--max-old-space-size=40"])
            self.assert_died(death, signal.SIGABRT)
            self.assertIn("received SIGABRT", death.first_line)
            self.assertIn("JavaScript stack:", death.log)

    def test_core_is_that_of_the_fault(self):
        runtime = node_case.runtimes()[0]
        log = e2e.fresh("log") / "crash.log"
        core = e2e.crash(runtime.program, application() / "app.js", "segv", log)
        answer = e2e.report(core)
        seen = answer["facts"]["signal"]
        self.assertEqual((seen["name"], seen["code_name"], seen["address"]), ("SIGSEGV", "SEGV_MAPERR", "0x1"))
        self.assertIn("inquest.node", json.dumps(answer["facts"]["crashing"]["frames"][0]))
        core.unlink()


class Explained(NodeTest):
    def test_inquest_explain_reads_the_text(self):
        for runtime in self.each_runtime():
            log = e2e.fresh("log") / "crash.log"
            log.write_text(app(runtime, "segv").log)
            answer = e2e.report(log)
            facts = answer["facts"]
            self.assertEqual((facts["signal"]["name"], facts["signal"]["address"]), ("SIGSEGV", "0x1"))
            self.assertIn("service", e2e.functions(answer))


class SourceMaps(NodeTest):
    def test_lines_of_the_sources(self):
        place = e2e.fresh("mapped")
        (place / "node_modules").symlink_to(application() / "node_modules")
        (place / "out.js").write_text("const inquest = require('inquest');\ninquest.registerHandler('crash.log');\n"
                                      "function buy() { inquest.causeSegfault(); }\nbuy();\n"
                                      "//# sourceMappingURL=out.js.map\n")
        # Line n of out.js is line n + 10 of shop.ts (segments: generated column, source, line, column; VLQ).
        (place / "out.js.map").write_text(json.dumps(
            {"version": 3, "sources": ["shop.ts"], "names": [], "mappings": "AAUA;AACA;AACA;AACA"}))
        for runtime in self.each_runtime(include_bun=False):
            log = place / "crash.log"
            log.unlink(missing_ok=True)
            death = run(runtime, "--enable-source-maps", place / "out.js", cwd=place, log=log)
            self.assert_died(death, signal.SIGSEGV)
            self.assertRegex(death.log, r"buy.*\n?.*shop\.ts:13:1\b")


class Workers(NodeTest):
    def test_worker_that_registers(self):
        for runtime in self.each_runtime():
            for kind in ("segv", "overflow", "raised"):
                with self.subTest(kind=kind):
                    death = app(runtime, kind, env={"WHERE": "worker"})
                    self.assert_died(death, WAYS[kind][0])
                    self.assertEqual([name for name, _ in positions(death.javascript)][:2], ["service", "order"])
                    self.assertNotIn("(main)", death.log)
                    self.assertEqual("stack overflow" in death.log, kind == "overflow")

    def test_worker_that_does_not(self):
        for runtime in self.each_runtime():
            death = app(runtime, "segv", env={"WHERE": "worker", "REGISTER": "main"})
            self.assert_died(death, signal.SIGSEGV)
            self.assertIn("(no JavaScript stack", death.log)

    def test_preloaded_in_workers(self):
        for runtime in self.each_runtime(include_bun=False):
            log = e2e.fresh("log") / "by-name.log"
            death = app(runtime, "segv", options=["-r", "inquest/register"],
                        env={"WHERE": "worker", "REGISTER": "preload", "INQUEST_CRASH_LOG": str(log)})
            self.assert_died(death, signal.SIGSEGV)
            self.assertIn("service", log.read_text())


class WhatIsSurvived(NodeTest):
    def test_webassembly_out_of_bounds_stays_caught(self):
        for runtime in self.each_runtime():
            death = app(runtime, "wasm")
            self.assertEqual((death.status, death.log), (0, ""), death.err)
            self.assertIn("caught 1000", death.out)

    def test_a_crash_after_webassembly_is_one(self):
        for runtime in self.each_runtime():
            death = app(runtime, "wasmThenCrash")
            self.assert_died(death, signal.SIGSEGV)
            self.assert_stack_is_true(death)

    def test_javascript_recursion_stays_an_error(self):
        for runtime in self.each_runtime():
            death = app(runtime, "stackError")
            self.assertEqual((death.status, death.log), (0, ""), death.err)
            self.assertIn("RangeError", death.out)

    def test_handler_of_another_addon_goes_first(self):
        for runtime in self.each_runtime():
            death = app(runtime, "segv", env={"OTHER": "1"})
            self.assert_died(death, signal.SIGSEGV)
            self.assertLess(death.err.index("theirs"), death.err.index("received SIGSEGV"))
            self.assert_stack_is_true(death)


class Arguments(NodeTest):
    def script(self, text, runtime=None, cwd=None, **more):
        return run(runtime or node_case.runtimes()[0], "-e", text, cwd=cwd, **more)

    def test_callback_gets_what_segfault_handler_gives(self):
        for runtime in self.each_runtime():
            death = app(runtime, "segv", env={"CALLBACK": "write"})
            self.assert_died(death, signal.SIGSEGV)
            given = json.loads(re.search(r"^callback (\{.*\})$", death.err, re.MULTILINE)[1])
            self.assertEqual((given["signal"], given["address"]), (11, 1))
            self.assertEqual(given["stack"], death.section("Native stack"))
            self.assertEqual([line.strip() for line in given["javascript"].strip().split("\n")], death.javascript)

    def test_callback_that_fails(self):
        for runtime in self.each_runtime():
            for how in ("throws", "hangs"):
                death = app(runtime, "segv", env={"CALLBACK": how})
                self.assert_died(death, signal.SIGSEGV)
                self.assert_stack_is_true(death)

    def test_garbage_can_be_collected_in_the_child(self):
        for runtime in self.each_runtime():
            for _ in range(3):
                death = app(runtime, "segv", env={"CALLBACK": "collects"})
                self.assert_died(death, signal.SIGSEGV)
                self.assert_stack_is_true(death)
                self.assertIn("collected 999999", death.err)

    def test_heap_that_was_kept_out_of_the_first_copy(self):
        """As the engine's own threads do, which go on while the process dies: another copy is made, and has it."""
        for runtime in self.each_runtime():
            death = app(runtime, "keptOut")
            self.assert_died(death, signal.SIGSEGV)
            kept_out = int(re.search(r"ranges (\d+)", death.err)[1])
            if not runtime.is_bun and runtime.version >= (18,):
                self.assertGreater(kept_out, 0)
            names = [name for name, _ in positions(death.javascript)]
            self.assertEqual(names[:2], ["service", "order"], death.log)
            self.assertEqual(death.log.count("JavaScript stack:"), 1)
            self.assertEqual(death.log.count("Native stack:"), 1)

    def test_memory_that_is_nowhere_is_told_and_less_is_tried(self):
        """The program's own Error.prepareStackTrace crashes: no copy would have what it wants."""
        for runtime in self.each_runtime(include_bun=False):
            death = app(runtime, "badTrace")
            self.assert_died(death, signal.SIGSEGV)
            self.assertEqual(death.javascript[0], "(ended by SIGSEGV for address: 0x77777000)", death.log)
            self.assertIn("service", " ".join(death.javascript))
            self.assertEqual(death.log.count("ended by"), 1)

    def test_file_without_a_name_and_relative_ones(self):
        place = e2e.fresh("place")
        (place / "node_modules").symlink_to(application() / "node_modules")
        for call, pattern in (("registerHandler()", r"stacktrace-\d+-\d+\.log"),
                              ("registerHandler('a-long-name.log'); inquest.registerHandler('b.log')", r"b\.log"),
                              ("registerHandler('c.log'); inquest.registerHandler()", r"c\.log")):
            before = set(os.listdir(place))
            death = self.script(f"const inquest = require('inquest'); inquest.{call}; process.chdir('/');"
                                "inquest.causeSegfault()", cwd=place)
            self.assert_died(death, signal.SIGSEGV)
            made = set(os.listdir(place)) - before
            self.assertEqual(len(made), 1, made)
            self.assertRegex(made.pop(), f"^{pattern}$")

    def test_no_file_and_appended_file(self):
        place = e2e.fresh("place")
        (place / "node_modules").symlink_to(application() / "node_modules")
        self.script("const i = require('inquest'); i.registerHandler({file: null}); i.causeSegfault()", cwd=place)
        self.assertEqual(os.listdir(place), ["node_modules"])
        for _ in range(2):
            self.script("const i = require('inquest'); i.registerHandler('x.log'); i.causeSegfault()", cwd=place)
        self.assertEqual((place / "x.log").read_text().count("received SIGSEGV"), 2)
        self.assertEqual((place / "x.log").stat().st_mode & 0o777, 0o600)

    def test_environment_of_register(self):
        log = e2e.fresh("log") / "x.log"
        death = run(node_case.runtimes()[0], "-e", "process.abort()", log=log,
                    env={"NODE_OPTIONS": "-r inquest/register", "INQUEST_CRASH_LOG": str(log), "INQUEST_CRASH_STDERR": "0"})
        self.assert_died(death, signal.SIGABRT)
        self.assertIn("received SIGABRT", death.first_line)
        self.assertNotIn("received", death.err)

    def test_log_that_cannot_be_written(self):
        death = self.script("const i = require('inquest'); i.registerHandler('/proc/none/x.log'); i.causeSegfault()")
        self.assert_died(death, signal.SIGSEGV)
        self.assertIn("inquest: /proc/none/x.log cannot be written: errno 2", death.err)
        self.assertIn("JavaScript stack:", death.err)


class NothingHangs(NodeTest):
    def test_stderr_that_nobody_reads(self):
        runtime = node_case.runtimes()[0]
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(writer, True)
        death = app(runtime, "segv", stderr=writer)
        os.close(reader)
        os.close(writer)
        self.assert_died(death, signal.SIGSEGV)
        self.assert_stack_is_true(death)

    def test_log_that_is_a_pipe_without_a_reader(self):
        fifo = e2e.fresh("fifo") / "pipe"
        os.mkfifo(fifo)
        death = run(node_case.runtimes()[0], "-e",
                    f"const i = require('inquest'); i.registerHandler('{fifo}'); i.causeSegfault()")
        self.assert_died(death, signal.SIGSEGV)
        self.assertIn("cannot be written", death.err)

    def test_many_threads_at_once_are_one_report(self):
        runtime = node_case.runtimes()[0]
        log = e2e.fresh("log") / "x.log"
        text = ("const {Worker} = require('worker_threads'); const i = require('inquest');"
                f"i.registerHandler('{log}', {{stderr: false}});"
                "for (let n = 0; n < 6; ++n) new Worker(`const i = require('inquest'); i.registerThread();"
                "const end = Math.ceil(Date.now() / 400) * 400; while (Date.now() < end); i.causeSegfault()`, {eval: true})")
        for _ in range(3):
            log.unlink(missing_ok=True)
            death = run(runtime, "-e", text, log=log)
            self.assert_died(death, signal.SIGSEGV)
            self.assertEqual(death.log.count("received SIGSEGV"), 1, death.log)


class UnderInquestRun(NodeTest):
    def supervised(self, *options):
        records = e2e.fresh("records")
        runtime = node_case.runtimes()[0]
        death = app(runtime, "segv", prefix=[e2e.INQUEST, "run", *options, "--output", records, "--"])
        self.assertEqual(death.status, 128 + signal.SIGSEGV, death.err)
        return death, records

    def test_one_crash_one_record_and_the_log(self):
        for options in ((), ("--trace",)):
            with self.subTest(options=options):
                death, records = self.supervised(*options)
                self.assertIn("1 crash seen, 1 recorded", death.err)
                self.assertEqual(len(list(records.glob("*.core.zst"))), 1, list(records.iterdir()))
                self.assertEqual(death.log.count("received SIGSEGV"), 1)
                self.assert_stack_is_true(death)

    def test_record_of_its_own_without_inquest(self):
        for runtime in self.each_runtime():
            records = e2e.fresh("records")
            death = app(runtime, "segv", env={"INQUEST_RECORD_DIR": str(records)})
            self.assert_died(death, signal.SIGSEGV)
            self.assert_stack_is_true(death)
            (core,) = records.iterdir()
            self.assertEqual(e2e.report(core)["facts"]["signal"]["address"], "0x1")

    def test_the_package_knows(self):
        runtime = node_case.runtimes()[0]
        script = "const i = require('inquest'); i.registerHandler({file: null}); console.log(i.isSupervised())"
        self.assertEqual(run(runtime, "-e", script).out.strip(), "false")
        run_it = [e2e.INQUEST, "run", "--output", e2e.fresh("records"), "--"]
        self.assertEqual(run(runtime, "-e", script, prefix=run_it).out.strip(), "true")


class AsInstalled(NodeTest):
    def test_needs_no_library(self):
        addon = next(application().glob("node_modules/inquest/prebuilds/*/inquest.node"))
        self.assertNotIn("NEEDED", subprocess.run(["readelf", "-d", addon], capture_output=True, text=True).stdout)

    def test_manifest_runs_nothing(self):
        manifest = json.loads((application() / "node_modules/inquest/package.json").read_text())
        self.assertNotIn("scripts", manifest)
        self.assertNotIn("dependencies", manifest)

    def test_names_can_be_imported(self):
        module = e2e.fresh("module") / "x.mjs"
        module.write_text("import all, {registerHandler, registerThread, isSupervised, causeSegfault, causeAbort,"
                          "causeBusError, causeIllegalInstruction, causeDivisionByZero, causeStackOverflow} from 'inquest';"
                          "console.log(typeof all.registerHandler, typeof causeStackOverflow)")
        (module.parent / "node_modules").symlink_to(application() / "node_modules")
        for runtime in self.each_runtime():
            self.assertEqual(run(runtime, module, cwd=module.parent).out.strip(), "function function")


if __name__ == "__main__":
    e2e.main()
