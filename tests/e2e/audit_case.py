"""What the tests of inquest audit share: modules that are compiled here, and trees of packages."""

import json
import os
import subprocess
from pathlib import Path

import e2e

NODE_API = r"""
#include <stddef.h>
#include <stdlib.h>
void *napi_create_object(void);
%(more)s
__attribute__((constructor)) static void ran(void) { abort(); }  /* nothing that is audited may run */
void *napi_register_module_v1(void *env, void *exports) { return env ? exports : napi_create_object(); }
"""

# The structure of node.h, as NODE_MODULE() lays it out.
V8 = r"""
#include <stddef.h>
void _ZN2v87Isolate10GetCurrentEv(void);
void node_module_register(void *);
%(declare)s
static void init(void) { _ZN2v87Isolate10GetCurrentEv(); %(call)s }
struct { int version; unsigned flags; void *handle; const char *file; void (*entry)(void); void *context; const char *name;
         void *private_data; void *link; } module = {%(abi)d, 0, 0, "a.cc", init, 0, "a", 0, 0};
__attribute__((constructor)) static void add(void) { node_module_register(&module); }
"""

PYTHON = r"""
void *PyModule_Create2(void *, int);
%(more)s
void *PyInit_%(name)s(void) { return PyModule_Create2(0, 1013); }
"""


class Audit(e2e.TestCase):
    def setUp(self):
        self.root = e2e.fresh("audit-" + self.id().rsplit(".", 1)[1][:40])
        self.known = {}

    def compile(self, path: str, source: str, *flags, compiler=e2e.CC, language="c") -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", target, f"-x{language}", "-", "-xnone", *flags], input=source,
                       text=True, check=True)
        return target

    def package(self, name: str, **fields) -> None:
        directory = self.root / "node_modules" / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "package.json").write_text(json.dumps({"name": name, "version": "1.2.3", **fields}))

    def audit(self, *arguments, path=None, expect=None) -> dict:
        run = e2e.inquest("audit", path or self.root, "--json", *arguments, env=e2e.environment() | self.known)
        self.assertIn(run.status, (0, 3), run.err)
        if expect is not None:
            self.assertEqual(run.status, expect, run.out)
        return run.report

    def findings(self, report: dict, name: str) -> dict:
        module, = [module for module in report["modules"] if module["path"].endswith("/" + name)]
        return {finding["id"]: finding for finding in module["findings"]}

    def of_package(self, report: dict, name: str) -> list[dict]:
        return [finding for package in report["packages"] if package["name"] == name for finding in package["findings"]]

    def issues(self, *entries: dict) -> None:
        """A user's own file of known issues, read by every audit from here on."""
        file = self.root / "known-issues.json"
        file.write_text(json.dumps({"schema": "inquest-known-issues", "schema_version": 1, "updated": "2099-01-01", "issues": [
            {"title": "it breaks", "party": "native-add-on", "link": "https://example.org/" + entry["id"]} | entry
            for entry in entries]}))
        self.known = {"INQUEST_KNOWN_ISSUES": str(file)}

    def skipped(self, report: dict, name: str) -> str:
        module, = [module for module in report["modules"] if module["path"].endswith("/" + name)]
        return module["skipped"]
