#!/usr/bin/python3
"""Rules for every committed text file: length, white space, no paths of one person's machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

MAX_LINES = 800
LONG_LINES = 400
SOURCE_SUFFIXES = {".cc", ".h", ".c", ".py", ".sh", ".rs", ".cpp", ".cmake"}
# Where any machine has things; what stands elsewhere at the top of a checkout's path is one machine's own.
COMMON_TOPS = {"home", "tmp", "root", "usr", "var", "srv", "opt", "mnt", "builds", "github", "src"}
# Foreign text kept as it came, and binary or generated evidence.
EXEMPT = ("LICENSE", "tests/fuzz/", "tests/data/")


def machine_paths(root: Path, home: str) -> list[str]:
    """Strings that only make sense on this machine: the checkout, what stands beside it, and the user's home.

    The folder above the checkout is not one of them: it may be /data or /app, which texts name for other reasons.
    """
    found = [str(root) + "/"]
    top = root.parts[1] if len(root.parts) > 1 else ""
    if top not in COMMON_TOPS:
        found += sorted(f"{path}/" for path in root.parent.iterdir() if path.is_dir() and path != root)
    if home.startswith("/home/"):
        found.append(home.rstrip("/") + "/")
    return found


def check_text(path: str, text: str, forbidden: list[str]) -> tuple[list[str], list[str]]:
    """Errors and warnings about one file."""
    errors, warnings = [], []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            errors.append(f"{path}:{number}: space at the end of the line")
        for name in forbidden:
            # Preceded by a word character it is part of another path.
            if name in line and re.search(r"(?<![\w.-])" + re.escape(name), line):
                errors.append(f"{path}:{number}: a path of this machine: {name}")
    if text and not text.endswith("\n"):
        errors.append(f"{path}: no newline at the end")
    if Path(path).suffix in SOURCE_SUFFIXES:
        count = len(lines) - 1
        if count > MAX_LINES:
            errors.append(f"{path}: {count} lines, over the ceiling of {MAX_LINES}: split it")
        elif count > LONG_LINES:
            warnings.append(f"{path}: {count} lines is long")
    return errors, warnings


def committed_files(root: Path) -> list[str]:
    """What git tracks or would track; without git, everything outside build directories."""
    command = ["git", "-C", str(root), "-c", f"safe.directory={root}",
               "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, capture_output=True, check=True).stdout
        return sorted({name for name in os.fsdecode(listing).split("\0") if name})
    except (OSError, subprocess.CalledProcessError):
        skipped = {".git", "build", "dist", "__pycache__"}
        return sorted(str(path.relative_to(root)) for path in root.rglob("*")
                      if path.is_file() and not skipped & set(path.relative_to(root).parts))


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    forbidden = machine_paths(root, os.path.expanduser("~"))
    failed = False
    for name in committed_files(root):
        path = root / name
        if name.startswith(EXEMPT) or not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" in data:
            continue
        errors, warnings = check_text(name, data.decode("utf-8", "replace"), forbidden)
        for line in errors:
            print(line, file=sys.stderr)
        for line in warnings:
            print(f"warning: {line}", file=sys.stderr)
        failed = failed or bool(errors)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
