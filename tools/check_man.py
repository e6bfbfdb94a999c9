#!/usr/bin/python3
"""Holds man pages and completions against what the program itself says in --help."""

import re
import subprocess
import sys
from pathlib import Path

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def options_in(text: str) -> set[str]:
    return set(OPTION.findall(text.replace("\\-", "-")))


def compare(name: str, said: set[str], written: set[str]) -> list[str]:
    return ([f"{name} does not mention {option}" for option in sorted(said - written)] +
            [f"{name} mentions {option}, which the program does not know" for option in sorted(written - said)])


def main() -> int:
    program = sys.argv[1]
    root = Path(__file__).resolve().parent.parent

    def help_of(*command: str) -> set[str]:
        done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
        return options_in(done.stdout)

    main_options, explain, heap = help_of(), help_of("explain"), help_of("heap")
    pages = {name: options_in((root / "docs/man" / name).read_text(encoding="utf-8"))
             for name in ("inquest.1", "inquest-explain.1", "inquest-heap.1")}
    completion = options_in((root / "packaging/completions/inquest.bash").read_text(encoding="utf-8"))
    problems = (compare("inquest.1", main_options, pages["inquest.1"]) +
                compare("inquest-explain.1", explain, pages["inquest-explain.1"]) +
                compare("inquest-heap.1", heap, pages["inquest-heap.1"]) +
                compare("inquest.bash", main_options | explain | heap, completion))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
