#!/usr/bin/python3
"""Severity names held against the truth: CASR's classes from Inquest's facts, and gdb with rules.

    severity.py corpus [--case NAME]... [--variant V]   on the programs of tests/crashers
    severity.py casr DATA                               on cores with expected classes (expected.jsonl)

Prints a table and how many names are right. docs/design/severity-compared.md says what they mean.
"""

import argparse
import collections
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile

import builder
import corpus
import crasher
import severity_rules as rules

SECONDS = 120
ABORTS = {"AbortSignal", "TrapSignal", "BenignSignal"}
TRANSFER = {"CallAv", "BranchAv", "SegFaultOnPc", "ReturnAv", "CallAvTainted", "BranchAvTainted"}
NULL_TRANSFER = {"CallAvNearNull", "BranchAvNearNull", "SegFaultOnPcNearNull"}


def right_names(case):
    """The names, of either kind, that the truth of a case allows; empty: neither has one for it."""
    truth, access = case.expected_class, case.get("access", "")
    by_class = {
        "null-function-call": NULL_TRANSFER,
        "corrupted-code-pointer": TRANSFER, "execute-non-executable": TRANSFER | {"StackCodeExecution"},
        "stack-overflow-recursion": {"StackOverflow"}, "stack-overflow-large-frame": {"StackOverflow"},
        "double-free": {"HeapError"}, "invalid-free": {"HeapError"}, "heap-corruption": {"HeapError"},
        "buffer-overflow-fortify": {"SafeFunctionCheck", "StackBufferOverflow"},
        "integer-division-by-zero": {"FPE", "FloatingPointException"},
        "illegal-instruction": {"BadInstruction"},
        "deliberate-trap": {"BadInstruction"} | ABORTS, "bad-system-call": {"BadInstruction"},
        "integer-overflow-trap": ABORTS | {"FPE", "FloatingPointException"},
    }
    signal = case.signal("debug")
    if truth == "stack-buffer-overflow" and not access:
        return {"StackGuard", "StackBufferOverflow"} if signal == "SIGABRT" else TRANSFER | {"StackBufferOverflow"}
    if truth in by_class and signal == "SIGABRT" and truth not in ("stack-overflow-recursion",):
        return by_class[truth]
    if truth in by_class and not (access in ("read", "write") and truth not in
                                  ("stack-overflow-recursion", "stack-overflow-large-frame")):
        return by_class[truth]
    if signal == "SIGABRT":
        return ABORTS
    if signal in ("SIGILL", "SIGTRAP"):
        return {"BadInstruction"} | ABORTS
    near = "NearNull" if truth in ("null-dereference", "null-member-access") else ""
    if access == "write":
        return {"DestAv" + near} | ({"BlockMoveAv"} if not near else set())
    if access == "read":
        return {"SourceAv" + near} | ({"DestAvTainted", "CallAvTainted"} if not near else set())
    if access == "exec":
        return NULL_TRANSFER if near else TRANSFER
    return set()


def explain(inquest, core, program=None):
    command = [inquest, "explain", str(core), "--json"]
    if program:
        command += ["--exe", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"{core}: exit {done.returncode}: {done.stderr[-200:]}")
    document = json.loads(done.stdout)
    return document["reports"][0] if "reports" in document else document


def run_corpus(options):
    counts = collections.Counter()
    rows = []
    for case in corpus.load_corpus(options.case):
        variant = options.variant
        if variant not in case.variants() or builder.missing_tool(case, variant):
            counts["left out"] += 1
            continue
        try:
            builder.build(case, variant)
            record = crasher.crash(case, variant)
        except (builder.BuildError, crasher.CrashError, OSError) as error:
            print(f"{case.name}: {error}", file=sys.stderr)
            counts["left out"] += 1
            continue
        report = explain(options.inquest, record["core"], record["program"])
        gdb = rules.gdb_facts(record["core"], record["program"])
        names = (rules.casr_class(report, gdb["listing"]), rules.exploitable_rule(gdb))
        # Of a core this rule fits nearly always: see the design page.
        mild = rules.exploitable_rule(gdb, ("PossibleStackCorruption",))
        right = right_names(case)
        marks = ["-" if not right else "right" if name in right else "WRONG" for name in names]
        rows.append((case.name, case.expected_class, names[0], marks[0], names[1], marks[1],
                     report["verdict"]["hypotheses"][0]["class"]))
        counts["cases"] += 1
        counts["comparable"] += bool(right)
        for tool, mark in zip(("facts", "gdb"), marks):
            counts[tool] += mark == "right"
        counts["mild"] += mild in right
        counts["class"] += rows[-1][6] in case.accepted_classes(variant)
    widths = [max(len(row[i]) for row in rows) for i in range(7)] if rows else []
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())
    print(f"{counts['cases']} programs, {counts['comparable']} of them of a kind that these names tell "
          f"apart: right from Inquest's facts {counts['facts']}, from gdb by rules {counts['gdb']}, "
          f"without the rule PossibleStackCorruption {counts['mild']}; "
          f"Inquest's own class {counts['class']} of {counts['cases']}; {counts['left out']} left out")
    return 0


def run_casr(options):
    agree = total = 0
    with tempfile.TemporaryDirectory() as scratch:
        for line in (options.data / "expected.jsonl").read_text().splitlines():
            case = json.loads(line)
            core = pathlib.Path(scratch) / pathlib.Path(case["core"]).stem
            core.write_bytes(lzma.decompress((options.data / case["core"]).read_bytes()))
            code = rules.gdb_facts(core)["listing"]
            name = rules.casr_class(explain(options.inquest, core), code)
            total += 1
            agree += name == case["short"]
            print(f"{case['test']}: {name}" + ("" if name == case["short"] else f", expected {case['short']}"))
            core.unlink()
    print(f"{agree} of {total} agree")
    return 0 if agree == total else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("corpus", "casr"))
    parser.add_argument("data", type=pathlib.Path, nargs="?")
    parser.add_argument("--case", action="append", help="only cases whose name contains this")
    parser.add_argument("--variant", choices=corpus.NATIVE_VARIANTS, default="O2")
    parser.add_argument("--inquest", default=str(corpus.ROOT / "build" / "release" / "bin" / "inquest"))
    options = parser.parse_args()
    if options.mode == "corpus":
        return run_corpus(options)
    if options.data is None:
        parser.error("casr needs the directory that holds expected.jsonl")
    return run_casr(options)


if __name__ == "__main__":
    sys.exit(main())
