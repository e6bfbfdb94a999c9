"""What the tests of JavaScript frames share: a program that dies under frames of each kind, and what V8's own
Error.stack says of the same calls, beside what inquest tells."""

import functools
import os
import re
import subprocess
import unittest
from pathlib import Path

import e2e

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


def fetched(version: str, platform: str = "linux-x64") -> Path:
    """That Node.js from npm."""
    e2e.need("npm")
    directory = nodes_directory() / (version if platform == "linux-x64" else f"{version}-{platform}")
    node = directory / "bin" / "node"
    if not node.exists():
        directory.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "pack", "--silent", f"node-{platform}@{version}"], cwd=directory, text=True,
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
def script() -> Path:
    path = e2e.fresh("app") / "app.js"
    path.write_text(PROGRAM)
    return path


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
