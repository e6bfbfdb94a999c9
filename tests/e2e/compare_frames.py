#!/usr/bin/env python3
"""Compares the stacks that inquest finds in cores with those of gdb, lldb and eu-stack.

    compare_frames.py --inquest build/release/bin/inquest [--sysroot DIR] CORE[=EXECUTABLE]...

For each core and thread the program counters are compared frame by frame (inlined frames and frames of tail calls
left out, folded cycles of inquest unfolded). Tail calls are then compared by themselves: which stand before which frame.
tests/e2e/frame_cores.py makes cores to compare. Prints one line for each thread that somebody sees differently, and
a table at the end. Exit code 0: every disagreement is one that --expect allows, 1 otherwise.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys

MAX_FRAMES = 5000

GDB_SCRIPT = f"""
import gdb, json
stacks = {{}}
for thread in gdb.selected_inferior().threads():
    thread.switch()
    frame, pcs = gdb.newest_frame(), []
    tails = []
    while frame is not None and len(pcs) < {MAX_FRAMES}:
        if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME, gdb.ARCH_FRAME):
            pcs.append(frame.pc())
        elif frame.type() == gdb.TAILCALL_FRAME:
            tails.append((len(pcs), frame.name()))
        try:
            frame = frame.older()
        except gdb.error:
            frame = None
    stacks[thread.ptid[1]] = dict(pcs=pcs, tails=tails)
print('STACKS ' + json.dumps(stacks))
"""


def stacks_line(output):
    """The stacks that one of the scripts printed, by thread id; None when it did not get that far."""
    for line in output.splitlines():
        if line.startswith('STACKS '):
            return {int(tid): stack for tid, stack in json.loads(line[7:]).items()}
    return None


def gdb_stacks(core, executable, sysroot):
    foreign = ['-iex', f'set sysroot {sysroot}'] if sysroot else []
    command = ['gdb-multiarch' if sysroot else 'gdb', *foreign, '-nx', '-batch', '-ex', 'set backtrace past-main on', '-ex', 'set backtrace past-entry on',
               '-ex', f'set backtrace limit {MAX_FRAMES}', '-ex', 'python exec(' + repr(GDB_SCRIPT) + ')',
               executable, core]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return stacks_line(output)


def eu_stacks(core, executable, timeout):
    command = ['eu-stack', '-n', str(MAX_FRAMES), f'--core={core}', '-e', executable]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout).stdout
    except subprocess.TimeoutExpired:
        return None
    stacks, pcs = {}, None
    for line in output.splitlines():
        thread = re.match(r'TID (\d+):', line)
        frame = re.match(r'#\d+ +(0x[0-9a-f]+)', line)
        if thread:
            pcs = stacks.setdefault(int(thread.group(1)), dict(pcs=[], tails=None))['pcs']
        elif frame and pcs is not None:
            pcs.append(int(frame.group(1), 16))
    return stacks


LLDB_SCRIPT = f"""
import json
import lldb
process = lldb.debugger.GetSelectedTarget().GetProcess()
stacks = {{}}
for thread in process:
    frames = [thread.GetFrameAtIndex(i) for i in range(min(thread.GetNumFrames(), {MAX_FRAMES}))]
    tails, real = [], 0
    for i, f in enumerate(frames):
        if f.IsArtificial():
            tails.append((real, f.GetFunctionName()))
        elif i == 0 or not frames[i - 1].IsInlined():
            real += 1
    frames = [f for f in frames if not f.IsArtificial()]
    # Of inlined frames and the one that they are in, only the innermost has the real program counter.
    pcs = [f.GetPC() for i, f in enumerate(frames) if i == 0 or not frames[i - 1].IsInlined()]
    stacks[thread.GetThreadID()] = dict(pcs=pcs, tails=tails)
