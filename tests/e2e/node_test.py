"""JavaScript frames: what inquest reads from the memory of a dead Node.js, against what V8's own Error.stack said of the
same calls.

Tried with the `node` in PATH. NODES names others, with colons between; NODES=npm fetches one of each version from npm.
"""

import functools
import lzma
import os
import resource
import shutil
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path

import e2e
from node_frames import (ADDON, PROGRAM, WARM, WAYS, assert_told, builtins_of, fetched, flags_of, frames_of, script, told)

# The last of each line whose binaries npm has, and some early ones: what V8 tells of itself changes within a line, too.
FROM_NPM = ["12.22.12", "13.14.0", "14.21.3", "15.14.0", "16.20.2", "17.9.1", "18.12.0", "18.20.8", "19.8.1", "20.9.0",
            "20.20.2", "21.7.3", "22.12.0", "22.23.5", "23.11.1", "24.0.2", "24.22.3", "25.9.0", "26.12.1"]


@functools.cache
def nodes() -> list[Path]:
    named = os.environ.get("NODES", "")
    if named == "npm":
        return [fetched(version) for version in FROM_NPM]
    found = [Path(path) for path in named.split(":") if path] or [Path(shutil.which("node") or "/usr/bin/node")]
    return [node for node in found if version_of(node)]


@functools.cache
def version_of(node: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, env=e2e.environment())
    except OSError:
        return None
    return tuple(map(int, done.stdout.strip()[1:].split("."))) if done.returncode == 0 else None


@functools.cache
def addon() -> Path:
    return e2e.compile_program(e2e.fresh("addon"), "shop.node", ADDON, "-g", "-O2", "-fno-inline", "-shared", "-fPIC")


@dataclass
class Death:
    record: Path  # slim, of `inquest run`
    core: Path | None  # the kernel's, where it writes one
    told: list[tuple]  # the frames of Error.stack that have a place


@functools.cache
def death(node: Path, tier: str, way: str) -> Death:
    flags = flags_of(tier, version_of(node)[0])
    if flags is None:
        raise unittest.SkipTest(f"Node.js {version_of(node)} has no {tier} code")
    directory = e2e.fresh("node")
    warm = WARM.get(tier, tier)
    command = [str(node), *flags, str(script())]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=directory,
                           env=e2e.environment(ADDON=str(addon()), TIER=warm, WAY=way, SHOW="1"))
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--output", str(directory / "records"), "--", *command],
        cwd=directory, env=e2e.environment(ADDON=str(addon()), TIER=warm, WAY=way), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    records = list(directory.glob("records/*.core.zst"))
    if len(records) != 1 or not told(shown.stdout):
        raise AssertionError(f"{len(records)} records of {node}: {shown.stderr[-500:]} {done.stderr[-2000:]}")
    return Death(records[0], next(directory.glob("core*"), None), told(shown.stdout))


