#!/usr/bin/env python3
"""Makes the cores that docs/design/frames-compared.md is about.

    frame_cores.py DIRECTORY [NAME...]

Each comes from a real program that dies for real. Prints one CORE=EXECUTABLE a line, as compare_frames.py takes them; a
program that is not installed is skipped with a reason on stderr. Cores that are there already are kept.
"""

import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

THREADS = r"""
#include <pthread.h>
#include <csignal>
#include <thread>
#include <vector>
static pthread_barrier_t barrier;
template <int Kind> struct Step { static long run(int depth, long seed); };
template <int Kind> __attribute__((noinline)) long Step<Kind>::run(int depth, long seed) {
  volatile char room[16 + 24 * Kind] = {};
  room[seed & 7] = static_cast<char>(depth);
  if (depth == 0) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return room[0];
  }
  return Step<(Kind + 1) % 4>::run(depth - 1, seed * 31 + Kind) + room[1];
}
int main() {
  constexpr int kThreads = 64;
  pthread_barrier_init(&barrier, nullptr, kThreads + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([i] { Step<0>::run(200, i); });
  pthread_barrier_wait(&barrier);
  raise(SIGSEGV);
}
"""
DEEP = r"""
#include <memory>
#include <numeric>
#include <string>
#include <vector>
struct Node {
  virtual ~Node() = default;
  virtual long sum(int depth, const std::string& label) const = 0;
};
static std::unique_ptr<Node> make(int depth);
struct Leaf : Node {
  long sum(int depth, const std::string& label) const override {
    volatile int* nowhere = nullptr;
    return *nowhere + depth + static_cast<long>(label.size());
  }
};
struct Branch : Node {
  std::vector<std::unique_ptr<Node>> children;
  long sum(int depth, const std::string& label) const override {
    return std::accumulate(children.begin(), children.end(), 0L, [&](long total, const auto& child) {
      return total + child->sum(depth + 1, label + std::to_string(depth)) + 1;
    });
  }
};
static std::unique_ptr<Node> make(int depth) {
  if (depth == 0) return std::make_unique<Leaf>();
  auto branch = std::make_unique<Branch>();
  branch->children.push_back(make(depth - 1));
  return branch;
}
int main() { return static_cast<int>(make(40)->sum(0, "tree") + 1); }
"""
NULL_CALL = r"""
struct hooks { void (*on_open)(int); int (*on_close)(int); };
static struct hooks table;
__attribute__((noinline)) static int run(struct hooks* hooks, int value) { return hooks->on_close(value) + 1; }
int main(int argc, char** argv) { return run(&table, argc) + 2; }
"""
RUST = r"""
use std::collections::HashMap;
#[inline(never)]
fn leaf(values: &[u64], depth: usize) -> u64 {
    let at = values.as_ptr() as usize + depth;
    if depth > 3 { unsafe { std::ptr::read_volatile((at & 1) as *const u64) } } else { at as u64 }
}
#[inline(never)]
fn walk(map: &HashMap<String, Vec<u64>>, key: &str, depth: usize) -> u64 {
    let total: u64 = map.iter().map(|(name, values)| if name == key { leaf(values, depth) } else { 0 }).sum();
    if depth == 0 { total } else { walk(map, key, depth - 1) + total }
}
fn main() {
    let mut map = HashMap::new();
    map.insert("orders".to_string(), vec![1u64, 2, 3]);
    let worker = std::thread::spawn(move || walk(&map, "orders", 9));
    println!("{}", worker.join().unwrap_or(0));
}
"""
TAIL_CALLS = r"""
#include <stdlib.h>
struct queue { int used; int* slots; };
__attribute__((noinline)) static int take(struct queue* queue, int at) { return queue->slots[at] + 1; }
__attribute__((noinline)) static int pick(struct queue* queue, int at) { return take(queue, at + queue->used); }
__attribute__((noinline)) static int serve(struct queue* queue, int at) { return pick(queue, at * 2); }
__attribute__((noinline)) static int release(struct queue* queue) { free((char*)queue + 1); return serve(queue, 1); }
int main(int argc, char** argv) {
  struct queue queue = {argc, 0};
  if (argc > 1) return release(&queue) + 1;
  return serve(&queue, argc) + 1;
}
"""
CALLBACK = r"""
#include <stdlib.h>
#include <string.h>
struct item { struct item* next; int value; };
__attribute__((noinline)) static int sum(struct item* item) {
  char room[40];
  memset(room, item->value, sizeof room);
  return room[3] + item->next->value;
}
__attribute__((noinline)) static int twice(struct item* item, int n) { volatile int k = n; return sum(item) * k + n; }
__attribute__((noinline)) int compare(const void* a, const void* b) {
  struct item item = {0, *(const int*)a};
  return twice(&item, *(const int*)b);
}
int main(int argc, char** argv) {
  int values[4] = {argc, 3, 2, 1};
  qsort(values, 4, sizeof values[0], compare);
  return values[0];
}
"""
PYTHON = """
import ctypes, functools, re
def read(match): return ctypes.string_at(16)
def substitute(text): return re.sub("o", read, text)
functools.reduce(lambda total, word: substitute(word) + total, ["one", "two", "three"], "")
"""
NODE = """
const worker = require("worker_threads");
if (worker.isMainThread) { new worker.Worker(__filename); setInterval(() => deep(20), 1); }
function deep(n) {
  if (n > 0) return [n].map(deep2)[0];
  if (Date.now() - start > 400 && worker.isMainThread) process.kill(process.pid, "SIGSEGV");
  return JSON.stringify({ n }, (key, value) => value).length;
}
function deep2(n) { return deep(n - 1) + 1; }
const start = Date.now();
for (let i = 0; i < 3000; i++) deep(6);
"""
CLANG_BODY = """
#include <map>
#include <regex>
#include <string>
#include <vector>
template <class T> std::map<std::string, std::vector<T>> group(const std::string& text) {
  std::map<std::string, std::vector<T>> out;
  std::regex words("([a-z]+)[0-9]*");
  for (std::sregex_iterator i(text.begin(), text.end(), words), end; i != end; ++i) out[(*i)[1]].push_back(T());
  return out;
}
"""


