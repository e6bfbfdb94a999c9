#!/usr/bin/python3
"""Golden tests: holds what the program prints of stored evidence against tests/cases/<area>/<name>/expected.json.

A case is a folder with case.toml:
    arguments = ["--thread", "7"]      # after `inquest explain`; CASE stands for the folder; optional
    input = "core.xz"                  # optional, this is the default
    truncate = 0.6                     # keep this part of the unpacked core; optional
    dump = ["stacks", "facts", "verdict"]   # the stages that are compared
Files below case/root/ stand for the crashed system (--sysroot). `--update` rewrites expected.json: read the diff.
"""
import argparse
import difflib
import json
import lzma
import os
import subprocess
import sys
import tempfile
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(ROOT, "tests", "cases")


def cases(only):
    for folder, _, files in sorted(os.walk(CASES)):
        name = os.path.relpath(folder, CASES)
        if "case.toml" in files and (not only or any(part in name for part in only)):
            yield name, folder


def unpacked(path, keep):
    data = lzma.open(path).read() if path.endswith(".xz") else open(path, "rb").read()
    return data[: int(len(data) * keep)]


def explain(inquest, case, folder, core):
    """The stages as one JSON object; places of this machine are replaced by words."""
    sysroot = os.path.join(folder, "root")
    result = {}
    for stage in case["dump"]:
        command = [inquest, "explain", core, "--no-cache", "--dump=" + stage, *(argument.replace("CASE", folder) for argument in case.get("arguments", []))]
        if os.path.isdir(sysroot):
            command += ["--sysroot", sysroot]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
        if run.returncode != 0:
            result[stage] = {"exit": run.returncode, "stderr": run.stderr.replace(core, "CORE").replace(folder, "CASE")}
        else:
            result[stage] = json.loads(run.stdout.replace(core, "CORE").replace(folder, "CASE"))
    return result


def check(inquest, name, folder, update):
    with open(os.path.join(folder, "case.toml"), "rb") as file:
        case = tomllib.load(file)
    with tempfile.TemporaryDirectory() as scratch:
        core = os.path.join(scratch, "core")
        with open(core, "wb") as file:
            file.write(unpacked(os.path.join(folder, case.get("input", "core.xz")), case.get("truncate", 1)))
        got = json.dumps(explain(inquest, case, folder, core), indent=1, ensure_ascii=False) + "\n"
    path = os.path.join(folder, "expected.json")
    expected = open(path).read() if os.path.exists(path) else ""
    if got == expected:
        return True
    if update:
        with open(path, "w") as file:
            file.write(got)
        print("rewritten:", os.path.relpath(path, ROOT))
        return True
    print(f"--- {name} differs")
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), got.splitlines(True), "expected", "got", n=2))
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inquest", default=os.path.join(ROOT, "build", "release", "bin", "inquest"))
    parser.add_argument("--update", action="store_true")
    parser.add_argument("only", nargs="*")
    options = parser.parse_args()
    results = [check(options.inquest, name, folder, options.update) for name, folder in cases(options.only)]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
