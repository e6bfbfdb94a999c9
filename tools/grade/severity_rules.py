"""Two ways to name the severity of a crash, in our own words: one from what Inquest knows, one from
what gdb prints.

casr_class() maps Inquest's facts to the class names that CASR documents (docs/design/
severity-compared.md has the table). exploitable_rule() goes through 22 rules as the gdb plugin
"exploitable" does: in the order of their severity, the first that fits counts.
"""

import re
import subprocess

NEAR_NULL = 64 * 1024
GDB_SECONDS = 60
WORDS_OF_HEAP = ("free()", "malloc()", "realloc()", "double free", "corrupted size", "munmap_chunk",
                 "corrupted double-linked", "unlink", "malloc_consolidate", "tcache")


def _near(address):
    return address is not None and address < NEAR_NULL


def _number(text):
    return int(text, 16) if text else None


# --- CASR's classes, from Inquest's facts

def casr_class(report, code=()):
    """The class of one report of `inquest explain --json`; "Unknown" when no rule fits.

    `code`: the instructions from the one that faulted on, as gdb prints them; needed only to see
    whether a value that could not be read was to become a target.
    """
    facts = report["facts"]
    signal = facts["signal"].get("name", "")
    if signal == "SIGABRT":
        return _of_abort(facts)
    if signal == "SIGTRAP":
        return "TrapSignal"
    if signal in ("SIGILL", "SIGSYS"):
        return "BadInstruction"
    if signal == "SIGFPE":
        return "FPE"
    if signal not in ("SIGSEGV", "SIGBUS"):
        return "Unknown"
    return _of_access(facts, code)


def _of_abort(facts):
    abort = facts.get("abort") or {}
    by_kind = {"glibc-heap": "HeapError", "stack-smashing": "StackGuard", "fortify": "SafeFunctionCheck"}
    return by_kind.get(abort.get("kind"), "AbortSignal")


def _of_access(facts, code):
    fault = facts.get("fault") or {}
    address = _number(fault.get("address"))
    near = "NearNull" if _near(address) else ""
    kind, access = fault.get("kind"), fault.get("access")
    if fault.get("stack_pointer_in_guard"):
        return "StackOverflow"
    if fault.get("pc_is_bad"):
        # A target that is no address at all is refused while pc still stands on the transfer.
        refused_there = fault.get("instruction", "").startswith(("ret", "call", "jmp"))
        if kind == "return" and refused_there:
            return "ReturnAv"
        if kind in ("call", "jump") and refused_there:
            return ("CallAv" if kind == "call" else "BranchAv") + near
        return "SegFaultOnPc" + near
    if kind == "return":
        return "ReturnAv"
    if kind == "call":
        return "CallAv" + near
    if kind == "jump":
        return "BranchAv" + near
    if access in ("write", "read-write"):
        return "DestAv" + near
    if access == "read":
        fed = _fed_by(code)
        if fed is None and fault.get("feeds_call"):
            fed = "call"
        if fed and not near:
            return {"call": "CallAvTainted", "jmp": "BranchAvTainted", "store": "DestAvTainted"}[fed]
        return "SourceAv" + near
    return "AccessViolation"


_NARROW = {"eax": "rax", "ebx": "rbx", "ecx": "rcx", "edx": "rdx", "esi": "rsi", "edi": "rdi",
           "ebp": "rbp", "esp": "rsp"}


def _registers(text):
    names = re.findall(r"%(r\w+|e[a-ds][xip])", text)
    return {_NARROW.get(re.sub(r"(?<=r\d)[dwb]$|(?<=r\d\d)[dwb]$", "", n), n) for n in names}


def _fed_by(code):
    """What the value that could not be loaded was to become, within straight code; None: nothing."""
    tainted = set()
    for index, text in enumerate(code):
        name, _, operands = text.partition(" ")
        parts = [part.strip() for part in re.split(r",(?![^(]*\))", operands.strip())]
        last = parts[-1] if parts else ""
        if index == 0:
            if not name.startswith("mov") or "(" in last:
                return None
            tainted = _registers(last)
            continue
        if name.startswith(("call", "jmp")) and operands.strip().startswith("*"):
            return name[:4].rstrip("q") if _registers(operands) & tainted else None
        if name.startswith(("call", "ret", "j")):
            return None
        if "(" in last:
            if name.startswith("mov") and _registers(last) & tainted:
                return "store"
            continue
        if _registers(",".join(parts[:-1])) & tainted:
            tainted |= _registers(last)
        elif name.startswith(("mov", "lea")):
            tainted -= _registers(last)
    return None


# --- rules in the manner of the gdb plugin

