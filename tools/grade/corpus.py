"""The corpus of crashing programs: what each case.toml says, and the lines marked in its sources."""

import dataclasses
import pathlib
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "crashers"

# The names of src/diagnosis/verdict/verdict.h.
CLASSES = (
    "null-dereference", "null-member-access", "null-function-call", "wild-pointer",
    "uninitialised-pointer", "use-after-free", "double-free", "invalid-free", "heap-corruption",
    "stack-buffer-overflow", "stack-overflow-recursion", "stack-overflow-large-frame",
    "write-to-read-only", "execute-non-executable", "corrupted-code-pointer",
    "bus-truncated-file", "misaligned-access", "integer-division-by-zero",
    "integer-overflow-trap", "illegal-instruction", "deliberate-trap", "assertion",
    "uncaught-exception", "panic", "out-of-memory-abort", "killed-externally", "abi-mismatch",
    "bad-system-call", "pure-virtual-call", "buffer-overflow-fortify", "abort",
    "out-of-bounds-access",
)

NATIVE_VARIANTS = ("debug", "O2", "split", "nodebug", "stripped")
ARM_VARIANTS = ("aarch64", "aarch64-static")
VARIANTS = NATIVE_VARIANTS + ARM_VARIANTS
WITH_DEBUG_INFO = ("debug", "O2", "split") + ARM_VARIANTS

QUICK_VARIANTS = ("O2", "nodebug")
QUICK_CASES = (
    "c-quote-engine", "c-plugin-host", "c-session-table", "c-journal-close", "c-json-reader",
    "c-record-header", "cpp-order-lookup", "cpp-render-tree", "cpp-job-pool", "cpp-rate-meter",
    "rs-ledger-apply", "rs-request-id",
)

SUFFIXES = {"c": (".c",), "c++": (".cc",), "rust": (".rs",)}
KEYS = {
    "story", "language", "class", "function", "also_function", "expression", "also_expression",
    "access", "signal", "also_accept", "also_accept_nodebug", "also_accept_reason", "sources",
    "compiler", "flags", "link", "debug_flags", "library", "env", "args", "threads", "stripped",
    "aarch64", "aarch64_signal", "variants", "no_site", "panic", "blamed", "held_out",
}


class CaseError(Exception):
    """A case.toml that cannot be trusted as ground truth."""


@dataclasses.dataclass(frozen=True)
class Library:
    """A shared object built next to the program; `name` is its file name."""

    name: str
    sources: tuple
    flags: tuple
    link: tuple


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One program that dies in one known way."""

    name: str
    directory: pathlib.Path
    facts: dict
    sources: tuple
    libraries: tuple
    crash_lines: frozenset  # {(file name, line)}

    def get(self, key, default=None):
        return self.facts.get(key, default)

    @property
    def language(self):
        return self.facts["language"]

    @property
    def expected_class(self):
        return self.facts["class"]

    def accepted_classes(self, variant):
        accepted = [self.expected_class, *self.get("also_accept", ())]
        if variant not in WITH_DEBUG_INFO:
            accepted += self.get("also_accept_nodebug", ())
        return accepted

    def functions(self):
        return [self.facts["function"], *self.get("also_function", ())]

    def expressions(self):
        """The expressions an engineer would blame; empty when the crash has none."""
        if "expression" not in self.facts:
            return []
        return [self.facts["expression"], *self.get("also_expression", ())]

    def blamed(self):
        """The functions that an engineer would hold to blame; empty when it is not told."""
        return list(self.get("blamed", ()))

    def signal(self, variant):
        if variant in ARM_VARIANTS:
            return self.get("aarch64_signal", self.facts["signal"])
        return self.facts["signal"]

    def variants(self):
        if "variants" in self.facts:
            return tuple(self.facts["variants"])
        names = ["debug", "O2", "split", "nodebug"]
        if self.get("stripped"):
            names.append("stripped")
        if self.get("aarch64"):
            names += ARM_VARIANTS
            if self.libraries:
                names.remove("aarch64-static")
        return tuple(names)

    def all_files(self):
        return sorted(p for p in self.directory.rglob("*") if p.is_file())


def _crash_lines(files):
    lines = set()
    for path in files:
        for number, text in enumerate(path.read_text().splitlines(), 1):
            comment = text.partition("//")[2].split()
            if comment and comment[0] in ("CRASH", "CRASH-ALSO"):
                lines.add((path.name, number))
    return frozenset(lines)


def _library(directory, table):
    return Library(table["name"], tuple(directory / s for s in table["sources"]),
                   tuple(table.get("flags", ())), tuple(table.get("link", ())))


def load_case(directory):
    """Reads one case and refuses what would make the grading meaningless."""
    with open(directory / "case.toml", "rb") as file:
        facts = tomllib.load(file)
    where = directory.name
    unknown = set(facts) - KEYS
    if unknown:
        raise CaseError(f"{where}: unknown keys {sorted(unknown)}")
    for key in ("story", "language", "class", "function", "signal"):
        if key not in facts:
            raise CaseError(f"{where}: {key} is missing")
    alternates = [*facts.get("also_accept", ()), *facts.get("also_accept_nodebug", ())]
    for name in (facts["class"], *alternates):
        if name not in CLASSES:
            raise CaseError(f"{where}: no such class: {name}")
    if alternates and "also_accept_reason" not in facts:
        raise CaseError(f"{where}: also_accept needs also_accept_reason")
    libraries = tuple(_library(directory, table) for table in facts.get("library", ()))
    if "sources" in facts:
        sources = tuple(directory / s for s in facts["sources"])
    else:
        suffixes = SUFFIXES[facts["language"]]
        sources = tuple(sorted(p for p in directory.iterdir() if p.suffix in suffixes))
    marked = [p for p in directory.rglob("*") if p.suffix in (".c", ".cc", ".h", ".rs")]
    lines = _crash_lines(marked)
    if not sources:
        raise CaseError(f"{where}: no sources")
    if not lines and not facts.get("no_site"):
        raise CaseError(f"{where}: no line is marked // CRASH")
    return Case(where, directory, facts, sources, libraries, lines)


def load_corpus(names=None):
    """All cases by name, or those whose name contains one of `names`."""
    cases = []
    for path in sorted(CASES.glob("*/case.toml")):
        name = path.parent.name
        if not names or any(wanted in name for wanted in names):
            cases.append(load_case(path.parent))
    return cases
