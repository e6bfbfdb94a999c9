#!/usr/bin/env python3
"""Holds `inquest heap --blocks` against what a test program printed about its own heap.

usage: compare.py LEDGER BLOCKS [glibc|musl|mimalloc]

LEDGER: lines "live|freed ADDRESS SIZE [USABLE]" (hex, size as asked for, size that the allocator told). BLOCKS: lines "0xADDRESS SIZE STATE PLACE".
A live block must be there, live, and of the size that the allocator told; where that is not known, large enough
and not larger than glibc rounds up. A freed one must
not be live: freed, merged into a free block, or handed out again as a part of another block.
"""
import bisect
import sys

MAX_SLACK = 64  # bytes that glibc may add: rounding to 16, and rests too small for chunks of their own
MAX_MAPPED_SLACK = 128 * 1024  # a page, and what memalign() leaves behind
MAX_REUSED = 16  # freed blocks that the C library itself took again, for threads' control blocks


def read_ledger(path):
    with open(path) as lines:
        fields = [line.split() for line in lines]
    return [(f[0], *(int(number, 16) for number in f[1:])) for f in fields if len(f) in (3, 4)]


def read_blocks(path):
    blocks = []
    with open(path) as lines:
        for line in lines:
            fields = line.rstrip("\n").split(" ", 3)
            if fields[0].startswith("0x"):
                blocks.append((int(fields[0], 16), int(fields[1]), fields[2], fields[3] if len(fields) > 3 else ""))
    return sorted(blocks)


def slack_of(address, size, place):
    """Bytes that glibc may add to a block."""
    return MAX_MAPPED_SLACK if place == "mapped on its own" else MAX_SLACK


def no_slack(address, size, place):
    """musl remembers what was asked for."""
    return 0


def class_slack(address, size, place):
    """mimalloc rounds up to a class, an eighth or a quarter apart; beyond 128 KiB to slices of 64 KiB. What must be
    aligned lies somewhere in a block that is as much larger."""
    size += min(address & -address, 65536) if address % 256 == 0 else 0
    return max(16, size // 4) + (address & -address) % 65536 if size <= 128 * 1024 else 6 * 64 * 1024


def compare(ledger, blocks, slack=slack_of):
    """Sentences about each disagreement, and the freed blocks that are in use again."""
    starts = [block[0] for block in blocks]
    wrong, reused = [], []
    for state, address, size, *told in ledger:
        i = bisect.bisect_right(starts, address) - 1
        start, usable, is_state, place = blocks[i] if i >= 0 else (0, 0, "none", "")
        inside = start <= address < start + max(usable, 1)
        if state == "live":
            moved = slack is class_slack and inside and address % 256 == 0 and address + size <= start + usable
            if (start != address and not moved) or is_state != "live":
                wrong.append(f"live {address:#x} ({size} bytes): answered {is_state} {start:#x} {place}")
            elif told and usable - (address - start) != told[0]:
                wrong.append(f"live {address:#x}: {told[0]} usable bytes, answered {usable} from {start:#x}")
            elif not told and not size <= usable <= size + slack(address, size, place):
                wrong.append(f"live {address:#x}: {size} bytes asked for, answered {usable}")
        elif inside and start == address and is_state == "live":
            reused.append(f"freed {address:#x} ({size} bytes): answered live {place}")
    return wrong + reused[MAX_REUSED:], reused


def main():
    ledger, blocks = read_ledger(sys.argv[1]), read_blocks(sys.argv[2])
    slack = {"musl": no_slack, "mimalloc": class_slack}.get((sys.argv + [""] * 2)[3], slack_of)
    wrong, reused = compare(ledger, blocks, slack)
    for sentence in wrong[:40]:
        print(sentence)
    live = sum(1 for entry in ledger if entry[0] == "live")
    known = {entry[1] for entry in ledger if entry[0] == "live"}
    extra = [block for block in blocks if block[2] == "live" and block[0] not in known]
    print(f"{live} live and {len(ledger) - live} freed blocks: {len(wrong)} disagreements; "
          f"{len(reused)} freed blocks and {len(extra)} live ones are used by the C library")
    sys.exit(1 if wrong or not ledger else 0)


if __name__ == "__main__":
    main()
