"""The vault: real crashes go in, are listed, explained, opened, exported, imported, evicted; hostile files do not."""

import io
import json
import os
import shutil
import struct
import subprocess
import tarfile
import threading
import unittest
from pathlib import Path

import e2e

OTHER = """
#include <stdlib.h>
__attribute__((noinline)) void give_up(void) { abort(); }
int main(void) { give_up(); return 0; }
"""
# Each worker holds the same 24 MiB, and some of its own.
WORKERS = """
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static unsigned char *shared, *own;
__attribute__((noinline)) void handle(int worker) {
  own = malloc(1 << 20);
  for (int i = 0; i < 1 << 20; i++) own[i] = rand();
  *(volatile int *)(long)worker = 1;
}
int main(int argc, char **argv) {
  shared = malloc(24 << 20);
  for (int i = 0; i < 24 << 20; i++) shared[i] = rand() >> 7;
  if (fork() != 0) { int status; wait(&status); return 0; }
  srand(atoi(argv[1]));
  handle(8);
}
"""


def run(vault: Path, command: str, *arguments, **options) -> e2e.Run:
    return e2e.inquest(command, "--vault", vault, *arguments, **options)


def put(vault: Path, path, **options) -> str:
    """The id of a crash that must be importable."""
    done = run(vault, "import", path, **options)
    if done.status != 0:
        raise AssertionError(f"inquest import {path}: {done.err}")
    return done.out.split()[0]


def data(run_: e2e.Run) -> dict:
    if run_.status != 0:
        raise AssertionError(run_.err)
    return json.loads(run_.out)


def other() -> Path:
    return e2e.crash(e2e.compile_program(e2e.fresh("other"), "other", OTHER, "-g", "-O1"))


def zstd(content: bytes) -> bytes:
    e2e.need("zstd")
    return subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True).stdout


