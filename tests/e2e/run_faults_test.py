"""`inquest run` when something else goes wrong at the moment of a crash: whoever dies, whatever is full or forbidden.

INQUEST_FAULTS=all tries the slow ones as well.
"""

import ctypes
import json
import os
import re
import shutil
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
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct order { int quantity; struct order *next; };
__attribute__((noinline)) static int crash(struct order *order) { return order->next->quantity; }
static int die(void) { struct order order = {1, 0}; return crash(&order); }
static void *idle(void *unused) { pause(); return unused; }
static void *in_vfork(void *unused) {
  if (vfork() == 0) {
    struct timespec nap = {10, 0};
    close(1);
    close(2);
    nanosleep(&nap, NULL);
    _exit(0);
  }
  return unused;
}
/* Whoever finds a descriptor closed under it may write to another file, or end the process in its own way. */
static void *uses_descriptor(void *number) {
  while (fcntl((int)(long)number, F_GETFD) >= 0);
  fputs("its descriptor was closed\n", stderr);
  _exit(42);
}
static void *die_later(void *unused) { usleep(300000); die(); return unused; }

static void filter(unsigned answer) {
#define PERMIT(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  struct sock_filter steps[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    PERMIT(read), PERMIT(write), PERMIT(exit), PERMIT(exit_group), PERMIT(rt_sigreturn), PERMIT(rt_sigaction),
    BPF_STMT(BPF_RET | BPF_K, answer),
  };
  struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(3);
}

