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
CUT = 79  # characters of a frame that they keep

NULL = {"null-dereference", "null-member-access", "null-function-call"}
WILD = {"wild-pointer", "uninitialised-pointer", "corrupted-code-pointer", "out-of-bounds-access"}
BOUNDS = {"out-of-bounds-access", "stack-buffer-overflow"}
ENDED = {"abort", "assertion", "uncaught-exception", "panic", "deliberate-trap"}

# Their words, by how they begin, and the classes of ours that mean the same. The first that fits.
MEANING = [
    ("Null-dereference", NULL),
    ("Upcast-of-null", NULL),
    ("UNKNOWN", WILD | {"unknown"}),
    ("V8 sandbox violation", WILD),  # V8's threat model; the access is what we name
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
    ("Command injection", ENDED),  # the detector's words; what happened is the abort
    ("Arbitrary file open", ENDED),
    ("PySecSan", ENDED),
    ("Security exception", {"uncaught-exception"}),
    ("Kernel failure\nUser-memory-access", WILD | NULL),
    ("Kernel failure\nGeneral-protection", WILD | NULL),
    ("Kernel failure\nREAD Translation", WILD | NULL),
    ("Kernel failure\nWRITE Translation", WILD | NULL),
    ("Kernel failure\nSlab-out-of-bounds", BOUNDS),
    ("Kernel failure\nUse-after-free", {"use-after-free"}),
    ("Kernel failure", ENDED),
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
    name = "".join(text).split("(")[0] if not is_go(name) else name
    return name.split(" ")[-1].strip(".~ ")


def is_go(name):
    """Go's methods have parentheses in their names: "net/http.(*conn).serve"."""
    return ".(*" in name or re.match(r"[\w./-]+/\w+\.\w", name) is not None


def same_name(ours, theirs):
    if not ours or not theirs:
        return False
    if theirs.startswith("/"):  # the module, cut off
        return ours[:60] == theirs[:60]
    if is_go(ours):  # they leave out the path of the package
        ours = ours.rsplit("/", 1)[-1]
    mine, other = plain(ours), plain(theirs)
    if len(theirs) >= CUT and other and mine.startswith(other):
        return True
    return mine == other or mine.endswith("::" + other) or other.endswith("::" + mine) or (
        len(theirs) > 70 and ours.startswith(theirs[:60]))


def frames_of(report):
    facts = report["facts"]
    names = []
    place = report["verdict"].get("place") or {}
    for frame in facts.get("crashing", {}).get("frames", [])[place.get("frame", 0):]:
        names += [f.get("short_name") or f.get("name", "") for f in frame["functions"]]
    return [name for name in names if name]


def frames_that_matter(state):
    """Their first two frames; containers and smart pointers of std are plumbing by our rules."""
    lines = [line for line in (state or "").split("\n") if line and line != "NULL"]
    own = [line for line in lines if not line.split(" ")[-1].startswith("std::")
           and not line.startswith(("std::", "void std::"))]
    return (own or lines)[:2]


def same_place(report, state):
    """Is the place that we name among their frames, or the same condition, file or module?"""
    verdict, facts = report["verdict"], report["facts"]
    place, best = verdict.get("place") or {}, verdict["hypotheses"][0]
    names = [place.get("function", ""), place.get("module", "")] + frames_of(report)[:1]
    if any(same_name(name, line) for name in names for line in state):
        return True
    words = [place.get("file", "").rsplit("/", 1)[-1], best.get("expression", ""), best["sentence"],
             facts.get("abort", {}).get("file", "").rsplit("/", 1)[-1],
             facts.get("reported", {}).get("error", "")]
    said = {state[0], state[0].rsplit(" in ", 1)[0]}  # they add the file's name
    if any(text and (text in one or one in text) for text in words for one in said):
        return True
    cast = re.match(r"Bad-cast to (\S+) from", state[0])
    if cast and f"'{cast[1]}'" in best["sentence"]:
        return True
    return bool(place.get("module")) and place["module"].rsplit("/", 1)[-1] in state[0]


def differences_of(case, report):
    """What differs between one report of ours and theirs, as a list of (what, ours, theirs)."""
    theirs = case.get("crash_type")
    found = []
    facts = report["facts"]
    ours = report["verdict"]["hypotheses"][0]["class"]
    if theirs and ours not in meaning(theirs):
        found.append(("class", ours, theirs.replace("\n", " ")))
    address = case.get("crash_address") or ""
    sent = (theirs or "").startswith(("Abrt", "Ill", "SIGTRAP", "Divide", "Floating"))
    if address.startswith("0x") and not sent:
        said = {facts.get("reported", {}).get("address"), facts.get("signal", {}).get("address"),
                facts.get("fault", {}).get("address")} - {None}
        if int(address, 16) not in {int(one, 16) for one in said}:
            found.append(("address", ",".join(sorted(said)) or "none", address))
    state = frames_that_matter(case.get("crash_state"))
    if state and not same_place(report, state):
        place = report["verdict"].get("place") or {}
        found.append(("frame", place.get("function") or place.get("module", "none"),
                      " / ".join(state)))
    return found


def compare(case, reports):
    """What differs, as a list of (what, ours, theirs).

    Where a log tells of several crashes we give several reports and they give one: the report of
    ours that agrees most is compared.
    """
    theirs = case.get("crash_type")
    if theirs is None and "crash_state" not in case:
        return []
    if not theirs and not case.get("crash_state"):
        return [("class", reports[0]["verdict"]["hypotheses"][0]["class"], "no crash")] if reports else []
    if not reports:
        return [("class", "nothing found", theirs)]
    return min((differences_of(case, report) for report in reports), key=len)


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
