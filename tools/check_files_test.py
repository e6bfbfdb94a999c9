"""Each rule of check_files.py, seen to bite."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_files  # noqa: E402


def errors(path, text, forbidden=()):
    return check_files.check_text(path, text, list(forbidden))[0]


class Rules(unittest.TestCase):
    def test_clean_text_passes(self):
        self.assertEqual(errors("a.cc", "int x;\n"), [])
        self.assertEqual(errors("empty", ""), [])

    def test_space_at_the_end_of_a_line(self):
        self.assertEqual(errors("a.md", "one\ntwo \n"), ["a.md:2: space at the end of the line"])
        self.assertEqual(len(errors("a.md", "one\r\n")), 1)

    def test_the_last_line_ends(self):
        self.assertEqual(errors("a.md", "one"), ["a.md: no newline at the end"])

    def test_length_is_for_sources(self):
        self.assertEqual(errors("a.cc", "\n" * 800), [])
        self.assertIn("over the ceiling", errors("a.cc", "\n" * 801)[0])
        self.assertEqual(errors("expected.json", "\n" * 5000), [])
        self.assertEqual(len(check_files.check_text("a.cc", "\n" * 401, [])[1]), 1)

    def test_paths_of_this_machine(self):
        self.assertEqual(len(errors("a.md", "see /disk7/me/x\n", ["/disk7/"])), 1)
        self.assertEqual(errors("a.md", "see /usr/disk7/x\n", ["/disk7/"]), [])

    def test_which_paths_are_of_this_machine(self):
        paths = check_files.machine_paths(Path("/disk7/me/inquest"), "/home/me")
        self.assertEqual(paths, ["/disk7/me/inquest/", "/disk7/", "/home/me/"])
        self.assertEqual(check_files.machine_paths(Path("/builds/inquest"), "/root"), ["/builds/inquest/"])


if __name__ == "__main__":
    unittest.main()
