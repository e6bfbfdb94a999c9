#!/usr/bin/python3
"""Tests of the grader itself: known answers must get known marks."""

import pathlib
import tempfile
import unittest

import corpus
import names
import oracle
import score

CASE_TOML = """
story = "a test"
language = "c++"
class = "null-member-access"
function = "Book::apply"
expression = "order->pricing"
also_expression = ["pricing"]
access = "read"
signal = "SIGSEGV"
blamed = ["Book::load"]
also_accept_nodebug = ["wild-pointer"]
also_accept_reason = "a test"
"""
SOURCE = "int f() {\n  return 1;  // CRASH\n  return 2;  // CRASH-ALSO\n}  // CRASHED\n"


_SCRATCH = tempfile.TemporaryDirectory(prefix="grade-test-")


def make_case(text=CASE_TOML):
    directory = pathlib.Path(tempfile.mkdtemp(dir=_SCRATCH.name)) / "cpp-book"
    directory.mkdir()
    (directory / "case.toml").write_text(text)
    (directory / "book.cc").write_text(SOURCE)
    return corpus.load_case(directory)


def report(blamed=("exchange::Book::load",), crash_class="null-member-access", function="exchange::Book::apply",
           file="/src/book.cc", line=2, expression="order->pricing", access="read"):
    return {"verdict": {"hypotheses": [{"class": crash_class, "confidence": "high",
                                        "expression": expression}],
                        "place": {"function": function, "file": file, "line": line}},
            "facts": {"fault": {"access": access},
                      "origin": {"blamed": [{"function": name} for name in blamed]}}}


def marks(variant="O2", case=None, **changes):
    case = case or make_case()
    return score.mark(case, variant, score.parse_answer(report(**changes)), case.functions())


class NamesTest(unittest.TestCase):
    def test_short_names_drop_what_differs_between_tools(self):
        for name, short in {
            "ns::Book<int, std::less<int> >::apply(Order const&) const": "ns::Book::apply",
            "apply.isra.0": "apply",
            "apply.constprop.0.cold": "apply",
            "void convert<int>(int)": "convert",
            "(anonymous namespace)::step(int)": "step",
            "Loop::run()::{lambda(int)#2}::operator()(int) const": "Loop::run::lambda::operator()",
            "Loop::run()::<lambda(int)>::operator()": "Loop::run::lambda::operator()",
            "ledger::Ledger::apply::h0123456789abcdef": "ledger::Ledger::apply",
            "<ledger::Ledger as core::ops::Drop>::drop": "ledger::Ledger::drop",
            "Row::operator<(Row const&) const": "Row::operator<",
            "Block::~Block()": "Block::~Block",
        }.items():
            self.assertEqual(names.short_function(name), short)

    def test_qualification_may_be_missing_on_either_side(self):
        self.assertTrue(names.same_function("Book::apply", "apply"))
        self.assertTrue(names.same_function("apply", "ns::Book::apply(int)"))
        self.assertFalse(names.same_function("Book::apply", "Ledger::apply"))
        self.assertFalse(names.same_function("apply", "reapply"))
        self.assertFalse(names.same_function("apply", ""))

    def test_expressions_ignore_spaces_and_this(self):
        self.assertTrue(names.same_expression("this->a->b + i", "a->b+i"))
        self.assertFalse(names.same_expression("a->b", "a->c"))
        self.assertFalse(names.same_expression("a", ""))


