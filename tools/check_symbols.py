#!/usr/bin/python3
"""Holds object files against lists of what they may reference: check_symbols.py RULES.toml... OBJECT...

RULES.toml: `signal_safe` names the objects that run in a signal handler and may reference only each other;
[may_reference] names what other objects may take from outside, as weak references; [must_find] what they may take
as strong ones, because the program that loads them has it: a prefix when it ends in "*".
"""

import fnmatch
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

# Made up by the linker.
LINKER = {"_GLOBAL_OFFSET_TABLE_"}


@dataclass
class Object:
    name: str  # of the source, without suffix
    defined: set[str] = field(default_factory=set)
    strong: set[str] = field(default_factory=set)  # undefined references
    weak: set[str] = field(default_factory=set)


def read_object(path: Path, nm: str) -> Object:
    listing = subprocess.run([nm, "--format=posix", str(path)], capture_output=True, text=True, check=True).stdout
    found = Object(path.name.split(".")[0])
    for line in listing.splitlines():
        symbol, kind = line.split()[:2]
        if kind == "U":
            found.strong.add(symbol)
        elif kind in "wv":
            found.weak.add(symbol)
        elif kind != "a":
            found.defined.add(symbol)
    found.strong -= LINKER
    return found


def check(objects: list[Object], rules: dict) -> list[str]:
    safe = set(rules["signal_safe"])
    allowed = {name: set(symbols) for name, symbols in rules.get("may_reference", {}).items()}
    needed = rules.get("must_find", {})
    names = {entry.name for entry in objects}
    problems = [f"{name}: named in the rules, but there is no such object"
                for name in sorted((safe | set(allowed) | set(needed)) - names)]
    ours = set().union(*(entry.defined for entry in objects))
    in_handler = set().union(*(entry.defined for entry in objects if entry.name in safe))
    for entry in objects:
        outside = allowed.get(entry.name, set())
        for symbol in sorted(entry.strong | entry.weak):
            if entry.name in safe:
                if symbol not in in_handler:
                    problems.append(f"{entry.name}: runs in the signal handler and references {symbol}")
            elif any(fnmatch.fnmatchcase(symbol, pattern) for pattern in needed.get(entry.name, [])):
                continue
            elif symbol not in ours and symbol not in outside:
                problems.append(f"{entry.name}: references {symbol}")
            elif symbol not in ours and symbol in entry.strong:
                problems.append(f"{entry.name}: references {symbol} strongly: the object would need a library")
    return problems


def merged(rules: list[dict]) -> dict:
    return {"signal_safe": [name for each in rules for name in each.get("signal_safe", [])],
            **{section: {name: symbols for each in rules for name, symbols in each.get(section, {}).items()}
               for section in ("may_reference", "must_find")}}


def main(arguments: list[str]) -> int:
    rules = [tomllib.loads(Path(path).read_text(encoding="utf-8")) for path in arguments if path.endswith(".toml")]
    objects = [path for path in arguments if not path.endswith(".toml")]
    if not rules or not objects:
        print(__doc__, file=sys.stderr)
        return 2
    nm = os.environ.get("NM", "nm")
    problems = check([read_object(Path(path), nm) for path in objects], merged(rules))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
