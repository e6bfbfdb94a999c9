"""Whose a crash is, and what is handed to others: a native module that is installed as a package, a foreign function called
with rubbish, an interpreter that was given impossible code, and a program without any of it, each of them dying for real.
"""

import functools
import getpass
import json
import re
import socket
import subprocess
import unittest
from pathlib import Path

import e2e

# The structures of CPython's stable ABI, so that its headers are not needed.
MODULE = r"""
#include <stddef.h>
typedef struct Object Object;
extern Object _Py_NoneStruct;
long PyLong_AsLong(Object *);
Object *PyLong_FromLong(long);
Object *PyModule_Create2(void *, int);

__attribute__((noinline)) static long parse(const long *order) { return order[7]; }
static Object *run(Object *self, Object *argument) {
  const long *order = argument == &_Py_NoneStruct ? NULL : (const long *)PyLong_AsLong(argument);
  return PyLong_FromLong(parse(order) + 1);
}
struct Method { const char *name; Object *(*function)(Object *, Object *); int flags; const char *doc; };
static struct Method methods[] = {{"run", run, 8 /* METH_O */, ""}, {0}};
static struct { long references; void *type, *init; long index; void *copy; const char *name, *doc; long size; struct Method *methods;
                void *slots, *traverse, *clear, *free; } definition = {1, 0, 0, 0, 0, "_fast", "", -1, methods};
Object *PyInit__fast(void) { return PyModule_Create2(&definition, 1013); }
"""

NODE_MODULE = r"""
#include <stddef.h>
typedef void *Value;
int napi_create_function(Value, const char *, size_t, Value (*)(Value, Value), void *, Value *);
int napi_set_named_property(Value, Value, const char *, Value);
static volatile const long *order;
__attribute__((noinline)) static long parse(void) { return order[7]; }
static Value run(Value env, Value info) { return parse() ? info : env; }
Value napi_register_module_v1(Value env, Value exports) {
  Value function = NULL;
  napi_create_function(env, "run", 3, run, NULL, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
"""

# What must not leave the machine, in each of the places it can come from.
SECRETS = {"argument": "hush-argument", "variable": "hush-variable", "local": "hush-local", "folder": "hush-folder"}

SHOP = """\
import sys
{imports}

class Order:
    def quote(self):
        token = {local!r}
        return {crash}

def main():
    Order().quote()

main()
"""


@functools.cache
def site() -> Path:
    """A site-packages with one package that has a native module."""
    packages = e2e.fresh("site") / "lib/python3/site-packages"
    (packages / "fast").mkdir(parents=True)
    (packages / "fast/__init__.py").write_text("from fast._fast import run\n\ndef call(order):\n    return run(order)\n")
    subprocess.run([e2e.CC, "-shared", "-fPIC", "-O1", "-o", packages / "fast/_fast.so", "-xc", "-"],
                   input=MODULE, text=True, check=True)
    info = packages / "fast_orders-1.2.3.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("fast/__init__.py,,\nfast/_fast.so,,\n")
    return packages


@functools.cache
def record(crash: str, imports: str = "") -> Path:
    """The slim record of a Python program that dies of `crash`."""
    directory = e2e.fresh(SECRETS["folder"])
    script = directory / "shop.py"
    script.write_text(SHOP.format(imports=imports, crash=crash, local=SECRETS["local"]))
    subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--output", directory / "records", "--", "/usr/bin/python3", script, SECRETS["argument"]],
        cwd=directory, env=e2e.environment(PYTHONPATH=str(site()), HUSH=SECRETS["variable"]), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=120)
    records = list(directory.glob("records/*.core.zst"))
    if len(records) != 1:
        raise AssertionError(f"{len(records)} records of `{crash}`")
    return records[0]