class Skip(Exception):
    pass


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"{program} is not installed")


def allow_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)


def compiled(directory, source, *command):
    need(command[0])
    program = directory / "program"
    file = directory / ("program.rs" if command[0] == "rustc" else "program.c" if "gcc" in command[0] else "program.cc")
    file.write_text(source)
    subprocess.run([*command, "-o", program, file], check=True, cwd=directory)
    return program


def dies(directory, *command, **options):
    subprocess.run(command, cwd=directory, preexec_fn=allow_cores, check=False, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60, **options)


def threads(directory):
    program = compiled(directory, THREADS, "g++-12", "-O2", "-g", "-pthread")
    dies(directory, program)
    return program


def deep_aarch64(directory):
    program = compiled(directory, DEEP, "aarch64-linux-gnu-g++", "-O2", "-g")
    need("qemu-aarch64")
    dies(directory, "qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", program)
    return program


def static_aarch64(directory):
    program = compiled(directory, DEEP, "aarch64-linux-gnu-g++", "-O2", "-g", "-static", "-no-pie")
    need("qemu-aarch64")
    dies(directory, "qemu-aarch64", program)
    return program


def null_aarch64(directory):
    program = compiled(directory, NULL_CALL, "aarch64-linux-gnu-gcc", "-O2", "-g")
    dies(directory, "qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", program)
    return program


def tail_aarch64(directory):
    program = compiled(directory, TAIL_CALLS, "aarch64-linux-gnu-gcc", "-O2", "-g")
    dies(directory, "qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", program)
    return program


def null_call(directory):
    program = compiled(directory, NULL_CALL, "gcc-12", "-O2", "-g")
    dies(directory, program)
    return program


def tail(directory):
    program = compiled(directory, TAIL_CALLS, "gcc-12", "-O2", "-g")
    dies(directory, program)
    return program


def tail_free(directory):
    program = compiled(directory, TAIL_CALLS, "gcc-12", "-O2", "-g")
    dies(directory, program, "x")
    return program


def no_tables(directory):
    program = compiled(directory, CALLBACK, "gcc-12", "-O2", "-fno-asynchronous-unwind-tables", "-fomit-frame-pointer")
    dies(directory, program)
    return program


def rust(directory):
    program = compiled(directory, RUST, "rustc", "-O", "-g")
    dies(directory, program)
    return program


def python(directory):
    need("python3.11")
    (directory / "crash.py").write_text(PYTHON)
    program = shutil.which("python3.11", path="/usr/bin")
    dies(directory, program, "crash.py")
    return program


