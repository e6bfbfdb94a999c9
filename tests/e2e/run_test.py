"""`inquest run` with real programs: what is recorded, how the program ends, when it is started again."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

import e2e

VICTIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct order { int quantity; struct order *next; };
static char secret_page_text[] = "MARK-OF-A-SECRET-PAGE";
static volatile int handled;
static volatile char *hidden;

__attribute__((noinline)) static int crash(struct order *order) { return order->next->quantity; }
static int die(void) { struct order order = {1, 0}; return crash(&order); }
static void *idle(void *unused) { pause(); return unused; }
static void *die_in_thread(void *unused) { die(); return unused; }
static void on_fault(int number, siginfo_t *info, void *context) {
  (void)number; (void)info; (void)context;
  handled++;
  mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}
static void *die_later(void *unused) { usleep(300000); die(); return unused; }
static void *die_together(void *unused) { while (!handled) {} die(); return unused; }
static void count(int number) { (void)number; handled++; }
static void on_term(int number) { (void)number; write(1, "TERM\n", 5); _exit(7); }
static void threads(int count) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  for (int i = 0; i < count; i++) { pthread_t t; if (pthread_create(&t, &small, idle, NULL)) exit(3); }
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "crash";
  int number = argc > 2 ? atoi(argv[2]) : 0;
  if (!strcmp(how, "exit")) return number;
  if (!strcmp(how, "kill")) { kill(getpid(), number); pause(); }
  if (!strcmp(how, "stderr")) { for (int i = 0; i < 5; i++) fprintf(stderr, "last line %d\n", i); return die(); }
  if (!strcmp(how, "thread")) { pthread_t t; pthread_setname_np(pthread_self(), "shop-main");
    pthread_create(&t, NULL, die_in_thread, NULL); pthread_join(t, NULL); }
  if (!strcmp(how, "threads")) { threads(number); usleep(200000); return die(); }
  if (!strcmp(how, "twins")) {
    pthread_t t[8];
    for (int i = 0; i < 8; i++) pthread_create(&t[i], NULL, die_together, NULL);
    handled = 1;
    pause();
  }
  if (!strcmp(how, "handled")) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
    return handled == 1 ? 5 : 6;
  }
  if (!strcmp(how, "wait")) { signal(SIGTERM, on_term); printf("READY\n"); fflush(stdout); for (;;) pause(); }
  if (!strcmp(how, "stubborn")) { signal(SIGTERM, SIG_IGN); printf("READY\n"); fflush(stdout); for (;;) pause(); }
  if (!strcmp(how, "children")) {
    for (int i = 0; i < number; i++) if (fork() == 0) { die(); }
    int status, died = 0;
    while (wait(&status) > 0) died += WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    printf("DIED %d\n", died);
    return 0;
  }
  if (!strcmp(how, "vfork")) {
    pthread_t t;
    if (pthread_create(&t, NULL, die_later, NULL)) return 3;
    if (vfork() == 0) { struct timespec nap = {3, 0}; nanosleep(&nap, NULL); _exit(0); }
  }
  if (!strcmp(how, "dontdump")) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < sizeof secret_page_text; i++) page[i] = secret_page_text[i] ^ 0x20;
    madvise(page, 4096, MADV_DONTDUMP);
    hidden = page;
    register char *kept __asm__("rbx") = page;
    __asm__ volatile("" : : "r"(kept));
    return die();
  }
  if (!strcmp(how, "seccomp")) {
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 3;
    return die();
  }
  if (!strcmp(how, "signals")) {
    signal(SIGUSR1, count);
    for (int i = 0; i < number; i++) raise(SIGUSR1);
    return die();
  }
  if (!strcmp(how, "listen")) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8)) { perror("bind"); return 9; }
    if (access("crashed-once", F_OK) == 0) { printf("BOUND AGAIN\n"); return 0; }
    close(open("crashed-once", O_CREAT | O_WRONLY, 0600));
    size_t size = 256ul << 20;
    memset(malloc(size), 1, size);
    return die();
  }
  return die();
}
"""
CRASH_LINE = e2e.line_of(VICTIM, "return order->next->quantity")


