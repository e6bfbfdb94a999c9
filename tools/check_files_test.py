"""Each rule of check_files.py, seen to bite."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

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
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "inquest"
            for name in ("inquest", "notes"):
                (Path(folder) / name).mkdir()
            common = check_files.machine_paths(root, "/home/me")
            self.assertEqual(common, [f"{root}/", "/home/me/"])
            with mock.patch.object(check_files, "COMMON_TOPS", set()):
                own = check_files.machine_paths(root, "/root")
            self.assertEqual(own, [f"{root}/", f"{folder}/notes/"])

    def test_a_checkout_in_a_folder_with_a_common_name_does_not_forbid_that_name(self):
        with mock.patch.object(Path, "iterdir", return_value=[]):
            self.assertEqual(check_files.machine_paths(Path("/data/inquest"), "/root"), ["/data/inquest/"])


if __name__ == "__main__":
    unittest.main()