def node(directory):
    need("node")
    (directory / "crash.js").write_text(NODE)
    dies(directory, "node", "crash.js")
    return os.path.realpath(shutil.which("node"))


def clang(directory, pragma, seconds=None):
    need("clang-19")
    source = CLANG_BODY + "".join(f"auto use{i}(const std::string& s) {{ struct t{i} {{ int x[{i + 1}]; }}; "
                                  f"return group<t{i}>(s).size(); }}\n" for i in range(60))
    (directory / "input.cc").write_text(source + pragma + "\n")
    driver = subprocess.run(["clang-19", "-###", "-O2", "-std=c++20", "-c", "input.cc"], cwd=directory, text=True,
                            capture_output=True, check=True).stderr
    line = next(line for line in driver.splitlines() if '"-cc1"' in line)
    command = re.findall(r'"([^"]*)"', line)
    environment = dict(os.environ, LLVM_DISABLE_SYMBOLIZATION="1")
    if seconds is None:
        dies(directory, *command, env=environment)
    else:
        process = subprocess.Popen(command, cwd=directory, env=environment, preexec_fn=allow_cores,
                                   stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        # Its own handler prints a trace, puts the default action back, and returns to what was interrupted.
        while process.poll() is None:
            process.send_signal(signal.SIGSEGV)
            time.sleep(0.5)
    return os.path.realpath(command[0])


def clang_crash(directory):
    return clang(directory, "#pragma clang __debug crash")


def clang_parser(directory):
    return clang(directory, "namespace a { class b { int f(int x) { for (;;) { if (x) {\n"
                            "#pragma clang __debug crash\n}}} }; }")


def clang_busy(directory):
    return clang(directory, "", 6)


def postgres(directory):
    paths = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    if not paths:
        raise Skip("postgres is not installed")
    binary = Path(paths[-1])
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    directory.chmod(0o777)
    data = directory / "data"
    run = lambda *command: subprocess.run([*user, *command], cwd=directory, check=True, stdout=subprocess.DEVNULL,
                                          preexec_fn=allow_cores)
    run(binary.parent / "initdb", "-D", data, "--auth=trust", "-N")
    run(binary.parent / "pg_ctl", "-D", data, "-w", "-l", data / "log",
        "-o", f"-c listen_addresses='' -c unix_socket_directories={directory}", "start")
    try:
        query = ("do $$ declare n int; begin for i in 1..3 loop select count(*) into n from generate_series(1, 1000) a "
                 "where a in (select length(pg_sleep(30)::text)); end loop; end $$")
        client = subprocess.Popen([*user, "psql", "-h", directory, "-d", "postgres", "-c", query],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        backend = subprocess.run([*user, "psql", "-h", directory, "-d", "postgres", "-Atc", "select pid from "
                                  "pg_stat_activity where query like 'do %' and pid <> pg_backend_pid()"], check=True,
                                 text=True, capture_output=True).stdout.split()[0]
        os.kill(int(backend), signal.SIGSEGV)
        client.wait(20)
    finally:
        subprocess.run([*user, binary.parent / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False,
                       stdout=subprocess.DEVNULL)
    return binary


MAKERS = {maker.__name__: maker for maker in (
    python, node, postgres, clang_crash, clang_parser, clang_busy, threads, rust, no_tables, null_call, tail,
    tail_free, deep_aarch64, static_aarch64, null_aarch64, tail_aarch64)}


def core_below(directory):
    found = [p for p in directory.rglob("*core*") if p.is_file() and p.read_bytes()[:4] == b"\x7fELF"]
    # qemu-user leaves two: the program's, and its own.
    guests = [path for path in found if path.name.startswith("qemu_")]
    return max(guests or found, key=lambda path: path.stat().st_size) if found else None


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    base = Path(sys.argv[1]).resolve()
    for name in sys.argv[2:] or MAKERS:
        directory = base / name
        executable = directory / "executable"
        try:
            if not (directory / "executable").exists():
                shutil.rmtree(directory, ignore_errors=True)
                directory.mkdir(parents=True)
                program = MAKERS[name](directory)
                executable.unlink(missing_ok=True)
                executable.symlink_to(program)
            core = core_below(directory)
            if core is None:
                raise Skip("no core was written; see /proc/sys/kernel/core_pattern")
            print(f"{core}={os.path.realpath(executable)}")
        except (Skip, OSError, subprocess.SubprocessError) as why:
            print(f"{name}: {why}", file=sys.stderr)


if __name__ == "__main__":
    main()
