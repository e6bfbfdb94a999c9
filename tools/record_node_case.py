#!/usr/bin/python3
"""Records a crash of a Node.js as a stored case: tools/record_node_case.py NODE TIER tests/cases/node/NAME

Into the folder go `record.xz`, the slim record of tests/e2e/node_test.py's program; `told.txt`, V8's own Error.stack of the
same calls; and below `root/` what explaining the record needs of the files: the add-on, and in place of the node of a
hundred megabytes a file with its build-id and the integers that it exports of V8 (v8dbg_*, the version, bytecode sizes).
Everything runs in namespaces of its own, so that nothing of the recording machine is in the record. Needs root.
"""
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import node_frames  # noqa: E402
from node_test import version_of  # noqa: E402

NODE = "opt/node/bin/node"  # where it lies in the record
KEPT = ("v8dbg_", "_ZN2v88internal7Version", "_ZN4node11per_process8metadataE")
TABLE_START = bytes([1, 1, 1, 1, 1, 2, 3, 4, 5])  # of the bytecode sizes: see process/runtime/v8/baseline.cc


class Elf:
    def __init__(self, path):
        self.data = Path(path).read_bytes()
        offset, = struct.unpack_from("<Q", self.data, 32)
        count, = struct.unpack_from("<H", self.data, 56)
        self.loads = []
        for at in range(offset, offset + 56 * count, 56):
            kind, flags, start, address, _, size, memory, _ = struct.unpack_from("<IIQQQQQQ", self.data, at)
            if kind == 1:
                self.loads.append((address, start, size, memory))
            if kind == 4 and b"GNU\0" in self.data[start:start + size]:
                self.note = self.data[start:start + size]

    def at(self, address, size):
        for start, offset, in_file, memory in self.loads:
            if start <= address < start + memory:
                begin = offset + address - start
                return self.data[begin:begin + size] if address - start + size <= in_file else bytes(size)
        raise ValueError(f"nothing lies at {address:#x}")

    def exported(self):
        offset, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + i * size) for i in range(count)]
        for _, kind, _, _, start, length, link, _, _, entry in sections:
            if kind != 11:  # SHT_DYNSYM
                continue
            names = sections[link][4]
            for at in range(start, start + length, entry):
                name, info, other, section, value, extent = struct.unpack_from("<IBBHQQ", self.data, at)
                text = self.data[names + name:self.data.index(b"\0", names + name)].decode()
                if section and text.startswith(KEPT):
                    yield text, info, value, extent

    def bytecode_sizes(self):
        at = -1
        while (at := self.data.find(TABLE_START, at + 1)) != -1:
            for count in range(128, 257):
                rows = self.data[at:at + 3 * count]
                if len(rows) == 3 * count and rows[count:count + 5] == b"\1\1\1\1\1" and all(
                        rows[i] and rows[2 * count + i] - rows[i] == 3 * (rows[count + i] - rows[i]) for i in range(count)):
                    return rows
        return b""


def skeleton(path):
    """An ELF file of what V8 exports for debuggers, and of nothing else."""
    elf = Elf(path)
    far = max(address + memory for address, _, _, memory in elf.loads) + 0x100000 & ~0xfff
    constants = bytearray(elf.bytecode_sizes())
    constants += bytes(-len(constants) % 8)
    names, symbols = bytearray(b"\0"), bytearray(24)
    for name, info, value, size in elf.exported():
        if not name.startswith("_ZN4node"):  # which is looked up in the process, not in the file
            place = far + len(constants)
            constants += elf.at(value, 4)
            value, size = place, 4
        symbols += struct.pack("<IBBHQQ", len(names), info, 0, 1, value, size)
        names += name.encode() + b"\0"
    section_names = b"\0.rodata\0.dynsym\0.dynstr\0.shstrtab\0"
    parts = [bytes(constants), bytes(symbols), bytes(names), section_names, elf.note]
    offsets, end = [], 64 + 2 * 56
    for part in parts:
        offsets.append(end)
        end += len(part) + -len(part) % 8
    header = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, end, 0, 64, 56, 2, 64, 5, 4)
    loads = struct.pack("<IIQQQQQQ", 1, 4, offsets[0], far, far, len(constants), len(constants), 8)
    loads += struct.pack("<IIQQQQQQ", 4, 4, offsets[4], 0, 0, len(elf.note), len(elf.note), 4)
    table = bytes(64)
    for name, kind, address, part, link, entry in [(1, 1, far, 0, 0, 0), (9, 11, 0, 1, 3, 24), (17, 3, 0, 2, 0, 0), (25, 3, 0, 3, 0, 0)]:
        table += struct.pack("<IIQQQQIIQQ", name, kind, 2 if address else 0, address, offsets[part], len(parts[part]), link, 0, 8, entry)
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    return header + loads + body + table


RECORD = """set -e
hostname web-1
mount -t tmpfs none /opt && mount -t tmpfs none /srv
mkdir -p /opt/node/bin /srv/records
cp "$1" /opt/node/bin/node && cp "$2" /opt/inquest && cp "$3"/app.js "$3"/shop.c /srv
cd /srv && gcc-12 -O2 -fno-inline -shared -fPIC -o shop.node shop.c && cp shop.node "$3"
shift 3
run() { env -i PATH=/usr/bin:/bin HOME=/srv ADDON=/srv/shop.node TIER="$TIER" WAY=plain "$@" </dev/null; }
run SHOW=1 /opt/node/bin/node "$@" app.js >"$OUT"/told.txt
run /opt/inquest run --trace --output /srv/records -- /opt/node/bin/node "$@" app.js >/dev/null 2>&1 || true
cp records/*.core.zst "$OUT"/record.zst
"""


def main():
    node, tier, folder = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3])
    flags = node_frames.flags_of(tier, version_of(node)[0])
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "app.js").write_text(node_frames.PROGRAM)
        (Path(scratch) / "shop.c").write_text(node_frames.ADDON)
        subprocess.run(["unshare", "-mu", "--propagation", "private", "bash", "-c", RECORD, "record", node,
                        ROOT / "build/release/bin/inquest", scratch, *flags], check=True,
                       env=os.environ | {"TIER": node_frames.WARM.get(tier, tier), "OUT": scratch})
        for name in (NODE, "srv/shop.node"):
            (folder / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "root" / NODE).write_bytes(skeleton(node))
        shutil.copy(Path(scratch) / "shop.node", folder / "root/srv/shop.node")
        shutil.copy(Path(scratch) / "told.txt", folder)
        record = subprocess.run(["zstd", "-dqc", Path(scratch) / "record.zst"], capture_output=True, check=True).stdout
        (folder / "record.xz").write_bytes(lzma.compress(record, preset=9 | lzma.PRESET_EXTREME))
    print(folder, sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), "bytes")


if __name__ == "__main__":
    main()
