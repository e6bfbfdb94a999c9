#!/usr/bin/env python3
"""Holds `inquest heap` against the heaps of vmware/chap's test cores.

usage: chap_compare.py DATA_DIR [--inquest PROGRAM]

DATA_DIR has a folder a program with core.N.xz and, beside it, what chap answers: core.N.list_used, list_free,
show_used, describe_used, list_leaked and so on. (They are GPL-2.0 data of another project: never part of this one.)
Every address and size that chap calls used must be a live block of ours, and every one that it calls free must be freed
or never handed out. Prints each disagreement; exits 1 when there is one.
"""

import argparse
import lzma
import re
import subprocess
import sys
import tempfile
from pathlib import Path

USED = re.compile(r"^(?:Used|Anchored|Leaked) allocation at ([0-9a-f]+) of size ([0-9a-f]+)", re.M)
FREE = re.compile(r"^Free allocation at ([0-9a-f]+) of size ([0-9a-f]+)", re.M)


def told(folder: Path, core: str) -> tuple[dict[int, int], dict[int, int], bool]:
    """Used and free allocations that chap names, and whether it names all of the used ones."""
    used: dict[int, int] = {}
    free: dict[int, int] = {}
    complete = False
    for answer in sorted(folder.glob(f"{core}.*")):
        command = answer.name[len(core) + 1:]
        if command == "xz":
            continue
        text = answer.read_text(encoding="utf-8", errors="replace")
        used |= {int(a, 16): int(s, 16) for a, s in USED.findall(text)}
        free |= {int(a, 16): int(s, 16) for a, s in FREE.findall(text)}
        complete = complete or command in ("list_used", "show_used", "describe_used")
    return used, free, complete


def blocks(program: str, core: Path) -> dict[int, tuple[int, str, str]]:
    run = subprocess.run([program, "heap", str(core), "--blocks"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        print(f"  {run.stderr.strip()}")
        return {}
    rows = (line.split(" ", 3) for line in run.stdout.splitlines())
    return {int(row[0], 16): (int(row[1]), row[2], row[3] if len(row) > 3 else "") for row in rows}


def disagreements(used, free, complete, ours):
    for address, size in sorted(used.items()):
        mine = ours.get(address)
        if mine is None or mine[1] != "live":
            yield f"{address:#x}: used for chap ({size} bytes), {mine[1] + ' ' + mine[2] if mine else 'no block'} for us"
        elif mine[0] != size:
            yield f"{address:#x}: {size} bytes for chap, {mine[0]} for us"
    for address, size in sorted(free.items()):
        mine = ours.get(address)
        if mine is None or mine[1] not in ("freed", "unused"):
            yield f"{address:#x}: free for chap ({size} bytes), {mine[1] if mine else 'no block'} for us"
        elif mine[0] != size:
            yield f"{address:#x}: {size} free bytes for chap, {mine[0]} for us"
    if complete:
        for address, (size, state, _) in sorted(ours.items()):
            if state == "live" and address not in used:
                yield f"{address:#x}: {size} bytes live for us, unknown to chap"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--inquest", default="build/release/bin/inquest")
    options = parser.parse_args()
    wrong = compared = 0
    for packed in sorted(options.data.glob("*/core.*.xz")):
        core = packed.name[:-3]
        used, free, complete = told(packed.parent, core)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / core
            path.write_bytes(lzma.decompress(packed.read_bytes()))
            ours = blocks(options.inquest, path)
        found = list(disagreements(used, free, complete, ours))
        print(f"{packed.parent.name}: {len(used)} used and {len(free)} free allocations, {len(found)} disagreements")
        for sentence in found:
            print(f"  {sentence}")
        wrong += len(found)
        compared += len(used) + len(free)
    print(f"{compared} allocations compared, {wrong} disagreements")
    return 1 if wrong or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
