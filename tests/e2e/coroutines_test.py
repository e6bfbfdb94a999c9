"""Who awaits a C++20 coroutine that crashed: by gcc and clang, optimised and not, wherever the promise keeps the handle."""

from pathlib import Path

import e2e

SOURCES = Path(__file__).resolve().parent / "coroutines"
CLANGXX = "clang++-19"
BUILDS = [(compiler, level) for compiler in (e2e.CXX, CLANGXX) for level in ("-O0", "-O2")]
# clang -O2 may put a coroutine's frame into that of its caller, and describes no frame.
PLAIN_BUILDS = [build for build in BUILDS if build != (CLANGXX, "-O2")]


def crash(source: str, compiler: str, *flags: str, arguments=()) -> Path:
    e2e.need(compiler)
    program = e2e.fresh("coroutines") / "program"
    e2e.run_tool(compiler, "-w", "-std=c++20", *flags, SOURCES / source, "-o", program)
    return e2e.crash(program, *arguments)


def line_of(source: str, mark: str) -> int:
    lines = (SOURCES / source).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith("// " + mark))


def awaited(answer: dict) -> dict:
    """Of the only coroutine on the stack that has an answer."""
    found = [frame["awaited"] for frame in answer["facts"]["crashing"]["frames"] if "awaited" in frame]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} frames say who awaits them")
    return found[0]


class Chain(e2e.TestCase):
    def check(self, compiler: str, *flags: str) -> dict:
        answer = e2e.report(crash("session.cc", compiler, *flags))
        self.assertEqual(answer["verdict"]["place"]["line"], line_of("session.cc", "CRASH"))
        self.assertIn("read_header", answer["verdict"]["place"]["function"])
        found = awaited(answer)
        self.assertEqual(found["coroutine"], "read_header(Conn&, int)")
        return found

    def expect_chain(self, found: dict) -> None:
        self.assertEqual([one["function"] for one in found["awaiters"]],
                         ["session(Conn&)", "Server<Conn>::serve(int)"])
        self.assertEqual([one["line"] for one in found["awaiters"]],
                         [line_of("session.cc", "SESSION AWAITS"), line_of("session.cc", "SERVE AWAITS")])
        self.assertTrue(all("gap" not in one and one["role"] == "user" for one in found["awaiters"]), found)
        self.assertIn("nothing awaits Server<Conn>::serve(int)", found["end"])
        self.assertEqual(len(found["evidence"]), 2)

    def test_by_a_handle_in_a_base_of_the_promise(self):
        for build in BUILDS:
            with self.subTest(build):
                found = self.check(*build, "-g")
                self.expect_chain(found)
                self.assertIn("std::noop_coroutine()", found["end"])
                self.assertIn("`continuation` of the frame of read_header(Conn&, int)", found["evidence"][0]["what"])

    def test_by_a_handle_in_an_optional(self):
        for build in BUILDS:
            with self.subTest(build):
                found = self.check(*build, "-g", "-DIN_OPTIONAL")
                self.expect_chain(found)
                self.assertIn("`waiter` in its promise is empty", found["end"])

    def test_by_a_handle_in_a_promise_that_is_aligned(self):
        for build in [(CLANGXX, "-O0"), (CLANGXX, "-O2")]:
            with self.subTest(build):
                self.expect_chain(self.check(*build, "-g", "-DALIGNED"))

    def test_by_the_one_handle_whose_coroutine_waits_for_it(self):
        for build in PLAIN_BUILDS:
            with self.subTest(build):
                found = self.check(*build, "-g", "-DWITH_OTHERS")
                self.expect_chain(found)
                self.assertIn("`continuation`", found["evidence"][0]["what"])

    def test_is_not_guessed_among_several_handles(self):
        found = self.check(CLANGXX, "-O2", "-g", "-DWITH_OTHERS")
        if "awaiters" in found:
            self.expect_chain(found)
        else:
            self.assertIn("which of them awaits it is not known", found["end"])

    def test_is_unknown_where_the_handle_is_behind_a_pointer(self):
        for build in BUILDS:
            with self.subTest(build):
                found = self.check(*build, "-g", "-DBEHIND_POINTER")
                self.assertNotIn("awaiters", found)
                self.assertIn("what awaits read_header(Conn&, int) is not known", found["end"])
                self.assertIn("no std::coroutine_handle", found["end"])

    def test_of_libcxx(self):
        for level in ("-O0", "-O2"):
            with self.subTest(level):
                found = self.check(CLANGXX, level, "-g", "-stdlib=libc++")
                self.expect_chain(found)
                self.assertIn("std::noop_coroutine()", found["end"])

    def test_without_debug_information_says_what_is_a_guess(self):
        for build in BUILDS:
            with self.subTest(build):
                found = awaited(e2e.report(crash("session.cc", *build)))
                self.assertEqual(found["coroutine"], "read_header(Conn&, int)")
                names = ["session(Conn&)", "Server<Conn>::serve(int)"]
                told = [one["function"] for one in found.get("awaiters", [])]
                self.assertEqual(told, names[:len(told)])
                self.assertTrue(all("without debug information" in one["gap"] for one in found.get("awaiters", [])))
                self.assertIn("is not known", found["end"])

    def test_is_not_there_without_symbols(self):
        frames = e2e.report(crash("session.cc", e2e.CXX, "-O2", "-s"))["facts"]["crashing"]["frames"]
        self.assertFalse(any("awaited" in frame for frame in frames))

    def test_is_in_the_text(self):
        core = crash("session.cc", e2e.CXX, "-O0", "-g")
        text = e2e.explain(core).out
        self.assertRegex(text, r"awaited +by session\(Conn&\) at .*session\.cc:%d" % line_of("session.cc", "SESSION AWAITS"))
        self.assertIn("awaited by Server<Conn>::serve(int)", text)


