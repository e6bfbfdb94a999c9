#!/usr/bin/python3
"""Makes a minidump of an ELF core: what Breakpad or Crashpad would have written of the same crash.

    tools/minidump_of_core.py --as breakpad|crashpad [--sysroot DIR] [--program FILE] [--fault CODE:ADDRESS] CORE OUTPUT

For golden cases: the same crash as core and as minidump has to get the same verdict and signature. The layout follows docs/formats/minidump.md.
Nothing of this machine gets into the result. `--program` names the mapped binary where the core does not (qemu-user).
"""
import argparse
import os
import struct

AMD64, ARM64 = 62, 183
PAGE = 4096
BREAKPAD_STACK = 32 * 1024  # bytes of each stack that Breakpad copies


class Core:
    def __init__(self, data):
        self.data = data
        self.machine = struct.unpack_from("<H", data, 18)[0]
        offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        self.loads, self.threads, self.files = [], [], []
        self.auxv, self.signal, self.process = b"", None, None
        for i in range(count):
            kind, flags, at, vaddr, _, in_file, in_memory, _ = struct.unpack_from("<IIQQQQQQ", data, offset + i * size)
            if kind == 1:
                self.loads.append((vaddr, vaddr + in_memory, flags, at, in_file))
            elif kind == 4:
                self.read_notes(data[at : at + in_file])

    def read_notes(self, notes):
        at = 0
        while at + 12 <= len(notes):
            name_size, size, kind = struct.unpack_from("<III", notes, at)
            start = at + 12 + (name_size + 3 & ~3)
            self.read_note(notes[at + 12 : at + 12 + name_size].rstrip(b"\0"), kind, notes[start : start + size])
            at = start + (size + 3 & ~3)

    def read_note(self, name, kind, body):
        if name == b"LINUX" or name != b"CORE":
            return
        if kind == 1:  # NT_PRSTATUS
            count = 27 if self.machine == AMD64 else 34
            self.threads.append({"tid": struct.unpack_from("<i", body, 32)[0], "cursig": struct.unpack_from("<h", body, 12)[0], "regs": struct.unpack_from(f"<{count}Q", body, 112)})
        elif kind == 3:  # NT_PRPSINFO
            self.process = {"pid": struct.unpack_from("<i", body, 24)[0], "uid": struct.unpack_from("<I", body, 16)[0], "name": body[40:56].split(b"\0")[0].decode(), "args": body[56:136].split(b"\0")[0].decode()}
        elif kind == 6:
            self.auxv = body
        elif kind == 0x53494749:
            self.signal = body
        elif kind == 0x46494C45:
            count, page = struct.unpack_from("<QQ", body)
            names = body[16 + count * 24 :].split(b"\0")
            for i in range(count):
                start, end, offset = struct.unpack_from("<QQQ", body, 16 + i * 24)
                self.files.append((start, end, offset * page, names[i].decode()))

    def memory(self, start, size):
        for low, high, _, at, in_file in self.loads:
            if low <= start < low + in_file:
                inside = start - low
                return self.data[at + inside : at + min(in_file, inside + size)]
        return b""

    def mapping(self, address):
        return next((load for load in self.loads if load[0] <= address < load[1]), None)


class Minidump:
    def __init__(self):
        self.file = bytearray(32)
        self.streams = []

    def add(self, data):
        self.file += bytes(-len(self.file) % 8)
        at = len(self.file)
        self.file += data
        return at

    def text(self, text):
        data = text.encode("utf-16-le")
        return self.add(struct.pack("<I", len(data)) + data + b"\0\0")

    def stream(self, kind, data):
        self.streams.append((kind, len(data), self.add(data)))

    def entries(self, kind, entries):
        self.stream(kind, struct.pack("<I", len(entries)) + b"".join(entries))

    def build(self):
        at = self.add(b"".join(struct.pack("<III", *stream) for stream in self.streams))
        struct.pack_into("<IIIIIIQ", self.file, 0, 0x504D444D, 0xA793, len(self.streams), at, 0, 0, 0)
        return bytes(self.file)


def context_of(machine, regs):
    if machine == ARM64:
        context = bytearray(912)
        struct.pack_into("<II33Q", context, 0, 0x00400007, regs[33] & 0xFFFFFFFF, *regs[:33])
        return bytes(context)
    r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, _, rip, _, eflags, rsp = regs[:20]
    context = bytearray(1232)
    struct.pack_into("<I", context, 0x30, 0x0010000F)
    struct.pack_into("<I", context, 0x44, eflags & 0xFFFFFFFF)
    struct.pack_into("<17Q", context, 0x78, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, rip)
    return bytes(context)


def build_id_of(path):
    data = open(path, "rb").read()
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for i in range(count):
        kind, _, at, _, _, in_file, _, _ = struct.unpack_from("<IIQQQQQQ", data, offset + i * size)
        notes = data[at : at + in_file] if kind == 4 else b""
        while len(notes) >= 12:
            name_size, size_, note = struct.unpack_from("<III", notes)
            start = 12 + (name_size + 3 & ~3)
            if note == 3 and notes[12:15] == b"GNU":
                return notes[start : start + size_]
            notes = notes[start + (size_ + 3 & ~3) :]
    return b""