# Runs the rest of the command where ptrace and process_vm_readv answer EPERM, as in many sandboxes.
NO_PTRACE = r"""
import ctypes, os, struct, sys
first, second = {"x86_64": (101, 310), "aarch64": (117, 270)}[os.uname().machine]
steps = [(0x20, 0, 0, 0), (0x15, 1, 0, first), (0x15, 0, 1, second), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

BOTH_WAYS = ((), ("--trace",))  # with the handler preloaded, and with ptrace


class Outcome:
    def __init__(self, status, out, err, directory: Path):
        self.status, self.out, self.err = status, out, err
        self.records = sorted(directory.glob("*.core.zst")) if directory.exists() else []
        self.reports = [json.loads(path.read_text()) for path in sorted(directory.glob("*.report.json"))]
        self.directory = directory


class RunTest(e2e.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = e2e.fresh("run")
        cls.victim = e2e.compile_program(cls.home, "victim", VICTIM, "-g", "-O0", "-pthread")
        cls.static = cls.home / "victim-static"
        e2e.run_tool(e2e.CC, "-g", "-O0", "-static", "-pthread", "-o", cls.static, cls.home / "victim.c")

    def run_it(self, *command, options=(), env=None, timeout=60, prefix=(), **popen) -> Outcome:
        directory = e2e.fresh("crash")
        records = directory / "records"
        done = subprocess.run(
            [*prefix, e2e.INQUEST, "run", "--output", str(records), *options, "--", *map(str, command)],
            cwd=directory, env=e2e.environment(**(env or {})), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=timeout, **popen)
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"), records)

    def assert_crash(self, outcome: Outcome, function="crash", status=128 + signal.SIGSEGV):
        self.assertEqual(outcome.status, status, outcome.err)
        self.assertEqual(len(outcome.records), 1, outcome.err)
        report = e2e.report(outcome.records[0])
        self.assertEqual(report["verdict"]["place"]["function"], function)
        return report

    # --- what is recorded ---

    def test_a_c_program(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, options=way)
            report = self.assert_crash(outcome)
            self.assertEqual(report["verdict"]["place"]["line"], CRASH_LINE)
            self.assertEqual(e2e.top(report)["expression"], "order->next")
            self.assertIn("died of SIGSEGV", outcome.err)
            self.assertIn("1 crash seen, 1 recorded", outcome.err)
            self.assertLess(outcome.records[0].stat().st_size, 500_000)

    def test_a_thread_is_named(self):
        for way in BOTH_WAYS:
            report = self.assert_crash(self.run_it(self.victim, "thread", options=way))
            self.assertIn("shop-main", json.dumps(report))

    def test_python_that_faults(self):
        e2e.need("python3")
        for way in BOTH_WAYS:
            outcome = self.run_it("/usr/bin/python3", "-c", "import ctypes; ctypes.string_at(8)", options=way)
            self.assertEqual(outcome.status, 139, outcome.err)
            self.assertEqual(len(outcome.records), 1, outcome.err)

    def test_node_that_aborts(self):
        e2e.need("node")
        for way in BOTH_WAYS:
            outcome = self.run_it("node", "-e", "process.abort()", options=way)
            self.assertEqual(outcome.status, 128 + signal.SIGABRT, outcome.err)
            self.assertEqual(len(outcome.records), 1, outcome.err)

    def test_a_static_program_needs_tracing_and_is_counted_without(self):
        self.assert_crash(self.run_it(self.static, options=("--trace",)))
        outcome = self.run_it(self.static)
        self.assertEqual((outcome.status, outcome.records), (139, []))
        self.assertIn("try --trace", outcome.err)
        self.assertIn("1 crash seen, 0 recorded, 1 without a record", outcome.err)

    def test_the_last_lines_of_stderr_are_passed_on_and_kept(self):
        outcome = self.run_it(self.victim, "stderr")
        self.assert_crash(outcome)
        self.assertIn("last line 4\n", outcome.err)
        told = e2e.explain(outcome.records[0]).out
        self.assertIn("last line 4", told)
        outcome = self.run_it(self.victim, "stderr", options=("--no-stderr",))
        self.assertIn("last line 4\n", outcome.err)
        self.assertNotIn("last line 4", e2e.explain(outcome.records[0]).out)

    def test_secrets_of_the_environment_are_not_kept(self):
        env = {"SHOP_DB_PASSWORD": "hunter2-of-the-shop", "SHOP_COLOUR": "green-of-the-shop"}
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, options=way, env=env)
            core = subprocess.run(["zstd", "-dc", outcome.records[0]], capture_output=True, check=True).stdout
            self.assertIn(b"green-of-the-shop", core)
            self.assertNotIn(b"hunter2-of-the-shop", core)

    def test_memory_that_is_not_to_be_dumped_is_not_kept(self):
        marked = bytes(byte ^ 0x20 for byte in b"MARK-OF-A-SECRET-PAGE")
        for options in (("--trace",), (), ("--trace", "--core=full")):
            outcome = self.run_it(self.victim, "dontdump", options=options)
            self.assert_crash(outcome)
            core = subprocess.run(["zstd", "-dc", outcome.records[0]], capture_output=True, check=True).stdout
            self.assertNotIn(marked, core)
            for full in outcome.directory.glob("*.full.core"):
                self.assertNotIn(marked, full.read_bytes())

    def test_a_full_core_comes_from_a_snapshot(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, "threads", "3", options=(*way, "--core=full"))
            slim = self.assert_crash(outcome)
            cores = list(outcome.directory.glob("*.full.core"))
            self.assertEqual(len(cores), 1, outcome.err)
            full = e2e.report(cores[0])
            for part in ("class", "expression", "confidence"):
                self.assertEqual(e2e.top(full)[part], e2e.top(slim)[part])
            self.assertEqual(full["signature"]["id"], slim["signature"]["id"])
            self.assertEqual(e2e.functions(full), e2e.functions(slim))

    def test_other_readers_open_a_record(self):
        outcome = self.run_it(self.victim, "threads", "3", options=("--trace",))
        core = outcome.directory / "plain.core"
        core.write_bytes(subprocess.run(["zstd", "-dc", outcome.records[0]], capture_output=True, check=True).stdout)
        tools = {
            "gdb": ["gdb", "-batch", "-nx", "-ex", "thread apply all bt", str(self.victim), str(core)],
            "eu-stack": ["eu-stack", f"--core={core}", f"--executable={self.victim}"],
            "lldb": ["lldb-19", "--batch", "-o", "bt all", str(self.victim), "--core", str(core)],
        }
        import shutil
        tried = 0
        for name, command in tools.items():
            if shutil.which(command[0]) is None:
                continue
            tried += 1
            text = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
            with self.subTest(name):
                self.assertRegex(text, r"\bcrash\b")
                self.assertRegex(text, r"\bmain\b")
                self.assertRegex(text, r"\bidle\b")
        self.assertGreater(tried, 0)

    # --- how it ends ---

    def test_exit_codes_are_those_of_a_shell(self):
        for way in BOTH_WAYS:
            for arguments, status in ((("exit", "0"), 0), (("exit", "3"), 3), (("kill", "15"), 143),
                                      (("kill", "9"), 137), (("kill", "10"), 138)):
                self.assertEqual(self.run_it(self.victim, *arguments, options=way).status, status, arguments)
            self.assertEqual(self.run_it("/no/such/program", options=way).status, 127)
            self.assertEqual(self.run_it(self.home / "victim.c", options=way).status, 126)

    def test_a_fault_that_the_program_handles_is_no_crash(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, "handled", options=way)
            self.assertEqual((outcome.status, outcome.records), (5, []), outcome.err)

    def start(self, *arguments, options=()):
        directory = e2e.fresh("crash")
        return subprocess.Popen(
            [e2e.INQUEST, "run", "--output", str(directory / "records"), *options, "--", str(self.victim), *arguments],
            cwd=directory, env=e2e.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True), directory / "records"

    def test_signals_are_forwarded(self):
        for way in BOTH_WAYS:
            process, _ = self.start("wait", options=way)
            self.assertEqual(process.stdout.readline(), "READY\n")
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
            self.assertEqual((process.returncode, out), (7, "TERM\n"), err)

    def test_a_stop_has_a_deadline(self):
        process, _ = self.start("stubborn", options=("--stop-timeout", "300"))
        self.assertEqual(process.stdout.readline(), "READY\n")
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 137, err)
        self.assertLess(time.monotonic() - begin, 10)

    def test_as_the_first_process_of_a_pid_namespace(self):
        prefix = ("unshare", "--pid", "--fork", "--mount-proc")
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("this user may make no pid namespace")
        for way in BOTH_WAYS:
            self.assert_crash(self.run_it(self.victim, options=way, prefix=prefix))
            # An orphan is reaped, and does not keep it.
            orphan = self.run_it("/bin/sh", "-c", "(sleep 0.1 &) ; exit 4", options=way, prefix=prefix)
            self.assertEqual(orphan.status, 4, orphan.err)

    def test_without_a_proc_of_its_own_crashes_are_counted(self):
        prefix = ("unshare", "--pid", "--fork")
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            raise unittest.SkipTest("this user may make no pid namespace")
        outcome = self.run_it(self.victim, prefix=prefix)
        self.assertEqual(outcome.status, 139, outcome.err)
        self.assertIn("another pid namespace", outcome.err)

    # --- many, and what gets in the way ---

    def test_forty_children_that_die_at_once_are_all_counted(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, "children", "40", options=(*way, "--analysis", "20"), timeout=200)
            self.assertEqual((outcome.status, outcome.out), (0, "DIED 40\n"), outcome.err)
            self.assertIn("40 crashes seen, 40 recorded", outcome.err)
            self.assertEqual(len(outcome.records), 40)

    def test_threads_that_crash_together_are_one_crash(self):
        for way in BOTH_WAYS:
            for _ in range(3):
                outcome = self.run_it(self.victim, "twins", options=way)
                self.assert_crash(outcome)
                self.assertIn("1 crash seen, 1 recorded\n", outcome.err)

    def test_a_thousand_threads(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, "threads", "1000", options=way, timeout=200)
            self.assert_crash(outcome)
            image = json.loads(e2e.explain(outcome.records[0], "--dump=image").out)
            self.assertEqual(len(image["threads"]), 1001)

    def test_a_thread_in_vfork_does_not_hold_the_capture_up(self):
        outcome = self.run_it(self.victim, "vfork", options=("--trace",))
        self.assert_crash(outcome)
        self.assertIn("did not stop in time", e2e.missing(e2e.report(outcome.records[0])))

    def test_a_program_goes_on_when_the_supervisor_is_killed(self):
        for way in BOTH_WAYS:
            process, _ = self.start("wait", options=way)
            self.assertEqual(process.stdout.readline(), "READY\n")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            process.kill()
            process.wait()
            time.sleep(0.2)
            alive = [pid for pid in children if Path(f"/proc/{pid}/comm").exists()
                     and Path(f"/proc/{pid}/comm").read_text() == "victim\n"]
            self.assertEqual(len(alive), 1, children)
            status = Path(f"/proc/{alive[0]}/status").read_text()
            self.assertRegex(status, r"State:\s+S")
            self.assertRegex(status, r"TracerPid:\s+0")
            os.kill(int(alive[0]), signal.SIGKILL)
            process.stdout.close()
            process.stderr.close()

    def test_a_victim_that_is_killed_while_it_is_captured(self):
        """Whatever moment the kill comes at: the supervisor ends, and counts what it saw."""
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
            process, _ = self.start("threads", "200", options=("--trace",))
            deadline, victim = time.monotonic() + 20, None
            while victim is None and time.monotonic() < deadline:
                for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    try:
                        if Path(f"/proc/{pid}/comm").read_text() == "victim\n":
                            victim = int(pid)
                    except OSError:
                        pass
            time.sleep(0.2 + delay)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
            _, err = process.communicate(timeout=60)
            self.assertIn(process.returncode, (137, 139), err)

    def test_a_program_with_a_seccomp_filter_gets_no_system_calls_injected(self):
        outcome = self.run_it(self.victim, "seccomp", options=("--trace", "--core=full"))
        self.assert_crash(outcome)
        self.assertEqual(list(outcome.directory.glob("*.full.core")), [])
        self.assertIn("seccomp", e2e.missing(e2e.report(outcome.records[0])))

    def test_too_many_signals_end_the_tracing(self):
        outcome = self.run_it(self.victim, "signals", "60000", options=("--trace",), timeout=100)
        self.assertEqual(outcome.status, 139, outcome.err)
        self.assertIn("goes on untraced", outcome.err)
        self.assertIn("1 crash seen, 0 recorded, 1 without a record", outcome.err)

    def test_where_ptrace_is_forbidden_the_process_tells_of_itself(self):
        outcome = self.run_it(self.victim, prefix=("/usr/bin/python3", "-c", NO_PTRACE))
        report = self.assert_crash(outcome)
        self.assertIn("did not send", e2e.missing(report))
        self.assertEqual(e2e.functions(report)[:3], ["crash", "die", "main"])

    # --- again ---

    def test_the_next_instance_binds_the_port_of_the_one_that_dies(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, "listen", str(port), options=(*way, "--restart"))
            self.assertEqual((outcome.status, outcome.out), (0, "BOUND AGAIN\n"), outcome.err)

    def test_the_same_crash_backs_off_and_is_given_up(self):
        for way in BOTH_WAYS:
            outcome = self.run_it(self.victim, options=(*way, "--restart", "--max-restarts", "4", "--restart-delay",
                                                        "40"), timeout=100)
            self.assertEqual(outcome.status, 139, outcome.err)
            self.assertIn("5 crashes seen, 5 recorded", outcome.err)
            self.assertIn("starting again: it has not died of this before", outcome.err)
            delays = [int(text) for text in re.findall(r"starting again in (\d+) ms", outcome.err)]
            self.assertEqual(len(delays), 3, outcome.err)
            for n, delay in enumerate(delays):
                self.assertGreaterEqual(delay, 40 * 2**n * 0.74)
                self.assertLessEqual(delay, 40 * 2**n * 1.26)
            self.assertRegex(outcome.err, r"storm: 5 deaths without a healthy life: 5 × [0-9a-f]{16}")
            self.assertIn("giving up", outcome.err)

    def test_an_exit_that_is_not_zero_is_started_again_and_zero_is_not(self):
        outcome = self.run_it("/bin/sh", "-c", "echo x >> log; [ $(wc -l < log) -ge 3 ]",
                              options=("--restart", "--restart-delay", "20"))
        self.assertEqual(outcome.status, 0, outcome.err)
        self.assertEqual(outcome.err.count("starting again"), 2)

    def test_a_signal_ends_the_wait_for_the_next_start(self):
        process, _ = self.start(options=("--restart", "--restart-delay", "60000"))
        for line in process.stderr:
            if "starting again in" in line:
                break
        time.sleep(0.2)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 139)
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_repeated_crash_is_not_analysed_again_while_it_is_held(self):
        outcome = self.run_it(self.victim, options=("--restart", "--max-restarts", "3", "--restart-delay", "300"),
                              timeout=100)
        reasons = [e2e.missing(e2e.report(record)) for record in outcome.records]
        self.assertNotIn("analysed less than", reasons[0])
        self.assertIn("analysed less than 10 s before", reasons[-1])

    def test_a_crash_at_the_same_place_is_analysed_again_after_a_while(self):
        outcome = self.run_it(self.victim, options=("--restart", "--max-restarts", "2", "--restart-delay", "13500"),
                              timeout=100)
        missing = [e2e.missing(e2e.report(record)) for record in outcome.records]
        self.assertEqual([("analysed" in text) for text in missing], [False, True, False])

    def test_hooks_get_the_report_and_the_storm(self):
        outcome = self.run_it(self.victim, options=(
            "--restart", "--max-restarts", "4", "--restart-delay", "10", "--on-crash", "cat > crash-$$.json",
            "--on-storm", "cat > storm.json"), timeout=100)
        directory = outcome.directory.parent
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and len(list(directory.glob("crash-*.json"))) < 5:
            time.sleep(0.05)
        time.sleep(0.2)
        reports = [json.loads(path.read_text()) for path in directory.glob("crash-*.json")]
        self.assertEqual(len(reports), 5)
        self.assertEqual({report["verdict"]["place"]["function"] for report in reports}, {"crash"})
        storm = json.loads((directory / "storm.json").read_text())
        self.assertEqual(storm["deaths"], 5)
        self.assertEqual(storm["by_signature"][0]["times"], 5)

    def test_holding_keeps_the_place_until_a_signal(self):
        process, _ = self.start(options=("--restart", "--max-restarts", "1", "--restart-delay", "10",
                                         "--give-up", "hold"))
        for line in process.stderr:
            if "holding" in line:
                break
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 139)

    def test_crashes_go_to_the_vault(self):
        vault = e2e.fresh("vault")
        done = subprocess.run([e2e.INQUEST, "run", "--vault", str(vault), "--", str(self.victim)], capture_output=True,
                              text=True, env=e2e.environment(), cwd=e2e.fresh("crash"), timeout=60)
        self.assertEqual(done.returncode, 139, done.stderr)
        self.assertRegex(done.stderr, r"crash recorded as [0-9a-f]{32}")


if __name__ == "__main__":
    e2e.main()
