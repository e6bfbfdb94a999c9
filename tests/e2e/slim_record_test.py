"""The heart of the capture: explaining the slim record gives what explaining the full core gives.

Both come from one death: `inquest run --trace --kernel-core` records the stopped process, then the kernel dumps it. All
programs of tests/crashers with CRASHERS=all; else a selection. More by name: CRASHERS=c-audit-log,cpp-order-erase.
"""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import e2e

sys.path.insert(0, str(e2e.ROOT / "tools/grade"))
import builder  # noqa: E402
import corpus  # noqa: E402
import crasher  # noqa: E402

# One of each way to die that reads other memory: heap of several allocators, stacks that overflow, threads, code
# pointers, mapped files, aborts with words, exceptions, Rust.
SELECTION = (
    "c-audit-log", "c-batch-upload", "c-blob-store", "c-callback-scope", "c-dependency-walk", "c-fd-table",
    "c-frame-decoder", "c-journal-close", "c-node-pool", "c-org-chart", "c-plugin-host", "c-shared-ring",
    "cpp-action-queue", "cpp-arena-string", "cpp-cache-entry", "cpp-event-variant", "cpp-guard-buffer",
    "cpp-mapped-table", "cpp-method-table", "cpp-order-erase", "cpp-proto-versions", "cpp-render-tree",
)
ANALYSIS_MS = os.environ.get("ANALYSIS_MS", "20000")
USUAL_SIZE, SIZE_LIMIT = 500_000, 8_000_000  # bytes, compressed


def both(command, env, directory: Path) -> tuple[Path, Path]:
    """The slim record and the full core of one death."""
    if not crasher.cores_go_to_files():
        raise unittest.SkipTest("the kernel writes no core files here: see /proc/sys/kernel/core_pattern")
    records = directory / "records"
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--analysis", ANALYSIS_MS, "--output", str(records), "--",
         *map(str, command)],
        cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=crasher._limits,
        timeout=120)
    said = done.stderr.decode(errors="replace")
    if "seccomp" in said:
        raise unittest.SkipTest("a seccomp filter killed it: " + said[-200:])
    found = sorted(records.glob("*.core.zst")) if records.exists() else []
    if not found:
        raise AssertionError(f"{command}: no record: {said[-2000:]}")
    cores = [path for path in directory.iterdir() if path.name.startswith("core")]
    if not cores:
        raise unittest.SkipTest("this machine writes no cores: see /proc/sys/kernel/core_pattern and ulimit -Hc")
    return found[0], cores[0]


def plain_frame(frame: dict) -> dict:
    return {"pc": frame.get("pc"), "how": frame.get("how"),
            "functions": [(f.get("name"), f.get("line")) for f in frame.get("functions", [])]}


def essence(report: dict) -> dict:
    """What must be the same: verdict, place, expressions, stacks of all threads, signature."""
    verdict, facts = report["verdict"], report["facts"]
    stacks = {stack.get("tid"): [plain_frame(frame) for frame in stack.get("frames", [])]
              for stack in [facts["crashing"], *facts.get("others", [])]}
    crashing = facts["crashing"].get("frames", [])
    return {
        "hypotheses": [(h.get("class"), h.get("confidence"), h.get("expression")) for h in verdict["hypotheses"]],
        "place": verdict.get("place"),
        "signature": report["signature"]["id"],
        "stacks": stacks,
        "variables": [frame.get("variables") for frame in crashing],
    }


class SlimRecord(e2e.TestCase):
    def compare(self, record: Path, core: Path, env=None) -> dict:
        slim = e2e.report(record, "--no-cache", env=env)
        full = e2e.report(core, "--no-cache", env=env)
        slim_essence, full_essence = essence(slim), essence(full)
        for part in full_essence:
            self.assertEqual(slim_essence[part], full_essence[part], f"{core}: {part}")
        return slim

    def crash_and_compare(self, name: str, variant: str = "debug") -> int:
        case = corpus.load_corpus([name])[0]
        if variant not in case.variants() or builder.missing_tool(case, variant):
            return 0
        builder.build(case, variant)
        run = crasher._stage(case, variant)
        command = [run / case.name, *case.get("args", ())]
        record, core = both(command, crasher._environment(case), run)
        self.compare(record, core)
        return record.stat().st_size

    def test_crashers(self):
        wanted = os.environ.get("CRASHERS", "")
        known = {case.name for case in corpus.load_corpus()}
        names = sorted(known) if wanted == "all" else wanted.split(",") if wanted else SELECTION
        sizes = []
        for name in names:
            self.assertIn(name, known)
            with self.subTest(name):
                sizes.append(self.crash_and_compare(name, os.environ.get("VARIANT", "debug")))
                self.assertLess(sizes[-1], SIZE_LIMIT)
        sizes.sort()
        if sizes:  # deep recursions need their stacks; nine of ten do not
            print(f"{len(sizes)} records, bytes: median {sizes[len(sizes) // 2]}, largest {sizes[-1]}")
            self.assertLess(sizes[len(sizes) * 9 // 10 - 1] if len(sizes) > 9 else 0, USUAL_SIZE)

    def run_and_compare(self, *command):
        directory = e2e.fresh("crash")
        record, core = both(command, e2e.environment(), directory)
        self.compare(record, core)
        self.assertLess(record.stat().st_size, SIZE_LIMIT)

    def test_python_that_faults(self):
        e2e.need("python3")
        self.run_and_compare("/usr/bin/python3", "-c", """
import ctypes, json, threading
threads = [threading.Thread(target=threading.Event().wait, daemon=True) for _ in range(3)]
[thread.start() for thread in threads]
def quote(order):
    return ctypes.string_at(order["price"])
quote({"price": 8, "rest": json.loads("[1, 2]")})
""")

    def test_node_that_aborts(self):
        e2e.need("node")
        self.run_and_compare("node", "-e", "function quote() { process.abort(); } quote();")

    def test_node_that_faults(self):
        e2e.need("node")
        self.run_and_compare("node", "-e", "process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 1000)")


if __name__ == "__main__":
    e2e.main()