def modules_of(core, options):
    """Path, start and end of each binary."""
    spans = {}
    for start, end, _, path in core.files:
        low, high = spans.get(path, (start, end))
        spans[path] = (min(low, start), max(high, end))
    if not spans and options.program:
        entry = dict(zip(*[iter(struct.unpack(f"<{len(core.auxv) // 8}Q", core.auxv))] * 2))[9]
        first = core.mapping(entry)
        last = first
        for load in core.loads:
            if load[0] == last[1]:
                last = load
        spans[options.program] = (first[0], last[1])
    return [(path, low, high) for path, (low, high) in sorted(spans.items(), key=lambda item: item[1])]


def maps_text(core, modules):
    lines = []
    for low, high, flags, _, _ in core.loads:
        offset, path = 0, ""
        for start, end, at, name in core.files:
            if start <= low < end:
                offset, path = at + low - start, name
        if not core.files and modules and modules[0][1] <= low < modules[0][2]:
            offset, path = low - modules[0][1], modules[0][0]
        access = "".join(letter if flags & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        lines.append(f"{low:08x}-{high:08x} {access}p {offset:08x} 00:00 0  {path}\n")
    return "".join(lines).encode()


def exception_of(core, crashpad, options):
    number = core.threads[0]["cursig"]
    code = address = 0
    parameters = []
    if options.fault:
        code, address = (int(part, 16) for part in options.fault.split(":"))
    elif core.signal:
        code = struct.unpack_from("<i", core.signal, 8)[0]
        address = struct.unpack_from("<Q", core.signal, 16)[0]
        if crashpad and number not in (4, 5, 7, 8, 11):
            parameters, address = [address & 0xFFFFFFFF, address >> 32, 0], 0
    return number, code, address, parameters


def write(core, options):
    crashpad = options.writer == "crashpad"
    dump = Minidump()
    machine = {AMD64: 9, ARM64: 12}[core.machine]
    system = bytearray(56)
    version = dump.text("Linux 6.1.0 #1 SMP")
    struct.pack_into("<H", system, 0, machine)
    struct.pack_into("<II", system, 20, 0x8201, version)
    dump.stream(7, bytes(system))
    threads, memory = [], []
    for thread in core.threads:
        regs = thread["regs"]
        sp = regs[19] if core.machine == AMD64 else regs[31]
        base = regs[21] if core.machine == AMD64 and crashpad else 0
        mapping = core.mapping(sp)
        start = max(mapping[0], sp - 128 if crashpad else sp & ~(PAGE - 1)) if mapping else sp
        stack = core.memory(start, mapping[1] - start if crashpad else BREAKPAD_STACK) if mapping else b""
        context = context_of(core.machine, regs)
        thread["context"] = (len(context), dump.add(context))
        where = struct.pack("<QII", start, len(stack), dump.add(stack))
        memory.append(where)
        threads.append(struct.pack("<IIIIQ", thread["tid"], 0, 0, 0, base) + where + struct.pack("<II", *thread["context"]))
    dump.entries(3, threads)
    modules = modules_of(core, options)
    entries = []
    for path, low, high in modules:
        file = (options.sysroot or "") + path
        identity = build_id_of(file) if os.path.exists(file) else b""
        record = (b"RSDS" + identity[:16].ljust(16, b"\0") + b"\0\0\0\0a\0" if crashpad else b"LEpB" + identity) if identity else b""
        entry = bytearray(108)
        struct.pack_into("<QI", entry, 0, low, high - low)
        struct.pack_into("<I", entry, 20, dump.text(path))
        struct.pack_into("<II", entry, 76, len(record), dump.add(record))
        entries.append(bytes(entry))
    dump.entries(4, entries)
    dump.entries(5, memory)
    number, code, address, parameters = exception_of(core, crashpad, options)
    record = bytearray(168)
    struct.pack_into("<IIIi", record, 0, core.threads[0]["tid"], 0, number, code)
    struct.pack_into("<QI", record, 24, address, len(parameters))
    struct.pack_into(f"<{len(parameters)}Q", record, 40, *parameters)
    struct.pack_into("<II", record, 160, *core.threads[0]["context"])
    dump.stream(6, bytes(record))
    process = core.process or {"pid": core.threads[0]["tid"], "uid": 0, "name": "", "args": ""}
    dump.stream(15, struct.pack("<IIIIII", 24, 1, process["pid"], 0, 0, 0))
    if crashpad:
        dump.stream(0x43500001, bytes(64))
    else:
        dump.stream(0x47670009, maps_text(core, modules))
        dump.stream(0x47670008, core.auxv)
        dump.stream(0x47670006, process["args"].replace(" ", "\0").encode() + b"\0")
        dump.stream(0x47670004, f"Name:\t{process['name']}\nTgid:\t{process['pid']}\nPid:\t{core.threads[0]['tid']}\nUid:\t{process['uid']}\n".encode())
    return dump.build()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--as", dest="writer", choices=["breakpad", "crashpad"], required=True)
    parser.add_argument("--sysroot")
    parser.add_argument("--program")
    parser.add_argument("--fault", help="CODE:ADDRESS in hexadecimal, where the core has no siginfo")
    parser.add_argument("core")
    parser.add_argument("output")
    options = parser.parse_args()
    with open(options.core, "rb") as file:
        core = Core(file.read())
    with open(options.output, "wb") as file:
        file.write(write(core, options))


if __name__ == "__main__":
    main()