class Ends(e2e.TestCase):
    def check(self, what: str, look, builds=BUILDS) -> None:
        for build in builds:
            with self.subTest(build, what=what):
                look(e2e.report(crash("ends.cc", *build, "-g", arguments=(what,))))

    def test_nothing_awaits(self):
        def look(answer):
            found = awaited(answer)
            self.assertNotIn("awaiters", found)
            self.assertEqual(found["end"], "nothing awaits fetch(int): `continuation` in its promise is null")

        self.check("alone", look)

    def test_a_circle(self):
        def look(answer):
            found = awaited(answer)
            self.assertEqual([one["function"] for one in found["awaiters"]], ["other(int)"])
            self.assertIn("leads back to fetch(int)", found["end"])

        self.check("circle", look)

    def test_a_handle_that_is_none(self):
        def look(answer):
            found = awaited(answer)
            self.assertNotIn("awaiters", found)
            self.assertIn("where no coroutine's frame is (any more)", found["end"])

        self.check("wild", look)
        self.check("waiter_destroyed", look, PLAIN_BUILDS)

    def test_a_generator_is_awaited_by_nobody_known(self):
        def look(answer):
            found = awaited(answer)
            self.assertEqual(found["coroutine"], "count(int*)")
            self.assertNotIn("awaiters", found)
            self.assertIn("is not known", found["end"])
            self.assertIn("main", e2e.functions(answer))

        self.check("generator", look, PLAIN_BUILDS)

    def test_a_finished_coroutine_was_resumed(self):
        def look(answer):
            self.assertEqual(e2e.top(answer)["class"], "null-function-call")
            self.assertIn("fetch(int) had finished when it was resumed", e2e.top(answer)["sentence"])
            self.assertEqual(len(answer["facts"]["fault"]["finished_coroutine"]["evidence"]), 2)
            self.assertEqual(answer["verdict"]["place"]["function"], "pump")

        self.check("finished", look)

    def test_a_destroyed_coroutine_was_resumed(self):
        def look(answer):
            self.assertEqual(e2e.top(answer)["class"], "use-after-free")
            self.assertEqual(answer["verdict"]["place"]["function"], "pump")

        self.check("destroyed", look, PLAIN_BUILDS)


if __name__ == "__main__":
    e2e.main()
