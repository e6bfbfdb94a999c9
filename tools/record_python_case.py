#!/usr/bin/python3
"""Records golden cases of Python: crashes tests/cases/python/shop.py in an interpreter and keeps of its slim record the pages that explain it.

usage: record_python_case.py [--inquest PROGRAM] PYTHON...

Each interpreter gets tests/cases/python/MAJOR.MINOR.PATCH/core.xz; its own files are not needed later. Pages of the record are taken out, many at
once, then ever fewer, as long as what is told of Python stays the same. The program runs in /tmp/inquest-case with an empty
environment, so that nothing of this machine gets into the core. Afterwards run `./dev golden`.
"""
import argparse
import glob
import json
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRATCH = "/tmp/inquest-case"
CASES = os.path.join(ROOT, "tests", "cases", "python")
PAGE = 4096
PT_LOAD, PT_NOTE, PF_R = 1, 4, 4
NT_FILE = 0x46494c45
# Where interpreters are: those of pyenv, and others that were put there for this.
PREFIXES = [os.path.expanduser("~/.pyenv/").encode(), b"/opt/cpython/"]
PROGRAM_HEADER = "<IIQQQQQQ"  # type, flags, offset, vaddr, paddr, filesz, memsz, align


def record(inquest, python):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    shutil.copy(os.path.join(CASES, "shop.py"), SCRATCH)
    subprocess.run([inquest, "run", "--trace", "--output", SCRATCH + "/records", "--", python, "-S", "-E", "-s", "shop.py"],
                   cwd=SCRATCH, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL, capture_output=True)
    packed = glob.glob(SCRATCH + "/records/*.core.zst")
    if len(packed) != 1:
        sys.exit(f"{python}: expected one record, found {packed}")
    return subprocess.run(["zstd", "-dqc", packed[0]], check=True, capture_output=True).stdout


def facts(inquest, core, *options):
    run = subprocess.run([inquest, "explain", core, "--no-cache", "--full", "--dump=facts", *options],
                         check=True, capture_output=True, env={"PATH": "/usr/bin:/bin"})
    return json.loads(run.stdout)


def python_of(answer):
    """All that is told of Python, wherever it stands."""
    stacks = [answer["crashing"], *answer.get("others", [])]
    return [[stack.get("runtime", {}).get("notes") for stack in stacks],
            [[inner for frame in stack.get("frames", []) for inner in frame.get("runtime_frames", [])]
             + stack.get("runtime", {}).get("apart", []) for stack in stacks], answer.get("tasks"),
            [runtime["name"] for runtime in answer.get("runtimes", [])],
            [fact["statement"] for fact in answer.get("missing", []) if "asyncio" in fact["statement"]]]


def nowhere(data):
    """The record as of a machine that has none of its files, and whose host is not told: of the same length."""
    for prefix in PREFIXES:
        data = data.replace(prefix, b"/opt/pythons/".ljust(len(prefix), b"_"))
    data = data.replace(b"/usr/lib/", b"/opt/lib/")
    data = data.replace(SCRATCH.encode(), SCRATCH.replace("/tmp/", "/srv/").encode())
    return re.sub(rb'("host":\{"name":")([^"]*)(","kernel":")([^"]*)',
                  lambda match: match[1] + b"x" * len(match[2]) + match[3] + b"x" * len(match[4]), data)


def notes_of(data):
    offset, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    for number in range(count):
        segment = struct.unpack_from(PROGRAM_HEADER, data, offset + number * 56)
        at, end = segment[2], segment[2] + segment[5]
        while segment[0] == PT_NOTE and at + 12 <= end:
            name, size, kind = struct.unpack_from("<III", data, at)
            at += 12 + (name + 3) // 4 * 4
            yield kind, data[at:at + size]
            at += (size + 3) // 4 * 4


def constants(data):
    """What the interpreter's files hold that is never written to, as (address, content): the names of its types are there."""
    note = next(content for kind, content in notes_of(data) if kind == NT_FILE)
    count, _ = struct.unpack_from("<QQ", note)
    for number, path in enumerate(note[16 + count * 24:].split(b"\0")[:count]):
        start, end, page = struct.unpack_from("<QQQ", note, 16 + number * 24)
        if not any(prefix in path for prefix in PREFIXES):
            continue
        with open(path, "rb") as file:
            content = file.read()
        offset, headers = struct.unpack_from("<Q", content, 32)[0], struct.unpack_from("<H", content, 56)[0]
        for header in range(headers):
            segment = struct.unpack_from(PROGRAM_HEADER, content, offset + header * 56)
            if segment[0] == PT_LOAD and segment[1] == PF_R and segment[2] // PAGE == page:
                piece = content[page * PAGE:page * PAGE + end - start]
                yield start, piece + bytes(-len(piece) % PAGE)


