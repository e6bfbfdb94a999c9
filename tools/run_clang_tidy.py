#!/usr/bin/python3
"""Runs clang-tidy over our sources in parallel: those that differ from the main branch, or all.

A file that was clean stays clean until it, a header that it includes or the configuration changes: results are
remembered under the build directory.
"""

import argparse
import concurrent.futures
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

TIDY = "clang-tidy-19"
# Flags of g++ that clang does not know.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-error"]


def own_sources(build: Path, root: Path) -> list[Path]:
    """Sources of the compilation database, without tests: those are read by people and run by ctest."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    files = {Path(entry["file"]) for entry in commands}
    return sorted(path for path in files
                  if (path.is_relative_to(root / "src") or path.is_relative_to(root / "bindings"))
                  and not path.name.endswith(("_test.cc", "_fuzzer.cc", "_benchmark.cc")))


def changed_files(root: Path) -> set[Path] | None:
    """What differs from the upstream main branch or from the last commit; None when git cannot say."""
    git = ["git", "-C", str(root), "-c", f"safe.directory={root}"]

    def lines(*arguments: str) -> list[str] | None:
        done = subprocess.run(git + list(arguments), capture_output=True, text=True, check=False)
        return done.stdout.split("\n") if done.returncode == 0 else None

    try:
        base = lines("merge-base", "HEAD", "origin/main") or ["HEAD~1"]
        changed = lines("diff", "--name-only", base[0])
        untracked = lines("ls-files", "--others", "--exclude-standard")
    except OSError:
        return None
    if changed is None or untracked is None:
        return None
    return {root / name for name in changed + untracked if name}


def digest(*parts: bytes) -> str:
    joined = hashlib.sha256()
    for part in parts:
        joined.update(len(part).to_bytes(8, "little") + part)
    return joined.hexdigest()


class Sources:
    """Our files, and which of our headers each includes, directly or through others."""

    INCLUDE = re.compile(rb'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)

    def __init__(self, root: Path):
        self.roots = [root / "src", root]
        self.texts: dict[Path, bytes] = {}

    def text(self, path: Path) -> bytes:
        if path not in self.texts:
            self.texts[path] = path.read_bytes()
        return self.texts[path]

    def included_by(self, path: Path) -> list[Path]:
        names = (match.decode() for match in self.INCLUDE.findall(self.text(path)))
        candidates = ([folder / name for folder in self.roots] for name in names)
        return [next(file for file in files if file.is_file()) for files in candidates
                if any(file.is_file() for file in files)]

    def with_headers(self, path: Path) -> list[Path]:
        """The file first, then every header of ours that it sees, in a fixed order."""
        seen, waiting = {path}, [path]
        while waiting:
            for header in self.included_by(waiting.pop()):
                if header not in seen:
                    seen.add(header)
                    waiting.append(header)
        return [path, *sorted(seen - {path})]


def marks_of(sources: list[Path], root: Path, build: Path) -> dict[Path, str]:
    """A name for each file that changes when its text, that of a header, the checks or its compiler flags change."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    flags = {Path(entry["file"]): entry["command"].encode() for entry in commands}
    checks = (root / ".clang-tidy").read_bytes()
    files = Sources(root)
    return {path: digest(checks, flags[path], *(part for file in files.with_headers(path)
                                                for part in (str(file).encode(), files.text(file))))
            for path in sources}


def tidy(path: Path, build: Path) -> tuple[bool, str]:
    done = subprocess.run([TIDY, "-p", str(build), "--quiet", *EXTRA, str(path)],
                          capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scope", nargs="?", choices=["changed", "all"], default="changed")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()

    root = Path(__file__).resolve().parent.parent
    build = options.build.resolve()
    sources = own_sources(build, root)
    changed = changed_files(root) if options.scope == "changed" else None
    if changed is not None and not any(path.suffix == ".h" or path.name == ".clang-tidy" for path in changed):
        sources = [path for path in sources if path in changed]

    clean_dir = build / "clang-tidy-clean"
    clean_dir.mkdir(exist_ok=True)
    marks = {path: clean_dir / name for path, name in marks_of(sources, root, build).items()}
    work = [path for path in sources if not marks[path].exists()]
    print(f"{len(work)} files to check, {len(sources) - len(work)} known to be clean", file=sys.stderr)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for path, (ok, output) in zip(work, pool.map(lambda path: tidy(path, build), work)):
            if ok:
                marks[path].touch()
            else:
                failed += 1
                print(output.replace(str(root) + "/", ""), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
