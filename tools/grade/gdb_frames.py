"""Runs inside gdb: prints the crashing thread's frames as one line of JSON."""

import json

import gdb

LIMIT = 80


def describe(frame):
    where = frame.find_sal()
    symtab = where.symtab
    return {
        "function": frame.name(),
        "file": symtab.fullname() if symtab else None,
        "line": where.line if symtab else None,
        "inlined": frame.type() == gdb.INLINE_FRAME,
        "pc": frame.pc(),
        "module": gdb.solib_name(frame.pc()),
    }


def frames():
    found = []
    try:
        frame = gdb.newest_frame()
        while frame is not None and len(found) < LIMIT:
            found.append(describe(frame))
            frame = frame.older()
    except gdb.error as error:
        found.append({"error": str(error)})
    return found


print("FRAMES " + json.dumps(frames()))