@functools.cache
def node_record() -> Path:
    """Of an add-on that is installed with npm, and dies below JavaScript of the program's own."""
    e2e.need("node")
    directory = e2e.fresh(SECRETS["folder"])
    package = directory / "node_modules/@shop/fast"
    (package / "build/Release").mkdir(parents=True)
    (directory / "package.json").write_text('{"name": "shop", "version": "7.0.0"}')
    (package / "package.json").write_text('{"name": "@shop/fast", "version": "1.2.3", "main": "index.js"}')
    (package / "index.js").write_text("const fast = require('./build/Release/fast.node');\n"
                                      "exports.call = function call(order) { return fast.run(order); };\n")
    subprocess.run([e2e.CC, "-shared", "-fPIC", "-O1", "-o", package / "build/Release/fast.node", "-xc", "-"],
                   input=NODE_MODULE, text=True, check=True)
    script = directory / "shop.js"
    script.write_text("const fast = require('@shop/fast');\n"
                      "function quote(order) {\n  return fast.call(order);\n}\nquote(process.argv[2]);\n")
    subprocess.run([e2e.INQUEST, "run", "--trace", "--output", directory / "records", "--", "node", script, SECRETS["argument"]],
                   cwd=directory, env=e2e.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    return next(directory.glob("records/*.core.zst"))


def add_on(order: str = "None") -> Path:
    return record(f"fast.call({order})", "import fast")


class Whose(e2e.TestCase):
    def explain(self, evidence, **env) -> dict:
        run = e2e.inquest("explain", evidence, "--json", env=e2e.environment(**env))
        self.assertEqual(run.status, 0, run.err)
        return run.report

    def test_a_native_module_is_named_with_its_package(self):
        report = self.explain(add_on())
        blame = report["verdict"]["blame"]
        self.assertEqual(blame["party"], "native-add-on")
        self.assertEqual(blame["package"], {"manager": "python", "name": "fast_orders", "version": "1.2.3"})
        self.assertTrue(blame["module"].endswith("/fast/_fast.so"), blame)
        frame = report["facts"]["user_runtime_frame"]
        self.assertEqual((frame["function"].rsplit(".")[-1], Path(frame["file"]).name), ("quote", "shop.py"))
        innermost = [inner for one in report["facts"]["crashing"]["frames"] for inner in one.get("runtime_frames", [])][0]
        self.assertEqual(innermost["package"]["name"], "fast_orders")

    def test_the_first_screen_says_so(self):
        text = " ".join(e2e.inquest("explain", add_on()).out.split())
        self.assertIn("whose a native add-on: _fast.so of Python package fast_orders 1.2.3", text)
        self.assertIn("from Python code: Order.quote() at", text)

    def test_an_add_on_of_node_is_named_with_its_package(self):
        report = self.explain(node_record())
        blame = report["verdict"]["blame"]
        self.assertEqual((blame["party"], blame["package"]),
                         ("native-add-on", {"manager": "npm", "name": "@shop/fast", "version": "1.2.3"}))
        frame = report["facts"].get("user_runtime_frame")
        if frame is None:
            self.skipTest("JavaScript frames of this node are not read")
        self.assertEqual((frame["function"], Path(frame["file"]).name), ("quote", "shop.js"))
        self.assertEqual(report["signature"]["version"], 2)
        self.assertEqual(report["signature"]["title"], "segv-read-null | parse | index:call | shop:quote | shop:(anonymous)")

    def test_a_foreign_function_is_misuse(self):
        blame = self.explain(record("ctypes.string_at(8)", "import ctypes"))["verdict"]["blame"]
        self.assertEqual(blame["party"], "misuse")
        self.assertIn("ctypes", blame["sentence"])

    def test_an_interpreter_alone_is_the_run_time(self):
        evidence = record("impossible()", "def impossible():\n    return 12345\n"
                          "impossible.__code__ = impossible.__code__.replace(co_consts=())")
        blame = self.explain(evidence)["verdict"]["blame"]
        self.assertEqual(blame["party"], "run-time")
        self.assertIn("CPython 3", blame["sentence"])
        self.assertIn("no native add-on is on the stack", blame["sentence"])

    def test_native_frames_of_the_user_are_never_the_interpreters(self):
        alone = self.explain(record("ctypes.string_at(8)", "import ctypes"))["facts"]
        self.assertNotIn("user_frame", alone)
        self.assertIn("run_time_frame", alone)
        self.assertEqual(alone["crashing"]["frames"][alone["run_time_frame"]]["run_time"], "Python")
        with_module = self.explain(add_on())["facts"]
        self.assertNotIn("run_time_frame", with_module)
        frame = with_module["crashing"]["frames"][with_module["user_frame"]]
        self.assertTrue(frame["module"].endswith("_fast.so"), frame)

    def test_a_file_that_was_replaced_is_not_told_as_what_ran(self):
        evidence = add_on("12345")
        module = site() / "fast/_fast.so"
        kept = module.read_bytes()
        module.unlink()
        try:
            package = self.explain(evidence)["verdict"]["blame"]["package"]
            self.assertEqual((package["name"], package["version"]), ("fast_orders", ""))
        finally:
            module.write_bytes(kept)

    def test_packages_below_a_sysroot(self):
        root = e2e.fresh("root")
        evidence = add_on()
        info = Path(str(root) + str(site())) / "fast_orders-9.9.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text("fast/_fast.so,,\n")

        def package() -> dict:
            report = e2e.inquest("explain", evidence, "--sysroot", root, "--json").report
            return report["verdict"]["blame"]["package"]

        # The very file is not below it but here: so is the package that it is of.
        self.assertEqual(package()["version"], "1.2.3")
        (info.parent / "fast").mkdir()
        (info.parent / "fast/_fast.so").write_bytes((site() / "fast/_fast.so").read_bytes())
        (site() / "fast/_fast.so").rename(site() / "fast/away")
        try:
            self.assertEqual(package()["version"], "9.9")
        finally:
            (site() / "fast/away").rename(site() / "fast/_fast.so")


class Groups(e2e.TestCase):
    def sign(self, evidence) -> dict:
        run = e2e.inquest("signature", evidence, "--json")
        self.assertEqual(run.status, 0, run.err)
        return run.report

    def test_python_functions_are_in_it(self):
        signature = self.sign(add_on())
        self.assertEqual(signature["version"], 2)
        self.assertEqual(signature["title"], "segv-read-null | parse | __init__:call | shop:quote | shop:main")

    def test_another_address_of_the_run_time_is_the_same_group(self):
        one, other = (self.sign(record(f"ctypes.string_at({address})", "import ctypes")) for address in (8, 1 << 45))
        self.assertEqual(one["id"], other["id"])
        self.assertEqual(one["frames"][:2], ["CPython", "__init__:string_at"])


class KnownIssues(e2e.TestCase):
    ISSUE = {"id": "mine", "title": "parse() takes no None", "party": "native-add-on", "link": "https://example.org/1",
             "fixed": "fast 2.0", "workaround": "pass an order",
             "match": {"package": {"manager": "python", "name": "Fast.Orders", "versions": "<2"}, "functions": ["parse"]}}

    def explain(self, *issues, raw: str | None = None) -> dict:
        file = e2e.fresh("known") / "known.json"
        file.write_text(raw or json.dumps({"schema": "inquest-known-issues", "schema_version": 1, "issues": issues}))
        run = e2e.inquest("explain", add_on(), "--json", env=e2e.environment(INQUEST_KNOWN_ISSUES=str(file)))
        self.assertEqual(run.status, 0, run.err)
        return run.report["verdict"]

    def test_a_users_file_adds_to_what_is_known(self):
        verdict = self.explain(self.ISSUE)
        self.assertEqual([(one["id"], one["sure"]) for one in verdict["known_issues"]], [("mine", True)])
        self.assertIn("https://example.org/1; fixed: fast 2.0; until then: pass an order", verdict["next_steps"][0])
        self.assertEqual(self.explain(self.ISSUE | {"match": {"package": {"name": "fast_orders", "versions": ">=2"}}})["known_issues"], [])

    def test_what_is_wrong_with_it_is_said(self):
        self.assertTrue(any("no file of known issues" in limit for limit in self.explain(raw="{}")["limits"]))
        verdict = self.explain(self.ISSUE | {"match": {"weather": "rain"}})
        self.assertTrue(any("`weather`, which is not known" in limit for limit in verdict["limits"]), verdict["limits"])
        self.assertEqual(verdict["known_issues"], [])


class Reports(e2e.TestCase):
    def report(self, *arguments) -> str:
        run = e2e.inquest("report", *arguments)
        self.assertEqual(run.status, 0, run.err)
        return run.out

    def test_nothing_private_goes_upstream(self):
        for evidence in (add_on(), record("ctypes.string_at(8)", "import ctypes")):
            text = self.report(evidence, "--for", "upstream")
            for secret in (*SECRETS.values(), str(e2e.work()), str(Path.home()) + "/", socket.gethostname()):
                self.assertNotIn(secret, text)
            self.assertIsNone(re.search(rf"\b{getpass.getuser()}\b", text), text)

    def test_maintainers_get_what_they_ask_for(self):
        text = self.report(add_on(), "--for", "upstream").replace("\\", "")
        for wanted in ("# CPython 3", "Python package fast_orders 1.2.3", "fast/__init__.py:4", "shop.py:7",
                       "pip install fast_orders==1.2.3", "parse  _fast.so+0x", "Linux, "):
            self.assertIn(wanted, text)

    def test_whoever_is_on_call_gets_the_commands(self):
        vault = e2e.fresh("vault")
        script = e2e.fresh("ticket") / "shop.py"
        script.write_text(SHOP.format(imports="import fast", crash="fast.call(None)", local=SECRETS["local"]))
        for _ in range(2):
            subprocess.run([e2e.INQUEST, "run", "--trace", "--vault", vault, "--", "/usr/bin/python3", script, SECRETS["argument"]],
                           env=e2e.environment(PYTHONPATH=str(site())), stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        listed = e2e.inquest("ls", "--vault", vault, "--json").report
        case = listed["cases"][0]["id"]
        text = self.report(case[:12], "--vault", vault, "--for", "ticket").replace("\\", "")
        for wanted in (f"inquest explain {case[:12]}", f"| case | {case} |", "| kept crashes of this group | 2 |",
                       "a native add-on: _fast.so of Python package fast_orders 1.2.3", "## Now"):
            self.assertIn(wanted, text)
        self.assertNotIn(SECRETS["argument"], text)
        self.assertNotIn(SECRETS["local"], text)

    def test_it_must_be_said_for_whom(self):
        self.assertEqual(e2e.inquest("report", add_on()).status, 2)
        self.assertEqual(e2e.inquest("report", add_on(), "--for", "everybody").status, 2)
        self.assertEqual(e2e.inquest("report", "/nonexistent", "--for", "ticket").status, 1)

    def test_each_crash_of_a_log_is_written_up(self):
        log = e2e.fresh("log") / "log"
        log.write_text("[1.0] a[1]: segfault at 0 ip 000055d0c0de1139 sp 00007ffd00000000 error 4 in a[55d0c0de1000+1000]\n"
                       "[2.0] b[2]: segfault at 8 ip 000055d0c0de2139 sp 00007ffd00000000 error 6 in b[55d0c0de2000+1000]\n")
        text = self.report(log, "--for", "upstream")
        self.assertEqual(len(re.findall(r"^# ", text, re.MULTILINE)), 2)


if __name__ == "__main__":
    unittest.main()
