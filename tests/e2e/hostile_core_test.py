"""Cores that were made to hurt: counts, offsets and sizes that lie. Each gets an answer or one clear line, soon and small."""

import functools
import random
import struct
import unittest

import e2e

SECONDS, MIB = 1.0, 200
ALL_ONES_16, ALL_ONES_32, ALL_ONES_64 = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
PT_LOAD, PT_NOTE = 1, 4
NT_PRSTATUS, NT_PRPSINFO, NT_AUXV, NT_FILE, NT_SIGINFO = 1, 3, 6, 0x46494C45, 0x53494749
FLIPS = 120


class Core:
    """The bytes of a real core, and where its parts stand."""

    def __init__(self):
        self.bytes = bytearray(original())
        self.table, = struct.unpack_from("<Q", self.bytes, 32)
        self.count, = struct.unpack_from("<H", self.bytes, 56)

    def headers(self, kind: int) -> list[int]:
        """Offsets of the program headers of a kind."""
        every = [self.table + index * 56 for index in range(self.count)]
        return [at for at in every if struct.unpack_from("<I", self.bytes, at)[0] == kind]

    def set64(self, at: int, value: int) -> None:
        struct.pack_into("<Q", self.bytes, at, value & ALL_ONES_64)

    def notes(self) -> dict[int, tuple[int, int]]:
        """Of each note type, the first one's header and the start of its content."""
        at, = struct.unpack_from("<Q", self.bytes, self.headers(PT_NOTE)[0] + 8)
        size, = struct.unpack_from("<Q", self.bytes, self.headers(PT_NOTE)[0] + 32)
        end, found = at + size, {}
        while at + 12 <= end:
            names, content, kind = struct.unpack_from("<III", self.bytes, at)
            start = at + 12 + (names + 3 & ~3)
            found.setdefault(kind, (at, start))
            at = start + (content + 3 & ~3)
        return found

    def replace_notes(self, notes: bytes) -> None:
        """Puts other notes at the end of the file."""
        at = len(self.bytes)
        self.bytes += notes
        header = self.headers(PT_NOTE)[0]
        self.set64(header + 8, at)
        self.set64(header + 32, len(notes))


@functools.cache
def original() -> bytes:
    return e2e.shop()[1].read_bytes()


def note(kind: int, content: bytes, name: bytes = b"CORE\0") -> bytes:
    return struct.pack("<III", len(name), len(content), kind) + name.ljust(len(name) + 3 & ~3, b"\0") + \
        content.ljust(len(content) + 3 & ~3, b"\0")


