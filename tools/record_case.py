#!/usr/bin/python3
"""Records a golden case: compiles a freestanding program, crashes it, and keeps program and core.

usage: record_case.py [--arch aarch64] [--strip] [--stack KIB] NAME SOURCE.c -- COMPILER FLAGS

The program runs in /tmp/inquest-case with an empty environment, so that nothing of this machine gets into the core.
It links nothing (-nostdlib -static): what it prints can be compared on any machine. Afterwards write case.toml if there is none and run
`./dev golden`.
"""
import argparse
import glob
import lzma
import os
import resource
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRATCH = "/tmp/inquest-case"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("source")
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("--strip", action="store_true")
    parser.add_argument("--stack", type=int, default=256)
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()

    prefix = "" if options.arch == "x86_64" else options.arch + "-linux-gnu-"
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    source = os.path.basename(options.source)
    shutil.copy(options.source, SCRATCH)
    program = os.path.join(SCRATCH, "service")
    compiler = "g++" if source.endswith(".cc") else "gcc"
    subprocess.run([prefix + compiler, "-nostdlib", "-static", "-fno-stack-protector", "-fcf-protection=none" if not prefix else "-g",
                    *options.flags, source, "-o", program], check=True, cwd=SCRATCH)

    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        resource.setrlimit(resource.RLIMIT_STACK, (options.stack * 1024,) * 2)

    command = [program] if not prefix else ["/usr/bin/qemu-" + options.arch, program]
    subprocess.run(command, cwd=SCRATCH, env={}, preexec_fn=limits)
    cores = glob.glob(SCRATCH + "/qemu_*.core") if prefix else glob.glob(SCRATCH + "/core*")
    if len(cores) != 1:
        sys.exit(f"expected one core in {SCRATCH}, found {cores}")
    folder = os.path.join(ROOT, "tests", "cases", "explain", options.name)
    root = os.path.join(folder, "root", SCRATCH.strip("/"))
    os.makedirs(root, exist_ok=True)
    if options.strip:
        subprocess.run([prefix + "strip", program], check=True)
    shutil.copy(program, root)
    with lzma.open(os.path.join(folder, "core.xz"), "wb", preset=9) as packed, open(cores[0], "rb") as core:
        shutil.copyfileobj(core, packed)
    if os.path.abspath(options.source) != os.path.join(folder, source):
        shutil.copy(options.source, folder)
    shutil.rmtree(SCRATCH)  # or explanations would quote the source from there, on this machine only
    print(folder, os.path.getsize(os.path.join(folder, "core.xz")), "bytes of core")


if __name__ == "__main__":
    main()
