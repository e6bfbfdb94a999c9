"""The heap, held against what programs know of their own; damage of known kinds; objects, leaks, one address."""

import json
import sys
import unittest

import e2e

try:
    import jsonschema
except ImportError:  # Debian: python3-jsonschema
    jsonschema = None

sys.path.insert(0, str(e2e.ROOT / "tests/heap"))
import compare  # noqa: E402

HEAP = e2e.ROOT / "tests/heap"


def build(name: str, source: str, *flags, compiler: str = "") -> str:
    directory = e2e.fresh("heap")
    chosen = compiler or (e2e.CXX if source.endswith(".cc") else e2e.CC)
    e2e.run_tool(chosen, *(flags or ("-g", "-O1")), "-o", directory / name, HEAP / source, "-pthread")
    return directory / name


def blocks_of(core, *arguments):
    run = e2e.inquest("heap", core, "--blocks", *arguments)
    if run.status != 0:
        raise AssertionError(run.err)
    (core.parent / "blocks").write_text(run.out)
    return compare.read_blocks(core.parent / "blocks")


def told(core) -> dict[str, int]:
    return {line.split()[0]: int(line.split()[1], 16) for line in (core.parent / "ledger").read_text().splitlines()}


class Blocks(unittest.TestCase):
    """A program that prints its 2,800 blocks: threads, arenas, every kind of list, mapped ones."""

    def agree(self, core, *arguments):
        ledger = compare.read_ledger(core.parent / "ledger")
        self.assertGreater(len(ledger), 2000)
        wrong, _ = compare.compare(ledger, blocks_of(core, *arguments))
        self.assertEqual(wrong, [])

    def test_dynamic(self):
        self.agree(e2e.crash(build("blocks", "blocks.c")))

    def test_static(self):
        self.agree(e2e.crash(build("blocks", "blocks.c", "-O1", "-static")))

    def test_stripped(self):
        self.agree(e2e.crash(build("blocks", "blocks.c", "-O1", "-s")))

    def test_aarch64(self):
        e2e.need("qemu-aarch64", "aarch64-linux-gnu-gcc")
        program = build("blocks", "blocks.c", "-O1", compiler="aarch64-linux-gnu-gcc")
        core = e2e.crash(program, prefix=("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"))
        self.agree(core, "--exe", program)

    def test_aarch64_static(self):
        e2e.need("qemu-aarch64", "aarch64-linux-gnu-gcc")
        program = build("blocks", "blocks.c", "-O1", "-static", compiler="aarch64-linux-gnu-gcc")
        self.agree(e2e.crash(program, prefix=("qemu-aarch64",)), "--exe", program)


def agree(test, core, slack, least, *arguments):
    """Every block of the program's ledger is answered, and no live one more than a few of the C library's own."""
    ledger = compare.read_ledger(core.parent / "ledger")
    test.assertGreater(len(ledger), least)
    wrong, _ = compare.compare(ledger, blocks_of(core, *arguments), slack)
    test.assertEqual(wrong, [])


class Misuse(unittest.TestCase):
    """Programs whose allocator says nothing when they die in it."""

    def misused(self, program, how: str):
        core = e2e.crash(program, how)
        answer = e2e.report(core)
        return answer, e2e.top(answer), told(core)["guilty"]

    def refused(self, program, how: str, expected: str):
        answer, top, guilty = self.misused(program, how)
        self.assertEqual(top["class"], expected, f"{how}: {top}")
        heap = answer["facts"]["heap"]
        self.assertTrue(heap["stop"])
        self.assertEqual(int(heap["allocations"][heap["refused"]]["start"], 16), guilty)


class Musl(Misuse):
    """musl's mallocng, which remembers the size that was asked for."""

    @classmethod
    def setUpClass(cls):
        e2e.need("musl-gcc")

    def test_blocks(self):
        for flags in (("-g", "-O1"), ("-O1", "-static"), ("-O1", "-s")):
            with self.subTest(flags):
                agree(self, e2e.crash(build("blocks", "blocks.c", *flags, compiler="musl-gcc")), compare.no_slack, 2000)

    def test_blocks_that_change_hands(self):
        core = e2e.crash(build("handed_on", "handed_on.c", "-O1", compiler="musl-gcc"))
        agree(self, core, compare.no_slack, 2000)

    def test_no_damage_is_made_up(self):
        core = e2e.crash(build("handed_on", "handed_on.c", "-O1", compiler="musl-gcc"))
        run = e2e.inquest("heap", core, "--json")
        self.assertEqual([a["damage"] for a in json.loads(run.out)["allocators"]], [[]])

    def test_use_after_free(self):
        program = build("silent", "silent.c", "-g", "-O1", "-fno-builtin", compiler="musl-gcc")
        answer, top, guilty = self.misused(program, "use_after_free")
        self.assertEqual(top["class"], "use-after-free")
        allocation = answer["facts"]["heap"]["allocations"][0]
        self.assertEqual((int(allocation["start"], 16), allocation["state"]), (guilty, "freed"))
        self.assertNotIn("link of the free list", top["sentence"])

    def test_what_free_refused(self):
        program = build("silent", "silent.c", "-g", "-O1", "-fno-builtin", compiler="musl-gcc")
        for how, expected in (("double_free", "double-free"), ("double_free_first", "double-free"),
                              ("free_inside", "invalid-free")):
            with self.subTest(how):
                self.refused(program, how, expected)

    def test_static_stripped_without_build_id(self):
        program = build("silent", "silent.c", "-O1", "-fno-builtin", "-static", "-s", compiler="musl-gcc")
        for how, expected in (("double_free", "double-free"), ("free_inside", "invalid-free")):
            with self.subTest(how):
                self.refused(program, how, expected)

    def test_another_build_of_it_is_not_read(self):
        flags = ("-O1", "-fno-builtin", "-static", "-s")
        program = build("silent", "silent.c", *flags, compiler="musl-gcc")
        core = e2e.crash(program, "double_free")
        e2e.run_tool("musl-gcc", *flags, "-o", program, HEAP / "handed_on.c")
        answer = e2e.report(core)
        self.assertNotIn("instruction", answer["facts"].get("fault", {}))

    def test_overruns_name_the_block(self):
        program = build("silent", "silent.c", "-g", "-O1", "-fno-builtin", compiler="musl-gcc")
        for how in ("overrun_freed", "overrun_next", "overrun_malloc"):
            with self.subTest(how):
                answer, top, guilty = self.misused(program, how)
                self.assertEqual(top["class"], "heap-corruption", top)
                self.assertIn(f"{guilty:#x} ", answer["facts"]["heap"]["damage"][0]["overflown"] + " ")


