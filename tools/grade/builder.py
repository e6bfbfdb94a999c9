"""Compiles the corpus: every case in each of its variants, only what changed."""

import hashlib
import os
import shutil
import subprocess
import zlib

import corpus

BUILD = corpus.ROOT / "build" / "crashers"

OPTIMISATION = {
    "debug": ["-O0", "-g"], "O2": ["-O2", "-g"], "split": ["-O2", "-g"], "nodebug": ["-O2"],
    "stripped": ["-O2"], "aarch64": ["-O2", "-g"], "aarch64-static": ["-O0", "-g"],
}
RUST_OPTIMISATION = {
    "debug": ["-Copt-level=0", "-Cdebuginfo=2"],
    "O2": ["-Copt-level=3", "-Cdebuginfo=2"],
    "split": ["-Copt-level=3", "-Cdebuginfo=2"],
    "nodebug": ["-Copt-level=3", "-Cdebuginfo=0", "-Cstrip=debuginfo"],
    "stripped": ["-Copt-level=3", "-Cdebuginfo=0", "-Cstrip=symbols"],
}
COMPILERS = {
    ("c", "gcc"): "gcc-12", ("c++", "gcc"): "g++-12",
    ("c", "clang"): "clang-19", ("c++", "clang"): "clang++-19", ("c", "musl"): "musl-gcc",
}
ARM_COMPILERS = {"c": "aarch64-linux-gnu-gcc", "c++": "aarch64-linux-gnu-g++"}


class BuildError(Exception):
    """A program that did not compile; the text is the compiler's."""


def directory(case, variant):
    return BUILD / variant / case.name


def program(case, variant):
    return directory(case, variant) / "bin" / case.name


def _native_commands(case, variant, out):
    arm = variant in corpus.ARM_VARIANTS
    if arm:
        compiler = ARM_COMPILERS[case.language]
    else:
        compiler = COMPILERS[case.language, case.get("compiler", "gcc")]
    level = list(OPTIMISATION[variant])
    if variant in ("debug", "aarch64-static"):
        level += case.get("debug_flags", ())
    standard = ["-std=gnu17"] if case.language == "c" else ["-std=c++20"]
    common = [compiler, *standard, *level, "-w", "-pthread", "-fstack-protector-strong",
              f"-I{case.directory}"]
    for library in case.libraries:
        yield [*common, *library.flags, "-fPIC", "-shared", "-Wl,--build-id",
               "-o", str(out / library.name), *map(str, library.sources),
               f"-L{out}", *library.link, "-Wl,-rpath,$ORIGIN"]
    static = ["-static"] if variant == "aarch64-static" else []
    yield [*common, *case.get("flags", ()), *static, "-Wl,--build-id",
           "-o", str(out / case.name), *map(str, case.sources),
           f"-L{out}", *case.get("link", ()), "-Wl,-rpath,$ORIGIN"]


def _rust_commands(case, variant, out):
    yield ["rustc", "--edition=2021", *RUST_OPTIMISATION[variant],
           f"-Cpanic={case.get('panic', 'abort')}", "-Clink-arg=-Wl,--build-id", "-Awarnings",
           *case.get("flags", ()), "-o", str(out / case.name), str(case.sources[0])]


def _commands(case, variant, out):
    make = _rust_commands if case.language == "rust" else _native_commands
    return list(make(case, variant, out))


def _stamp(case, commands):
    digest = hashlib.sha256(repr(commands).encode())
    for path in case.all_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(" ".join(command) + "\n" + done.stderr + done.stdout)
    return done.stdout


def _build_id(path):
    for line in _run(["readelf", "-n", str(path)]).splitlines():
        if "Build ID:" in line:
            return line.split()[-1]
    raise BuildError(f"{path}: no build-id")


def _split(path, debug_directory, by_link):
    """Moves the debug information out: half of the corpus to be found by build-id, half by link."""
    if by_link:
        target = path.parent / ".debug" / (path.name + ".debug")
    else:
        build_id = _build_id(path)
        target = debug_directory / ".build-id" / build_id[:2] / (build_id[2:] + ".debug")
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(["objcopy", "--only-keep-debug", str(path), str(target)])
    _run(["strip", "--strip-all", str(path)])
    if by_link:
        _run(["objcopy", f"--add-gnu-debuglink={target}", str(path)])


def build(case, variant):
    """Builds one program. True when something was compiled, False when it was up to date."""
    home = directory(case, variant)
    out = home / "bin"
    commands = _commands(case, variant, out)
    stamp = _stamp(case, commands)
    stamp_file = home / "stamp"
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return False
    shutil.rmtree(home, ignore_errors=True)
    out.mkdir(parents=True)
    for command in commands:
        _run(command)
    binaries = [program(case, variant), *(out / library.name for library in case.libraries)]
    for path in binaries:
        if variant == "split":
            _split(path, home / "debug", zlib.crc32(case.name.encode()) % 2 == 1)
        elif variant == "stripped":
            _run(["strip", "--strip-all", str(path)])
    stamp_file.write_text(stamp)
    return True


def missing_tool(case, variant):
    """The program that is needed to build and run this, and is not installed; or None."""
    if variant in corpus.ARM_VARIANTS:
        tools = [ARM_COMPILERS[case.language], "qemu-aarch64"]
    elif case.language == "rust":
        tools = ["rustc"]
    else:
        tools = [COMPILERS[case.language, case.get("compiler", "gcc")]]
    return next((tool for tool in tools if shutil.which(tool) is None), None)


def jobs():
    return len(os.sched_getaffinity(0))