print('STACKS ' + json.dumps(stacks))
"""


def lldb_stacks(core, executable, lldb, sysroot):
    open_it = ['-o', f'platform select remote-linux --sysroot {sysroot}'] if sysroot else []
    open_it += ['-o', f'target create {executable} --core {core}']
    command = [lldb, '-b', *open_it, '-o', 'script exec(' + repr(LLDB_SCRIPT) + ')']
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return stacks_line(output)


def unfold(stack):
    frames = [frame for frame in stack['frames'] if frame['found_by'] != 'tail_call']
    pcs = [int(frame['pc'], 16) for frame in frames]
    cycle = stack.get('cycle')
    if cycle and len(frames) == len(stack['frames']):  # else the numbers count tail calls as well
        first, period = cycle['first'], cycle['period']
        rounds = min(cycle['count'], MAX_FRAMES // period + 1)
        pcs = pcs[:first] + pcs[first:first + period] * rounds + pcs[first + period:]
    return pcs


def our_tails(stack):
    """Each tail call by the number of real frames before it and the names of its functions, inlined ones included."""
    tails, real = [], 0
    for frame in stack['frames']:
        if frame['found_by'] == 'tail_call':
            tails.append((real, [function.get('name') or frame['pc'] for function in frame['functions']]))
        else:
            real += 1
    return tails


def our_stacks(inquest, core, executable, sysroot):
    command = [*inquest, '--dump=stacks', core] + (['--exe', executable] if executable else [])
    command += ['--sysroot', sysroot] if sysroot else []
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f'{" ".join(command)}: {result.stderr or result.stdout}')
    return {stack['tid']: stack for stack in json.loads(result.stdout)['stacks']}


def first_difference(ours, theirs):
    """None when they agree, else (index, our pc or None, their pc or None)."""
    ours, theirs = ours[:MAX_FRAMES], theirs[:MAX_FRAMES]
    for index in range(max(len(ours), len(theirs))):
        a = ours[index] if index < len(ours) else None
        b = theirs[index] if index < len(theirs) else None
        if a != b:
            return index, a, b
    return None


def text(pc):
    return 'nothing' if pc is None else hex(pc)


def plain(name):
    """Without parameters and suffixes that compilers add: the debuggers spell functions differently."""
    return re.sub(r'\(.*|\.(isra|constprop|part)\.\d+|<.*', '', name or '??')


def compare_tails(core, tid, name, ours, theirs):
    if theirs is None:
        return
    ours = [(at, [plain(function) for function in functions]) for at, functions in ours]
    theirs = [(at, plain(function)) for at, function in theirs]
    for at, functions in ours:
        if not any((at, function) in theirs for function in functions):
            print(f'{core}: thread {tid}: tail call of {functions[-1]} before frame #{at}: {name} has it not')
    for at, function in theirs:
        if not any(at == mine and function in functions for mine, functions in ours):
            print(f'{core}: thread {tid}: tail call of {function} before frame #{at}: only {name} has it')


def compare(core, executable, arguments):
    stacks = our_stacks([*arguments.inquest.split(), 'explain'], core, executable, arguments.sysroot)
    executable = executable or next(iter(re.findall(r"execfn: '([^']+)'", subprocess.run(
        ['file', '-b', core], capture_output=True, text=True, check=False).stdout)), '')
    oracles = {'gdb': gdb_stacks(core, executable, arguments.sysroot), 'eu-stack': eu_stacks(core, executable, arguments.timeout)}
    if shutil.which(arguments.lldb):
        oracles['lldb'] = lldb_stacks(core, executable, arguments.lldb, arguments.sysroot)
    rows = []
    for name, others in oracles.items():
        if others is None:
            print(f'{core}: {name} gave no answer')
            rows.append((core, name, '-', '-', '-'))
            continue
        agreeing = 0
        for tid, stack in stacks.items():
            ours = unfold(stack)
            other = others.get(tid, dict(pcs=[], tails=None))
            compare_tails(core, tid, name, our_tails(stack), other['tails'])
            difference = first_difference(ours, other['pcs'])
            if difference is None:
                agreeing += 1
                continue
            index, mine, their_pc = difference
            print(f'{core}: thread {tid}: frame #{index}: inquest {text(mine)}, {name} {text(their_pc)} '
                  f'(lengths {len(ours)} and {len(other["pcs"])}; inquest says {stack["end"]})')
        rows.append((core, name, len(stacks), agreeing, len(stacks) - agreeing))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--inquest', default='build/release/bin/inquest', help='program to compare')
    parser.add_argument('--sysroot', help='of another architecture; gdb-multiarch is used then')
    parser.add_argument('--lldb', default='lldb-16', help='used when it is installed')
    parser.add_argument('--timeout', type=float, default=60, help='seconds that eu-stack may take')
    parser.add_argument('--expect', type=int, default=0, help='disagreements that are known and explained')
    parser.add_argument('cores', nargs='+', metavar='CORE[=EXECUTABLE]')
    arguments = parser.parse_args()
    rows = []
    for item in arguments.cores:
        core, _, executable = item.partition('=')
        rows += compare(core, executable, arguments)
    print(f'\n{"core":40} {"oracle":10} threads  agree  differ')
    for core, name, threads, agree, differ in rows:
        print(f'{core[-40:]:40} {name:10} {threads:>7} {agree:>6} {differ:>7}')
    differing = sum(row[4] for row in rows if row[4] != '-')
    return 0 if differing <= arguments.expect else 1


if __name__ == '__main__':
    sys.exit(main())
