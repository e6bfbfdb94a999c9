"""JavaScript frames of a Node.js for AArch64, run in qemu-user: what inquest reads from the core that qemu writes,
against what V8's own Error.stack said of the same calls. Slow: each Node.js is fetched from npm (NODES=npm)."""

import functools
import os
import resource
import subprocess
import unittest
from pathlib import Path

import e2e
from node_frames import ADDON, PROGRAM, WARM, assert_told, builtins_of, fetched, flags_of, frames_of, script, told

VERSIONS = ["18.20.8", "20.20.2", "22.23.5", "24.22.3", "26.12.1"]  # npm has none for AArch64 before them
SYSROOT = "/usr/aarch64-linux-gnu"


@functools.cache
def addon() -> Path:
    e2e.need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    directory = e2e.fresh("aarch64-addon")
    (directory / "shop.c").write_text(ADDON)
    e2e.run_tool("aarch64-linux-gnu-gcc", "-g", "-O2", "-fno-inline", "-shared", "-fPIC", "-o", "shop.node", "shop.c",
                 cwd=directory)
    return directory / "shop.node"


def run(node: Path, tier: str, way: str, directory: Path, **more) -> str:
    command = ["qemu-aarch64", "-L", SYSROOT, node, *(flags_of(tier, int(node.parts[-3].split(".")[0])) or []), script()]
    done = subprocess.run(
        [str(part) for part in command], cwd=directory, capture_output=True, text=True, timeout=300,
        env=e2e.environment(ADDON=str(addon()), TIER=WARM.get(tier, tier), WAY=way, **more),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    return done.stdout


@unittest.skipUnless(os.environ.get("NODES") == "npm", "slow: only with NODES=npm")
class AArch64(e2e.TestCase):
    def each(self, check, tiers, ways=("plain",)) -> None:
        for version in VERSIONS:
            major = int(version.split(".")[0])
            for tier in tiers:
                for way in ways:
                    if flags_of(tier, major) is None:
                        continue
                    with self.subTest(version=version, tier=tier, way=way):
                        node = fetched(version, "linux-arm64")
                        directory = e2e.fresh("aarch64")
                        shown = told(run(node, tier, way, directory, SHOW="1"))
                        run(node, tier, way, directory)
                        core = next(directory.glob("qemu_*.core"))
                        facts = e2e.report(core, "--exe", node, "--sysroot", SYSROOT, "--full", "--no-cache")["facts"]
                        core.unlink()
                        check(facts, shown, major, tier)

    def test_frames_of_each_tier_are_as_error_stack_had_them(self):
        self.each(self.check_frames, ["interpreted", "baseline", "maglev", "optimised"])

    def check_frames(self, facts: dict, shown: list, major: int, tier: str) -> None:
        assert_told(self, facts["crashing"], shown, major)
        self.assertIn(WARM.get(tier, tier), {frame.get("tier") for frame in frames_of(facts["crashing"])})
        self.assertGreater(len(builtins_of(facts["crashing"])), 3)

    def test_arguments_are_told(self):
        self.each(self.check_arguments, ["interpreted"], ["values"])

    def check_arguments(self, facts: dict, _shown: list, _major: int, _tier: str) -> None:
        sold = next(frame for frame in frames_of(facts["crashing"]) if frame["function"] == "Shop.sell")
        values = {each["name"]: each["text"] for each in sold["variables"]}
        self.assertEqual((values["this"], values["id"], values["...more[1]"]), ("{ open: true }", "7", "'rest'"))
        self.assertIn("sell(id, customer", PROGRAM)


if __name__ == "__main__":
    e2e.main()
