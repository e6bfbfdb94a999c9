"""Greenlets that were switched away: their frames, against what greenlet itself says of them before the process dies.

Tried with the system's python3; PYTHONS may name others that can import greenlet, with colons between.
"""

import json
import os
import resource
import subprocess
import unittest
from pathlib import Path

import e2e

# Calls through C within a greenlet (sorted), a generator, a class made from greenlet, greenlets of another thread, one
# that is done, one that never ran, and a crash in one whose parent is the main greenlet.
PROGRAM = '''\
import ctypes, json, os, sys, threading
from greenlet import getcurrent, greenlet

class Worker(greenlet):
    pass

def deep(n, what):
    local = what * n
    if n == 0:
        getcurrent().parent.switch(n)
        return 1
    if n == 2:
        return sorted([1], key=lambda one: deep(n - 1, what))[0]
    return deep(n - 1, what)

def steps(what):
    yield deep(3, what)

def work(what):
    api_key = 'sesame'
    for step in steps(what):
        pass

def elsewhere(started):
    there = greenlet(work)
    others.append(there)
    there.switch('bread')
    started.set()
    threading.Event().wait()

def crash():
    told = {}
    for each in others:
        frame, lines = each.gr_frame, []
        while frame:
            lines.append([frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name])
            frame = frame.f_back
        if lines:
            told[hex(id(each))] = lines
    with open(sys.argv[1], 'w') as file:
        json.dump(told, file)
    ctypes.string_at(0)

others = [greenlet(work), Worker(work), greenlet(work), greenlet(len), getcurrent()]
others[0].switch('tea')
others[1].switch('jam')
others[3].switch('')
started = threading.Event()
threading.Thread(target=elsewhere, args=(started,), daemon=True).start()
started.wait()
greenlet(crash).switch()
'''


def runs(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", "import ctypes, greenlet"], capture_output=True, timeout=30,
                              env=e2e.environment()).returncode == 0
    except OSError:
        return False


PYTHONS = [Path(path) for path in os.environ.get("PYTHONS", "/usr/bin/python3").split(":") if runs(Path(path))]


def innermost_first(task: dict) -> list[list]:
    return [[frame["file"], frame["line"], frame["function"].rsplit(".", 1)[-1]] for frame in task["frames"]]


@unittest.skipUnless(PYTHONS, "no python3 with greenlet runs here")
class Greenlets(e2e.TestCase):
    def test_frames_are_those_that_greenlet_tells(self):
        for python in PYTHONS:
            with self.subTest(python=str(python)):
                self.check(python)

    def check(self, python: Path) -> None:
        directory = e2e.fresh("greenlets")
        shop, told = directory / "shop.py", directory / "told.json"
        shop.write_text(PROGRAM)
        done = subprocess.run(
            [e2e.INQUEST, "run", "--trace", "--kernel-core", "--output", str(directory / "records"), "--", str(python),
             str(shop), str(told)], cwd=directory, env=e2e.environment(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))
        records = list(directory.glob("records/*.core.zst"))
        self.assertEqual(len(records), 1, done.stderr)
        expected = json.loads(told.read_text())
        self.assertEqual(len(expected), 4)  # tea, jam, bread and the main one
        for evidence in [*records, *directory.glob("core*")]:
            facts = e2e.report(evidence, "--full")["facts"]
            self.assertIn("tasks", facts, facts["missing"])
            found = {task["name"].rsplit(" at ", 1)[1]: task for task in facts["tasks"]}
            # Neither the one that runs nor the other thread's main greenlet.
            self.assertEqual({name: innermost_first(task) for name, task in found.items()}, expected)
            self.assertEqual({task["state"] for task in found.values()}, {"switched away"})
            self.assertEqual(sum(task["name"].startswith("Worker at 0x") for task in found.values()), 1)
            jam = next(task for task in found.values() if task["name"].startswith("Worker"))
            variables = {variable["name"]: variable.get("text") for variable in jam["frames"][1]["variables"]}
            self.assertEqual(variables, {"n": "1", "what": "'jam'", "local": "'jam'"})
            self.assertNotIn("sesame", json.dumps(facts["tasks"]))
            missing = [fact["statement"] for fact in facts["missing"]]
            self.assertEqual([statement for statement in missing if statement.startswith("greenlet")], [])
        self.assertIn(", switched away", e2e.explain(records[0]).out)


if __name__ == "__main__":
    e2e.main()
