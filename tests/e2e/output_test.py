"""What is printed, in which form, with which exit code."""

import html.parser
import json
import re
import shlex
import subprocess
import unittest

import e2e

try:
    import jsonschema
except ImportError:  # Debian: python3-jsonschema
    jsonschema = None

VALUES = r"""
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>
enum class Mode { kFast = 1, kSafe = 2 };
struct Item { std::string sku; int amount; double price; };
__attribute__((noinline)) int total(const std::string& customer, const std::vector<int>& amounts, const std::map<std::string, int>& stock,
                                    const std::unordered_map<int, std::string>& names, std::optional<int> limit, std::optional<int> none,
                                    std::unique_ptr<Item> owned, std::shared_ptr<Item> shared, Mode mode, Item item, const int (&grid)[3],
                                    const char* text, bool flag, const int* wanted) {
  long long big = -1234567890123;
  (void)big; (void)customer; (void)amounts; (void)stock; (void)names; (void)limit; (void)none; (void)owned; (void)shared; (void)mode;
  (void)item; (void)grid; (void)text; (void)flag;
  return *wanted;
}
int main() {
  int grid[3] = {7, 8, 9};
  return total("Ada Lovelace", {11, 22, 33}, {{"oak", 5}, {"teak", 6}}, {{404, "not found"}}, 17, std::nullopt,
               std::make_unique<Item>(Item{"stool-1", 2, 9.5}), std::make_shared<Item>(Item{"bench-2", 3, 1.25}), Mode::kSafe,
               Item{"table-3", 4, 0.5}, grid, "hello there", true, nullptr);
}
"""
TWO_THREADS = r"""
#include <pthread.h>
#include <unistd.h>
__attribute__((noinline)) void poll_queue(void) { for (;;) pause(); }
static void *worker(void *unused) { poll_queue(); return unused; }
__attribute__((noinline)) void fail(int *where) { *where = 1; }
int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, worker, 0);
  usleep(50000);
  fail(0);
  return 0;
}
"""