def with_segments(data, more):
    """The core with further segments."""
    offset, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    headers, place = bytearray(data[offset:offset + count * 56]), len(data) + -len(data) % PAGE
    body = bytearray(-len(data) % PAGE)
    for address, content in more:
        headers += struct.pack(PROGRAM_HEADER, PT_LOAD, PF_R, place, address, 0, len(content), len(content), PAGE)
        place += len(content)
        body += content
    header = bytearray(data[:64])
    struct.pack_into("<Q", header, 32, place)
    struct.pack_into("<H", header, 56, len(headers) // 56)
    return bytes(header + data[64:] + body + headers)


def shrink(data, pages):
    """The core with only those pages of its segments."""
    header = bytearray(data[:64])
    (offset,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    others, kept = [], []
    for number in range(count):
        segment = struct.unpack_from(PROGRAM_HEADER, data, offset + number * 56)
        if segment[0] != PT_LOAD:
            others.append((segment, data[segment[2]:segment[2] + segment[5]]))
            continue
        for at in range(0, segment[5], PAGE):
            if (segment[2] + at) // PAGE in pages:
                kept.append((segment[1], segment[3] + at, data[segment[2] + at:segment[2] + at + PAGE]))
    merged = []
    for flags, address, content in kept:
        if merged and merged[-1][0] == flags and merged[-1][1] + len(merged[-1][2]) == address:
            merged[-1][2].extend(content)
        else:
            merged.append([flags, address, bytearray(content)])
    total = len(others) + len(merged)
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<Q", header, 40, 0)
    struct.pack_into("<HHHHH", header, 54, 56, total, 64, 0, 0)
    headers, body, place = bytearray(), bytearray(), 64 + total * 56
    for segment, content in others:
        headers += struct.pack(PROGRAM_HEADER, segment[0], segment[1], place + len(body), 0, 0, len(content), 0, 4)
        body += content
    body += bytes(-(place + len(body)) % PAGE)
    for flags, address, content in merged:
        headers += struct.pack(PROGRAM_HEADER, PT_LOAD, flags, place + len(body), address, 0, len(content), len(content), PAGE)
        body += content
    return bytes(header + headers + body)


def needed(data, is_same):
    """The pages that are left when those are taken out without which is_same(core) holds."""
    offset, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    segments = [struct.unpack_from(PROGRAM_HEADER, data, offset + number * 56) for number in range(count)]
    kept = [number for segment in segments if segment[0] == PT_LOAD
            for number in range(segment[2] // PAGE, (segment[2] + segment[5]) // PAGE)]
    size = 256
    while size >= 1:
        at = 0
        while at < len(kept):
            without = kept[:at] + kept[at + size:]
            if is_same(shrink(data, set(without))):
                kept = without
            else:
                at += size
        size //= 4
    return set(kept)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inquest", default=os.path.join(ROOT, "build", "release", "bin", "inquest"))
    parser.add_argument("pythons", nargs="+")
    options = parser.parse_args()
    for python in options.pythons:
        version = subprocess.run([python, "-c", "import platform; print(platform.python_version())"],
                                 check=True, capture_output=True, text=True).stdout.strip()
        data = record(options.inquest, python)
        data = nowhere(with_segments(data, constants(data)))
        path, empty = os.path.join(SCRATCH, "core"), os.path.join(SCRATCH, "empty")
        os.makedirs(empty)

        def told(core):
            with open(path, "wb") as file:
                file.write(core)
            return python_of(facts(options.inquest, path, "--sysroot", empty))

        whole = told(data)
        small = shrink(data, needed(data, lambda core: told(core) == whole))
        folder = os.path.join(CASES, version)
        # Something has to be below root/: with it the files of this machine are not looked at.
        source = os.path.join(folder, "root", "srv", "inquest-case")
        os.makedirs(source, exist_ok=True)
        shutil.copy(os.path.join(CASES, "shop.py"), source)
        with lzma.open(os.path.join(folder, "core.xz"), "wb", preset=9 | lzma.PRESET_EXTREME) as packed:
            packed.write(small)
        print(version, len(data), len(small), os.path.getsize(os.path.join(folder, "core.xz")), flush=True)
    shutil.rmtree(SCRATCH)


if __name__ == "__main__":
    main()
