#!/usr/bin/env python3
"""Compares the arguments and locals that inquest prints for the crashing thread with those of gdb.

    compare_values.py --inquest build/release/bin/inquest [--list] CORE=EXECUTABLE...

Variables are matched by frame, function and name; shadowed names by their order. Plain values are compared as
numbers, structures and arrays by their leaves, library types by the numbers and texts in them. Counted are:

    same       both print the same
    neither    neither has a value
    only us    gdb says that it is optimised out, or cannot print it
    only gdb   we do not print what gdb does
    parts      one of them has only parts of it
    other words  both print, in words that cannot be compared here
    differ     both print, and not the same: one of them is wrong
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter

GDB_SCRIPT = r"""
import gdb, json, re
LEAF = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_FLT)
POINTER = (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF)

def leaf(value, kind):
    if kind == gdb.TYPE_CODE_FLT:
        return value.format_string()
    if kind == gdb.TYPE_CODE_ENUM:
        return re.sub(r'\w+::', '', re.sub(r'unknown: |[()]', '', value.format_string()))
    return str(int(value))

def render(value, depth=0):
    '''The leaves of a value: texts of numbers; None where gdb has none.'''
    kind = value.type.strip_typedefs().code
    if depth == 0 and kind in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        return [hex(int(value.address) if value.address is not None else int(value.referenced_value().address))]
    if value.is_optimized_out:
        return [None]
    if kind in LEAF:
        return [leaf(value, kind)]
    if kind in POINTER:
        return [hex(int(value) & (1 << 64) - 1)]
    if gdb.default_visualizer(value) is not None:
        return [value.format_string(max_elements=200, repeat_threshold=0, max_depth=4)]
    if kind in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) and depth < 3:
        leaves = []
        for field in value.type.strip_typedefs().fields():
            if hasattr(field, 'bitpos') and not field.name.startswith('_vptr') if field.name else True:
                leaves += render(value[field], depth + 1)
        return leaves
    if kind == gdb.TYPE_CODE_ARRAY:
        low, high = value.type.strip_typedefs().range()
        target = value.type.strip_typedefs().target().strip_typedefs()
        if target.sizeof == 1 and target.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR):
            return [value.format_string(max_elements=200, repeat_threshold=0)]
        leaves = []
        for i in range(low, min(high, low + 9) + 1):
            leaves += render(value[i], depth + 1)
        return leaves
    if kind == gdb.TYPE_CODE_COMPLEX:
        return [value.format_string().replace(' * I', '')]
    return ['?']

def variables(frame):
    try:
        block = frame.block()
    except RuntimeError:
        return
    while block is not None and not block.is_global and not block.is_static:
        for symbol in block:
            if not (symbol.is_argument or symbol.is_variable):
                continue
            try:
                value = symbol.value(frame)
                leaves = render(value)
            except Exception as error:
                yield symbol.name, None, str(error), symbol.line
                continue
            yield symbol.name, leaves, str(value.type), symbol.line
        if block.function is not None:
            break
        block = block.superblock

gdb.execute('set print frame-arguments none')
frame, frames = gdb.newest_frame(), []
while frame is not None and len(frames) < 64:
    if frame.type() in (gdb.NORMAL_FRAME, gdb.INLINE_FRAME):
        function = frame.function()
        frames.append({'pc': frame.pc(), 'inline': frame.type() == gdb.INLINE_FRAME,
                       'function': function.name if function else None, 'variables': list(variables(frame))})
    try:
        frame = frame.older()
    except gdb.error:
        frame = None
print('FRAMES ' + json.dumps(frames))
"""


def gdb_frames(core, executable):
    command = ['gdb', '-nx', '-batch', '-iex', 'set auto-load safe-path /usr', '-ex', 'python exec(' + repr(GDB_SCRIPT) + ')', executable, core]
    result = subprocess.run(command, capture_output=True, text=True, check=False, errors='replace')
    for line in result.stdout.splitlines():
        if line.startswith('FRAMES '):
            return json.loads(line[7:])
    raise SystemExit(f'gdb said nothing about {core}: {result.stderr[-2000:]}')


def our_frames(inquest, core, executable):
    command = [inquest, 'explain', '--full', '--json', core, '--exe', executable]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f'{" ".join(command)}: {result.stderr or result.stdout}')
    return json.loads(result.stdout)['facts']['crashing']['frames']


def base_name(function):
    """`shop::Cart::add(int)` → `add`."""
    plain = re.sub(r'\(.*', '', re.sub(r'<[^<>]*>', '', re.sub(r'<[^<>]*>', '', function or '')))
    return plain.rsplit('::', 1)[-1].strip()


def by_variable(frames_of_pc):
    """{(function, name): [value, …]} in the order of the source."""
    table = {}
    for function, name, line, value in frames_of_pc:
        table.setdefault((base_name(function), name), []).append((line, value))
    return {key: [value for _, value in sorted(values, key=lambda v: v[0] or 0)] for key, values in table.items()}


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|0x[0-9a-fA-F]+|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[A-Za-z_]\w*')
NOISE = re.compile(r'\b(of length|with|containing|capacity|use count|weak count|index) \d+(?: elements?)?|'
                   r'\[contained value\] = |(?<![\w])[uUL](?=")|\bstd::\w+(?:::\w+)*<[^={}]*>(?= )|'
                   r'std::variant \[[^\]]*\]|\bget\(\) = ')
SPELT_APART = ('std::bitset', 'std::any', 'empty std::tuple', 'No data', '?')  # the same thing in other words


def without_pointees(text):
    """Our text follows pointers; gdb's leaves do not."""
    out, i = '', 0
    for match in re.finditer(r'0x[0-9a-f]+(?: → | (?="))', text):
        if match.start() < i:
            continue
        out += text[i:match.start()] + match.group().split()[0]
        i, depth, quoted = match.end(), 0, False
        while i < len(text) and (depth > 0 or quoted or text[i] not in ',}') and not (depth == 0 and not quoted and text[i] == ' ' and text[i + 1:i + 2] == '('):
            if text[i] == '\\' and quoted:
                i += 1
            elif text[i] == '"':
                quoted = not quoted
            elif not quoted:
                depth += (text[i] in '{(<[') - (text[i] in '})>]')
            i += 1
    return out + text[i:]


