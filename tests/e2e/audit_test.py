"""inquest audit on modules that are compiled here for the real node and python of this machine, each wrong in one way."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import e2e
from audit_case import NODE_API, PYTHON, V8, Audit


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

    def test_node_modules_that_is_a_link(self):
        self.compile("elsewhere/a/a.node", NODE_API % {"more": ""})
        (self.root / "project").mkdir()
        (self.root / "project/node_modules").symlink_to("../elsewhere")
        module, = self.audit(path=self.root / "project", expect=0)["modules"]
        self.assertTrue(module["path"].endswith("/project/node_modules/a/a.node"))

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
