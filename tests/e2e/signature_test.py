"""Crashes of one bug have one signature, whatever the build; another bug has another."""

import json
import unittest

import e2e

SHOP = """
struct order { int id; struct price *price; };
struct price { long pad; int cents; };
%s
__attribute__((noinline)) int quote(struct order *order) { return order->price->cents * 2; }
__attribute__((noinline)) int serve(struct order *order) { return quote(order) + 1; }
int main(void) { struct order order = {1042, 0}; return serve(&order) %s; }
"""


def core_of(name: str, *flags: str, extra: str = "", end: str = ""):
    directory = e2e.fresh("signature")
    return e2e.crash(e2e.compile_program(directory, name, SHOP % (extra, end), *flags))


def id_of(core) -> str:
    run = e2e.inquest("signature", core)
    assert run.status == 0, run.err
    return run.out.split()[0]


class Signature(e2e.TestCase):
    def test_another_build_of_the_same_bug_has_the_same_signature(self):
        first = core_of("shop", "-g", "-O1")
        second = core_of("shop2", "-g", "-O2", extra="int unused[4096]; int more(void) { return unused[7]; }")
        self.assertEqual(id_of(first), id_of(second))

    def test_another_bug_has_another_signature(self):
        first = core_of("shop", "-g", "-O1")
        other = core_of("shop", "-g", "-O1", extra="__attribute__((constructor)) static void die(void) { *(volatile int *)8 = 1; }")
        self.assertNotEqual(id_of(first), id_of(other))

    def test_explain_tells_what_was_done_with_each_function(self):
        run = e2e.inquest("signature", core_of("shop", "-g", "-O1"), "--explain")
        self.assertEqual(run.status, 0, run.err)
        self.assertIn("segv-read-null | quote | serve | main", run.out)
        self.assertRegex(run.out, r"stopped: the start of a thread or program")

    def test_json_and_the_report_agree(self):
        core = core_of("shop", "-g", "-O1")
        alone = json.loads(e2e.inquest("signature", core, "--json").out)
        self.assertEqual(alone, e2e.report(core)["signature"])
        self.assertEqual(alone["frames"], ["quote", "serve", "main"])

    def test_without_symbols_it_says_that_another_build_differs(self):
        alone = json.loads(e2e.inquest("signature", core_of("shop", "-O1", "-s"), "--json").out)
        self.assertEqual(alone["confidence"], "medium")
        self.assertIn("another build", alone["why_not_high"])


if __name__ == "__main__":
    unittest.main()
