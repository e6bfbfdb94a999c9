#!/usr/bin/python3
"""Makes a program with about a gigabyte of DWARF and a crash 24 frames deep in 10 of its units.

A dozen generated units are compiled; copies of their object files (entry points renamed, all else internal) bring
the size. usage: big.py OUT_DIR [MEGABYTES]
"""
import os
import subprocess
import sys

UNITS = 12
STRUCTS = 1600
FUNCTIONS = 260


def unit_source(number):
    lines = ["#include <cstdint>", "#include <map>", "#include <string>", "#include <vector>",
             "struct Context { int* fault; int depth; };",
             "using Entry = int (*)(int, Context*);", "extern \"C\" Entry next_entry(int);", "namespace {"]
    for i in range(STRUCTS):
        previous = f"Record{i - 1}* link{i}; " if i else ""
        lines.append(f"struct Record{i} {{ {previous}"
                     + " ".join(f"int64_t field_{i}_{j};" for j in range(18))
                     + f" std::string label_{i}; std::vector<int> items_{i}; }};")
    for i in range(FUNCTIONS):
        lines.append(f"inline int mix{i}(int a, int b) {{ int x = a ^ b; x = x * {i + 3} + (x >> 3); return x; }}")
        lines.append(f"__attribute__((noinline)) int step{i}(Record{i * 5}& r, int n) {{\n"
                     f"  std::map<int, std::string> names;\n  int total = n;\n"
                     f"  for (int i = 0; i < n % 3; ++i) {{ total += mix{i}(i, total); names[i] = \"x\"; }}\n"
                     f"  r.field_{i * 5}_3 = total;\n  return total + static_cast<int>(names.size());\n}}")
    lines.append("}")
    calls = " ".join(f"if (depth == {1000 + i}) {{ Record{i * 5} r; total += step{i}(r, depth); }}" for i in range(FUNCTIONS))
    lines.append(f"""
static __attribute__((noinline)) int leaf(Context* context) {{ return *context->fault; }}
static __attribute__((noinline)) int middle(int depth, Context* context) {{
  if (context->depth >= 10) return leaf(context);
  return next_entry(context->depth)(depth, context) + 1;
}}
extern "C" __attribute__((noinline)) int entry_0000(int depth, Context* context) {{
  int total = 0;
  {calls}
  context->depth++;
  return total + middle(depth, context) + 1;
}}""")
    return "\n".join(lines) + f"\n// unit {number}\n"


def main():
    out, megabytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1100
    os.makedirs(out, exist_ok=True)
    run = lambda *command: subprocess.run(command, check=True, cwd=out)
    objects, size = [], 0
    for number in range(UNITS):
        with open(f"{out}/unit{number}.cc", "w") as file:
            file.write(unit_source(number))
        run("g++", "-g3", "-O1", "-fno-eliminate-unused-debug-types", "-c", f"unit{number}.cc", "-o", f"unit{number}.o")
        size += os.path.getsize(f"{out}/unit{number}.o")
    copies = max(1, round(megabytes * 1e6 / (size * 0.36)))
    for copy in range(copies):
        for number in range(UNITS):
            name = f"entry_{number:02}{copy:03}"
            run("objcopy", "--redefine-sym", f"entry_0000={name}", f"unit{number}.o", f"u{number}_{copy}.o")
            objects.append((name, f"u{number}_{copy}.o"))
    chosen = [objects[i * len(objects) // 10][0] for i in range(10)]
    with open(f"{out}/main.cc", "w") as file:
        file.write("struct Context { int* fault; int depth; };\nusing Entry = int (*)(int, Context*);\n")
        for name, _ in objects:
            file.write(f'extern "C" int {name}(int, Context*);\n')
        file.write("volatile Entry keep[] = {" + ", ".join(name for name, _ in objects) + "};\n")
        file.write("static Entry path[] = {" + ", ".join(chosen) + "};\n")
        file.write('extern "C" Entry next_entry(int depth) { return path[depth % 10]; }\n')
        file.write("int main(int argc, char**) { Context context{nullptr, 0}; return path[0](argc, &context); }\n")
    run("g++", "-g3", "-O1", "main.cc", *[path for _, path in objects], "-o", "big")
    for _, path in objects:
        os.unlink(f"{out}/{path}")


if __name__ == "__main__":
    main()
