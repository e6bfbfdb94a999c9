"""inquest audit on modules that are compiled here for the real node and python of this machine, each wrong in one way."""

import json
import os
import shutil
import subprocess
import unittest
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


class NodeModules(Audit):
    def setUp(self):
        super().setUp()
        e2e.need("node", e2e.CC)
        self.abi = int(subprocess.run(["node", "-p", "process.versions.modules"], capture_output=True, check=True).stdout)

    def test_those_that_fit(self):
        self.package("good")
        self.compile("node_modules/good/build/Release/good.node", NODE_API % {"more": ""})
        self.package("bound")
        self.compile("node_modules/bound/build/Release/bound.node", V8 % {"abi": self.abi, "declare": "", "call": ""})
        report = self.audit(expect=0)
        kinds = {Path(module["path"]).name: module["api"] for module in report["modules"]}
        self.assertEqual(kinds, {"good.node": "node-api", "bound.node": "v8"})
        self.assertEqual([module["node_abi"] for module in report["modules"]], [self.abi, None])

    def test_one_for_another_node(self):
        self.package("old")
        self.compile("node_modules/old/build/Release/old.node", V8 % {
            "abi": self.abi - 7, "declare": "void _ZN2v87Isolate9NoSuchOneEi(void);", "call": "_ZN2v87Isolate9NoSuchOneEi();"})
        found = self.findings(self.audit(expect=3), "old.node")
        self.assertIn(f"NODE_MODULE_VERSION {self.abi - 7}", found["node-abi"]["what"])
        self.assertEqual(found["node-abi"]["fix"], "npm rebuild old")
        self.assertIn("v8::Isolate::NoSuchOne", found["symbols"]["what"])

    def test_the_name_of_the_entry_tells_the_version_too(self):
        self.compile("a.node", "void _ZN2v87Isolate10GetCurrentEv(void);\n"
                     "void node_register_module_v72(void) { _ZN2v87Isolate10GetCurrentEv(); }")
        self.assertIn("NODE_MODULE_VERSION 72", self.findings(self.audit(expect=3), "a.node")["node-abi"]["what"])

    def test_a_node_api_that_this_node_has_not(self):
        self.compile("a.node", NODE_API % {"more": "void napi_of_the_far_future(void);\n"
                                           "void *use(void) { return napi_of_the_far_future; }"})
        self.assertIn("napi_of_the_far_future", self.findings(self.audit(expect=3), "a.node")["symbols"]["what"])

    def test_prebuilds_for_others_are_no_fault(self):
        self.package("many")
        below = "node_modules/many/prebuilds/"
        self.compile(below + "linux-x64/node.napi.node", NODE_API % {"more": ""})
        for path in ("darwin-arm64/node.napi.node", "win32-x64/node.napi.node", "linux-arm64/node.napi.node"):
            (self.root / below / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / below / path).write_bytes(b"MZ\0\0 not for us")
        report = self.audit(expect=0 if os.uname().machine == "x86_64" else None)
        self.assertEqual(sum(module["skipped"] == "" for module in report["modules"]), 1)

    def test_the_file_that_is_loaded_is_judged(self):
        """A prebuild that fits does not help when an old build stands before it."""
        self.package("both")
        self.compile("node_modules/both/prebuilds/linux-x64/node.napi.node", NODE_API % {"more": ""})
        self.compile("node_modules/both/build/Release/both.node",
                     V8 % {"abi": self.abi + 3, "declare": "", "call": ""})
        report = self.audit(expect=3)
        self.assertIn("taken before", self.skipped(report, "node.napi.node"))
        self.assertIn("node-abi", self.findings(report, "both.node"))

    def test_packages_for_other_systems_are_no_fault(self):
        self.package("only-darwin", os=["darwin"])
        (self.root / "node_modules/only-darwin/a.node").write_bytes(b"\xcf\xfa\xed\xfe" + b"\0" * 60)
        self.assertEqual(self.skipped(self.audit(expect=0), "a.node"), "the package is for darwin")

    def test_what_a_build_leaves_behind(self):
        """node-gyp links what it built; the file that is loaded is named."""
        self.package("built")
        left = self.compile("node_modules/built/build/Release/obj.target/built.node", NODE_API % {"more": ""})
        built = self.root / "node_modules/built/build/Release/built.node"
        for link in (os.link, shutil.copy):
            link(left, built)
            module, = self.audit(expect=0)["modules"]
            self.assertEqual(module["path"], str(built))
            built.unlink()

    def test_paths_with_blanks_in_sarif(self):
        self.compile("my files/a.node", V8 % {"abi": self.abi - 7, "declare": "", "call": ""})
        result, = json.loads(e2e.inquest("audit", self.root, "--sarif").out)["runs"][0]["results"]
        self.assertEqual(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "my%20files/a.node")

    def test_files_that_are_none(self):
        whole = self.compile("whole.node", NODE_API % {"more": ""})
        (self.root / "cut.node").write_bytes(whole.read_bytes()[:3000])
        (self.root / "text.node").write_text("this is no module\n")
        (self.root / "empty.node").write_bytes(b"")
        report = self.audit(expect=3)
        self.assertIn("damaged", self.findings(report, "cut.node"))
        self.assertIn("format", self.findings(report, "text.node"))
        self.assertIn("format", self.findings(report, "empty.node"))
        self.assertEqual(self.findings(report, "whole.node"), {})

    def test_another_machine(self):
        e2e.need("aarch64-linux-gnu-gcc")
        self.compile("a.node", "int napi_register_module_v1(void) { return 0; }", compiler="aarch64-linux-gnu-gcc")
        self.assertIn("AArch64", self.findings(self.audit(expect=3), "a.node")["architecture"]["what"])

    def test_musl_on_glibc(self):
        e2e.need("musl-gcc")
        self.compile("a.node", "int puts(const char *);\nint napi_register_module_v1(void) { return puts(\"\"); }",
                     compiler="musl-gcc")
        self.assertIn("built for musl", self.findings(self.audit(expect=3), "a.node")["libc"]["what"])

    def test_a_library_that_is_gone(self):
        gone = self.compile("libgone.so", "int gone(void) { return 1; }")
        self.compile("a.node", "int gone(void);\nint napi_register_module_v1(void) { return gone(); }", gone)
        gone.unlink()
        self.assertIn("libgone.so", str(self.findings(self.audit(expect=3), "a.node")["library"]))

    def test_a_library_beside_it_is_found(self):
        beside = self.compile("libbeside.so", "int beside(void) { return 1; }", "-Wl,-soname,libbeside.so")
        self.compile("a.node", "int beside(void);\nint napi_register_module_v1(void) { return beside(); }", beside,
                     "-Wl,-rpath,$ORIGIN")
        self.audit(expect=0)

    def test_the_same_library_in_two_builds(self):
        for name in ("one", "two"):
            self.package(name)
            library = self.compile(f"node_modules/{name}/libshared.so.1", f"int shared(void) {{ return sizeof \"{name}\"; }}\n"
                                   f"int of_{name};", "-Wl,-soname,libshared.so.1", "-Wl,--build-id")
            self.compile(f"node_modules/{name}/{name}.node", "int shared(void);\n"
                         "int napi_register_module_v1(void) { return shared(); }", library, "-Wl,-rpath,$ORIGIN")
        report = self.audit(expect=0)
        self.assertEqual(self.findings(report, "one.node")["doubled-library"]["severity"], "warning")

    def test_a_newer_glibc(self):
        """Linked against a C library with a version of the future."""
        (self.root / "future").mkdir()
        script = self.root / "future" / "map"
        script.write_text("GLIBC_2.99 { global: puts; };\n")
        library = self.compile("future/libc.so.6", "int puts(const char *s) { return s != 0; }", "-nostdlib",
                               "-Wl,-soname,libc.so.6", f"-Wl,--version-script={script}")
        self.compile("a.node", "int puts(const char *);\nint napi_register_module_v1(void) { return puts(\"\"); }",
                     "-nostdlib", library)
        shutil.rmtree(self.root / "future")
        self.assertIn("GLIBC_2.99", self.findings(self.audit(expect=3), "a.node")["glibc"]["what"])

    def test_text_and_sarif(self):
        self.package("old")
        self.compile("node_modules/old/build/Release/old.node",
                     V8 % {"abi": self.abi - 7, "declare": "", "call": ""})
        text = e2e.inquest("audit", self.root)
        self.assertEqual(text.status, 3)
        self.assertIn("npm rebuild old", text.out)
        self.assertIn("old 1.2.3", text.out)
        sarif = json.loads(e2e.inquest("audit", self.root, "--sarif").out)
        result, = sarif["runs"][0]["results"]
        self.assertEqual((sarif["version"], result["ruleId"], result["level"]), ("2.1.0", "node-abi", "error"))
        self.assertEqual(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
                         "node_modules/old/build/Release/old.node")

    def test_without_node_it_says_so(self):
        self.compile("a.node", NODE_API % {"more": ""})
        report = self.audit("--node", "/no/such/node")
        self.assertIn("judged without the program that loads them", " ".join(report["notes"]))