def tokens(text, names):
    """Numbers and texts; with `names`, enumerators too."""
    if not re.match(r'std::(?:unordered_)?(?:multi)?map', text):  # there the number is a key
        text = re.sub(r'\[\d+\] = ', '', text)
    text = re.sub(r"(-?\d+) '(?:[^'\\]|\\.|\\\d+)*'", r'\1', text)
    text = re.sub(r'\w+ = ', '', NOISE.sub('', text))
    text = re.sub(r' \(\w[\w ]*\)', '', text)
    found = []
    for token in TOKEN.findall(text):
        if token.startswith('"'):
            plain = re.sub(r'\\x([0-9a-f]{2})', lambda m: f'\\{int(m.group(1), 16):03o}', token[1:-1])
            found.append(re.sub(r'(\\000)*$', '', plain) if names else plain)
        elif token in ('true', 'false'):
            found.append(float(token == 'true'))
        elif re.match(r'-?[\d]|nan$|inf$', token):
            found.append(float(int(token, 16)) if token.startswith('0x') else float(token))
        elif names:
            found.append(token)
    return found


def close(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return a == b or (a != a and b != b) or abs(a - b) <= 1e-5 * max(abs(a), abs(b)) or a % 2**64 == b % 2**64


def compare(ours, theirs):
    """One of the words of the table. `ours` is text or None, `theirs` a list of leaves or None."""
    has = theirs is not None and any(leaf is not None for leaf in theirs)
    if ours is None:
        return 'only gdb' if has else 'neither'
    if not has:
        return 'only us'
    if any(leaf.startswith(SPELT_APART) for leaf in theirs if leaf):
        return 'other words'
    if '<virtual base>' in ours or None in theirs or '<optimized' in ours or '<unknown' in ours or '<synthetic' in str(theirs):
        return 'parts'
    plain = 'std::' not in ours + str(theirs)
    a = tokens(without_pointees(ours), plain)
    b = [token for leaf in theirs for token in tokens(leaf, plain)]
    if len(a) == len(b) and all(map(close, a, b)):
        return 'same'
    if '…' in ours:  # shown up to a limit: what is shown must be the same
        a = tokens(without_pointees(re.sub(r'…( \d+ more)?', '', ours)), plain)
        if a and len(a) < len(b) and all(map(close, a, b)):
            return 'same'
    return 'differ'


def compare_core(inquest, core, executable):
    theirs, pending = {}, []
    for frame in gdb_frames(core, executable):
        pending += [(frame['function'], name, line, leaves) for name, leaves, _, line in frame['variables']]
        if not frame['inline']:
            theirs[frame['pc']] = by_variable(pending)
            pending = []
    rows = []
    for frame in our_frames(inquest, core, executable):
        known = theirs.get(int(frame['pc'], 16))
        if known is None or 'variables' not in frame:
            continue
        mine = by_variable([(v['function'], v['name'], v.get('line', v.get('declared_line', 0)), v.get('text'))
                            for v in frame['variables']])
        why = {(base_name(v['function']), v['name']): v.get('why') or v.get('state') for v in frame['variables']}
        for key in sorted(set(mine) | set(known), key=str):
            ours, gdbs = mine.get(key, []), known.get(key, [])
            if len(ours) != len(gdbs):
                rows.append((frame['index'], key, 'unmatched', ours, gdbs))
                continue
            for a, b in zip(ours, gdbs):
                rows.append((frame['index'], key, compare(a, b), a if a is not None else why.get(key), b))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--inquest', default='inquest')
    parser.add_argument('--list', action='store_true', help='print what is not the same, variable by variable')
    parser.add_argument('--allow', type=int, default=0, help='how many variables may differ')
    parser.add_argument('core', nargs='+', metavar='CORE=EXECUTABLE')
    arguments = parser.parse_args()
    total = Counter()
    for pair in arguments.core:
        core, _, executable = pair.partition('=')
        rows = compare_core(arguments.inquest, core, executable)
        count = Counter(row[2] for row in rows)
        total += count
        print(f'{executable.rsplit("/", 1)[-1]:28}', ', '.join(f'{n} {word}' for word, n in sorted(count.items())))
        for index, (function, name), word, ours, gdbs in rows:
            if arguments.list and word not in ('same', 'neither'):
                print(f'    #{index} {function}() {name}: {word}\n        us:  {str(ours)[:300]}\n        gdb: {str(gdbs)[:300]}')
    print(f'{"all":28}', ', '.join(f'{n} {word}' for word, n in sorted(total.items())))
    return 1 if total['differ'] > arguments.allow else 0


if __name__ == '__main__':
    sys.exit(main())
