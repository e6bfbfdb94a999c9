#!/usr/bin/python3
"""Compares Inquest with ClusterFuzz's stack parser on crash outputs: class, address, first frame.

    clusterfuzz.py DATA [--inquest PROGRAM] [--only TEXT] [--all]

DATA holds `expected.jsonl` (input, crash_type, crash_address, crash_state) and `input/`. One line a
difference; with --all, one line a case. docs/design/clusterfuzz-compared.md says which differences
stay, and why.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 60  # seconds a case

NULL = {"null-dereference", "null-member-access", "null-function-call"}
WILD = {"wild-pointer", "uninitialised-pointer", "corrupted-code-pointer", "out-of-bounds-access"}
BOUNDS = {"out-of-bounds-access", "stack-buffer-overflow"}
ENDED = {"abort", "assertion", "uncaught-exception", "panic", "deliberate-trap"}

# Their words, by how they begin, and the classes of ours that mean the same. The first that fits.
MEANING = [
    ("Null-dereference", NULL),
    ("Upcast-of-null", NULL),
    ("UNKNOWN", WILD),
    ("Segv on unknown", WILD | NULL | {"unknown"}),
    ("READ", WILD | NULL),
    ("Heap-use-after-free", {"use-after-free"}),
    ("Heap-buffer-overflow", BOUNDS),
    ("Container-overflow", BOUNDS),
    ("Index-out-of-bounds", BOUNDS),
    ("Index out of range", BOUNDS | {"panic"}),
    ("Slice bounds", BOUNDS | {"panic"}),
    ("Object-size", BOUNDS),
    ("Allocation-tail", BOUNDS),
    ("Tag-mismatch", BOUNDS | {"use-after-free"}),
    ("Heap-corruption", {"heap-corruption"}),
    ("Bad-cast", {"type-confusion"}),
    ("Pointer-overflow", {"undefined-behaviour"}),
    ("Assumption-violation", {"undefined-behaviour"}),
    ("Integer-overflow", {"integer-overflow-trap"}),
    ("Unsigned-integer", {"integer-overflow-trap"}),
    ("Divide-by-zero", {"integer-division-by-zero"}),
    ("Floating-point", {"integer-division-by-zero"}),
    ("Integer divide", {"integer-division-by-zero", "panic"}),
    ("Invalid memory address", NULL | {"panic", "wild-pointer"}),
    ("Invalid-free", {"invalid-free"}),
    ("Direct-leak", {"memory-leak"}),
    ("Data race", {"data-race"}),
    ("Stack-overflow", {"stack-overflow-recursion", "stack-overflow-large-frame"}),
    ("Out-of-memory", {"out-of-memory-abort", "killed-for-memory"}),
    ("Timeout", {"timeout"}),
    ("Ill", {"illegal-instruction", "deliberate-trap", "assertion"}),
    ("SIGTRAP", {"deliberate-trap"}),
    ("Abrt", ENDED),
    ("CHECK failure", {"assertion"}),
    ("Security CHECK", {"assertion"}),
    ("Security DCHECK", {"assertion"}),
    ("ASSERT", {"assertion", "panic"}),
    ("Fatal error", ENDED),
    ("Fatal-signal", ENDED | WILD | {"unknown"}),
    ("Fatal Exception", {"uncaught-exception"}),
    ("Uncaught exception", {"uncaught-exception"}),
    ("Unreachable code", ENDED),
    ("Unexpected-exit", ENDED),
]


def meaning(crash_type):
    for start, classes in MEANING:
        if crash_type.startswith(start):
            return classes
    return set()


def reports_of(inquest, path):
    """All reports on the input, in order; [] when nothing was found in it."""
    run = subprocess.run([inquest, "explain", str(path), "--json"], capture_output=True, text=True,
                         timeout=TIMEOUT, check=False)
    if run.returncode < 0 or run.returncode > 1:
        raise RuntimeError(f"{path.name}: exit {run.returncode}: {run.stderr[-200:]}")
    found, at, decoder = [], 0, json.JSONDecoder()
    while True:
        start = re.compile(r"^[\[{]", re.M).search(run.stdout, at)
        if not start:
            return found
        value, at = decoder.raw_decode(run.stdout, start.start())
        if isinstance(value, dict) and "reports" in value:
            value = value["reports"]
        found += value if isinstance(value, list) else [value]


def plain(name):
    """A function's name without template arguments, parameters and return type."""
    name = re.sub(r"\(anonymous namespace\)::", "", name)
    depth, text = 0, []
    for char in name:
        depth += char == "<"
        if depth == 0:
            text.append(char)
        depth -= char == ">" and depth > 0
    return "".join(text).split("(")[0].split(" ")[-1].strip(".~ ")


