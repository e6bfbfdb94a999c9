#!/usr/bin/python3
"""Holds the sources against layers.toml: includes, circles, third-party headers, CMake DEPS."""

import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
ROOM_CALL = re.compile(r"\binquest_room\(([^)]*)\)")
TEST_FILE = re.compile(r"_(test|fuzzer|benchmark)\.cc$|_test_util\.(h|cc)$")
KEYWORDS = {"DEPS", "LIBS", "TEST_DEPS"}


@dataclass
class Room:
    name: str
    path: str
    may_use: set[str]
    tests_may_use: set[str] = field(default_factory=set)


@dataclass
class Layers:
    rooms: dict[str, Room]
    headers_may_include: set[str]

    def room_of(self, path: str) -> Room | None:
        """The innermost room whose folder holds `path`, which is relative to src/."""
        rooms = (room for room in self.rooms.values() if path.startswith(room.path + "/"))
        return max(rooms, key=lambda room: len(room.path), default=None)


def load(text: str) -> Layers:
    table = tomllib.loads(text)
    rooms = {
        name: Room(name, entry["path"], set(entry["may_use"]), set(entry.get("tests_may_use", [])))
        for name, entry in table["room"].items()
    }
    return Layers(rooms, set(table.get("headers_may_include", [])))


def find_circle(edges: dict[str, set[str]]) -> list[str] | None:
    """One circle of a directed graph as the list of its nodes, first repeated at the end."""
    state: dict[str, str] = {}
    for start in sorted(edges):
        if start in state:
            continue
        path = [start]
        work = [iter(sorted(edges[start]))]
        state[start] = "open"
        while work:
            following = next(work[-1], None)
            if following is None:
                state[path.pop()] = "done"
                work.pop()
            elif state.get(following) == "open":
                return path[path.index(following):] + [following]
            elif following not in state:
                state[following] = "open"
                path.append(following)
                work.append(iter(sorted(edges.get(following, set()))))
    return None


def is_third_party(header: str, layers: Layers) -> bool:
    """Standard C++ headers have neither a slash nor a dot."""
    return ("/" in header or "." in header) and header not in layers.headers_may_include


def check_file(path: str, text: str, layers: Layers, files: set[str]) -> tuple[list[str], set[str]]:
    """Complaints about one file of src/, and the files of src/ that it includes."""
    problems: list[str] = []
    included: set[str] = set()
    room = layers.room_of(path)
    if room is None:
        return [f"src/{path}: belongs to no room of layers.toml"], included
    is_test = TEST_FILE.search(path) is not None
    allowed = room.may_use | {room.name} | (room.tests_may_use if is_test else set())
    for match in INCLUDE.finditer(text):
        where = f"src/{path}:{text.count(chr(10), 0, match.start(2)) + 1}"
        header = match[2]
        if match[1] == "<":
            if path.endswith(".h") and not is_test and is_third_party(header, layers):
                problems.append(f"{where}: <{header}> in a header: keep it in the .cc file")
            continue
        if header.startswith("testing/"):
            if not is_test:
                problems.append(f"{where}: {header} is for tests only")
            continue
        if header not in files:
            problems.append(f'{where}: "{header}" is no file of src/ (write the path from src/)')
            continue
        included.add(header)
        target = layers.room_of(header)
        if target is not None and target.name not in allowed and "*" not in allowed:
            problems.append(f"{where}: {room.name} may not use {target.name} ({header})")
    return problems, included


def cmake_deps(text: str) -> dict[str, set[str]]:
    """Room name → DEPS, for each inquest_room() call."""
    found = {}
    for call in ROOM_CALL.finditer(re.sub(r"#.*", "", text)):
        words = call[1].split()
        deps, keyword = set(), None
        for word in words[1:]:
            if word in KEYWORDS:
                keyword = word
            elif keyword == "DEPS":
                deps.add(word)
        found[words[0]] = deps
    return found


def check_cmake(path: str, text: str, layers: Layers) -> list[str]:
    problems = []
    for name, deps in cmake_deps(text).items():
        room = layers.rooms.get(name)
        if room is None or path != f"{room.path}/CMakeLists.txt":
            problems.append(f"src/{path}: layers.toml knows no room {name} here")
        elif deps != room.may_use:
            extra = " ".join(sorted(deps - room.may_use)) or "-"
            absent = " ".join(sorted(room.may_use - deps)) or "-"
            problems.append(f"src/{path}: DEPS differ from layers.toml: only here {extra}, only there {absent}")
    return problems


def check(layers: Layers, sources: dict[str, str]) -> list[str]:
    """All complaints. `sources` maps paths relative to src/ to their text."""
    problems = []
    for room in layers.rooms.values():
        for other in sorted((room.may_use | room.tests_may_use) - set(layers.rooms) - {"*"}):
            problems.append(f"layers.toml: {room.name} may use {other}, which is no room")
    circle = find_circle({room.name: room.may_use for room in layers.rooms.values()})
    if circle:
        problems.append("layers.toml: a circle: " + " → ".join(circle))
    files = {path for path in sources if path.endswith((".h", ".cc", ".c"))}
    edges = {}
    for path in sorted(files):
        found, edges[path] = check_file(path, sources[path], layers, files)
        problems += found
    circle = find_circle(edges)
    if circle:
        problems.append("headers include each other in a circle: " + " → ".join(circle))
    for path in sorted(sources):
        if path.endswith("CMakeLists.txt"):
            problems += check_cmake(path, sources[path], layers)
    return problems


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    sources = {
        str(path.relative_to(root / "src")): path.read_text(encoding="utf-8")
        for path in (root / "src").rglob("*")
        if path.suffix in {".h", ".cc", ".c"} or path.name == "CMakeLists.txt"
    }
    problems = check(load((root / "layers.toml").read_text(encoding="utf-8")), sources)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
