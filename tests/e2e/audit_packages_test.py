"""inquest audit on packages as a whole, and on the program that it takes to load them."""

import json
import os
import shutil
import subprocess

import e2e
from audit_case import NODE_API, V8, Audit


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


if __name__ == "__main__":
    e2e.main()