class Mimalloc(Misuse):
    LINK = ("-Wl,--no-as-needed", "-lmimalloc")

    @classmethod
    def setUpClass(cls):
        probe = e2e.fresh("probe") / "probe.c"
        probe.write_text("int main(void) { return 0; }\n")
        try:
            e2e.run_tool(e2e.CC, "-o", probe.with_suffix(""), probe, *cls.LINK)
        except AssertionError:
            raise unittest.SkipTest("libmimalloc-dev is not installed") from None

    def test_blocks(self):
        for source in ("blocks.c", "handed_on.c"):
            with self.subTest(source):
                program = build("program", source, "-g", "-O1", *self.LINK)
                agree(self, e2e.crash(program), compare.class_slack, 2000)

    def test_use_after_free(self):
        program = build("silent", "silent.c", "-g", "-O1", "-fno-builtin", *self.LINK)
        answer, top, guilty = self.misused(program, "use_after_free")
        self.assertEqual(top["class"], "use-after-free", top)
        allocation = answer["facts"]["heap"]["allocations"][0]
        self.assertEqual((int(allocation["start"], 16), allocation["state"]), (guilty, "freed"))
        self.assertIn("freed by their own thread", allocation["place"])


class Damage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build("damaged", "damaged.c", "-g", "-O0", "-Wno-use-after-free")

    def damage(self, mode: str):
        core = e2e.crash(self.program, mode)
        run = e2e.inquest("heap", core, "--json")
        self.assertEqual(run.status, 0, run.err)
        found = [d for a in json.loads(run.out)["allocators"] for d in a["damage"]]
        truth = told(core)
        at = [d for d in found if int(d["at"], 16) == truth["damage"]]
        self.assertTrue(at, f"{mode}: {truth} not among {found}")
        return at[0], truth["guilty"], found

    def test_overruns_name_the_block_before(self):
        for mode in ("overrun", "one_byte", "top"):
            with self.subTest(mode):
                damage, guilty, found = self.damage(mode)
                self.assertEqual(int(damage["overflown"]["start"], 16), guilty)
                self.assertLessEqual(len(found), 2)

    def test_writes_to_freed_blocks(self):
        for mode in ("freed_write", "freed_large", "twice"):
            with self.subTest(mode):
                self.damage(mode)


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = build("objects", "objects.cc", "-g", "-O1")
        cls.core = e2e.crash(cls.program)

    def heap(self, *arguments):
        run = e2e.inquest("heap", self.core, "--json", *arguments)
        self.assertEqual(run.status, 0, run.err)
        return json.loads(run.out)

    def test_json_follows_its_schema(self):
        if jsonschema is None:
            raise unittest.SkipTest("python3-jsonschema is not installed")
        schema = json.loads((e2e.ROOT / "docs/formats/heap.schema.json").read_text())
        for arguments in ((), ("--leaks",), ("--top", "2")):
            jsonschema.validate(self.heap(*arguments), schema)

    def test_types_by_virtual_table(self):
        types = {row["type"]: row["blocks"] for row in self.heap()["allocators"][0]["types"]}
        self.assertEqual(types.get("shop::Order"), 99)
        self.assertEqual(types.get("shop::Refund"), 10)

    def test_leaks(self):
        found = self.heap("--leaks")["unreachable"]
        self.assertGreaterEqual(found["blocks"], 96)
        self.assertLessEqual(found["blocks"], 104)
        self.assertGreaterEqual(found["heads"]["blocks"], 48)
        self.assertEqual(found["sizes"][0]["size"], 1008)

    def test_use_after_free_is_proved(self):
        answer = e2e.report(self.core)
        self.assertEqual(e2e.top(answer)["class"], "use-after-free")
        allocation = answer["facts"]["heap"]["allocations"][0]
        self.assertEqual(allocation["state"], "freed")
        self.assertIn("tcache bin for 0x80-byte chunks", allocation["place"])

    def test_one_address(self):
        answer = e2e.report(self.core)
        block = answer["facts"]["heap"]["allocations"][0]
        found = self.heap("--address", block["start"])["allocators"][0]["answer"]
        self.assertEqual(found["block"]["state"], "freed")
        self.assertTrue(found["proven"])
        self.assertTrue(found["before"] and found["behind"])

    def test_an_address_outside(self):
        run = e2e.inquest("heap", self.core, "--address", "10")
        self.assertEqual(run.status, 1)
        self.assertIn("0x10 lies in no heap", run.err)

    def test_usage(self):
        self.assertEqual(e2e.inquest("heap", self.core, "--address", "xyz").status, 2)
        self.assertEqual(e2e.inquest("heap").status, 2)


if __name__ == "__main__":
    e2e.main()