class MarkTest(unittest.TestCase):
    def test_blame_counts_the_first_and_the_first_three(self):
        second = marks(blamed=["Book::apply", "Book::load"])
        self.assertFalse(second["blame"])
        self.assertTrue(second["blame3"])
        self.assertFalse(marks(blamed=[])["blame3"])
        self.assertIsNone(marks("nodebug")["blame"])

    def test_a_right_answer_is_right_in_every_respect(self):
        self.assertTrue(all(marks().values()))

    def test_each_mistake_costs_its_own_mark_only(self):
        for name, change in {"class": {"crash_class": "wild-pointer"},
                             "function": {"function": "Book::cancel"}, "line": {"line": 4},
                             "expression": {"expression": "order"},
                             "access": {"access": "write"}}.items():
            wrong = [key for key, value in marks(**change).items() if value is False]
            self.assertEqual(wrong, [name])

    def test_a_line_of_another_file_is_wrong(self):
        self.assertFalse(marks(file="/usr/include/c++/12/vector")["line"])

    def test_alternatives_without_debug_information_count_only_there(self):
        self.assertTrue(marks("nodebug", crash_class="wild-pointer")["class"])
        self.assertFalse(marks("O2", crash_class="wild-pointer")["class"])

    def test_lines_and_expressions_are_not_asked_without_debug_information(self):
        got = marks("nodebug", line=0, expression="")
        self.assertIsNone(got["line"])
        self.assertIsNone(got["expression"])

    def test_no_function_is_asked_of_a_stripped_program(self):
        self.assertIsNone(marks("stripped", function="")["function"])

    def test_no_answer_is_wrong(self):
        case = make_case()
        got = score.mark(case, "O2", score.Answer(error="exit 1"), case.functions())
        self.assertFalse(any(got.values()))


class SummaryTest(unittest.TestCase):
    def outcome(self, variant, **changes):
        case = make_case()
        answer = score.parse_answer(report(**changes))
        return score.Outcome(case, variant, answer, case.functions(),
                             score.mark(case, variant, answer, case.functions()))

    def test_rates_confusion_and_aims(self):
        outcomes = [self.outcome("O2") for _ in range(9)]
        outcomes.append(self.outcome("O2", crash_class="use-after-free"))
        result = score.summarise(outcomes)
        self.assertEqual(result["variants"]["O2"]["rates"]["class"]["rate"], 0.9)
        self.assertEqual(result["variants"]["O2"]["confusion"],
                         {"null-member-access": {"null-member-access": 9, "use-after-free": 1}})
        self.assertEqual([aim["met"] for aim in result["aims"]], [False, True, True, True, True])
        self.assertFalse(result["aims_met"])
        failure = result["variants"]["O2"]["failures"][0]
        self.assertEqual((failure["what"], failure["got"]), ("class", "use-after-free"))
        self.assertIn("MISSED", score.render(result))

    def test_all_right_meets_the_aims(self):
        self.assertTrue(score.summarise([self.outcome("O2"), self.outcome("nodebug")])["aims_met"])


class CorpusTest(unittest.TestCase):
    def test_only_exact_markers_count(self):
        self.assertEqual(make_case().crash_lines, {("book.cc", 2), ("book.cc", 3)})

    def test_mistakes_in_a_case_are_refused(self):
        for damage in (("class = \"null-member-access\"", "class = \"null-thing\""),
                       ("also_accept_reason = \"a test\"", ""), ("story", "storey")):
            with self.assertRaises(corpus.CaseError):
                make_case(CASE_TOML.replace(*damage))

    def test_the_quick_selection_exists(self):
        existing = {case.name for case in corpus.load_corpus()}
        self.assertLessEqual(set(corpus.QUICK_CASES), existing)

    def test_the_corpus_is_as_large_as_promised(self):
        cases = corpus.load_corpus()
        self.assertGreaterEqual(len(cases), 80)
        self.assertGreaterEqual(len({case.expected_class for case in cases}), 27)


class OracleTest(unittest.TestCase):
    def test_inlined_frames_lead_to_the_function_that_holds_their_code(self):
        frames = [{"function": "front", "inlined": True}, {"function": "apply", "inlined": True},
                  {"function": "serve", "inlined": False}]
        self.assertEqual(oracle.physical_function(frames, 0), "serve")
        self.assertEqual(oracle.physical_function(frames[2:], 0), "serve")


if __name__ == "__main__":
    unittest.main()
