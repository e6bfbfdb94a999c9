"""The heart of the capture: explaining the slim record gives what explaining the full core gives.

Both come from one death: `inquest run --trace --kernel-core` records the stopped process, then the kernel dumps it. All
programs of tests/crashers with CRASHERS=all; else a selection. More by name: CRASHERS=c-audit-log,cpp-order-erase.
"""

import json
import os
import resource
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
SIZE_LIMIT = 500_000  # bytes, compressed, as a rule


def limits():
    crasher._limits()


def both(command, env, directory: Path) -> tuple[Path, Path]:
    """The slim record and the full core of one death."""
    records = directory / "records"
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--analysis", ANALYSIS_MS, "--output", str(records), "--",
         *map(str, command)],
        cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=limits, timeout=120)
    found = sorted(records.glob("*.core.zst")) if records.exists() else []
    if not found:
        raise AssertionError(f"{command}: no record: {done.stderr.decode(errors='replace')[-2000:]}")
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
        names = [case.name for case in corpus.load_corpus()] if wanted == "all" else wanted.split(",") if wanted \
            else SELECTION
        known = {case.name for case in corpus.load_corpus()}
        for name in names:
            if name not in known:
                self.fail(f"there is no crasher {name}")
            with self.subTest(name):
                self.assertLess(self.crash_and_compare(name, os.environ.get("VARIANT", "debug")), SIZE_LIMIT)


if __name__ == "__main__":
    e2e.main()
