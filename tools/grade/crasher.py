"""Lets each program die and keeps its core."""

import errno
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import builder
import corpus

TIMEOUT_SECONDS = 60
STACK_BYTES = 8 << 20
ARM_ROOT = "/usr/aarch64-linux-gnu"


class CrashError(Exception):
    """A program that did not die as promised."""


def run_directory(case, variant):
    return builder.directory(case, variant) / "run"


def _limits():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, hard))


def _environment(case):
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C", "RUST_BACKTRACE": "0"}
    environment.update(case.get("env", {}))
    return environment


def cores_go_to_files():
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    return pattern.startswith("core")


def _stage(case, variant):
    """A fresh copy for each death: some programs change their own libraries on disk."""
    run = run_directory(case, variant)
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(builder.directory(case, variant) / "bin", run)
    return run


def _spawn(command, **options):
    """Another thread's fork can hold the freshly copied program open for writing: try again."""
    for _ in range(50):
        try:
            return subprocess.Popen(command, **options)
        except OSError as error:
            if error.errno != errno.ETXTBSY:
                raise
            time.sleep(0.02)
    raise CrashError("its file stays busy")


def _start(case, run, command):
    with open(run / "output.txt", "wb") as output:
        process = _spawn(command, cwd=run, env=_environment(case), stdout=output,
                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                         preexec_fn=_limits, start_new_session=True)
        try:
            return process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise CrashError(f"still alive after {TIMEOUT_SECONDS} s") from None


def _signal_name(status):
    return signal.Signals(-status).name if status < 0 else f"exit {status}"


def _crash_natively(case, run):
    status = _start(case, run, [str(run / case.name), *case.get("args", ())])
    cores = [p for p in run.glob("core*") if p.name == "core" or p.name.startswith("core.")]
    return _signal_name(status), cores


def _crash_under_gdb(case, run):
    """For machines whose core_pattern hands cores to a program: gdb writes the core instead."""
    command = ["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off",
               "-ex", "set disable-randomization off", "-ex", "run",
               "-ex", "generate-core-file core", "-ex", "info signals", "-ex", "kill",
               "--args", str(run / case.name), *case.get("args", ())]
    _start(case, run, command)
    text = (run / "output.txt").read_text(errors="replace")
    marker = "received signal "
    name = text.split(marker)[1].split(",")[0] if marker in text else "no signal"
    return name, list(run.glob("core"))


def _crash_under_qemu(case, run):
    command = ["qemu-aarch64", "-L", ARM_ROOT, str(run / case.name), *case.get("args", ())]
    status = _start(case, run, command)
    for host_core in run.glob("core*"):
        host_core.unlink()
    return _signal_name(status), list(run.glob("qemu_*.core"))


def crash(case, variant, force=False):
    """Makes one program die; returns {"core", "signal", "run", "program"}. Kept between runs."""
    record_file = builder.directory(case, variant) / "crash.json"
    stamp = (builder.directory(case, variant) / "stamp").read_text()
    if record_file.exists() and not force:
        record = json.loads(record_file.read_text())
        if record["stamp"] == stamp and pathlib.Path(record["core"]).exists():
            return record
    run = _stage(case, variant)
    if variant in corpus.ARM_VARIANTS:
        name, cores = _crash_under_qemu(case, run)
    elif cores_go_to_files():
        name, cores = _crash_natively(case, run)
    else:
        name, cores = _crash_under_gdb(case, run)
    if name != case.signal(variant):
        raise CrashError(f"ended with {name}, expected {case.signal(variant)}")
    if len(cores) != 1:
        raise CrashError(f"{len(cores)} cores instead of one in {run}")
    record = {"core": str(cores[0]), "signal": name, "run": str(run),
              "program": str(run / case.name), "stamp": stamp}
    record_file.write_text(json.dumps(record, indent=1))
    return record
