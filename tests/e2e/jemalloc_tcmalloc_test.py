"""The heaps of jemalloc and of gperftools' tcmalloc, held against what programs know of their own."""

import ctypes.util
import json
import sys
import unittest

import e2e

sys.path.insert(0, str(e2e.ROOT / "tests/heap"))
import compare  # noqa: E402

HEAP = e2e.ROOT / "tests/heap"
LIBRARY = {"jemalloc": "jemalloc", "tcmalloc": "tcmalloc_minimal"}


def build(name: str, source: str, allocator: str, *flags):
    library = LIBRARY[allocator]
    if ctypes.util.find_library(library) is None:
        raise unittest.SkipTest(f"lib{library} is not installed")
    program = e2e.fresh("allocator") / name
    compiler = e2e.CXX if source.endswith(".cc") else e2e.CC
    e2e.run_tool(compiler, *(flags or ("-g", "-O1")), "-o", program, HEAP / source, "-pthread", "-Wl,--no-as-needed",
                 f"-l{library}")
    return program


def heap(core, *arguments) -> dict:
    run = e2e.inquest("heap", core, "--json", *arguments)
    if run.status != 0:
        raise AssertionError(run.err)
    return json.loads(run.out)


def block_of(core) -> int:
    return int((core.parent / "ledger").read_text().split()[1], 16)


class Blocks(unittest.TestCase):
    """A program that prints its 3,600 blocks with what malloc_usable_size() says of them: nine threads."""

    def agree(self, allocator: str, name: str, *flags):
        core = e2e.crash(build("blocks", "blocks.c", allocator, "-O1", "-DLEDGER_USABLE=malloc_usable_size", *flags))
        run = e2e.inquest("heap", core, "--blocks")
        self.assertEqual(run.status, 0, run.err)
        (core.parent / "blocks").write_text(run.out)
        ledger = compare.read_ledger(core.parent / "ledger")
        self.assertGreater(len(ledger), 3000)
        self.assertTrue(all(len(entry) == 4 for entry in ledger if entry[0] == "live"))
        wrong, _ = compare.compare(ledger, compare.read_blocks(core.parent / "blocks"))
        self.assertEqual(wrong, [])
        self.assertIn(name, [a["name"] for a in heap(core)["allocators"]])

    def test_jemalloc(self):
        self.agree("jemalloc", "jemalloc 5.3 or later", "-s")

    def test_tcmalloc(self):
        self.agree("tcmalloc", "tcmalloc (gperftools)", "-s")


class Misuse(unittest.TestCase):
    def damage(self, allocator: str, mode: str) -> list:
        core = e2e.crash(build("misused", "misused.c", allocator, "-g", "-O1", "-w"), mode)
        block = block_of(core)
        found = [d for d in heap(core)["allocators"][0]["damage"]]
        mine = [d for d in found if int(d["at"], 16) == block or
                ("block" in d and int(d["block"]["start"], 16) == block)]
        self.assertEqual(len(mine), 1, found)
        self.assertEqual(len(found), 1, found)
        return mine[0]["what"]

    def test_jemalloc_freed_twice(self):
        self.assertIn("was freed twice: it stands twice in thread", self.damage("jemalloc", "twice"))

    def test_jemalloc_freed_inside(self):
        self.assertIn("is 32 bytes inside the block of 160 bytes", self.damage("jemalloc", "inside"))

    def test_jemalloc_freed_with_a_wrong_size(self):
        self.assertIn("is of 160 bytes: it was freed with a size", self.damage("jemalloc", "size"))

    def test_tcmalloc_freed_twice(self):
        self.assertIn("was freed twice", self.damage("tcmalloc", "twice"))

    def test_tcmalloc_written_to_when_freed(self):
        self.assertIn("was written to: its link is 0x7777777777777777", self.damage("tcmalloc", "freed_write"))

    def test_a_freed_block_and_its_thread(self):
        for allocator, words in (("jemalloc", "'s tcache bin for 160-byte blocks"),
                                 ("tcmalloc", "'s cache for 160-byte blocks")):
            with self.subTest(allocator):
                core = e2e.crash(build("misused", "misused.c", allocator), "freed")
                answer = heap(core, "--address", f"{block_of(core) + 9:x}")["allocators"][0]["answer"]
                self.assertEqual(answer["block"], {"start": f"{block_of(core):#x}", "size": 160, "state": "freed"})
                self.assertIn(words, answer["place"])
                self.assertEqual(answer["offset"], 9)
                self.assertTrue(answer["proven"])


class Explained(unittest.TestCase):
    def explain(self, allocator: str, **env) -> tuple:
        core = e2e.crash(build("stale", "stale.cc", allocator), env=e2e.environment(**env))
        answer = e2e.report(core)
        self.assertEqual(e2e.top(answer)["class"], "use-after-free")
        return answer["facts"]["heap"]["allocations"][0], e2e.top(answer)["sentence"]

    def test_jemalloc_with_junk(self):
        allocation, sentence = self.explain("jemalloc", MALLOC_CONF="junk:true")
        self.assertEqual((allocation["state"], allocation["bad_value_at"]), ("freed", 0))
        self.assertIn("tcache bin for 160-byte blocks", allocation["place"])
        self.assertNotIn("link of the free list", sentence)

    def test_tcmalloc(self):
        allocation, _ = self.explain("tcmalloc")
        self.assertEqual(allocation["state"], "freed")
        self.assertIn("'s cache for 160-byte blocks", allocation["place"])


if __name__ == "__main__":
    e2e.main()