def gdb_facts(core, program=None):
    """What gdb prints of a core: signal, registers, code, backtrace, mappings."""
    command = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set width 0"]
    marks = [("signal", "p $_siginfo.si_signo"), ("code", "p $_siginfo.si_code"),
             ("address", "p/x (unsigned long)$_siginfo._sifields._sigfault.si_addr"),
             ("registers", "info registers rip rsp"), ("listing", "x/8i $pc"), ("stack", "bt 40"),
             ("mappings", "info proc mappings")]
    for name, words in marks:
        command += ["-ex", f"echo \\n@@{name}\\n", "-ex", words]
    command += ([str(program)] if program else []) + ["-c", str(core)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GDB_SECONDS, check=False,
                          errors="replace")
    parts = dict(re.findall(r"@@(\w+)\n(.*?)(?=\n@@|\Z)", done.stdout, re.S))
    value = re.compile(r"\$\d+ = (0x[0-9a-f]+|-?\d+)")

    def number(name):
        found = value.search(parts.get(name, ""))
        return int(found[1], 0) if found else None

    registers = {k: int(v, 16) for k, v in re.findall(r"^(\w+)\s+(0x[0-9a-f]+)", parts.get("registers", ""), re.M)}
    code = [line.split(":\t", 1)[1].strip() for line in parts.get("listing", "").splitlines()
            if line.split(":\t", 1)[1:] and line.split(":\t", 1)[1].strip()]
    mappings = [(int(a, 16), int(b, 16), line) for line in parts.get("mappings", "").splitlines()
                for a, b in re.findall(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)", line)]
    return {"signal": number("signal"), "code": number("code"), "address": number("address"),
            "pc": registers.get("rip"), "sp": registers.get("rsp"), "listing": code,
            "stack": parts.get("stack", ""), "mappings": mappings}


def _destination(g):
    """Does the instruction write to memory? None when there is none."""
    if not g["listing"]:
        return None
    name, _, operands = re.sub(r"^(rep\w*|lock) ", "", g["listing"][0]).partition(" ")
    if name.startswith(("push", "call")):
        return True
    last = re.split(r",(?![^(]*\))", operands.strip())[-1]
    return "(" in last and not name.startswith(("cmp", "test", "jmp"))


def _name(g):
    return g["listing"][0].split()[0] if g["listing"] else ""


def _fault(g):
    return g["signal"] in (7, 11)


def _in_heap_call(g):
    return g["signal"] == 6 and re.search(r"\b(_int_free|_int_malloc|malloc_printerr|cfree|free)\b", g["stack"])


def _on_stack(g):
    return any(start <= g["sp"] < end and "[stack]" in line for start, end, line in g["mappings"])


# (rule, category, does it fit): in this order, the first counts. A non-canonical address is printed
# as 0 by the kernel; the plugin takes it for null, and so do these.
EXPLOITABLE = [
    ("ReturnAv", "EXPLOITABLE", lambda g: _fault(g) and _name(g).startswith("ret")),
    ("UseAfterFree", "EXPLOITABLE", lambda g: False),  # the plugin's rule never fits
    ("SegFaultOnPc", "EXPLOITABLE", lambda g: _fault(g) and g["pc"] == g["address"] and not _near(g["pc"])),
    ("BranchAv", "EXPLOITABLE", lambda g: _fault(g) and _name(g).startswith(("call", "jmp")) and not _near(g["address"])),
    ("StackCodeExecution", "EXPLOITABLE", lambda g: _fault(g) and g["pc"] == g["address"] and _on_stack({**g, "sp": g["pc"] or 0})),
    ("StackBufferOverflow", "EXPLOITABLE", lambda g: "__stack_chk_fail" in g["stack"] or "__fortify_fail" in g["stack"]),
    ("PossibleStackCorruption", "EXPLOITABLE", lambda g: g["sp"] is None or not _on_stack(g)),
    ("DestAv", "EXPLOITABLE", lambda g: _fault(g) and _destination(g) and not _near(g["address"])),
    ("BadInstruction", "EXPLOITABLE", lambda g: g["signal"] == 4),
    ("HeapError", "EXPLOITABLE", _in_heap_call),
    ("StackOverflow", "EXPLOITABLE", lambda g: _fault(g) and g["address"] and abs(g["address"] - g["sp"]) < 4096),
    ("SegFaultOnPcNearNull", "PROBABLY_EXPLOITABLE", lambda g: _fault(g) and g["pc"] == g["address"] and _near(g["pc"])),
    ("BranchAvNearNull", "PROBABLY_EXPLOITABLE", lambda g: _fault(g) and _name(g).startswith(("call", "jmp"))),
    ("BlockMoveAv", "PROBABLY_EXPLOITABLE", lambda g: _fault(g) and _name(g).startswith("rep")),
    ("DestAvNearNull", "PROBABLY_EXPLOITABLE", lambda g: _fault(g) and _destination(g)),
    ("SourceAvNearNull", "PROBABLY_NOT_EXPLOITABLE", lambda g: _fault(g) and _destination(g) is False and _near(g["address"])),
    ("FloatingPointException", "PROBABLY_NOT_EXPLOITABLE", lambda g: g["signal"] == 8),
    ("BenignSignal", "PROBABLY_NOT_EXPLOITABLE", lambda g: g["signal"] in (5, 20, 21, 22, 1, 2, 3, 15)),
    ("SourceAv", "UNKNOWN", lambda g: _fault(g) and _destination(g) is False),
    ("AbortSignal", "UNKNOWN", lambda g: g["signal"] == 6),
    ("AccessViolation", "UNKNOWN", _fault),
    ("UncategorizedSignal", "UNKNOWN", lambda g: True),
]


def exploitable_rule(facts, left_out=()):
    return next(name for name, _, fits in EXPLOITABLE if name not in left_out and fits(facts))
