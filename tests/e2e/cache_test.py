"""The symbol index on disk: it may be damaged, read-only, absent, or written by many at once. The answer stays."""

import functools
import json
import os
import random
import shutil
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import e2e


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def indexes(directory: Path) -> list[Path]:
    return [path for path in files(directory) if path.suffix == ".idx"]


class Cache(e2e.TestCase):
    crashed = staticmethod(e2e.shop)

    def with_cache(self, directory: Path, *arguments, **changes) -> str:
        env = e2e.environment(XDG_CACHE_HOME=str(directory), **changes)
        run = e2e.explain(self.crashed()[1], "--json", *arguments, env=env)
        assert run.status == 0 and run.err == "", run.err
        return run.out

    def setUp(self):
        self.cold = self.with_cache(e2e.fresh("unused"), "--no-cache")
        self.assert_shop(json.loads(self.cold))

    def filled(self) -> Path:
        directory = e2e.fresh("cache")
        self.assertEqual(self.with_cache(directory), self.cold)
        self.assertTrue(files(directory), "no index was written")
        return directory

    def test_warm_and_cold_give_the_same_report_byte_by_byte(self):
        directory = self.filled()
        self.assertEqual(self.with_cache(directory), self.cold)

    def test_an_index_is_built_once(self):
        directory = self.filled()
        before = {path: path.stat().st_mtime_ns for path in files(directory)}
        self.with_cache(directory)
        self.assertEqual({path: path.stat().st_mtime_ns for path in files(directory)}, before)

    def test_no_cache_writes_nothing(self):
        directory = e2e.fresh("cache")
        self.with_cache(directory, "--no-cache")
        self.assertEqual(files(directory), [])

    def test_flipped_bytes_in_an_index_are_noticed_and_the_answer_is_the_same(self):
        directory = self.filled()
        originals = {path: path.read_bytes() for path in indexes(directory)}
        for seed in range(40):
            dice = random.Random(seed)
            for path, content in originals.items():
                damaged = bytearray(content)
                for _ in range(dice.choice((1, 3, 200))):
                    damaged[dice.randrange(len(damaged))] ^= dice.randrange(1, 256)
                path.unlink(missing_ok=True)
                path.write_bytes(damaged)
            with self.subTest(seed=seed):
                self.assertEqual(self.with_cache(directory), self.cold)

    def test_an_index_that_is_cut_short_empty_or_something_else_is_not_believed(self):
        directory = self.filled()
        originals = {path: path.read_bytes() for path in indexes(directory)}
        for name, damage in {"empty": lambda _: b"", "half": lambda content: content[: len(content) // 2],
                             "longer": lambda content: content + bytes(5000), "text": lambda _: b"not an index\n" * 99,
                             "zeros": lambda content: bytes(len(content))}.items():
            with self.subTest(name):
                for path, content in originals.items():
                    path.unlink(missing_ok=True)
                    path.write_bytes(damage(content))
                self.assertEqual(self.with_cache(directory), self.cold)

    def test_an_index_of_another_version_is_replaced(self):
        directory = self.filled()
        originals = {path: path.read_bytes() for path in indexes(directory)}
        for path, content in originals.items():
            path.write_bytes(content[:8] + bytes(4) + content[12:])
        self.assertEqual(self.with_cache(directory), self.cold)
        self.assertEqual({path: path.read_bytes() for path in indexes(directory)}, originals)

    def test_the_index_of_one_build_in_the_place_of_another_is_not_believed(self):
        directory = self.filled()
        other = e2e.compile_program(e2e.fresh("other"), "shop", "int padding(int x) { return x; }\n" + e2e.SHOP.replace("quote", "estimate"))
        core = e2e.crash(other)
        env = e2e.environment(XDG_CACHE_HOME=str(directory))
        e2e.explain(core, env=env)
        mine, theirs = e2e.build_id(self.crashed()[0]), e2e.build_id(other)

        def of(build: str) -> list[Path]:
            return [path for path in files(directory) if build in str(path) or f"{build[:2]}/{build[2:]}" in str(path)]

        self.assertTrue(of(mine) and of(theirs))
        shutil.copy2(of(theirs)[0], of(mine)[0])
        self.assertEqual(self.with_cache(directory), self.cold)

    def test_eight_at_once_on_an_empty_cache_agree_and_leave_nothing_behind(self):
        directory = e2e.fresh("cache")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.with_cache(directory), range(8)))
        self.assertEqual(set(answers), {self.cold})
        leftovers = [path for path in files(directory) if "tmp" in path.name or "part" in path.name or path.name.startswith(".")]
        self.assertEqual(leftovers, [])
        self.assertEqual(self.with_cache(directory), self.cold)

    def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(self):
        file_in_the_way = e2e.fresh("cache") / "file"
        file_in_the_way.write_text("")
        for place in ("/proc/inquest", "/dev/null", str(file_in_the_way)):
            with self.subTest(place):
                self.assertEqual(self.with_cache(Path(place)), self.cold)

    def test_a_read_only_cache_is_read_and_not_written(self):
        directory = self.filled()
        for path in [directory, *directory.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            self.assertEqual(self.with_cache(directory), self.cold)
        finally:
            for path in [directory, *directory.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)

    def test_home_and_cache_unset_or_nonsense_are_no_obstacle(self):
        empty = e2e.fresh("home")
        for home, cache in ((None, None), ("", ""), ("relative", "relative"), (str(empty), None)):
            with self.subTest(home=home, cache=cache):
                env = e2e.environment(HOME=home, XDG_CACHE_HOME=cache)
                if home is None:
                    env["XDG_CACHE_HOME"] = "/proc/inquest"  # else it would be written to the real home
                run = e2e.explain(self.crashed()[1], "--json", "--no-cache", env=env)
                self.assertEqual((run.status, run.err, run.out), (0, "", self.cold))

    def test_the_cache_is_for_its_owner_only(self):
        directory = e2e.fresh("cache")
        previous = os.umask(0o022)
        try:
            self.with_cache(directory)
        finally:
            os.umask(previous)
        self.assertEqual((directory / "inquest").stat().st_mode & 0o077, 0)


@functools.cache
def compressed_shop() -> tuple[Path, Path]:
    program = e2e.compile_program(e2e.fresh("shop"), "shop", e2e.SHOP, "-g", "-O0", "-gz=zlib")
    return program, e2e.crash(program)


class CacheOfCompressedSections(Cache):
    """The same where the index keeps pieces of inflated sections too."""

    crashed = staticmethod(compressed_shop)

    def test_pieces_of_sections_are_kept(self):
        kept = b"".join(path.read_bytes() for path in files(self.filled()))
        self.assertIn(b"section/1/.debug_info/", kept)


if __name__ == "__main__":
    e2e.main()