class Text(e2e.TestCase):
    def test_the_first_screen_says_who_what_where_why_how_sure_and_what_next(self):
        run = e2e.explain(e2e.shop()[1])
        self.assert_explained(run)
        first = "\n".join(run.out.splitlines()[:24])
        for part in ("shop", "SIGSEGV", "quote", f"shop.c:{e2e.SHOP_LINE}", "order->pricing", "null", "cents", "certain"):
            self.assertIn(part, first)
        for label in ("why", "where", "who", "sure", "next"):
            self.assertRegex(run.out, rf"(?m)^  {label}  ")

    def test_labels_stand_apart_from_what_they_label(self):
        core = e2e.fresh("cut") / "core"
        content = e2e.shop()[1].read_bytes()
        core.write_bytes(content[: len(content) // 2])
        for line in e2e.explain(core).out.splitlines():
            label = re.match(r"  (why|where|who|sure|or|next|missing)", line)
            if label:
                self.assertRegex(line, rf"^  {label.group(1)} +\S")

    def test_no_line_says_the_same_twice_and_none_ends_in_a_space(self):
        core = e2e.fresh("cut") / "core"
        content = e2e.shop()[1].read_bytes()
        core.write_bytes(content[: len(content) // 2])
        for core in (core, e2e.shop()[1]):
            out = e2e.explain(core).out
            self.assertEqual([line for line in out.splitlines() if line != line.rstrip()], [])
            long = [line.strip() for line in out.splitlines() if len(line) > 40]
            self.assertEqual(len(long), len(set(long)), out)

    def test_each_command_that_it_tells_to_run_can_be_run(self):
        core = e2e.shop()[1]
        commands = re.findall(r"Run: inquest (.+)", e2e.explain(core).out)
        self.assertTrue(commands)
        for command in commands:
            self.assertEqual(e2e.inquest(*shlex.split(command)).status, 0, command)

    def test_what_came_by_standard_input_is_not_given_a_name_in_commands(self):
        with open(e2e.shop()[1], "rb") as core:
            self.assertEqual(e2e.top(e2e.report("-", stdin=core))["next_command"], "inquest explain CORE --full")

    def test_a_command_it_tells_to_run_survives_a_core_with_a_hostile_name(self):
        core = e2e.fresh("name") / "core; touch owned $(touch owned2)"
        core.write_bytes(e2e.shop()[1].read_bytes())
        answer = e2e.report(core)
        command = e2e.top(answer)["next_command"]
        self.assertEqual(shlex.split(command)[:3], ["inquest", "explain", str(core)])

    def test_full_prints_every_kind_of_value(self):
        program = e2e.compile_program(e2e.fresh("values"), "values", VALUES, "-g", "-O0", "-std=c++17", language="c++")
        run = e2e.explain(e2e.crash(program), "--full")
        self.assert_explained(run)
        words = " ".join(run.out.split())
        for pattern in (r'customer = .*"Ada Lovelace"', r"amounts = .*\{11, 22, 33\}", r'"oak".{1,8}5', r'"teak".{1,8}6', r'404.{1,8}"not found"',
                        r"limit = .*17", r"none = ", r'owned = .*"stool-1"', r'shared = .*"bench-2"', r"mode = .*kSafe", r'"table-3"', r"7, 8, 9",
                        r'text = .*"hello there"', r"flag = true", r"-1234567890123", r"9\.5", r"1\.25"):
            with self.subTest(pattern):
                self.assertRegex(words, pattern)

    def test_optimised_out_and_not_in_the_core_are_told_apart(self):
        source = e2e.SHOP.replace("int quote(struct order *order) {", "int quote(struct order *order) { int unused = order->quantity * 3;")
        program = e2e.compile_program(e2e.fresh("optimised"), "shop", source, "-g", "-O2")
        core = e2e.crash(program)
        run = e2e.explain(core, "--full")
        self.assertIn("optimized out", run.out)
        self.assertNotIn("not in the core", run.out)


class Threads(e2e.TestCase):
    def setUp(self):
        self.core = e2e.crash(e2e.compile_program(e2e.fresh("threads"), "pair", TWO_THREADS, "-g", "-O0", "-pthread"))

    def test_another_thread_can_be_asked_for(self):
        answer = e2e.report(self.core)
        self.assertIn("fail", e2e.functions(answer))
        other = answer["facts"]["others"][0]["tid"]
        asked = e2e.report(self.core, "--thread", other)
        self.assertEqual(asked["facts"]["crashing"]["tid"], other)
        self.assertIn("poll_queue", e2e.functions(asked))

    def test_a_thread_that_is_not_there_is_an_error_that_lists_those_that_are(self):
        tid = e2e.report(self.core)["facts"]["crashing"]["tid"]
        run = e2e.explain(self.core, "--thread", 999999999)
        self.assertIn(run.status, (1, 2))
        self.assertEqual(run.out, "")
        self.assertIn("999999999", run.err)
        self.assertIn(str(tid), run.err)


class Color(e2e.TestCase):
    def on_terminal(self, *arguments: str, **changes) -> str:
        e2e.need("script")
        command = shlex.join([e2e.INQUEST, "explain", str(e2e.shop()[1]), *arguments])
        env = e2e.environment(**{"TERM": "xterm-256color", **changes})
        done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, env=env, timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"SIGSEGV", done.stdout)
        return done.stdout.decode()

    def test_a_terminal_gets_color(self):
        self.assertIn("\x1b[", self.on_terminal())

    def test_a_pipe_gets_none(self):
        self.assertNotIn("\x1b", e2e.explain(e2e.shop()[1], env=e2e.environment(TERM="xterm-256color")).out)

    def test_no_color_is_respected_on_a_terminal(self):
        self.assertNotIn("\x1b", self.on_terminal(NO_COLOR="1"))

    def test_a_dumb_terminal_gets_none(self):
        self.assertNotIn("\x1b", self.on_terminal(TERM="dumb"))

    def test_json_on_a_terminal_is_json(self):
        json.loads(self.on_terminal("--json"))


class Machine(e2e.TestCase):
    SCHEMA = json.loads((e2e.ROOT / "docs/formats/report.schema.json").read_text())

    def check(self, answer: dict) -> None:
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator.check_schema(self.SCHEMA)
        jsonschema.Draft202012Validator(self.SCHEMA).validate(answer)

    def test_json_follows_its_schema(self):
        self.check(e2e.report(e2e.shop()[1]))
        self.check(e2e.report(e2e.shop()[1], "--full"))

    def test_json_follows_its_schema_when_little_is_known(self):
        content = e2e.shop()[1].read_bytes()
        for part in (0.02, 0.3, 0.6):
            with self.subTest(part):
                core = e2e.fresh("cut") / "core"
                core.write_bytes(content[: int(len(content) * part)])
                self.check(e2e.report(core))

    def test_two_runs_print_the_same_bytes(self):
        for form in ("--json", "--markdown", "--html", "--full"):
            with self.subTest(form):
                self.assertEqual(e2e.explain(e2e.shop()[1], form).out, e2e.explain(e2e.shop()[1], form).out)

    def test_each_stage_is_json_with_what_it_is_named_for(self):
        stages = {stage: json.loads(e2e.explain(e2e.shop()[1], f"--dump={stage}").out) for stage in ("image", "stacks", "facts", "verdict")}
        self.assertIn("order->pricing", json.dumps(stages["verdict"]))
        self.assertIn("SIGSEGV", json.dumps(stages["facts"]))
        self.assertIn("quote", json.dumps(stages["stacks"]))
        self.assertIn("[stack]", json.dumps(stages["image"]))
        answer = e2e.report(e2e.shop()[1])
        self.assertEqual(stages["verdict"], answer["verdict"])
        self.assertEqual(stages["facts"], answer["facts"])

    def test_a_reader_that_stops_early_is_no_bug_of_ours(self):
        command = f"{shlex.quote(e2e.INQUEST)} explain {shlex.quote(str(e2e.shop()[1]))} --json | true"
        for _ in range(5):
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=e2e.environment(), timeout=60)
            self.assertEqual(done.stderr, "")

    def test_a_full_disk_under_the_report_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([e2e.INQUEST, "explain", e2e.shop()[1]], stdout=full, stderr=subprocess.PIPE, text=True, env=e2e.environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space", done.stderr)


class Page(html.parser.HTMLParser):
    """Checks nesting, and gathers text and whatever a browser would fetch."""

    VOID = {"meta", "br", "hr", "img", "link", "input", "col", "wbr"}
    OPTIONAL = {"p", "li", "td", "tr", "th", "dt", "dd", "tbody", "thead"}

    def __init__(self):
        super().__init__()
        self.open, self.errors, self.fetched, self.text, self.tags = [], [], [], "", set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href", "data", "action") and value and not value.startswith("#")]
        self.fetched += [name for name, _ in attributes if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in self.OPTIONAL:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.errors.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.text += data


class Documents(e2e.TestCase):
    HOSTILE = "shop <script>alert(1)<|script> & `b` *x* [y](z)".replace("|", "\\")

    def page(self, core) -> Page:
        run = e2e.explain(core, "--html")
        self.assert_explained(run)
        self.assertTrue(run.out.lower().startswith("<!doctype html>"))
        page = Page()
        page.feed(run.out)
        page.close()
        self.assertEqual(page.errors, [])
        self.assertEqual(page.open, [])
        self.assertEqual(page.fetched, [])
        self.assertNotRegex(run.out, r"url\(|@import")
        return page

    def test_html_is_well_formed_fetches_nothing_and_says_what_the_text_says(self):
        page = self.page(e2e.shop()[1])
        for part in ("SIGSEGV", "order->pricing", "quote", "shop.c"):
            self.assertIn(part, page.text)

    def test_a_program_named_like_markup_stays_text(self):
        program = e2e.compile_program(e2e.fresh("shop"), "shop", e2e.SHOP)
        core = e2e.crash(program.rename(program.parent / self.HOSTILE))
        page = self.page(core)
        self.assertNotIn("script", page.tags)
        self.assertIn("<script>alert(1)", page.text)
        prose = "".join(e2e.explain(core, "--markdown").out.split("```")[::2])
        self.assertNotRegex(prose, r"(?m)^[^`\n]*(?<!\\)<script", "markup outside of a code span")

    def test_markdown_has_headings_a_code_block_and_the_answer(self):
        run = e2e.explain(e2e.shop()[1], "--markdown")
        self.assert_explained(run)
        self.assertRegex(run.out, r"(?m)^#")
        self.assertEqual(run.out.count("```") % 2, 0)
        self.assertGreater(run.out.count("```"), 0)
        self.assertIn("order->pricing", run.out)


class CommandLine(e2e.TestCase):
    def test_help_and_version_are_answers(self):
        for arguments in (["--help"], ["explain", "--help"], ["--version"]):
            run = e2e.inquest(*arguments)
            self.assertEqual((run.status, run.err), (0, ""))
            self.assertIn("inquest", run.out)

    def test_a_wrong_command_line_is_exit_2_with_words_on_stderr_only(self):
        core = e2e.shop()[1]
        for arguments in ([], ["explain"], ["explode", core], ["explain", core, "--jason"], ["explain", core, "--json", "--html"],
                          ["explain", core, "--dump=everything"], ["explain", core, "--exe", "/nowhere/at/all"],
                          ["explain", core, "--sysroot", "/nowhere/at/all"], ["explain", core, "--debug-dir", "/nowhere/at/all"],
                          ["explain", core, "--thread", "first"], ["explain", core, core], ["explain", core, "--dump=facts", "--json"]):
            with self.subTest(arguments=[str(argument) for argument in arguments]):
                run = e2e.inquest(*arguments)
                self.assertEqual(run.status, 2, run.err)
                self.assertEqual(run.out, "")
                self.assertTrue(run.err.strip())

    def test_what_cannot_be_read_is_exit_1(self):
        self.assertEqual(e2e.explain("/nowhere/at/all").status, 1)


HANDLING = r"""
#include <stdexcept>
#include <string>
struct Order { int id, price; };
__attribute__((noinline)) int price(const volatile Order *order) { return order->price; }
__attribute__((noinline)) void load(int n) {
  if (n) throw std::runtime_error("order " + std::to_string(n) + " is not there");
}
int main(int argc, char **argv) {
  try {
    load(argc);
  } catch (const std::exception &error) {
    if (argc == 1) return price(nullptr);
  }
  return price(nullptr);
}
"""


class Exceptions(e2e.TestCase):
    def told(self, *arguments) -> list[str]:
        program = e2e.compile_program(e2e.fresh("handling"), "handling", HANDLING, "-g", "-O1", language="c++")
        facts = e2e.report(e2e.crash(program, *arguments))["facts"]
        return [fact["statement"] for fact in facts.get("other", []) if "exception" in fact["statement"]]

    def test_a_crash_while_one_is_handled_tells_which(self):
        self.assertEqual(self.told(), ["the thread was handling a C++ exception: std::runtime_error: order 1 is not there"])

    def test_one_that_was_handled_before_is_not_told(self):
        self.assertEqual(self.told("more"), [])


if __name__ == "__main__":
    e2e.main()