static long number_in(const char *path) {
  char text[32] = {0};
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) _exit(3);
  close(fd);
  return atol(text);
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "crash";
  int number = argc > 2 ? atoi(argv[2]) : 0;
  if (!strcmp(how, "on-command")) {  // threads and memory, so that a capture takes a while
    for (int i = 0; i < number; i++) { pthread_t t; if (pthread_create(&t, NULL, idle, NULL)) return 3; }
    size_t size = 64ul << 20;
    memset(malloc(size), 1, size);
    printf("%d\n", getpid());
    fflush(stdout);
    char command;
    if (read(0, &command, 1) == 1) die();
  }
  if (!strcmp(how, "busy")) {
    for (int i = 0; i < number; i++) {
      pthread_t t;
      if (pthread_create(&t, NULL, uses_descriptor, (void *)(long)dup(2))) return 3;
    }
    die_later(NULL);
  }
  if (!strcmp(how, "eperm")) { filter(SECCOMP_RET_ERRNO | EPERM); die(); }
  if (!strcmp(how, "kill")) { filter(SECCOMP_RET_KILL_PROCESS); die(); }
  if (!strcmp(how, "vfork")) {  // the first thread is in vfork, or another one
    pthread_t t;
    if (pthread_create(&t, NULL, number ? in_vfork : die_later, NULL)) return 3;
    if (number == 0) in_vfork(NULL);
    die_later(NULL);
  }
  if (!strcmp(how, "family")) {  // a worker that does not notice the end of its parent keeps the port
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8)) { perror("bind"); return 9; }
    if (access("crashed-once", F_OK) == 0) return 0;
    close(open("crashed-once", O_CREAT | O_WRONLY, 0600));
    if (fork() == 0) for (;;) pause();
    return die();
  }
  if (!strcmp(how, "children")) {
    for (int i = 0; i < number; i++) if (fork() == 0) die();
    int status, died = 0;
    while (wait(&status) > 0) died += WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    printf("DIED %d\n", died);
    return 0;
  }
  if (!strcmp(how, "same-pid")) {  // each child gets the number of the one before
    for (int died = 0, tries = 0; died < number; tries++) {
      FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
      if (last == NULL || fprintf(last, "700") < 0 || fclose(last) != 0) return 77;
      pid_t pid = fork();
      if (pid == 0 && getpid() == 701) die();
      if (pid == 0) _exit(0);  // somebody else was faster
      int status;
      if (waitpid(pid, &status, 0) != pid || tries > 10000) return 78;
      died += WIFSIGNALED(status);
    }
    return 0;
  }
  if (!strcmp(how, "fill")) {  // all but the last that its control group has room for
    long room = number_in(argv[2]) - (512 << 10);
    while (number_in(argv[3]) < room) memset(mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 65536);
    die();
  }
  return die();
}
"""
SLOW = os.environ.get("INQUEST_FAULTS") == "all"
BOTH_WAYS = ((), ("--trace",))  # with the handler preloaded, and with ptrace
DIED = (-signal.SIGSEGV, 128 + signal.SIGSEGV)
NOBODY = 65534


def slow(test):
    return unittest.skipUnless(SLOW, "slow: INQUEST_FAULTS=all")(test)


class FaultsTest(e2e.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = e2e.fresh("faults")
        cls.victim = e2e.compile_program(cls.home, "victim", VICTIM, "-g", "-O0", "-pthread")

    def setUp(self):
        self.folder = e2e.fresh("run")
        self.vault = self.folder / "vault"

    def command(self, *arguments, options=(), program=None):
        return [e2e.INQUEST, "run", "--vault", str(self.vault), *options, "--", str(program or self.victim),
                *map(str, arguments)]

    def run_it(self, *arguments, options=(), program=None, prefix=(), timeout=200, **popen):
        done = subprocess.run([*prefix, *self.command(*arguments, options=options, program=program)], cwd=self.folder,
                              env=e2e.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, **popen)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode(errors="replace")
        return done

    def start(self, *arguments, options=()):
        """Under inquest; returns it and the number of the process that is to crash, which waits for a word on stdin."""
        run = subprocess.Popen(self.command(*arguments, options=options), cwd=self.folder, env=e2e.environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return run, int(run.stdout.readline())

    def cases(self, vault=None) -> list[dict]:
        done = e2e.inquest("ls", "--vault", vault or self.vault, "--json")
        self.assertEqual(done.status, 0, done.err)
        return json.loads(done.out)["cases"]

    def assert_whole(self, case: dict, place="crash") -> dict:
        """What the vault calls a record is one."""
        done = e2e.inquest("explain", "--vault", self.vault, case["id"], "--json")
        self.assertEqual(done.status, 0, done.err)
        self.assertEqual(done.report["verdict"]["place"]["function"], place)
        return done.report

    def counts(self, text: str) -> tuple[int, int, int]:
        """Crashes seen, recorded, and without a record."""
        found = re.findall(r"^inquest: (\d+) crash(?:es)? seen, (\d+) recorded(?:, (\d+) without a record)?$", text, re.M)
        return tuple(int(one or 0) for one in found[-1]) if found else (0, 0, 0)


class SomebodyElseDies(FaultsTest):
    DELAYS = (0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25) if SLOW else (0, 0.001, 0.004, 0.015, 0.06)

    def test_the_victim_is_killed_while_it_is_captured(self):
        """Whatever moment it comes at: what was seen is counted, and what is kept is whole or says what is missing."""
        for options in ((), ("--trace",), ("--core=full",)):
            for delay in self.DELAYS:
                with self.subTest(options=options, delay=delay):
                    before = len(self.cases()) if self.vault.exists() else 0
                    run, pid = self.start("on-command", 60, options=options)
                    handle = os.pidfd_open(pid)
                    run.stdin.write("x")
                    run.stdin.flush()
                    time.sleep(delay)
                    try:
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                    os.close(handle)
                    _, err = run.communicate(timeout=100)
                    self.assertIn(run.returncode, (137, 139), err)
                    seen, recorded, lost = self.counts(err)
                    self.assertEqual(seen, recorded + lost, err)
                    self.assertEqual(len(self.cases()) - before, recorded, err)
        for case in self.cases():
            done = e2e.inquest("explain", "--vault", self.vault, case["id"], "--json")
            self.assertEqual(done.status, 0, done.err)
            if e2e.functions(done.report)[:1] != ["crash"]:  # it was killed before its memory was read
                self.assertNotEqual(e2e.missing(done.report), "[]")

    def test_the_supervisor_is_killed_while_it_captures(self):
        """The victim dies, of its own signal as a rule; nothing of ours stays behind; what is in the vault is whole."""
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.prctl(36, 1, 0, 0, 0), 0)  # PR_SET_CHILD_SUBREAPER: its end is told to us
        try:
            for options in ((), ("--trace",), ("--core=full",), ("--trace", "--core=full")):
                for delay in self.DELAYS:
                    with self.subTest(options=options, delay=delay):
                        self.kill_the_supervisor(options, delay)
        finally:
            libc.prctl(36, 0, 0, 0, 0)
        cases = self.cases()
        self.assertGreater(len(cases), 0)
        for case in cases:
            self.assert_whole(case)
        # And it is usable as before.
        self.assertEqual(self.run_it().returncode, 139)
        self.assertEqual(len(self.cases()), len(cases) + 1)

    def kill_the_supervisor(self, options, delay):
        run, pid = self.start("on-command", 60, options=options)
        run.stdin.write("x")
        run.stdin.flush()
        time.sleep(delay)
        run.kill()
        run.wait()
        ended = {}
        try:  # all that it leaves behind: the victim, its copy, who writes the record
            while True:
                child, status = os.waitpid(-1, 0)
                ended[child] = status
        except ChildProcessError:
            pass
        for stream in (run.stdin, run.stdout, run.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        if pid in ended:  # otherwise it had died before the supervisor did
            self.assertTrue(os.WIFSIGNALED(ended[pid]), ended[pid])
            # In the middle of a system call that was made in it, its registers are not its own.
            self.assertIn(os.WTERMSIG(ended[pid]), (signal.SIGSEGV, signal.SIGTRAP))


class Full(FaultsTest):
    def mounted(self, size: str, script: str):
        """Runs a script in which $SMALL is a small file system of its own."""
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("needs to mount a small file system")
        small = self.folder / "small"
        small.mkdir()
        done = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={size},mode=700 none $SMALL || exit 77\n{script}"],
                              env=e2e.environment(SMALL=str(small), INQUEST=e2e.INQUEST, VICTIM=str(self.victim),
                                                  INQUEST_VAULT_QUOTA="4M"),
                              cwd=self.folder, capture_output=True, text=True, timeout=200)
        if done.returncode == 77:
            self.skipTest("mounting is not allowed here")
        return done

    def test_a_disk_without_room_keeps_the_crash_counted_and_the_program_dies_as_it_should(self):
        for way in BOTH_WAYS:
            self.setUp()
            done = self.mounted("5m", f"""
                "$INQUEST" run --vault $SMALL/v {" ".join(way)} -- "$VICTIM" >first 2>&1
                dd if=/dev/zero of=$SMALL/filler bs=4k 2>/dev/null
                "$INQUEST" run --vault $SMALL/v {" ".join(way)} -- "$VICTIM" children 3 >second 2>&1; echo $? >status
                "$INQUEST" ls --vault $SMALL/v --json >ls.json || exit 3
                "$INQUEST" run --vault $SMALL/v {" ".join(way)} --restart --max-restarts 2 --restart-delay 1 -- "$VICTIM" 2>third
                echo $? >>status
                rm $SMALL/filler
                "$INQUEST" run --vault $SMALL/v {" ".join(way)} -- "$VICTIM" >fourth 2>&1
                "$INQUEST" stats --vault $SMALL/v --json >stats.json || exit 4
                """)
            self.assertEqual(done.returncode, 0, done.stderr)
            text = {name: (self.folder / name).read_text() for name in ("first", "second", "third", "fourth")}
            self.assertEqual((self.folder / "status").read_text().split(), ["0", "139"], text["second"] + text["third"])
            self.assertEqual(self.counts(text["first"]), (1, 1, 0), text["first"])
            self.assertIn("DIED 3", text["second"])
            self.assertEqual(self.counts(text["second"])[0], 3, text["second"])
            self.assertEqual(self.counts(text["third"])[0], 3, text["third"])
            # Explained all the same: what is known goes to stderr, whatever became of the record.
            self.assertIn("order->next", text["second"])
            self.assertIn("no room", text["second"])
            self.assertEqual(self.counts(text["fourth"]), (1, 1, 0), text["fourth"])
            stats = json.loads((self.folder / "stats.json").read_text())
            self.assertEqual(stats["cases"] + stats["lost"], 8, stats)
            cases = json.loads((self.folder / "ls.json").read_text())["cases"]
            self.assertEqual([case["kept"] for case in cases if case["kept"] != "signal"], ["slim"])  # the first

    def test_no_room_for_files_leaves_none_that_looks_whole(self):
        done = self.mounted("1m", """
            dd if=/dev/zero of=$SMALL/filler bs=4k 2>/dev/null
            "$INQUEST" run --output $SMALL/out -- "$VICTIM" 2>first; echo $? >status
            truncate -s -8k $SMALL/filler
            "$INQUEST" run --output $SMALL/out --core=full -- "$VICTIM" 2>>first; echo $? >>status
            find $SMALL -type f -name '*core*' >found
            """)
        text = (self.folder / "first").read_text()
        self.assertEqual(done.returncode, 0, done.stderr + text)
        self.assertEqual((self.folder / "status").read_text().split(), ["139", "139"], text)
        self.assertEqual((self.folder / "found").read_text(), "", text)
        self.assertIn("could not be kept", text)
        self.assertIn("1 crash seen, 0 recorded, 1 without a record", text)

    def group(self, mebibytes: int) -> tuple[Path, Path, Path]:
        """A new memory control group: its folder, and the files with its limit and its use."""
        for top, limit, use in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
                                ("/sys/fs/cgroup", "memory.max", "memory.current")):
            folder = Path(top, f"inquest-e2e-{os.getpid()}")
            try:
                folder.mkdir()
            except OSError:
                continue
            self.addCleanup(folder.rmdir)
            try:
                (folder / limit).write_text(str(mebibytes << 20))
                return folder, folder / limit, folder / use
            except OSError:
                continue
        self.skipTest("no memory control group can be made here")

    def test_the_programs_memory_control_group_is_at_its_limit(self):
        """The supervisor is outside: nothing that it does may be charged to the victim so that it dies of that instead."""
        folder, limit, use = self.group(48)
        for options in (*BOTH_WAYS, ("--core=full",)):
            done = self.run_it("-c", f'echo $$ >{folder}/cgroup.procs; exec "$0" fill {limit} {use}', self.victim,
                               options=options, program="/bin/sh")
            self.assertEqual(done.returncode, 139, done.stderr)
            self.assertEqual(self.counts(done.stderr), (1, 1, 0), done.stderr)
            report = self.assert_whole(self.cases()[0])
            if "--core=full" in options and self.cases()[0]["kept"] == "slim":
                self.assertIn("the full core", e2e.missing(report))

    def test_all_of_us_are_in_a_memory_control_group_at_its_limit(self):
        """As in a container. The kernel may kill somebody for memory; whoever it is, what is said afterwards is true."""
        folder, limit, use = self.group(64)
        for options in BOTH_WAYS:
            done = self.run_it("fill", limit, use, options=options,
                               prefix=("/bin/sh", "-c", f'echo $$ >{folder}/cgroup.procs; exec "$@"', "sh"))
            self.assertIn(done.returncode, (137, 139), done.stderr)
            seen, recorded, lost = self.counts(done.stderr)
            self.assertEqual(seen, recorded + lost, done.stderr)
            if done.returncode == 139:
                self.assertEqual(seen, 1, done.stderr)
            self.assertEqual(len(self.cases()) if self.vault.exists() else 0, recorded, done.stderr)
            shutil.rmtree(self.vault, ignore_errors=True)


class Forbidden(FaultsTest):
    def test_a_filter_of_system_calls(self):
        """Traced, nothing is done inside the process, so that its filter has nothing to answer."""
        for how in ("eperm", "kill"):
            for options in (("--trace",), ("--trace", "--core=full")):
                done = self.run_it(how, options=options)
                self.assertEqual(done.returncode, 139, done.stderr)
                self.assertEqual(self.counts(done.stderr), (1, 1, 0), done.stderr)
                self.assertEqual(e2e.top(self.assert_whole(self.cases()[0]))["expression"], "order->next")

    def test_a_filter_that_keeps_the_handler_from_telling(self):
        done = self.run_it("eperm")
        self.assertEqual(done.returncode, 139, done.stderr)
        self.assertEqual(self.counts(done.stderr), (1, 0, 1), done.stderr)
        done = self.run_it("kill")  # it dies of our first system call: see docs/handler.md
        self.assertEqual(done.returncode, 128 + signal.SIGSYS, done.stderr)
        self.assertEqual(self.counts(done.stderr), (1, 0, 1), done.stderr)
        self.assertIn("seccomp", done.stderr)

    def test_a_setuid_program(self):
        """Run by an ordinary user: it dies as it should, is counted, and its memory is not given away."""
        if os.geteuid() != 0:
            self.skipTest("needs root to make a setuid program")
        for folder in (e2e.work(), self.home, self.folder):
            folder.chmod(0o755)
        program = self.folder / "victim-setuid"
        shutil.copy(self.victim, program)
        program.chmod(0o4755)
        os.chown(self.folder, NOBODY, NOBODY)
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        done = self.run_it(program=program, **user)
        self.assertEqual(done.returncode, 139, done.stderr)
        self.assertEqual(self.counts(done.stderr), (1, 0, 1), done.stderr)
        self.assertIn("setuid", done.stderr)
        self.assertFalse(list(self.folder.glob("**/core*")))
        done = self.run_it(options=("--trace",), program=program, **user)  # the kernel takes its privileges away
        self.assertEqual(done.returncode, 139, done.stderr)
        seen, recorded, lost = self.counts(done.stderr)
        self.assertEqual((seen, recorded + lost), (1, 1), done.stderr)


class Unusual(FaultsTest):
    def test_no_other_thread_runs_on_when_the_descriptors_are_closed(self):
        for options in ((), ("--trace",), ("--kernel-core",)):
            for _ in range(3):
                with self.subTest(options=options):
                    done = subprocess.run(self.command("busy", 3, options=options), capture_output=True, text=True,
                                          timeout=60, cwd=self.folder, env=e2e.environment())
                    self.assertEqual((done.returncode, "was closed" in done.stderr), (139, False), done.stderr)

    def test_a_thread_in_vfork(self):
        """It does not stop; nobody waits for it, and its end is no second crash."""
        for way in BOTH_WAYS:
            for thread in ("0", "1"):
                with self.subTest(way=way, thread=thread):
                    done = self.run_it("vfork", thread, options=way)
                    self.assertEqual(done.returncode, 139, done.stderr)
                    self.assertEqual(self.counts(done.stderr), (1, 1, 0), done.stderr)
                    report = self.assert_whole(self.cases()[0])
                    self.assertIn("did not stop in time", e2e.missing(report))

    def test_a_number_that_comes_again_at_once_is_another_process(self):
        prefix = ("unshare", "--pid", "--fork", "--mount-proc")
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            self.skipTest("this user may make no pid namespace")
        for way in BOTH_WAYS:
            done = self.run_it("same-pid", "25", options=(*way, "--analysis", "0", "--no-stderr"), prefix=prefix)
            if done.returncode == 77:
                self.skipTest("ns_last_pid cannot be set here")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.counts(done.stderr), (25, 25, 0), done.stderr)

    def test_what_a_dead_instance_leaves_running_is_ended(self):
        for way in BOTH_WAYS:
            self.setUp()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            done = self.run_it("family", port, options=(*way, "--restart", "--max-restarts", "3"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.counts(done.stderr), (1, 1, 0), done.stderr)

    def storm(self, number, way):
        self.setUp()
        done = self.run_it("children", number, options=way, timeout=800)
        self.assertEqual((done.returncode, done.stdout), (0, f"DIED {number}\n"), done.stderr)
        seen, recorded, lost = self.counts(done.stderr)
        self.assertEqual((seen, recorded + lost), (number, number), done.stderr)
        self.assertEqual(recorded, number, done.stderr)
        self.assertEqual(len(self.cases()), number)
        for case in self.cases()[:: max(1, number // 10)]:
            self.assert_whole(case)

    def test_forty_at_once_into_the_vault(self):
        for way in BOTH_WAYS:
            self.storm(40, way)

    @slow
    def test_four_hundred_at_once(self):
        for way in BOTH_WAYS:
            self.storm(400, way)

    @slow
    def test_a_thousand_threads(self):
        for way in BOTH_WAYS:
            self.setUp()
            run, _ = self.start("on-command", 1000, options=way)
            _, err = run.communicate("x", timeout=200)
            self.assertEqual(run.returncode, 139, err)
            self.assertEqual(self.counts(err), (1, 1, 0), err)
            self.assert_whole(self.cases()[0])
            image = json.loads(e2e.inquest("explain", "--vault", self.vault, self.cases()[0]["id"], "--dump=image").out)
            self.assertEqual(len(image["threads"]), 1001)

    @slow
    def test_a_go_program(self):
        e2e.need("go")
        (self.folder / "shop.go").write_text(GO)
        program = self.folder / "shop"
        subprocess.run(["go", "build", "-o", str(program), "shop.go"], cwd=self.folder, check=True, timeout=300,
                       env=e2e.environment(GOCACHE=str(self.folder / "cache"), GO111MODULE="off", CGO_ENABLED="0"))
        # Go turns a fault into a panic, prints it and exits with 2: that is no crash, unless it is asked for one.
        done = self.run_it("panic", options=("--trace",), program=program)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(self.counts(done.stderr), (0, 0, 0), done.stderr)
        for how in ("abort", "outside"):
            done = self.run_it(how, options=("--trace",), program=program, prefix=("env", "GOTRACEBACK=crash"))
            self.assertGreater(done.returncode, 128, done.stderr)
            self.assertEqual(self.counts(done.stderr), (1, 1, 0), done.stderr)
            explained = e2e.inquest("explain", "--vault", self.vault, self.cases()[0]["id"], "--json")
            self.assertEqual(explained.status, 0, explained.err)
        done = self.run_it("outside", program=program, prefix=("env", "GOTRACEBACK=crash"))
        self.assertEqual(self.counts(done.stderr), (1, 0, 1), done.stderr)
        self.assertIn("try --trace", done.stderr)


GO = """package main

import (
	"os"
	"syscall"
)

type order struct{ next *order }

//go:noinline
func crash(o *order) *order { return o.next.next }

func main() {
	if os.Args[1] == "outside" {
		syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	}
	crash(&order{})
}
"""


if __name__ == "__main__":
    e2e.main()
