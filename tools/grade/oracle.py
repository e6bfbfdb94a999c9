"""gdb as a second opinion on where a program died: the corpus is checked before anything is graded."""

import json
import os
import pathlib
import shutil
import subprocess

import builder
import corpus
import names

SCRIPT = pathlib.Path(__file__).with_name("gdb_frames.py")
TIMEOUT_SECONDS = 120


class OracleError(Exception):
    """gdb could not read a core, or disagrees with case.toml."""


def frames(case, variant, record):
    """gdb's frames of the crashing thread, innermost first. Kept next to the core."""
    kept = builder.directory(case, variant) / "gdb.json"
    core_time = os.stat(record["core"]).st_mtime_ns
    if kept.exists():
        stored = json.loads(kept.read_text())
        if stored["core_time"] == core_time:
            return stored["frames"]
    debug = builder.directory(case, variant) / "debug"
    gdb = "gdb-multiarch" if variant in corpus.ARM_VARIANTS else "gdb"
    command = [gdb, "-nx", "-batch", "-iex", "set debuginfod enabled off",
               "-iex", f"set debug-file-directory {debug}:/usr/lib/debug",
               "-ex", f"source {SCRIPT}", record["program"], record["core"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          timeout=TIMEOUT_SECONDS, errors="replace", cwd=record["run"])
    lines = [line for line in done.stdout.splitlines() if line.startswith("FRAMES ")]
    if not lines:
        raise OracleError("gdb printed no frames: " + done.stderr[-300:])
    found = json.loads(lines[0].removeprefix("FRAMES "))
    kept.write_text(json.dumps({"core_time": core_time, "frames": found}))
    return found


def _is_own(case, frame):
    return frame.get("file") is not None and pathlib.Path(frame["file"]).is_relative_to(
        case.directory)


def own_frame(case, found):
    """Index of the first frame in the program's own sources, or None."""
    for index, frame in enumerate(found):
        if _is_own(case, frame):
            return index
    return None


def physical_function(found, index):
    """The function whose machine code holds a frame: what a symbol table alone can name."""
    while index < len(found) and found[index].get("inlined"):
        index += 1
    return found[index].get("function") if index < len(found) else None


def check(case, variant, record):
    """Raises when gdb's first own frame is not the function and line that case.toml promises.
    False when gdb cannot tell: no debug information, or a qemu-user core that stopped outside the
    program (it lists no libraries, so gdb does not unwind through them)."""
    if case.get("no_site") or variant not in corpus.WITH_DEBUG_INFO:
        return False
    found = frames(case, variant, record)
    index = own_frame(case, found)
    if variant in corpus.ARM_VARIANTS and index != 0 and not found[0].get("function"):
        return False
    if index is None:
        shown = [f.get("function") for f in found[:8]]
        raise OracleError(f"no frame of its own; gdb shows {shown}")
    frame = found[index]
    if not any(names.same_function(name, frame["function"]) for name in case.functions()):
        raise OracleError(f"gdb says {frame['function']} at {_place(frame)}, "
                          f"case.toml says {case.functions()}")
    place = (pathlib.Path(frame["file"]).name, frame["line"])
    if place not in case.crash_lines:
        raise OracleError(f"gdb says {_place(frame)}, marked are {sorted(case.crash_lines)}")
    return True


def _place(frame):
    return f"{pathlib.Path(frame['file']).name}:{frame['line']}"


def accepted_functions(case, variant, optimised_record):
    """Names that are right in a variant. Without debug information an inlined function cannot be
    named, so the function that holds its code counts too, as told by the twin with -g."""
    accepted = case.functions()
    if variant in corpus.WITH_DEBUG_INFO or optimised_record is None or case.get("no_site"):
        return accepted
    if shutil.which("gdb") is None:
        return accepted
    found = frames(case, "O2", optimised_record)
    index = own_frame(case, found)
    holder = physical_function(found, index) if index is not None else None
    if holder is None or any(names.short_function(holder) == name for name in accepted):
        return accepted
    return [*accepted, names.short_function(holder)]