class KnownBad(Audit):
    """Versions of packages, and of what loads them, that have a bug which others reported."""

    def setUp(self):
        super().setUp()
        e2e.need("node", e2e.CC)
        self.node = subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, check=True, text=True).stdout.strip()
        self.major = int(self.node.split(".")[0])

    def add_on(self, name: str, version: str, below="node_modules") -> None:
        self.compile(f"{below}/{name}/build/Release/{name}.node", NODE_API % {"more": ""})
        (self.root / below / name / "package.json").write_text(json.dumps({"name": name, "version": version}))

    def test_a_version_of_a_package(self):
        self.add_on("secp256k1", "4.0.3")
        self.add_on("other", "4.0.3")
        report = self.audit(expect=0)
        finding, = self.of_package(report, "secp256k1")
        self.assertEqual((finding["id"], finding["severity"], finding["issue"]), ("known-bad", "warning", "secp256k1-worker-threads"))
        self.assertEqual(finding["link"], "https://github.com/cryptocoinjs/secp256k1-node/pull/195")
        self.assertEqual((finding["fixed_version"], finding["fix"]), ("5.0.0", "npm install secp256k1@^5.0.0"))
        issues = {module["package"]["name"]: module["package"]["known_issues"] for module in report["modules"]}
        self.assertEqual(issues, {"secp256k1": ["secp256k1-worker-threads"], "other": []})
        self.assertGreater(report["known_issues"]["count"], 20)
        text = e2e.inquest("audit", self.root).out
        self.assertRegex(text, r"warning +node_modules/\S+/secp256k1\.node")
        self.assertRegex(text, r"fits +node_modules/other/")
        self.assertIn("secp256k1 4.0.3 has a known bug", text)
        self.assertIn("npm install secp256k1@^5.0.0", text)
        sarif = json.loads(e2e.inquest("audit", self.root, "--sarif").out)
        result, = [result for result in sarif["runs"][0]["results"] if "secp256k1" in result["message"]["text"]]
        self.assertEqual((result["ruleId"], result["level"]), ("known-bad", "warning"))
        self.assertIn("https://github.com/cryptocoinjs/secp256k1-node/pull/195", result["message"]["text"])
        self.assertEqual(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "node_modules/secp256k1")

    def test_versions_that_are_none_of_them(self):
        self.add_on("secp256k1", "5.0.0")
        self.add_on("secp256k1", "", below="node_modules/other/node_modules")
        self.assertEqual(self.of_package(self.audit(expect=0), "secp256k1"), [])

    def test_one_that_takes_another_c_library(self):
        """Not a word on glibc of what crashes on musl."""
        self.add_on("utf-8-validate", "6.0.1")
        self.assertEqual(self.of_package(self.audit(expect=0), "utf-8-validate"), [])

    def test_each_copy_of_a_package(self):
        self.issues({"id": "mine", "match": {"package": {"manager": "npm", "name": "a", "versions": "<2"}}})
        self.add_on("a", "1.0.0")
        self.add_on("a", "1.5.0", below="node_modules/b/node_modules")
        self.add_on("a", "2.0.0", below="node_modules/c/node_modules")
        report = self.audit(expect=0)
        self.assertEqual([package["version"] for package in report["packages"]], ["1.0.0", "1.5.0"])

    def test_one_without_native_code_and_one_file_alone(self):
        self.issues({"id": "mine", "match": {"package": {"manager": "npm", "name": "@s/script", "versions": "<2"}}},
                    {"id": "too", "match": {"package": {"manager": "npm", "name": "a", "versions": "<2"}}})
        self.package("@s/script")
        self.add_on("a", "1.0.0")
        self.assertEqual(len(self.of_package(self.audit(expect=0), "@s/script")), 1)
        alone = self.audit(path=self.root / "node_modules/a/build/Release/a.node", expect=0)
        self.assertEqual([package["name"] for package in alone["packages"]], ["a"])

    def test_one_that_always_crashes_is_a_problem(self):
        self.issues({"id": "mine", "always": True, "match": {"package": {"name": "a", "versions": "=1.0.0"}}})
        self.add_on("a", "1.0.0")
        finding, = self.of_package(self.audit(expect=3), "a")
        self.assertEqual(finding["severity"], "problem")
        self.assertIn("https://example.org/mine", finding["fix"])  # nothing else is known

    def test_the_node_that_loads_them(self):
        ours = {"run_time": {"name": "node", "versions": f">={self.major} <{self.major + 1}"}, "functions": ["node::f"]}
        self.issues({"id": "fixed", "party": "run-time", "match": ours, "fixed_version": f"{self.major + 1}.1.0"},
                    {"id": "past", "party": "run-time", "match": ours | {"run_time": {"name": "node", "versions": "<10"}}},
                    {"id": "by-whom", "party": "misuse", "match": ours},
                    {"id": "by-gone", "party": "misuse", "match": ours, "installed": {"name": "gone"}},
                    {"id": "by-a", "party": "misuse", "match": ours, "installed": {"name": "a"}, "workaround": "do without a"})
        self.add_on("a", "1.0.0")
        node, = self.audit(expect=0)["loaders"]
        own = {finding["issue"]: finding for finding in node["findings"] if not finding["link"].startswith("https://github.com")}
        self.assertEqual(sorted(own), ["by-a", "fixed"])
        self.assertEqual(own["fixed"]["fix"], f"upgrade Node.js to {self.major + 1}.1.0")
        self.assertIn("which a 1.0.0 brings about", own["by-a"]["what"])
        self.assertEqual(own["by-a"]["fix"], "do without a")

    def test_a_name_that_is_a_command(self):
        name = "a$(reboot)"
        self.issues({"id": "mine", "fixed_version": "2.0.0", "match": {"package": {"name": "a*", "versions": "<2"}}})
        self.package(name)
        self.compile(f"node_modules/{name}/a.node", V8 % {"abi": 1, "declare": "", "call": ""})
        report = self.audit()
        for finding in self.of_package(report, name) + list(self.findings(report, "a.node").values()):
            self.assertNotRegex(finding["fix"], r"^(npm|pip).*\$")

    def test_a_file_that_is_none_is_said(self):
        self.issues({"id": "mine", "match": {"phase_of_moon": 1}})
        self.add_on("a", "1.0.0")
        self.assertIn("phase_of_moon", " ".join(self.audit(expect=0)["notes"]))

    def test_a_python_package_and_who_needs_which_python(self):
        python = "/usr/bin/python3"
        version = subprocess.run([python, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
                                 capture_output=True, check=True, text=True).stdout.strip()
        self.issues({"id": "wheel", "match": {"package": {"manager": "python", "name": "Fast.Orders", "versions": "<2"}},
                     "fixed_version": "2.1"},
                    {"id": "profiler", "party": "misuse", "installed": {"manager": "python", "name": "profiler"},
                     "match": {"run_time": {"name": "CPython", "versions": "=" + version}, "script_functions": ["p.py:f"]}})
        site = self.root / "lib/python3/site-packages"
        for info in ("fast_orders-1.2.dist-info", "profiler-3.dist-info"):
            (site / info).mkdir(parents=True)
        report = self.audit("--python", python, expect=0)
        finding, = self.of_package(report, "fast_orders")
        self.assertEqual(finding["fix"], "pip install 'fast_orders>=2.1'")
        loader, = report["loaders"]
        self.assertEqual([finding["issue"] for finding in loader["findings"]], ["profiler"])


class WithoutBinary(Audit):
    """Packages that fail when they are loaded because nothing is there to be loaded."""

    def setUp(self):
        super().setUp()
        e2e.need("node", e2e.CC)
        self.arch = "x64" if os.uname().machine == "x86_64" else "arm64"

    def no_binary(self, name: str, expect: int) -> dict | None:
        found = [finding for finding in self.of_package(self.audit(expect=expect), name) if finding["id"] == "no-binary"]
        return found[0] if found else None

    def test_one_that_was_not_compiled(self):
        self.package("gyp")
        (self.root / "node_modules/gyp/binding.gyp").write_text("{}")
        finding = self.no_binary("gyp", expect=3)
        self.assertEqual((finding["severity"], finding["fix"]), ("problem", "npm rebuild gyp"))
        self.assertIn("npm rebuild gyp", e2e.inquest("audit", self.root).out)
        self.compile("node_modules/gyp/build/Release/gyp.node", NODE_API % {"more": ""})
        self.assertIsNone(self.no_binary("gyp", expect=0))

    def test_one_that_came_from_another_machine_or_another_node(self):
        self.package("other")
        for path in ("prebuilds/darwin-arm64/a.node", f"lib/binding/node-v11-linux-{self.arch}/a.node"):
            file = self.root / "node_modules/other" / path
            file.parent.mkdir(parents=True)
            file.write_bytes(b"\xcf\xfa\xed\xfe" + b"\0" * 60)
        finding = self.no_binary("other", expect=3)
        self.assertIn("they are for NODE_MODULE_VERSION 11, for darwin", finding["what"])

    def test_one_for_another_system_is_no_fault(self):
        self.package("mac", os=["darwin"])
        (self.root / "node_modules/mac/binding.gyp").write_text("{}")
        (self.root / "node_modules/mac/a.node").write_bytes(b"\xcf\xfa\xed\xfe")
        self.assertIsNone(self.no_binary("mac", expect=0))

    def test_its_package_for_this_platform_is_not_installed(self):
        ours, libs = f"@i/pic-linux-{self.arch}", f"@i/pic-libs-linux-{self.arch}"
        self.package("pic", optionalDependencies=dict.fromkeys((ours, libs, "@i/pic-darwin-arm64", "@i/pic-wasm32", "fun"), "1"))
        self.package(libs)
        self.package("@i/pic-darwin-arm64", os=["darwin"])
        finding = self.no_binary("pic", expect=0)
        self.assertEqual(finding["severity"], "warning")
        self.assertIn(f"is in {ours}, which is not installed", finding["what"])
        self.package(ours)
        self.assertIsNone(self.no_binary("pic", expect=0))

    def test_such_a_package_stands_in_for_what_would_be_compiled(self):
        ours = f"extract-linux-{self.arch}"
        self.package("extract", optionalDependencies={ours: "1"})
        (self.root / "node_modules/extract/binding.gyp").write_text("{}")
        self.package(ours)
        self.assertIsNone(self.no_binary("extract", expect=0))


class Loaders(Audit):
    """Which program is taken to load the modules, when nobody says."""

    def setUp(self):
        super().setUp()
        e2e.need("node", e2e.CC)
        self.abi = int(subprocess.run(["node", "-p", "process.versions.modules"], capture_output=True, check=True).stdout)

    def electron(self, version: str, **files: str) -> None:
        self.package("electron", version=version)
        for name, content in files.items():
            (self.root / "node_modules/electron" / name).write_text(content)

    def bound(self, abi: int) -> None:
        self.package("bound")
        self.compile("node_modules/bound/build/Release/bound.node", V8 % {"abi": abi, "declare": "", "call": ""})

    def test_electron_of_the_tree(self):
        """Built for the node that is here, which is not what will load it."""
        self.electron("28.3.3")
        self.bound(self.abi)
        report = self.audit(expect=3)
        loader, = report["loaders"]
        self.assertEqual((loader["name"], loader["version"], loader["node_abi"]), ("Electron", "28.3.3", 119))
        finding = self.findings(report, "bound.node")["node-abi"]
        self.assertIn("Electron 28.3.3 is 119", finding["what"])
        self.assertEqual(finding["fix"], "npx @electron/rebuild --force --only bound")
        self.assertIn("--node takes another", e2e.inquest("audit", self.root).out)
        self.audit("--node", "node", expect=0)

    def test_what_was_built_for_electron_fits_it(self):
        self.electron("99.0.1", abi_version="777\n")
        self.bound(777)
        self.audit(expect=0)

    def test_an_electron_that_nobody_knows(self):
        self.electron("99.0.1")
        self.bound(777)
        report = self.audit(expect=0)
        self.assertEqual(report["loaders"][0]["node_abi"], 0)
        self.assertIn("Electron 99.0.1 has is not known", " ".join(report["notes"]))

    def test_prebuilds_for_electron(self):
        self.electron("28.3.3")
        self.package("many")
        below = "node_modules/many/prebuilds/linux-" + ("x64" if os.uname().machine == "x86_64" else "arm64")
        for name in ("electron.abi119.node", "node.abi119.node", "electron.abi118.node"):
            self.compile(f"{below}/{name}", V8 % {"abi": 119, "declare": "", "call": ""})
        report = self.audit(expect=0)
        self.assertEqual(self.skipped(report, "electron.abi119.node"), "")
        self.assertEqual(self.skipped(report, "node.abi119.node"), "for Node.js")
        self.assertEqual(self.skipped(report, "electron.abi118.node"), "for NODE_MODULE_VERSION 118")

    def bun(self) -> dict:
        """A program that answers as Bun does, for a machine that has none; the rest of it is node."""
        directory = self.root / "bin"
        directory.mkdir()
        answer = json.dumps({"executable": shutil.which("node"), "version": "24.3.0", "bun": "1.3.10", "abi": 137, "api": 10})
        (directory / "bun").write_text(f"#!/bin/sh\necho '{answer}'\n")
        (directory / "bun").chmod(0o755)
        return {"PATH": f"{directory}:{os.environ['PATH']}"}

    def test_bun_by_its_lock_file(self):
        self.bound(137)
        (self.root / "bun.lock").write_text("{}")
        run = e2e.inquest("audit", self.root / "node_modules/bound", "--json", env=e2e.environment() | self.bun())
        loader, = run.report["loaders"]
        self.assertEqual((loader["name"], loader["version"], loader["node_abi"]), ("Bun", "1.3.10", 137))
        self.assertEqual(loader["because"], "bun.lock is there")
        self.assertNotIn("node-abi", self.findings(run.report, "bound.node"))

    def test_bun_that_is_not_here_and_one_of_two_managers(self):
        self.bound(self.abi)
        (self.root / "bunfig.toml").write_text("")
        (self.root / "only-node").mkdir()
        os.symlink(shutil.which("node"), self.root / "only-node/node")
        run = e2e.inquest("audit", self.root, "--json", env=e2e.environment(PATH=str(self.root / "only-node")))
        self.assertEqual(run.report["loaders"][0]["name"], "Node.js")
        self.assertIn("bunfig.toml is there, but Bun could not be asked", " ".join(run.report["notes"]))
        (self.root / "package-lock.json").write_text("{}")
        run = e2e.inquest("audit", self.root, "--json", env=e2e.environment() | self.bun())
        self.assertEqual(run.report["loaders"][0]["name"], "Node.js")
        self.assertIn("bunfig.toml is there and package-lock.json too", " ".join(run.report["notes"]))


class PythonModules(Audit):
    def setUp(self):
        super().setUp()
        e2e.need(e2e.CC)
        self.python = "/usr/bin/python3"
        self.suffix = subprocess.run([self.python, "-c", "import _imp; print(_imp.extension_suffixes()[0])"],
                                     capture_output=True, check=True, text=True).stdout.strip()
        self.site = "lib/python3/site-packages"

    def audit(self, *arguments, **options):
        return super().audit("--python", self.python, *arguments, **options)

    def test_one_that_fits_and_one_that_misses_a_function(self):
        self.compile(f"{self.site}/good{self.suffix}", PYTHON % {"name": "good", "more": ""})
        self.compile(f"{self.site}/bad{self.suffix}", PYTHON % {
            "name": "bad", "more": "void *_PyUnicode_OfThePast(void);\nvoid *use(void) { return _PyUnicode_OfThePast(); }"})
        info = self.root / self.site / "shop-2.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(f"bad{self.suffix},sha256=x,1\n")
        report = self.audit(expect=3)
        self.assertEqual(self.findings(report, "good" + self.suffix), {})
        found = self.findings(report, "bad" + self.suffix)["symbols"]
        self.assertIn("_PyUnicode_OfThePast", found["what"])
        self.assertIn("pip install --force-reinstall --no-cache-dir shop", found["fix"])

    def test_modules_for_other_pythons(self):
        source = PYTHON % {"name": "a", "more": ""}
        self.compile(f"{self.site}/a{self.suffix}", source)
        self.compile(f"{self.site}/a.cpython-36m-x86_64-linux-gnu.so", source)
        self.compile(f"{self.site}/b.cpython-36m-x86_64-linux-gnu.so", source)
        report = self.audit(expect=3)
        self.assertEqual(self.skipped(report, "a.cpython-36m-x86_64-linux-gnu.so"), "for cpython-36m-x86_64-linux-gnu")
        self.assertIn("python-tag", self.findings(report, "b.cpython-36m-x86_64-linux-gnu.so"))

    def test_what_debian_brings_fits(self):
        packages = Path("/usr/lib/python3/dist-packages")
        if not packages.is_dir():
            raise unittest.SkipTest("no Debian packages of python here")
        report = self.audit(path=packages)
        self.assertEqual([module["path"] for module in report["modules"]
                          if any(finding["id"] == "symbols" for finding in module["findings"])], [])


class Programs(Audit):
    def test_a_program_with_its_libraries(self):
        self.audit(path="/bin/true", expect=0)

    def test_a_program_whose_library_has_lost_a_function(self):
        e2e.need(e2e.CC)
        library = self.compile("libwork.so", "int work(void) { return 1; }", "-Wl,-soname,libwork.so")
        program = self.root / "program"
        subprocess.run([e2e.CC, "-o", program, "-xc", "-", "-xnone", library, "-Wl,-rpath,$ORIGIN"], check=True, text=True,
                       input="int work(void);\nint main(void) { return work(); }")
        self.audit(path=program, expect=0)
        self.compile("libwork.so", "int other(void) { return 1; }", "-Wl,-soname,libwork.so")
        self.assertIn("work", self.findings(self.audit(path=program, expect=3), "program")["symbols"]["what"])

    def test_what_is_not_there(self):
        run = e2e.inquest("audit", self.root / "nothing")
        self.assertEqual(run.status, 1)
        self.assertIn("no such file or directory", run.err)


if __name__ == "__main__":
    e2e.main()
