"""Debuginfod: a server on this machine that has the files, lacks them, lies, stalls, or is dead."""

import http.server
import json
import shutil
import socket
import threading
import time
import unittest
from pathlib import Path

import e2e


class Server:
    """Serves /buildid/ID/{debuginfo,executable} from a dictionary and remembers who asked for what."""

    def __init__(self, files=None, status=404, stall=0.0):
        self.files, self.status, self.stall, self.asked = files or {}, status, stall, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                time.sleep(outer.stall)
                found = outer.files.get(self.path)
                content = found.read_bytes() if found else b"not here"
                try:
                    self.send_response(200 if found else outer.status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Case:
    """A stripped program that crashed; its debug file and its unstripped self lie where only a server finds them."""

    def __init__(self):
        self.program = e2e.compile_program(e2e.fresh("stripped"), "shop", e2e.SHOP)
        self.id = e2e.build_id(self.program)
        away = e2e.fresh("away")
        self.debug = away / "debug"
        e2e.run_tool("objcopy", "--only-keep-debug", self.program, self.debug)
        e2e.run_tool("strip", self.program)
        self.core = e2e.crash(self.program)
        self.cache = e2e.fresh("cache")

    @property
    def files(self) -> dict[str, Path]:
        return {f"/buildid/{self.id}/debuginfo": self.debug}

    def explain(self, *urls: str, **changes) -> e2e.Run:
        env = e2e.environment(**{"DEBUGINFOD_URLS": " ".join(urls), "XDG_CACHE_HOME": str(self.cache), **changes})
        return e2e.explain(self.core, "--json", "--no-cache", env=env)


class Debuginfod(e2e.TestCase):
    def answer(self, run: e2e.Run) -> dict:
        self.assert_explained(run)
        return run.report

    def test_a_stripped_program_is_explained_with_the_servers_debug_file(self):
        case = Case()
        with Server(case.files) as server:
            self.assert_shop(self.answer(case.explain(server.url)))

    def test_a_missing_program_is_fetched_as_well(self):
        case = Case()
        gone = case.program.rename(case.debug.parent / "program")
        with Server(case.files | {f"/buildid/{case.id}/executable": gone}) as server:
            self.assert_shop(self.answer(case.explain(server.url)))

    def test_what_was_fetched_is_kept_and_serves_when_the_server_is_gone(self):
        case = Case()
        with Server(case.files) as server:
            case.explain(server.url)
            first = len(server.asked)
            self.assert_shop(self.answer(case.explain(server.url)))
            again = [path for path in server.asked[first:] if case.id in path]
        self.assertEqual(again, [], "asked again for what it has")
        self.assert_shop(self.answer(case.explain(server.url)))
        kept = [path for path in case.cache.rglob("*") if path.is_file() and case.id in str(path) and path.stat().st_size]
        self.assertTrue(kept, "nothing below XDG_CACHE_HOME")
        self.assertEqual([path for path in case.cache.rglob("*.part")], [])

    def test_a_file_that_is_not_there_is_not_asked_for_again(self):
        case = Case()
        with Server() as server:
            answer = self.answer(case.explain(server.url))
            self.assertNotIn("quote", e2e.functions(answer))
            self.assertTrue(any(case.id in path for path in server.asked), "it was never asked")
            before = len(server.asked)
            self.answer(case.explain(server.url))
            self.assertEqual(server.asked[before:], [])

    def test_the_second_server_is_asked_when_the_first_has_nothing(self):
        case = Case()
        with Server() as first, Server(case.files) as second:
            self.assert_shop(self.answer(case.explain(first.url, second.url)))

    def test_a_dead_server_costs_little_and_is_named(self):
        case = Case()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            run = case.explain(url)
        answer = self.answer(run)
        self.assertLess(run.seconds, 3)
        self.assertEqual(e2e.missing(answer).count(url), 1, "named once")
        self.assertIn("check DEBUGINFOD_URLS", json.dumps(answer))
        self.assertEqual(e2e.top(answer)["class"][:4], "null")

    def test_a_dead_server_is_no_reason_to_remember_that_a_file_is_missing(self):
        case = Case()
        case.explain("http://127.0.0.1:9")
        with Server(case.files) as server:
            self.assert_shop(self.answer(case.explain(server.url)))

    def test_a_server_that_stalls_is_left_after_the_timeout(self):
        case = Case()
        with Server(case.files, stall=30) as server:
            run = case.explain(server.url, DEBUGINFOD_TIMEOUT="1")
        answer = self.answer(run)
        self.assertLess(run.seconds, 10)
        self.assertIn(server.url, e2e.missing(answer))

    def test_a_file_of_another_build_is_refused_and_the_server_named(self):
        case, other = Case(), Case()
        with Server({f"/buildid/{case.id}/debuginfo": other.program}) as server:
            answer = self.answer(case.explain(server.url))
        self.assertNotIn("quote", e2e.functions(answer))
        self.assertIn(server.url, e2e.missing(answer))
        self.assertIn("not", e2e.missing(answer))

    def test_an_answer_over_the_size_limit_is_not_taken(self):
        case = Case()
        with Server(case.files) as server:
            answer = self.answer(case.explain(server.url, DEBUGINFOD_MAXSIZE="1000"))
        self.assertNotIn("quote", e2e.functions(answer))
        self.assertEqual([path for path in case.cache.rglob("*.part")], [])

    def test_a_server_with_an_error_is_named_with_its_status(self):
        case = Case()
        with Server(status=503) as server:
            answer = self.answer(case.explain(server.url))
        self.assertIn("503", e2e.missing(answer))

    def test_without_the_variable_nobody_is_asked(self):
        case = Case()
        with Server(case.files) as server:
            self.answer(case.explain("", DEBUGINFOD_URLS=None))
            self.assertEqual(server.asked, [])

    def test_an_address_of_another_kind_is_not_followed(self):
        case = Case()
        place = case.debug.parent / "buildid" / case.id
        place.mkdir(parents=True)
        shutil.copy2(case.debug, place / "debuginfo")
        self.assertNotIn("quote", e2e.functions(self.answer(case.explain(f"file://{case.debug.parent}"))))


if __name__ == "__main__":
    e2e.main()
