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


def commands_of(program: str) -> list[str]:
    help_text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*) ", help_text.partition("Subcommands:")[2], re.MULTILINE)


def main() -> int:
    program = sys.argv[1]
    root = Path(__file__).resolve().parent.parent

    def help_of(*command: str) -> set[str]:
        done = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
        return options_in(done.stdout)

    def page(name: str) -> set[str]:
        return options_in((root / "docs/man" / name).read_text(encoding="utf-8"))

    known = help_of()
    problems = compare("inquest.1", known, page("inquest.1"))
    for command in commands_of(program):
        options = help_of(command)
        known |= options
        problems += compare(f"inquest-{command}.1", options, page(f"inquest-{command}.1"))
    completion = (root / "packaging/completions/inquest.bash").read_text(encoding="utf-8")
    problems += compare("inquest.bash", known, options_in(completion))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
