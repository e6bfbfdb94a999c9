"""check_symbols.py refuses what it should, on objects that a compiler made."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import check_symbols

RULES = {"signal_safe": ["handler", "raw"], "may_reference": {"libc": ["dlsym"]}}
RAW = "int raw_call(void) { return 1; }"
HANDLER = "int raw_call(void); int handler(void) { return raw_call(); }"
LIBC = ("extern void* dlsym(void*, const char*) __attribute__((weak));"
        "void* next(void) { return dlsym ? dlsym(0, \"x\") : 0; }")


def problems(**sources: str) -> list[str]:
    """What is said about objects made of these sources, a name each."""
    with tempfile.TemporaryDirectory() as directory:
        objects = []
        for name, source in sources.items():
            path = Path(directory) / f"{name}.c"
            path.write_text(source)
            made = path.with_suffix(".c.o")
            subprocess.run(["gcc-12", "-O1", "-fno-builtin", "-fno-stack-protector", "-w", "-c", str(path), "-o",
                            str(made)], check=True)
            objects.append(check_symbols.read_object(made, "nm"))
        return check_symbols.check(objects, RULES)


class CheckSymbols(unittest.TestCase):
    def test_objects_that_reference_only_each_other_pass(self):
        self.assertEqual(problems(raw=RAW, handler=HANDLER, libc=LIBC), [])

    def test_malloc_in_the_handler_is_refused(self):
        source = "void* malloc(unsigned long); void* handler(void) { return malloc(1); }"
        self.assertEqual(problems(raw=RAW, handler=source, libc=LIBC),
                         ["handler: runs in the signal handler and references malloc"])

    def test_a_call_that_the_compiler_puts_in_is_refused(self):
        source = "unsigned __int128 handler(unsigned __int128 a, unsigned __int128 b) { return a / b; }"
        found = problems(raw=RAW, handler=source, libc=LIBC)
        self.assertEqual(found, ["handler: runs in the signal handler and references __udivti3"])

    def test_the_handler_may_not_call_what_calls_libc(self):
        source = "void* next(void); void* handler(void) { return next(); }"
        self.assertEqual(problems(raw=RAW, handler=source, libc=LIBC),
                         ["handler: runs in the signal handler and references next"])

    def test_a_weak_reference_is_no_way_around(self):
        source = "extern int puts(const char*) __attribute__((weak)); int handler(void) { return puts ? puts(\"\") : 0; }"
        self.assertEqual(problems(raw=RAW, handler=source, libc=LIBC),
                         ["handler: runs in the signal handler and references puts"])

    def test_outside_the_handler_only_named_symbols_are_allowed_and_only_weakly(self):
        strong = "void* dlsym(void*, const char*); void* next(void) { return dlsym(0, \"x\"); }"
        other = "extern void free(void*) __attribute__((weak)); void next(void* p) { free(p); }"
        self.assertIn("libc: references dlsym strongly: the object would need a library",
                      problems(raw=RAW, handler=HANDLER, libc=strong))
        self.assertIn("libc: references free", problems(raw=RAW, handler=HANDLER, libc=other))

    def test_rules_about_objects_that_are_gone_are_refused(self):
        self.assertEqual(problems(raw=RAW, handler=HANDLER),
                         ["libc: named in the rules, but there is no such object"])


if __name__ == "__main__":
    unittest.main()