def same_name(ours, theirs):
    if not ours or not theirs:
        return False
    mine, other = plain(ours), plain(theirs)
    return mine == other or mine.endswith("::" + other) or other.endswith("::" + mine) or (
        len(theirs) > 70 and ours.startswith(theirs[:60]))


def frames_of(report):
    facts = report["facts"]
    names = []
    place = report["verdict"].get("place") or {}
    for frame in facts.get("crashing", {}).get("frames", [])[place.get("frame", 0):]:
        names += [f.get("short_name") or f.get("name", "") for f in frame["functions"]]
    return [name for name in names if name]


def compare(case, reports):
    """What differs, as a list of (what, ours, theirs)."""
    theirs = case.get("crash_type")
    if theirs is None and "crash_state" not in case:
        return []
    if not theirs and not case.get("crash_state"):
        return [("class", reports[0]["verdict"]["hypotheses"][0]["class"], "no crash")] if reports else []
    if not reports:
        return [("class", "nothing found", theirs)]
    wanted = meaning(theirs) if theirs else None
    best = reports[0]
    if wanted:
        fitting = [r for r in reports if r["verdict"]["hypotheses"][0]["class"] in wanted]
        best = (fitting or reports)[0]
    found = []
    verdict, facts = best["verdict"], best["facts"]
    ours = verdict["hypotheses"][0]["class"]
    if wanted is not None and ours not in wanted:
        found.append(("class", ours, theirs.replace("\n", " ")))
    address = case.get("crash_address") or ""
    if address.startswith("0x") and not (theirs or "").startswith(("Abrt", "Ill", "SIGTRAP", "Divide", "Floating")):
        said = {facts.get("reported", {}).get("address"), facts.get("signal", {}).get("address"),
                facts.get("fault", {}).get("address")} - {None}
        if int(address, 16) not in {int(one, 16) for one in said}:
            found.append(("address", ",".join(sorted(said)) or "none", address))
    state = [line for line in (case.get("crash_state") or "").split("\n") if line and line != "NULL"]
    place = verdict.get("place") or {}
    names = [place.get("function", "")] + frames_of(best)[:1]
    said = [place.get("file", "").rsplit("/", 1)[-1], verdict["hypotheses"][0].get("expression", ""),
            verdict["hypotheses"][0]["sentence"], facts.get("abort", {}).get("file", "").rsplit("/", 1)[-1]]
    if state:
        by_name = any(same_name(name, line) for name in names for line in state[:2])
        by_words = any(text and (text in state[0] or state[0] in text) for text in said)
        by_module = place.get("module", "") and place["module"].rsplit("/", 1)[-1] in state[0]
        if not (by_name or by_words or by_module):
            found.append(("frame", names[0] or place.get("module", "none"), " / ".join(state[:2])))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--inquest", default=str(ROOT / "build" / "release" / "bin" / "inquest"))
    parser.add_argument("--only", default="", help="only inputs whose name contains this")
    parser.add_argument("--all", action="store_true", help="print the cases that agree, too")
    options = parser.parse_args()
    counts = collections.Counter()
    for line in (options.data / "expected.jsonl").read_text().splitlines():
        case = json.loads(line)
        if options.only not in case["input"]:
            continue
        counts["cases"] += 1
        differences = compare(case, reports_of(options.inquest, options.data / "input" / case["input"]))
        for what, ours, theirs in differences:
            counts[what] += 1
            print(f"{case['input']}: {what}: {ours} | {theirs}")
        counts["agree"] += not differences
        if options.all and not differences:
            print(f"{case['input']}: agree")
    print(f"{counts['cases']} cases, {counts['agree']} agree; they differ in class {counts['class']}, "
          f"address {counts['address']}, frame {counts['frame']} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