def mutations() -> dict:
    """Name → what is done to a core."""
    made = {}

    def mutation(function):
        made[function.__name__] = function
        return function

    @mutation
    def header_table_beyond_the_end(core):
        core.set64(32, len(core.bytes) + 4096)

    @mutation
    def header_table_wraps(core):
        core.set64(32, ALL_ONES_64 - 100)

    @mutation
    def header_count_at_its_maximum(core):
        struct.pack_into("<H", core.bytes, 56, ALL_ONES_16 - 1)

    @mutation
    def header_count_in_a_section_of_four_billion(core):
        struct.pack_into("<H", core.bytes, 56, ALL_ONES_16)  # PN_XNUM: the count is section 0's sh_info
        core.set64(40, len(core.bytes))
        struct.pack_into("<HHH", core.bytes, 58, 64, 1, 0)
        core.bytes += struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, ALL_ONES_32, 0, 0)

    @mutation
    def header_entries_of_size_zero(core):
        struct.pack_into("<H", core.bytes, 54, 0)

    @mutation
    def segments_with_sizes_that_wrap(core):
        for at in core.headers(PT_LOAD):
            core.set64(at + 32, ALL_ONES_64)
            core.set64(at + 40, ALL_ONES_64)

    @mutation
    def segments_with_offsets_that_wrap(core):
        for at in core.headers(PT_LOAD):
            core.set64(at + 8, ALL_ONES_64 - 16)

    @mutation
    def segments_all_at_one_address(core):
        first = core.bytes[core.headers(PT_LOAD)[0] + 16 :][:8]
        for at in core.headers(PT_LOAD):
            core.bytes[at + 16 : at + 24] = first

    @mutation
    def segments_over_the_whole_address_space(core):
        for at in core.headers(PT_LOAD):
            core.set64(at + 16, 0)
            core.set64(at + 40, ALL_ONES_64)

    @mutation
    def segments_with_more_bytes_than_memory(core):
        for at in core.headers(PT_LOAD):
            core.set64(at + 40, 16)

    @mutation
    def sixty_thousand_overlapping_segments(core):
        load = core.headers(PT_LOAD)[0]
        header = bytearray(core.bytes[load : load + 56])
        notes = core.bytes[core.headers(PT_NOTE)[0] :][:56]
        table = bytearray(notes)
        for index in range(60_000):
            struct.pack_into("<Q", header, 16, 0x1000 * (index % 777))
            struct.pack_into("<Q", header, 40, 0x1000 * (60_000 - index))
            table += header
        core.set64(32, len(core.bytes))
        struct.pack_into("<H", core.bytes, 56, 60_001)
        core.bytes += table

    @mutation
    def note_segment_of_all_memory(core):
        core.set64(core.headers(PT_NOTE)[0] + 32, ALL_ONES_64)

    @mutation
    def note_names_of_four_gigabytes(core):
        for header, _ in core.notes().values():
            struct.pack_into("<I", core.bytes, header, ALL_ONES_32)

    @mutation
    def note_contents_of_four_gigabytes(core):
        for header, _ in core.notes().values():
            struct.pack_into("<I", core.bytes, header + 4, ALL_ONES_32)

    @mutation
    def mapped_files_without_number(core):
        core.set64(core.notes()[NT_FILE][1], ALL_ONES_64)

    @mutation
    def mapped_files_four_billion(core):
        core.set64(core.notes()[NT_FILE][1], ALL_ONES_32)

    @mutation
    def mapped_files_with_pages_of_all_memory(core):
        core.set64(core.notes()[NT_FILE][1] + 8, ALL_ONES_64)

    @mutation
    def mapped_files_that_run_backwards(core):
        start = core.notes()[NT_FILE][1]
        count, = struct.unpack_from("<Q", core.bytes, start)
        for index in range(count):
            core.set64(start + 16 + index * 24, ALL_ONES_64)
            core.set64(start + 16 + index * 24 + 8, 0)

    @mutation
    def a_million_empty_notes(core):
        core.replace_notes(note(99, b"") * 1_000_000)

    @mutation
    def ten_thousand_threads_of_the_same_id(core):
        header, start = core.notes()[NT_PRSTATUS]
        size, = struct.unpack_from("<I", core.bytes, header + 4)
        core.replace_notes(note(NT_PRSTATUS, bytes(core.bytes[start : start + size])) * 10_000)

    @mutation
    def fifty_thousand_threads(core):
        every = core.notes()
        header, start = every[NT_PRSTATUS]
        size, = struct.unpack_from("<I", core.bytes, header + 4)
        status = bytearray(core.bytes[start : start + size])
        made = bytearray()
        for index in range(50_000):
            struct.pack_into("<I", status, 32, 1000 + index)
            made += note(NT_PRSTATUS, bytes(status))
        for kind in (NT_PRPSINFO, NT_AUXV, NT_FILE, NT_SIGINFO):
            header, start = every[kind]
            size, = struct.unpack_from("<I", core.bytes, header + 4)
            made += note(kind, bytes(core.bytes[start : start + size]))
        core.replace_notes(bytes(made))

    @mutation
    def no_notes_at_all(core):
        core.replace_notes(b"")

    @mutation
    def auxiliary_vector_that_points_at_everything(core):
        header, start = core.notes()[NT_AUXV]
        size, = struct.unpack_from("<I", core.bytes, header + 4)
        for at in range(start, start + size, 16):
            core.set64(at + 8, ALL_ONES_64 - 8)

    @mutation
    def registers_at_the_end_of_memory(core):
        start = core.notes()[NT_PRSTATUS][1]
        for index in range(27):
            core.set64(start + 112 + index * 8, ALL_ONES_64)

    @mutation
    def stack_pointer_that_points_at_itself(core):
        start = core.notes()[NT_PRSTATUS][1]
        stack, = struct.unpack_from("<Q", core.bytes, start + 112 + 19 * 8)
        core.set64(start + 112 + 16 * 8, 0)  # rip
        core.set64(start + 112 + 4 * 8, stack)  # rbp
        for at in core.headers(PT_LOAD):
            _, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", core.bytes, at)
            if address <= stack < address + size:
                for place in range(stack - address, size - 8, 8):
                    core.set64(offset + place, stack)

    @mutation
    def a_program_name_without_end(core):
        start = core.notes()[NT_PRPSINFO][1]
        core.bytes[start + 40 : start + 136] = b"\x1b[2J" * 24

    @mutation
    def the_list_of_libraries_is_a_circle(core):
        content = bytes(core.bytes)
        for at in core.headers(PT_LOAD):  # every pointer of writable data to one place
            _, flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", content, at)
            if flags == 6 and size and address < 0x7FF000000000:
                core.bytes[offset : offset + size] = struct.pack("<Q", address) * (size // 8)

    return made


class Hostile(e2e.TestCase):
    def assert_bounded(self, core: bytes, name: str, *arguments) -> e2e.Run:
        path = e2e.fresh("hostile") / "core"
        path.write_bytes(core)
        run = e2e.explain(path, *arguments, timeout=20)
        self.assertIn(run.status, (0, 1), run.err)
        if run.status == 1:
            self.assert_clear_error(run, str(path))
            self.assertGreater(len(run.err.split(str(path), 1)[1]), 10, "says nothing but the name")
        else:
            self.assertEqual(run.err, "")
        self.assertLess(run.cpu, SECONDS * e2e.SLOWNESS, name)
        self.assertLess(run.peak_mib, MIB, name)
        self.assertNotIn("\x1b", run.out + run.err)
        path.unlink()
        return run

    def test_lies_about_counts_sizes_and_places_cost_neither_time_nor_memory(self):
        for name, mutate in mutations().items():
            with self.subTest(name):
                core = Core()
                mutate(core)
                self.assert_bounded(bytes(core.bytes), name)

    def test_overlapping_segments_are_said_to_overlap(self):
        core = Core()
        mutations()["segments_all_at_one_address"](core)
        self.assertRegex(self.assert_bounded(bytes(core.bytes), "overlap").out, "overlap")

    def test_fifty_thousand_threads_are_all_accounted_for_in_little_memory(self):
        core = Core()
        mutations()["fifty_thousand_threads"](core)
        run = self.assert_bounded(bytes(core.bytes), "fifty thousand threads", "--json")
        others = run.report["facts"]["others"]
        self.assertEqual(1 + sum(1 + len(stack.get("alike", [])) for stack in others), 50_000)
        text = self.assert_bounded(bytes(core.bytes), "fifty thousand threads").out
        self.assertRegex(text, r"49,?999 threads: ")

    def test_a_core_without_threads_says_what_it_lacks(self):
        core = Core()
        mutations()["no_notes_at_all"](core)
        run = self.assert_bounded(bytes(core.bytes), "no notes")
        self.assertEqual(run.status, 1)
        self.assertRegex(run.err, "thread|notes")

    def test_flipped_bytes_in_headers_and_notes_never_bring_inquest_down(self):
        core = Core()
        loads = core.headers(PT_LOAD)
        end = min(struct.unpack_from("<Q", core.bytes, at + 8)[0] for at in loads)
        for seed in range(FLIPS):
            with self.subTest(seed=seed):
                dice, content = random.Random(seed), bytearray(core.bytes)
                for _ in range(dice.choice((1, 4, 40))):
                    content[dice.randrange(4, end)] = dice.choice((0, 0x7F, 0x80, 0xFF, dice.randrange(256)))
                self.assert_bounded(bytes(content), f"seed {seed}", "--full")

    def test_flipped_bytes_in_memory_never_bring_inquest_down(self):
        """What a crash does to its own memory is hostile as well: ld.so's list, the stack, the heap."""
        core = Core()
        for seed in range(FLIPS // 2):
            with self.subTest(seed=seed):
                dice, content = random.Random(1000 + seed), bytearray(core.bytes)
                for _ in range(dice.choice((20, 400, 5000))):
                    content[dice.randrange(0x1000, len(content))] = dice.choice((0, 0xFF, dice.randrange(256)))
                self.assert_bounded(bytes(content), f"seed {seed}", "--full")


if __name__ == "__main__":
    e2e.main()