class Frames(e2e.TestCase):
    def each(self, check, ways=("plain",), tiers=("interpreted",)) -> None:
        if not nodes():
            self.skipTest("no node runs here")
        for node in nodes():
            for tier in tiers:
                if flags_of(tier, version_of(node)[0]) is None:
                    continue
                for way in ways:
                    with self.subTest(node=version_of(node), tier=tier, way=way):
                        check(node, tier, way)

    def check_frames(self, node: Path, tier: str, way: str) -> dict:
        dead = death(node, tier, way)
        facts = e2e.report(dead.record)["facts"]
        self.assertEqual([runtime["language"] for runtime in facts["runtimes"]], ["JavaScript"])
        self.assertIn("Node.js " + ".".join(map(str, version_of(node))), facts["runtimes"][0]["name"])
        assert_told(self, facts["crashing"], dead.told, version_of(node)[0])
        return facts

    def test_interpreted_frames_are_as_error_stack_had_them(self):
        self.each(self.check_frames, [way for way in WAYS if way not in ("later", "values")])

    def test_this_and_the_arguments_are_told(self):
        self.each(self.check_arguments, ["values"], ["interpreted", "baseline"])

    def check_arguments(self, node: Path, tier: str, way: str) -> None:
        facts = e2e.report(death(node, tier, way).record, "--full")["facts"]
        told = {frame["function"]: {each["name"]: (each.get("type", ""), each.get("text", each.get("why_not")))
                                    for each in frame.get("variables", [])} for frame in frames_of(facts["crashing"])}
        shop = ("Shop", "{ open: true }")
        sold = told["Shop.sell"]
        # Before Node.js 16 an adaptor frame takes away what a function has no parameter for.
        rest = [sold.pop(name, None) for name in ("...more[0]", "...more[1]")]
        if version_of(node)[0] >= 16:
            self.assertEqual(rest, [("Buffer", "<5 bytes>"), ("string", "'rest'")])
        self.assertEqual(sold, {
            "this": shop, "id": ("number", "7"), "options": ("", "undefined"), "list": ("Array", "[ 1, 'two', 2.5 ]"),
            "customer": ("Customer", "{ #id: 1, name: 'Ann', rate: 0.5, password: [scrubbed] }")})
        self.assertEqual(told["Shop.book"], {
            "this": shop, "none": ("", "null"), "big": ("bigint", "-3n"), "symbol": ("symbol", "Symbol(s)"),
            "date": ("Date", "2000-01-01T12:00:00.000Z"), "callback": ("function", "inner()"), "missing": ("", "undefined")})
        self.assertEqual(told["Shop.end"]["told"], ("Object", "{ y: 'b', z: 0 }"))
        self.assertEqual(told["Shop.end"]["error"][0], "TypeError")
        self.assertIn("message: 'bad'", told["Shop.end"]["error"][1])

    def test_an_exception_that_ends_the_process_is_told(self):
        self.each(self.check_exception)

    def check_exception(self, node: Path, _tier: str, _way: str) -> None:
        program = ("class Cart { total(lines) { return lines.reduce((sum, line) => sum + line.price, 0); } }\n"
                   "setTimeout(() => new Cart().total([{ price: 1 }, null]), 5);\n")
        answer = self.ended_by_script(node, program, "--abort-on-uncaught-exception")
        verdict, abort = answer["verdict"], answer["facts"]["abort"]
        self.assertEqual(verdict["hypotheses"][0]["class"], "uncaught-exception")
        self.assertEqual(abort["exception_type"], "TypeError")
        self.assertIn("null", abort["exception_what"])
        self.assertEqual((verdict["place"]["line"], verdict["blame"]["party"]), (1, "program"))

    def test_an_abort_that_a_script_asks_for_is_the_scripts(self):
        self.each(self.check_abort)

    def check_abort(self, node: Path, _tier: str, _way: str) -> None:
        verdict = self.ended_by_script(node, "function stop() {\n  process.abort();\n}\nsetTimeout(stop, 5);\n")["verdict"]
        self.assertEqual(verdict["hypotheses"][0]["class"], "abort")
        self.assertEqual((verdict["place"]["function"].rsplit(".", 1)[-1], verdict["place"]["line"]), ("stop", 2))
        self.assertEqual(verdict["blame"]["party"], "program")

    def ended_by_script(self, node: Path, program: str, *options: str) -> dict:
        directory = e2e.fresh("script")
        (directory / "ends.js").write_text(program)
        subprocess.run([e2e.INQUEST, "run", "--output", str(directory / "records"), "--", str(node), *options, "ends.js"],
                       cwd=directory, env=e2e.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        return e2e.report(next(directory.glob("records/*.core.zst")))

    def test_a_worker_threads_frames_are_read(self):
        self.each(self.check_worker, ["worker"])

    def check_worker(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertNotEqual(facts["crashing"]["tid"], facts["process"]["pid"])

    def test_baseline_frames_are_as_error_stack_had_them(self):
        self.each(self.check_baseline, tiers=["baseline"])

    def check_baseline(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertIn("baseline", {frame.get("tier") for frame in frames_of(facts["crashing"])})

    def test_optimised_frames_and_those_inlined_in_them_are_as_error_stack_had_them(self):
        self.each(self.check_optimised, tiers=["maglev", "optimised"])

    def check_optimised(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertIn("optimised", {frame.get("tier") for frame in frames_of(facts["crashing"])})

    def test_the_slim_record_tells_what_the_full_core_tells(self):
        self.each(self.check_record, ["plain", "deep"], ["interpreted", "baseline", "optimised"])

    def check_record(self, node: Path, tier: str, way: str) -> None:
        dead = death(node, tier, way)
        if dead.core is None:
            self.skipTest("this machine writes no cores: see /proc/sys/kernel/core_pattern and ulimit -Hc")
        # The kernel's core has threads of its own (io_uring), too.
        slim, full = ([frames_of(stack) for stack in [facts["crashing"], *facts["others"]] if frames_of(stack)]
                      for facts in (e2e.report(evidence)["facts"] for evidence in (dead.record, dead.core)))
        self.assertGreater(len(full[0]), 5)
        self.assertEqual(slim, full)

    def test_a_stripped_node_gives_the_same_frames(self):
        self.each(self.check_stripped, tiers=["interpreted", "baseline"])

    def check_stripped(self, node: Path, tier: str, way: str) -> None:
        dead = death(node, tier, way)
        stripped = e2e.fresh("stripped") / "node"
        e2e.run_tool("strip", "-o", stripped, node)
        stack = e2e.report(dead.record, "--exe", stripped, "--no-cache")["facts"]["crashing"]
        assert_told(self, stack, dead.told, version_of(node)[0])
        whole = e2e.report(dead.record)["facts"]["crashing"]
        self.assertGreater(len(builtins_of(whole)), 5)
        self.assertEqual(builtins_of(stack), builtins_of(whole))

    def test_the_report_leads_to_the_users_own_code(self):
        self.each(self.check_report)

    def check_report(self, node: Path, tier: str, way: str) -> None:
        answer = e2e.report(death(node, tier, way).record)
        self.assertIn("price_of", answer["verdict"]["place"]["function"])
        frame = answer["facts"]["user_runtime_frame"]
        self.assertEqual((frame["function"], frame["line"]), ("inner", e2e.line_of(PROGRAM, "strike(really)")))
        self.assertIn("app.js:%d" % frame["line"], " ".join(answer["verdict"]["next_steps"]))

    def test_without_the_binary_that_is_said(self):
        self.each(self.check_without)

    def check_without(self, node: Path, tier: str, way: str) -> None:
        if os.stat(node).st_size < 1 << 20:
            self.skipTest("this node has its V8 in a library")
        copy = e2e.fresh("lonely") / "node"
        shutil.copy(node, copy)
        record = death(copy, tier, way).record
        copy.unlink()
        answer = e2e.report(record, "--no-cache")
        self.assertEqual(frames_of(answer["facts"]["crashing"]), [])
        self.assertIn("V8's objects cannot be read without it: native frames only", e2e.missing(answer))


class Stored(e2e.TestCase):
    """Records of versions that need not be installed: tools/record_node_case.py made them."""

    def test_their_frames_are_as_error_stack_had_them(self):
        cases = sorted((e2e.ROOT / "tests" / "cases" / "node").iterdir())
        self.assertGreater(len(cases), 8)
        for case in cases:
            with self.subTest(case=case.name):
                record = e2e.fresh("record") / "record"
                record.write_bytes(lzma.decompress((case / "record.xz").read_bytes()))
                facts = e2e.report(record, "--sysroot", case / "root", "--no-cache")["facts"]
                version, tier = case.name.split("-")
                self.assertIn(f"Node.js {version} ", facts["runtimes"][0]["name"])
                self.assertIn(WARM.get(tier, tier), {frame.get("tier") for frame in frames_of(facts["crashing"])})
                assert_told(self, facts["crashing"], told((case / "told.txt").read_text()), int(version.split(".")[0]))


if __name__ == "__main__":
    e2e.main()
