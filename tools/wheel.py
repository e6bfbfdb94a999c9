#!/usr/bin/python3
"""Makes the Python wheel: wheel.py STAGED-FOLDER README OUTPUT-FOLDER; prints its path.

The staged folder is what site-packages gets; RECORD, METADATA and WHEEL are made here. Times are fixed: the same input
gives the same bytes. Format: PEP 427, RECORD: PEP 376, tags: PEP 425 and 600. The extension needs no C library symbol of
its own choice, so that the oldest glibc that pip knows a tag for on both architectures (2.17) is promised.
"""

import base64
import hashlib
import os
import re
import sys
import zipfile
from pathlib import Path

METADATA = """\
Metadata-Version: 2.1
Name: inquest
Version: {version}
Summary: Says why a Python process died of a signal: native and Python stacks, locals, threads, asyncio tasks
License: Apache-2.0
Keywords: segfault,faulthandler,crash,SIGSEGV,debug
Classifier: License :: OSI Approved :: Apache Software License
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: Implementation :: CPython
Classifier: Typing :: Typed
Requires-Python: >=3.8
Description-Content-Type: text/markdown

"""
WHEEL = """\
Wheel-Version: 1.0
Generator: inquest ({version})
Root-Is-Purelib: false
{tags}"""
EPOCH = (1980, 1, 1, 0, 0, 0)


def tags(machine: str) -> list[str]:
    return [f"cp38-abi3-{platform}_{machine}" for platform in ("manylinux_2_17", "manylinux2014")]


def file_name(version: str, machine: str) -> str:
    platforms = ".".join(tag.split("-")[2] for tag in tags(machine))
    return f"inquest-{version}-cp38-abi3-{platforms}.whl"


def contents(staged: Path, readme: Path, licence: Path, version: str, machine: str) -> dict[str, bytes]:
    """Path in the wheel to bytes, without RECORD."""
    info = f"inquest-{version}.dist-info"
    found = {str(path.relative_to(staged)): path.read_bytes() for path in sorted(staged.rglob("*"))
             if path.is_file() and "__pycache__" not in path.parts}
    found[f"{info}/LICENSE"] = licence.read_bytes()
    found[f"{info}/METADATA"] = METADATA.format(version=version).encode() + readme.read_bytes()
    found[f"{info}/WHEEL"] = WHEEL.format(
        version=version, tags="".join(f"Tag: {tag}\n" for tag in tags(machine))).encode()
    return found


def record(files: dict[str, bytes], path: str) -> bytes:
    def line(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"

    return ("".join(line(*entry) for entry in files.items()) + f"{path},,\n").encode()


def write_wheel(staged: Path, readme: Path, output: Path) -> Path:
    version = re.search(r'"(.+)"', (staged / "inquest/_version.py").read_text(encoding="utf-8"))[1]
    machine = os.uname().machine
    licence = Path(__file__).resolve().parent.parent / "LICENSE"
    files = contents(staged, readme, licence, version, machine)
    path = f"inquest-{version}.dist-info/RECORD"
    files[path] = record(files, path)
    output.mkdir(parents=True, exist_ok=True)
    wheel = output / file_name(version, machine)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, data)
    return wheel


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(write_wheel(*map(Path, sys.argv[1:4])))
