"""When a file has to be checked again."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import run_clang_tidy  # noqa: E402


class Marks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.build = self.root / "build"
        self.write(".clang-tidy", "Checks: x")
        self.write("src/base/deep.h", "int deep;\n")
        self.write("src/base/wide.h", '#include "base/deep.h"\n#include <vector>\n')
        self.write("src/a.cc", '#include "base/wide.h"\n')
        self.write("src/b.cc", "int b;\n")
        self.write("build/compile_commands.json", json.dumps(
            [{"file": str(self.root / name), "command": "c++"} for name in ("src/a.cc", "src/b.cc")]))

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def marks(self):
        sources = [self.root / "src/a.cc", self.root / "src/b.cc"]
        return list(run_clang_tidy.marks_of(sources, self.root, self.build).values())

    def test_a_header_seen_through_another_counts_for_those_that_see_it(self):
        before = self.marks()
        self.write("src/base/deep.h", "int deeper;\n")
        after = self.marks()
        self.assertNotEqual(before[0], after[0])
        self.assertEqual(before[1], after[1])

    def test_checks_count_for_all(self):
        before = self.marks()
        self.write(".clang-tidy", "Checks: y")
        self.assertTrue(all(a != b for a, b in zip(before, self.marks())))

    def test_headers_that_include_each_other_end(self):
        self.write("src/base/deep.h", '#include "base/wide.h"\n')
        self.assertEqual(len(self.marks()), 2)


if __name__ == "__main__":
    unittest.main()
