#!/usr/bin/env python3
"""Holds the instruction decoder against objdump over whole binaries.

usage: isa_agreement.py BUILD_DIR BINARY...

Builds nothing: `ninja -C BUILD_DIR isa_listing` first. Counts, for loads, stores and branches, how often the
mnemonic, the memory operand (base, index, scale, displacement) and the branch target agree, and prints each kind of
disagreement once. Exit code 1 below 99.9 %.
"""
import collections
import re
import subprocess
import sys

AGREE = 0.999
SHOWN = 40

A64_BRANCH = re.compile(r"^(b|bl|b\.\w+|bc\.\w+|cbn?z|tbn?z|br|blr|ret|bra\w+|blra\w+|reta[ab])$")
X86_JUMP = re.compile(r"^(j\w+|call|loop\w*|xbegin)$")


def run(command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def objdump_lines(path, arch):
    tool = ["aarch64-linux-gnu-objdump", "-d", "-z"] if arch == "aarch64" else ["objdump", "-d", "-z", "-M", "intel", "-w"]
    for line in run(tool + [path]).splitlines():
        fields = line.split("\t")
        if len(fields) < 3 or not re.match(r"^\s*[0-9a-f]+:$", fields[0]):
            continue
        pc = fields[0].strip()[:-1]
        digits = fields[1].replace(" ", "")
        if arch == "aarch64":
            if len(digits) != 8:
                continue
            digits = bytes.fromhex(digits)[::-1].hex()
            text = " ".join(fields[2:])
        else:
            text = " ".join(fields[2:])
        text = re.sub(r"\s*//.*$", "", text)
        text = re.sub(r"<[^>]*>.*$", "", text).strip()
        yield pc, digits, text


def architecture(path):
    return "aarch64" if "AArch64" in run(["readelf", "-h", path]) else "x86_64"


def number(text):
    return int(text, 0)


# ------------------------------------------------------------------------------------------------ AArch64

def a64_parent(name):
    if name in ("sp", "wsp"):
        return "sp"
    if name in ("xzr", "wzr"):
        return ""
    return "x" + name[1:]


def a64_memory(mnemonic, operands):
    """(base, index, extension, scale, displacement) as objdump's text means it; None without a memory operand."""
    match = re.search(r"\[([xs][^\]]*)\]", operands)
    if not match:
        return None
    parts = [part.strip() for part in match.group(1).split(",")]
    base, index, extension, scale, displacement = a64_parent(parts[0]), "", "", 1, 0
    for part in parts[1:]:
        if part.startswith("#"):
            displacement = number(part[1:])
        elif re.match(r"^[wx](\d+|zr)$", part):
            index = a64_parent(part)
        else:
            words = part.split()
            extension = {"sxtw": "sx", "uxtw": "zx"}.get(words[0], "")
            if len(words) > 1:
                scale = 1 << number(words[1][1:])
    if not index:
        scale, extension = 1, ""
    return base, index, extension, scale, displacement


def a64_access(mnemonic):
    if re.match(r"^(ld|st|cas|swp)", mnemonic) and not mnemonic.startswith(("stack",)):
        return True
    return False


def compare_a64(theirs, ours, pc):
    their_words = theirs.split(None, 1)
    mnemonic, operands = their_words[0], their_words[1] if len(their_words) > 1 else ""
    our_mnemonic, _, our_target, our_memory = ours
    if A64_BRANCH.match(mnemonic):
        mnemonic = {"b.hs": "b.cs", "b.lo": "b.cc"}.get(mnemonic, mnemonic)
        if mnemonic != our_mnemonic:
            return "branch", False
        target = re.search(r"(?:^|\s|,)([0-9a-f]+)$", operands)
        direct = not re.match(r"^(br|blr|ret|bra|blra|reta)", mnemonic)
        if direct and int(target.group(1), 16) != int(our_target, 16):
            return "branch", False
        return "branch", True
    if not a64_access(mnemonic):
        return None, our_mnemonic == mnemonic
    if re.search(r"\b[pz]\d+", operands):  # SVE: only the base is claimed
        base = our_memory.split(":")[2] if our_memory else None
        inside = re.search(r"\[(\w+)", operands).group(1)
        their_base = "" if inside.startswith("z") else a64_parent(inside)
        return "sve access", their_base == base
    if mnemonic != our_mnemonic:
        return "access", False
    memory = a64_memory(mnemonic, operands)
    if memory is None:  # literal
        target = int(operands.split(",")[-1].strip(), 16)
        fields = our_memory.split(";")[0].split(":")
        return "access", fields[2] == "pc" and int(pc, 16) + int(fields[5]) == target
    fields = our_memory.split(";")[0].split(":")
    mine = (fields[2], fields[3], fields[7], int(fields[4]), int(fields[5]))
    return "access", mine == memory


# ------------------------------------------------------------------------------------------------ x86-64

X86_PARENT = {}
for letter in "abcd":
    for form in ("r%sx", "e%sx"):
        X86_PARENT[form % letter] = "r%sx" % letter
for name in ("si", "di", "bp", "sp"):
    X86_PARENT["r" + name] = X86_PARENT["e" + name] = "r" + name
for n in range(8, 16):
    X86_PARENT["r%d" % n] = X86_PARENT["r%dd" % n] = "r%d" % n
X86_PARENT["rip"] = X86_PARENT["eip"] = "rip"

X86_SIZES = {"BYTE": 1, "WORD": 2, "DWORD": 4, "QWORD": 8, "XMMWORD": 16, "YMMWORD": 32, "ZMMWORD": 64,
             "TBYTE": 10, "FWORD": 6}
X86_IGNORED = re.compile(r"^(lea|nop\w*|prefetch\w*|cldemote|ud[01]|bnd\w+|endbr64)$")
X86_STRING = re.compile(r"\b(movs|cmps|stos|lods|scas|ins|outs)[bwdq]?\b")


def x86_memory(text):
    match = re.search(r"(?:(\w+) PTR )?(?:([c-gs]s):)?\[([^\]]*)\]", text)
    if not match:
        match = re.search(r"(?:(\w+) PTR )?([c-gs]s):(0x[0-9a-f]+)", text)
        if not match:
            return None
    size, segment, inside = match.groups()
    base = index = ""
    scale, displacement = 1, 0
    for sign, part in re.findall(r"([+-]?)([^+-]+)", inside):
        if "*" in part:
            register, factor = part.split("*")
            if register in ("riz", "eiz"):
                continue
            index = X86_PARENT.get(register, register)
            scale = int(factor)
        elif part in X86_PARENT or re.match(r"^[xyz]mm\d+$", part):
            if base:
                index = X86_PARENT.get(part, part)
            else:
                base = X86_PARENT.get(part, part)
        elif part not in ("riz", "eiz"):
            displacement = number(part) * (-1 if sign == "-" else 1)
    if index.endswith(tuple("0123456789")) and "mm" in index:
        index, scale = "", 1
    segment = segment + "_base" if segment in ("fs", "gs") else ""
    return X86_SIZES.get(size), base, index, scale, displacement, segment


def signed64(value):
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def compare_x86(theirs, ours, pc):
    theirs = re.sub(r"^((rep\w*|lock|bnd|notrack|data16|addr32|cs|ds|es|ss|fs|gs|xacquire|xrelease|rex[.\w]*)\s+)+", "",
                    theirs)
    words = theirs.split(None, 1)
    if not words:
        return None, True
    mnemonic, operands = words[0], words[1] if len(words) > 1 else ""
    _, _, our_target, our_memory = ours
    explicit = [m for m in our_memory.split(";") if m and not m.endswith("implicit")]
    if X86_JUMP.match(mnemonic) and re.match(r"^[0-9a-f]+$", operands.strip()):
        return "branch", our_target != "" and int(operands, 16) == int(our_target, 16)
    if X86_IGNORED.match(mnemonic):
        return "address only", not explicit
    if X86_STRING.search(theirs) and "mm" not in operands:
        return "string", bool(our_memory)
    memory = x86_memory(operands)
    if memory is None:
        return None, not explicit
    if not explicit:
        return "access", False
    fields = explicit[0].split(":")
    size, base, index, scale, displacement, segment = memory
    mine = (fields[2], fields[3], int(fields[4]), int(fields[5]), fields[6])
    if mnemonic == "pop" and base == "rsp":
        displacement += 8
    same = mine == (base, index, scale, signed64(displacement), segment)
    # [rax+rcx] has two readings when the scale is 1.
    swapped = mine == (index, base, 1, signed64(displacement), segment) and scale == 1
    sized = size is None or int(fields[1]) in (0, size) or mnemonic.startswith(("clflush", "clwb"))
    return "access", (same or swapped) and sized


def main():
    build, paths = sys.argv[1], sys.argv[2:]
    failed = False
    for path in paths:
        arch = architecture(path)
        lines = [line for line in objdump_lines(path, arch) if line[2]]
        listing = run([build + "/src/binary/isa/isa_listing", arch],
                      "".join("%s %s\n" % (pc, digits) for pc, digits, _ in lines)).splitlines()
        counts = collections.Counter()
        shown = collections.OrderedDict()
        for (pc, digits, theirs), mine in zip(lines, listing):
            _, status, mnemonic, text, target, memory = mine.split("\t")
            undecoded = theirs.startswith((".inst", ".word", "(bad)", "undefined"))
            if not status.isdigit():
                counts["we: " + status] += 1
                if not undecoded:
                    counts["we fail, objdump does not"] += 1
                    shown.setdefault(theirs.split()[0], (pc, digits, theirs, status))
                continue
            if undecoded:
                counts["objdump fails, we do not"] += 1
                continue
            if arch == "x86_64" and int(status) * 2 != len(digits):
                counts["length differs"] += 1
                shown.setdefault("length " + theirs.split()[0], (pc, digits, theirs, text))
                continue
            compare = compare_a64 if arch == "aarch64" else compare_x86
            kind, agrees = compare(theirs, (mnemonic, text, target, memory), pc)
            kind = kind or "other"
            counts[kind] += 1
            counts[kind + " agree"] += agrees
            if not agrees and (kind != "other" or arch == "aarch64"):
                shown.setdefault(kind + " " + theirs.split()[0], (pc, digits, theirs, text + "  " + memory))
        print("%s: %d instructions" % (path, len(lines)))
        for key in sorted(counts):
            if key + " agree" in counts:
                rate = counts[key + " agree"] / counts[key]
                print("  %-14s %8d  agree %.4f %%" % (key, counts[key], 100 * rate))
                if key in ("access", "branch", "sve access") and rate < AGREE:
                    failed = True
            elif not key.endswith(" agree"):
                print("  %-28s %d" % (key, counts[key]))
        for key, row in list(shown.items())[:SHOWN]:
            print("   %s:" % key, *row)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