class Keeping(e2e.TestCase):
    def setUp(self):
        self.vault = e2e.fresh("vault") / "v"

    def test_a_core_is_kept_listed_shown_and_explained_without_the_file(self):
        program, core = e2e.shop()
        copy = e2e.fresh("copy") / "core"
        shutil.copy(core, copy)
        case = put(self.vault, copy)
        copy.unlink()
        listed = data(run(self.vault, "ls", "--json"))["cases"]
        self.assertEqual([one["id"] for one in listed], [case])
        self.assertEqual((listed[0]["executable"], listed[0]["signal_name"], listed[0]["kept"]),
                         (str(program), "SIGSEGV", "full"))
        shown = data(run(self.vault, "show", case[:8], "--json"))
        self.assertIn("null pointer", shown["headline"])
        self.assertEqual(shown["attachments"][1]["name"], "core")
        answer = data(run(self.vault, "explain", case[:8], "--json"))
        self.assert_shop(answer)
        self.assertEqual(answer["facts"]["process"]["source"], case[:8])
        self.assertEqual(answer["signature"]["id"], shown["signature"])
        self.assertIn(shown["signature"], run(self.vault, "signature", case[:8]).out)

    def test_an_imported_record_of_ours_is_not_called_full(self):
        records = e2e.fresh("records")
        subprocess.run([e2e.INQUEST, "run", "--trace", "--core", "full", "--output", str(records), "--",
                        str(e2e.shop()[0])], env=e2e.environment(SHOP_PASSWORD="hunter2"), capture_output=True)
        for pattern, fidelity, role in (("*.core.zst", "slim", "slim"), ("*.full.core", "snapshot", "full")):
            shown = data(run(self.vault, "show", put(self.vault, next(records.glob(pattern))), "--json"))
            self.assertEqual((shown["fidelity"], shown["kept"]), (fidelity, fidelity))
            self.assertEqual(shown["attachments"][1]["role"], role)
            if role == "slim":
                self.assertIn("not in the record: the values of 1 variables", shown["reasons"][0])

    def test_the_report_is_that_of_the_core_itself(self):
        core = other()
        case = put(self.vault, core)
        there = data(run(self.vault, "explain", case, "--json"))
        direct = e2e.report(core)
        there["facts"]["process"]["source"] = direct["facts"]["process"]["source"] = ""
        self.assertEqual(there["verdict"]["hypotheses"], direct["verdict"]["hypotheses"])
        self.assertEqual(there["facts"]["crashing"], direct["facts"]["crashing"])

    def damage_packs(self, pieces):
        """Flips a bit in each piece (start, end) that `pieces` names of a pack."""
        for pack in (self.vault / "packs").iterdir():
            content = bytearray(pack.read_bytes())
            for start, end in pieces(content):
                content[(start + end) // 2] ^= 1
            pack.write_bytes(content)

    def assert_core_is_refused(self, case):
        done = run(self.vault, "explain", case)
        self.assertEqual((done.status, done.out), (1, ""))
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        self.assertIn("core of case", done.err)

    def test_a_damaged_core_is_said_and_never_other_bytes(self):
        case = put(self.vault, e2e.shop()[1])

        def objects(content):
            table, count = struct.unpack_from("<QQ", content, len(content) - 32)
            for i in range(count):
                offset, stored = struct.unpack_from("<QI", content, table + 48 * i + 32)
                yield offset, offset + stored
        self.damage_packs(objects)
        self.assert_core_is_refused(case)

    def test_a_damaged_table_of_a_pack_is_said_once(self):
        case = put(self.vault, e2e.shop()[1])
        self.damage_packs(lambda content: [(struct.unpack_from("<Q", content, len(content) - 32)[0], len(content) - 32)])
        self.assert_core_is_refused(case)

    def test_import_keeps_the_symbol_index_that_explain_reads(self):
        cache = e2e.fresh("cache")
        env = e2e.environment(XDG_CACHE_HOME=str(cache))
        put(self.vault, e2e.shop()[1], env=env)
        self.assertTrue(any(path.is_file() for path in cache.rglob("symbols/*")))

    def test_text_for_people(self):
        case = put(self.vault, e2e.shop()[1])
        lines = run(self.vault, "ls").out.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn(case[:12], lines[1])
        self.assertIn("segv-read-null | quote", lines[1])
        shown = run(self.vault, "show", case).out
        for wanted in ("SIGSEGV", "evidence     full", "core", case):
            self.assertIn(wanted, shown)
        self.assertIn("1 with evidence", run(self.vault, "stats").out)

    def test_ls_selects_and_groups(self):
        shop = [put(self.vault, e2e.shop()[1]) for _ in range(3)]
        abort = put(self.vault, other())
        signature = data(run(self.vault, "show", abort, "--json"))["signature"]

        def ids(*arguments):
            return {one["id"] for one in data(run(self.vault, "ls", "--json", *arguments))["cases"]}

        self.assertEqual(ids("--exe", "shop"), set(shop))
        self.assertEqual(ids("--signature", signature[:6]), {abort})
        self.assertEqual(ids("--signature", "give_up"), {abort})
        self.assertEqual(ids("--since", "2h"), {*shop, abort})
        self.assertEqual(ids("--since", "2200-01-01"), set())
        self.assertEqual(len(ids("--limit", "2")), 2)
        groups = data(run(self.vault, "ls", "--group", "--json"))["groups"]
        self.assertEqual([group["count"] for group in groups], [3, 1])
        self.assertEqual(run(self.vault, "ls", "--since", "yesterday").status, 2)

    def test_pin_rm_gc(self):
        first, second = put(self.vault, e2e.shop()[1]), put(self.vault, other())
        self.assertEqual(run(self.vault, "pin", first).status, 0)
        self.assertTrue(data(run(self.vault, "show", first, "--json"))["pinned"])
        self.assertEqual(run(self.vault, "unpin", first).status, 0)
        self.assertFalse(data(run(self.vault, "show", first, "--json"))["pinned"])
        self.assertEqual(data(run(self.vault, "rm", second[:8], "--json"))["changed"], [second])
        self.assertGreater(data(run(self.vault, "gc", "--json"))["freed_bytes"], 0)
        self.assertEqual([one["id"] for one in data(run(self.vault, "ls", "--json"))["cases"]], [first])
        self.assert_clear_error(run(self.vault, "show", second), second)
        self.assert_shop(data(run(self.vault, "explain", first, "--json")))

    def test_what_is_not_there_is_said(self):
        self.assert_clear_error(run(self.vault, "ls"), "vault")
        put(self.vault, e2e.shop()[1])
        self.assert_clear_error(run(self.vault, "explain", "abcdef12"), "abcdef12")
        self.assert_clear_error(run(self.vault, "import", "no-such-file"), "no-such-file")
        self.assertIn("gcore", run(self.vault, "explain", os.getpid()).err)
        self.assert_clear_error(run(self.vault / "none", "explain", "abcdef12"), "abcdef12")
        self.assertEqual(run(self.vault, "ls", "--json").report["cases"][0]["state"], "complete")

    def test_the_vault_is_for_its_owner_alone(self):
        put(self.vault, e2e.shop()[1])
        for path in [self.vault, *self.vault.rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_where_the_vault_is(self):
        state = e2e.fresh("state")
        env = e2e.environment(INQUEST_VAULT=str(state / "named"))
        self.assertEqual(e2e.inquest("import", e2e.shop()[1], env=env).status, 0)
        self.assertTrue((state / "named/index").exists())

    def test_a_quota_that_is_no_size_is_said(self):
        core = e2e.shop()[1]
        for command in (["import", core], ["gc"], ["stats"]):
            done = run(self.vault, *command, env=e2e.environment(INQUEST_VAULT_QUOTA="half"))
            self.assert_clear_error(done, "INQUEST_VAULT_QUOTA=half")
        env = e2e.environment(INQUEST_VAULT_QUOTA="500MB")
        put(self.vault, core, env=env)
        self.assertEqual(data(run(self.vault, "stats", "--json", env=env))["quota_bytes"], 500 << 20)


class Room(e2e.TestCase):
    def test_workers_of_one_parent_share_what_they_share(self):
        vault = e2e.fresh("vault") / "v"
        program = e2e.compile_program(e2e.fresh("workers"), "workers", WORKERS, "-g", "-O1")
        stored = []
        for worker in (1, 2, 3):
            directory = e2e.fresh("worker")
            # The layout of memory is the same, as it is for the children of one parent.
            subprocess.run(["setarch", "-R", "sh", "-c", f"ulimit -c unlimited; {program} {worker}"], cwd=directory,
                           capture_output=True)
            cores = [path for path in directory.iterdir() if "core" in path.name]
            if not cores:
                self.skipTest("this machine writes no cores of children")
            put(vault, cores[0])
            stored.append(data(run(vault, "stats", "--json"))["stored_bytes"])
        self.assertGreater(stored[0], 20 << 20)
        self.assertLess(stored[2] - stored[1], 4 << 20)
        self.assertLess(stored[2], stored[0] + (8 << 20))

    def test_a_crash_loop_keeps_the_first_the_newest_and_every_header(self):
        vault = e2e.fresh("vault") / "v"
        program = e2e.compile_program(e2e.fresh("workers"), "noise", WORKERS.replace("srand(atoi(argv[1]));", "")
                                      .replace("shared = malloc", "srand(atoi(argv[1])); shared = malloc"), "-g", "-O1")
        env = e2e.environment(INQUEST_VAULT_QUOTA="96M")
        for number in range(7):
            directory = e2e.fresh("loop")
            subprocess.run(["sh", "-c", f"ulimit -c unlimited; {program} {number}"], cwd=directory, capture_output=True)
            cores = [path for path in directory.iterdir() if "core" in path.name]
            if not cores:
                self.skipTest("this machine writes no cores of children")
            put(vault, cores[0], env=env)
            shutil.rmtree(directory)
        cases = data(run(vault, "ls", "--json"))["cases"][::-1]
        self.assertEqual(len(cases), 7)
        self.assertEqual((cases[0]["kept"], cases[-1]["kept"]), ("full", "full"))
        evicted = [one for one in cases if one["kept"] != "full"]
        self.assertGreaterEqual(len(evicted), 2)
        self.assertIn("given up to make room", evicted[0]["reasons"][0])
        stats = data(run(vault, "stats", "--json", env=env))
        self.assertLessEqual(stats["stored_bytes"], 96 << 20)
        self.assertEqual((stats["cases"], stats["quota_bytes"]), (7, 96 << 20))
        self.assert_clear_error(run(vault, "explain", evicted[0]["id"]), "given up to make room")
        self.assertEqual(run(vault, "explain", cases[0]["id"]).status, 0)

    def test_a_full_disk_keeps_headers_and_then_counts(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("needs to mount a small file system")
        core = other()
        small = e2e.fresh("small")
        commands = f"""
          mount -t tmpfs -o size=5m,mode=700 none {small} || exit 77
          I='{e2e.INQUEST}'; V={small}/v
          $I import --vault $V {core} >{small.parent}/first 2>&1 || exit 1
          dd if=/dev/zero of={small}/filler bs=4k 2>/dev/null
          $I import --vault $V {e2e.shop()[1]} >{small.parent}/second 2>{small.parent}/said || exit 2
          $I ls --vault $V --json >{small.parent}/ls.json || exit 3
          $I explain --vault $V $(cat {small.parent}/first) >{small.parent}/explained || exit 4
          rm {small}/filler
          $I import --vault $V {core} >/dev/null || exit 5
          $I stats --vault $V --json >{small.parent}/stats.json || exit 6
        """
        done = subprocess.run(["unshare", "-m", "sh", "-c", commands], capture_output=True, text=True,
                              env=e2e.environment(INQUEST_VAULT_QUOTA="4M"))
        if done.returncode == 77:
            self.skipTest("mounting is not allowed here")
        self.assertEqual(done.returncode, 0, done.stderr)
        cases = json.loads((small.parent / "ls.json").read_text())["cases"]
        self.assertEqual(len(cases), 2)
        kept = {one["id"]: one["kept"] for one in cases}
        self.assertEqual(kept[(small.parent / "first").read_text().strip()], "full")
        self.assertEqual(kept[(small.parent / "second").read_text().strip()], "signal")
        self.assertIn("no room", (small.parent / "said").read_text())
        self.assertEqual(json.loads((small.parent / "stats.json").read_text())["cases"], 3)

    def test_writers_at_the_same_time_lose_nothing(self):
        vault = e2e.fresh("vault") / "v"
        cores = [e2e.shop()[1], other()]
        problems = []

        def deposit(core):
            done = run(vault, "import", core, core)
            if done.status != 0 or len(done.out.split()) != 2:
                problems.append(done.err)

        threads = [threading.Thread(target=deposit, args=(cores[i % 2],)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        stats = data(run(vault, "stats", "--json"))
        self.assertEqual((stats["cases"], stats["with_evidence"], stats["damage"]), (16, 16, []))


class Opening(e2e.TestCase):
    def setUp(self):
        e2e.need("gdb")
        self.vault = e2e.fresh("vault") / "v"
        self.case = put(self.vault, e2e.shop()[1])

    def test_gdb_has_core_and_program_and_its_code_is_ours(self):
        done = run(self.vault, "open", self.case, "--", "-nx", "-batch", "-ex", "bt")
        self.assertEqual(done.status, 0, done.err)
        self.assertRegex(done.out, r"#0 .*quote \(order=0x[0-9a-f]+\) at shop.c")
        self.assertEqual(run(self.vault, "open", self.case, "--", "-nx", "-batch", "-ex", "quit 42").status, 42)

    def test_a_debugger_that_is_not_there_is_said(self):
        done = run(self.vault, "open", self.case, "--debugger", "no-such-gdb")
        self.assertEqual(done.status, 127)
        self.assertIn("no-such-gdb", done.err)


class Travelling(e2e.TestCase):
    def setUp(self):
        e2e.need("zstd")
        self.vault = e2e.fresh("vault") / "v"

    def exported(self) -> tuple[Path, str, Path]:
        """An exported crash whose program and core are gone from this machine, and where its program was."""
        directory = e2e.fresh("travel")
        program = e2e.compile_program(directory, "shop", e2e.SHOP)
        core = e2e.crash(program)
        case = put(self.vault, core)
        archive = directory / "case.tar.zst"
        done = run(self.vault, "export", case, "-o", archive, "--json")
        self.assertIn(str(program), data(done)["parts"])
        program.unlink()
        shutil.copy(core, directory / "kept-core")
        core.unlink()
        return archive, case, directory / "kept-core"

    def test_an_exported_case_explains_itself_where_nothing_else_is(self):
        archive, case, _ = self.exported()
        self.assertEqual(archive.stat().st_mode & 0o077, 0)
        answer = data(e2e.explain(archive, "--json"))
        self.assertEqual(e2e.top(answer)["class"], "null-member-access")
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])
        elsewhere = e2e.fresh("vault") / "elsewhere"
        self.assertEqual(put(elsewhere, archive), case)
        self.assertIn("was there already", run(elsewhere, "import", archive).out)
        answer = data(run(elsewhere, "explain", case, "--json"))
        self.assertEqual(e2e.functions(answer)[:3], ["quote", "serve", "main"])
        self.assertEqual(data(run(elsewhere, "ls", "--json"))["cases"][0]["headline"],
                         data(run(self.vault, "ls", "--json"))["cases"][0]["headline"])
        again = elsewhere.parent / "again.tar.zst"
        self.assertEqual(run(elsewhere, "export", case, "-o", again).status, 0)
        self.assertEqual(e2e.functions(data(e2e.explain(again, "--json")))[:1], ["quote"])

    def test_anybody_can_unpack_it(self):
        archive, case, core = self.exported()
        directory = e2e.fresh("unpacked")
        e2e.run_tool("tar", "--zstd", "-xf", archive, "-C", directory)
        folder = directory / f"inquest-case-{case[:12]}"
        self.assertEqual((folder / "evidence/core").read_bytes(), core.read_bytes())
        self.assertIn("null pointer", (folder / "report.html").read_text())
        self.assertIn("inquest explain", (folder / "README.txt").read_text())
        self.assertEqual(json.loads((folder / "report.json").read_text())["signature"]["frames"][0], "quote")
        answer = e2e.report(folder / "evidence/core", "--sysroot", folder / "root")
        self.assertEqual(e2e.functions(answer)[0], "quote")

    def test_a_case_of_more_files_than_may_be_open_travels_whole(self):
        core = e2e.shop()[1].read_bytes()
        lost = {"name": "core", "role": "full", "size": 5, "data": 5, "stored": 5, "manifest": "0" * 64}
        names = {f"/opt/shop/part{number}" for number in range(400)}
        archive = self.hostile(*((f"root{name}", tarfile.REGTYPE, name.encode()) for name in sorted(names)),
                               ("evidence/core", tarfile.REGTYPE, core), attachments=[lost])
        few = f"ulimit -n 256; exec {e2e.INQUEST} "
        done = subprocess.run(["sh", "-c", few + f"import --vault {self.vault} {archive}"], capture_output=True,
                              text=True, env=e2e.environment())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        case = done.stdout.split()[0]
        again = archive.parent / "again.tar.zst"
        done = subprocess.run(["sh", "-c", few + f"export --vault {self.vault} {case} -o {again} --json"],
                              capture_output=True, text=True, env=e2e.environment())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(names - set(json.loads(done.stdout)["parts"]), set())
        content = e2e.run_tool("tar", "--zstd", "-xOf", again, "--wildcards", "*/root/opt/shop/part399")
        self.assertEqual(content, "/opt/shop/part399")

    def test_the_read_me_promises_nothing_that_is_not_there(self):
        program, core = e2e.shop()
        lost = {"name": str(program), "role": "file", "size": 5, "data": 5, "stored": 5, "kept": False,
                "why": "given up"}
        described = {"case": {"executable": str(program)}, "attachments": [lost]}
        header_only = put(self.vault, self.hostile(**described))
        described["id"] = "f" * 32
        without_program = put(self.vault, self.hostile(
            ("evidence/core", tarfile.REGTYPE, core.read_bytes()),
            **{**described, "attachments": [lost, {**lost, "name": "core", "role": "full", "kept": True,
                                                   "manifest": "0" * 64}]}))
        whole = put(self.vault, core)
        promises = ("report.html", "evidence/ ", "root/ ", "inquest explain", "gdb ")
        for case, options, kept in ((header_only, [], "00000"), (without_program, ["--without-files"], "11010"),
                                    (whole, ["--without-files"], "11010"), (whole, [], "11111")):
            with self.subTest(case=case, options=options):
                directory = e2e.fresh("read-me")
                self.assertEqual(run(self.vault, "export", case, "-o", directory / "x", *options).status, 0)
                e2e.run_tool("tar", "--zstd", "-xf", directory / "x", "-C", directory)
                text = next(directory.glob("*/README.txt")).read_text()
                self.assertEqual("".join("01"[promise in text] for promise in promises), kept, text)

    def test_an_imported_case_says_what_it_lacked_when_it_was_exported(self):
        lost = {"name": "core", "role": "full", "size": 5, "data": 5, "stored": 5, "kept": False, "why": "given up"}
        case = put(self.vault, self.hostile(state="truncated", attachments=[lost]))
        shown = data(run(self.vault, "show", case, "--json"))
        self.assertEqual((shown["state"], shown["reasons"]), ("truncated", ["core: given up"]))
        again = e2e.fresh("again") / "x.tar.zst"
        self.assertEqual(run(self.vault, "export", case, "-o", again).status, 0)
        elsewhere = e2e.fresh("vault") / "elsewhere"
        self.assertEqual(put(elsewhere, again), case)
        shown = data(run(elsewhere, "show", case, "--json"))
        self.assertEqual((shown["state"], shown["reasons"]), ("truncated", ["core: given up"]))

    def hostile(self, *members: tuple, tail: bytes = b"", **described) -> Path:
        """An archive of (name, type, content[, pax]), beginning with a proper case.json that also has `described`."""
        description = {"schema": "inquest-case", "schema_version": 1, "id": "0123456789abcdef" * 2, "case": {},
                       "attachments": [], **described}
        folder = "inquest-case-0123456789ab/"
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            case_json = ("case.json", tarfile.REGTYPE, json.dumps(description).encode())
            for name, kind, content, *pax in [case_json, *members]:
                info = tarfile.TarInfo(name if name.startswith("/") else folder + name)
                info.type = kind
                info.linkname = "/etc/passwd"
                info.size = len(content)
                info.pax_headers = dict(*pax)
                tar.addfile(info, io.BytesIO(content))
        path = e2e.fresh("hostile") / "case.tar.zst"
        path.write_bytes(zstd(buffer.getvalue() + tail))
        return path

    def test_hostile_archives_are_refused_and_leave_nothing(self):
        secret = e2e.fresh("outside") / "target"
        file, link, hard = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        for reason, members in {
            "may lead elsewhere": [("root/../../../../../../../../" + str(secret), file, b"x")],
            "may lead": [(str(secret), file, b"x")],
            "something else than files": [("root/etc", link, b""), ("root/etc/passwd", file, b"x")],
            "a link": [("evidence/core", hard, b"")],
            "twice": [("evidence/core", file, b"x"), ("evidence/core", file, b"y")],
        }.items():
            path = self.hostile(*members)
            for command in ("import", "explain"):
                with self.subTest(reason=reason, command=command):
                    self.assert_clear_error(run(self.vault, command, path), reason)
        self.assertFalse(secret.exists())
        self.assertEqual(data(run(self.vault, "ls", "--json"))["cases"], [])

    def test_a_script_in_an_imported_case_is_not_run_by_gdb(self):
        e2e.need("gdb")
        directory = e2e.fresh("script")
        program = e2e.compile_program(directory, "shop", e2e.SHOP)
        case = put(self.vault, e2e.crash(program))
        archive, ran = directory / "x.tar.zst", directory / "ran"
        self.assertEqual(run(self.vault, "export", case, "-o", archive).status, 0)
        unpacked = directory / "unpacked"
        unpacked.mkdir()
        e2e.run_tool("tar", "--zstd", "-xf", archive, "-C", unpacked)
        folder = next(unpacked.iterdir())
        # gdb runs the script in this section for those who set their safe-path so, as many do.
        root = folder / "root"
        build_id = e2e.build_id(program)
        debug = root / f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        debug.parent.mkdir(parents=True, exist_ok=True)
        script = directory / "section"
        script.write_bytes(b"\x04gdb.inlined\n" + f"open({str(ran)!r}, 'w').close()\n".encode() + b"\0")
        e2e.run_tool("objcopy", "--only-keep-debug", program, debug)
        e2e.run_tool("objcopy", "--add-section", f".debug_gdb_scripts={script}", debug)
        e2e.run_tool("strip", f"{root}{program}")
        # The control: without our care it is run.
        commands = ["-nx", "-batch", "-iex", "set auto-load safe-path /", "-ex", "bt"]
        subprocess.run(["gdb", "-iex", f"set sysroot {root}", "-iex", f"set debug-file-directory {root}/usr/lib/debug",
                        *commands, f"{root}{program}", "-c", f"{folder}/evidence/core"], capture_output=True)
        if not ran.exists():
            self.skipTest("this gdb runs no scripts of object files")
        ran.unlink()
        names = sorted(f"{folder.name}/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file())
        names.sort(key=lambda name: not name.endswith("case.json"))
        archive.write_bytes(zstd(subprocess.run(["tar", "-cf", "-", *names], cwd=unpacked, capture_output=True).stdout))
        elsewhere = directory / "elsewhere"
        self.assertEqual(put(elsewhere, archive), case)
        done = run(elsewhere, "open", case, "--", *commands)
        self.assertIn("quote (order=", done.out, done.err)
        self.assertFalse(ran.exists())

    def test_a_bomb_is_cheap(self):
        # 1 TiB of holes, and 64 MiB of zeros that are none.
        sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 40)}
        path = self.hostile(("evidence/core", tarfile.REGTYPE, bytes(64 << 20)),
                            ("evidence/holes", tarfile.REGTYPE, b"1\n1099511627776\n0\n".ljust(512, b"\0"), sparse))
        done = run(self.vault, "import", path)
        self.assertEqual(done.status, 0, done.err)
        self.assertLess(done.peak_mib, 200)
        parts = data(run(self.vault, "show", done.out.split()[0], "--json"))["attachments"]
        self.assertEqual({part["name"]: part["size"] for part in parts}, {"core": 64 << 20, "holes": 1 << 40})
        self.assertLess(data(run(self.vault, "stats", "--json"))["stored_bytes"], 1 << 20)

    def test_a_case_without_evidence_can_be_exported_and_imported(self):
        case = put(self.vault, self.hostile())
        archive = e2e.fresh("empty") / "x.tar.zst"
        self.assertEqual(run(self.vault, "export", case, "-o", archive).status, 0)
        self.assert_clear_error(e2e.explain(archive), "no evidence")
        self.assert_clear_error(run(self.vault, "explain", case), "no evidence")


if __name__ == "__main__":
    e2e.main()
