"""Each rule of check_layers.py, seen to bite."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_layers  # noqa: E402

LAYERS = """
headers_may_include = ["elf.h"]
[room.base]
path = "base"
may_use = []
[room.os]
path = "platform/os"
may_use = ["base"]
tests_may_use = ["net"]
[room.net]
path = "platform/net"
may_use = ["base"]
[room.cli]
path = "cli"
may_use = ["*"]
"""


def problems(layers=LAYERS, **sources):
    """Keyword names are paths with __ for / and _h, _cc for the suffix."""
    files = {}
    for name, text in sources.items():
        path, _, suffix = name.replace("__", "/").rpartition("_")
        files["%s.%s" % (path, suffix) if suffix != "cmake" else path + "/CMakeLists.txt"] = text
    return check_layers.check(check_layers.load(layers), files)


class Includes(unittest.TestCase):
    def test_c_files_keep_to_the_same_rules(self):
        found = problems(base__a_c='#include "platform/os/b.h"\n', platform__os__b_h="")
        self.assertEqual(found, ["src/base/a.c:1: base may not use os (platform/os/b.h)"])

    def test_downwards_is_fine(self):
        self.assertEqual(problems(base__a_h="", platform__os__b_cc='#include "base/a.h"\n'), [])

    def test_upwards_and_sideways_are_refused_with_the_line(self):
        found = problems(platform__os__b_h="", base__a_cc='\n#include "platform/os/b.h"\n')
        self.assertEqual(found, ["src/base/a.cc:2: base may not use os (platform/os/b.h)"])
        self.assertEqual(len(problems(platform__net__n_h="", platform__os__b_cc='#include "platform/net/n.h"')), 1)

    def test_tests_may_use_more(self):
        include = '#include "platform/net/n.h"\n#include "testing/elf_builder.h"\n'
        self.assertEqual(problems(platform__net__n_h="", platform__os__b_test_cc=include), [])
        self.assertEqual(len(problems(platform__net__n_h="", platform__os__b_cc=include)), 2)

    def test_the_program_may_use_everything(self):
        self.assertEqual(problems(platform__net__n_h="", cli__main_cc='#include "platform/net/n.h"'), [])

    def test_a_room_within_a_room_is_the_one_that_counts(self):
        inner = LAYERS + '[room.tls]\npath = "platform/net/tls"\nmay_use = ["os"]\n'
        self.assertEqual(problems(inner, platform__net__tls__a_h='#include "platform/os/b.h"\n', platform__os__b_h=""), [])
        found = problems(inner, platform__net__a_h='#include "platform/net/tls/b.h"\n', platform__net__tls__b_h="")
        self.assertEqual(found, ["src/platform/net/a.h:1: net may not use tls (platform/net/tls/b.h)"])

    def test_a_file_outside_every_room_is_refused(self):
        self.assertIn("belongs to no room", problems(attic__a_cc="")[0])

    def test_relative_and_unknown_includes_are_refused(self):
        self.assertIn("no file of src/", problems(base__a_h="", base__a_cc='#include "a.h"')[0])

    def test_third_party_headers_stay_in_sources(self):
        self.assertIn("keep it in the .cc", problems(base__a_h="#include <curl/curl.h>")[0])
        self.assertIn("keep it in the .cc", problems(base__a_h="#include <zlib.h>")[0])
        self.assertEqual(problems(base__a_h="#include <vector>\n#include <elf.h>\n"), [])
        self.assertEqual(problems(base__a_cc="#include <zlib.h>"), [])


class Circles(unittest.TestCase):
    def test_headers_in_a_circle_are_refused(self):
        found = problems(base__a_h='#include "base/b.h"', base__b_h='#include "base/a.h"')
        self.assertEqual(found, ["headers include each other in a circle: base/a.h → base/b.h → base/a.h"])

    def test_rooms_in_a_circle_are_refused(self):
        layers = LAYERS.replace("may_use = []", 'may_use = ["os"]')
        self.assertIn("a circle: base → os → base", problems(layers)[0])

    def test_a_diamond_is_no_circle(self):
        edges = {"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}
        self.assertIsNone(check_layers.find_circle(edges))

    def test_an_unknown_room_is_refused(self):
        self.assertIn("which is no room", problems(LAYERS.replace('["base"]', '["basement"]'))[0])


class Cmake(unittest.TestCase):
    def test_deps_must_be_those_of_the_table(self):
        self.assertEqual(problems(platform__os_cmake="inquest_room(os DEPS base\n LIBS fmt::fmt)"), [])
        found = problems(platform__os_cmake="inquest_room(os DEPS net LIBS base)")
        self.assertIn("only here net, only there base", found[0])

    def test_a_room_must_stand_where_the_table_says(self):
        self.assertIn("knows no room", problems(base_cmake="inquest_room(os DEPS base)")[0])


if __name__ == "__main__":
    unittest.main()
