"""libinquest as a library, and preloaded into real runtimes."""

import signal

import e2e
from handler_case import INCLUDE, LIBRARIES, SOURCES, HandlerTest, linked, run
from handler_supervisor import ON_ALTERNATE_STACK, PASSED_ON, Supervisor

class TheLibrary(HandlerTest):
    def test_errors(self):
        done = run(linked("linked"), "errors", preload=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_replacing_the_options_leaves_descriptors_of_the_program_open(self):
        self.assertEqual(run(linked("linked"), "reinstalled", e2e.fresh("records"), preload=False).returncode, 0)

    def test_nothing_happens_before_install(self):
        self.not_reported(linked("linked"), "not-installed", preload=False, status=-signal.SIGSEGV)

    def test_shared_and_from_cplusplus(self):
        for compiler, flags in ((e2e.CC, ()), (e2e.CXX, ("-xc++", "-fpermissive"))):
            program = e2e.fresh("linked") / "linked"
            e2e.run_tool(compiler, "-w", "-g", *flags, f"-I{INCLUDE}", SOURCES / "linked.c", "-xnone", "-o", program,
                         f"-L{LIBRARIES}", "-linquest", f"-Wl,-rpath,{LIBRARIES}", "-pthread")
            self.dies(program, "", of=signal.SIGSEGV, code=1, preload=False)

    def test_overflow_in_a_thread_that_asked_for_a_stack(self):
        self.dies(linked("linked"), "worker", of=signal.SIGSEGV, preload=False, flags=ON_ALTERNATE_STACK)

    def test_annotations(self):
        crash = self.dies(linked("linked"), "annotations", of=signal.SIGSEGV, preload=False)
        self.assertEqual(crash.annotations, {"version": "1.2.3", "request": "GET /ä?a=b", "empty": ""})

    def test_annotations_changed_at_the_moment_of_the_crash_are_whole(self):
        for _ in range(10):
            crash = self.dies(linked("linked"), "annotating", of=signal.SIGSEGV, preload=False)
            self.assertIn("shared", crash.annotations)
            for value in crash.annotations.values():
                self.assertLessEqual(len(set(value)), 1, value)

    def test_annotations_of_a_linked_program_that_is_preloaded_too(self):
        program = e2e.fresh("linked") / "linked"
        e2e.run_tool(e2e.CC, "-w", f"-I{INCLUDE}", SOURCES / "linked.c", "-o", program, f"-L{LIBRARIES}", "-linquest",
                     f"-Wl,-rpath,{LIBRARIES}", "-pthread")
        self.assertEqual(self.dies(program, "annotations", of=signal.SIGSEGV).annotations["version"], "1.2.3")

    def test_exported_symbols(self):
        def exported(name):
            listing = e2e.run_tool("nm", "-D", "--defined-only", LIBRARIES / name)
            return {line.split()[-1] for line in listing.splitlines()}
        public = {"inquest_install", "inquest_thread_init", "inquest_annotate", "inquest_set_reporter"}
        self.assertEqual(exported("libinquest.so"), public)
        self.assertEqual(exported("libinquest-preload.so") - public, {
            "sigaction", "signal", "bsd_signal", "ssignal", "sysv_signal", "__sysv_signal", "pthread_sigmask",
            "sigprocmask", "pthread_create", "thrd_create", "exit", "_exit", "_Exit", "quick_exit"})

    def test_no_library_is_needed(self):
        for name in ("libinquest.so", "libinquest-preload.so"):
            self.assertNotIn("NEEDED", e2e.run_tool("readelf", "-d", LIBRARIES / name))

    def test_cores_do_not_grow_by_its_memory_but_have_the_annotations(self):
        script = '''if True:
            import ctypes
            ctypes.CDLL(None).inquest_annotate(b"request", b"an-" + b"order")
            end, into_core, annotated = 0, 0, False
            memory = open("/proc/self/mem", "rb", buffering=0)
            for line in open("/proc/self/smaps"):
                word, *rest = line.split()
                if not word.endswith(":"):
                    begin, last = (int(number, 16) for number in word.split("-"))
                    its = "libinquest" in line or begin == end and len(rest) == 4  # behind it: .bss
                    end = last if its else 0
                elif word == "VmFlags:" and its and "dd" not in rest:
                    into_core += last - begin
                    memory.seek(begin)
                    annotated = annotated or b"request\\0" in memory.read(last - begin)
            print(into_core, annotated)'''
        done = self.not_reported("/usr/bin/python3", "-c", script)
        into_core, annotated = done.stdout.split()
        self.assertLess(int(into_core), 512 << 10)
        self.assertEqual(annotated, b"True")

    def test_constructors_of_libraries_that_crash(self):
        directory = e2e.fresh("constructor")
        (directory / "lib.c").write_text("__attribute__((constructor)) static void c(void) { *(volatile int*)0x1234 = 1; }\n"
                                         "int f(void) { return 1; }\n")
        (directory / "main.c").write_text("int f(void); int main(void) { return f(); }\n")
        e2e.run_tool(e2e.CC, "-shared", "-fPIC", "-o", "libcrash.so", "lib.c", cwd=directory)
        e2e.run_tool(e2e.CC, "-o", "main", "main.c", "-L.", "-lcrash", f"-Wl,-rpath,{directory}", cwd=directory)
        self.dies(directory / "main", of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK)

    def test_musl(self):
        e2e.need("musl-gcc")
        program = e2e.fresh("musl") / "die"
        e2e.run_tool("musl-gcc", "-w", "-g", "-o", program, SOURCES / "die.c", "-idirafter", "/usr/include",
                     "-idirafter", "/usr/include/x86_64-linux-gnu")
        for where in ("main", "worker"):
            self.dies(program, "SEGV", where, of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK)
            self.dies(program, "overflow", where, of=signal.SIGSEGV)
        self.dies(program, "ABRT", "main", of=signal.SIGABRT)


class Runtimes(HandlerTest):
    def test_python(self):
        crash = self.dies("/usr/bin/python3", "-c", "import ctypes; ctypes.string_at(0)", of=signal.SIGSEGV, code=1)
        self.assertEqual(crash.comm, "python3")
        self.dies("/usr/bin/python3", "-c", "import os; os.abort()", of=signal.SIGABRT)

    def test_python_with_faulthandler(self):
        for code, number in (("import ctypes; ctypes.string_at(0)", signal.SIGSEGV), ("import os; os.abort()", signal.SIGABRT)):
            with Supervisor() as listening:
                done = run("/usr/bin/python3", "-X", "faulthandler", "-c", code, env=listening.environment)
            self.assertEqual(done.returncode, -number)
            self.assertIn(b"Fatal Python error", done.stderr)  # it still has its say
            self.assertEqual([crash.signal for crash in listening.crashes], [number])

    def test_python_subprocesses_and_threads(self):
        """Children that reset their signals between vfork and exec must not change what the parent has."""
        script = ("import ctypes, subprocess, threading\n"
                  "for i in range(20): subprocess.run(['/bin/true'])\n"
                  "t = threading.Thread(target=ctypes.string_at, args=(0,)); t.start(); t.join()")
        self.dies("/usr/bin/python3", "-c", script, of=signal.SIGSEGV, code=1, flags=ON_ALTERNATE_STACK)

    def test_python_workers_that_start_programs(self):
        """A forked worker, as gunicorn has them, makes children by vfork; its own handlers must still come to us."""
        script = ("import ctypes, faulthandler, os, subprocess\n"
                  "if os.fork() == 0:\n"
                  "  for i in range(3): subprocess.run(['/bin/true'])\n"
                  "  faulthandler.enable(); ctypes.string_at(0)\n"
                  "print(os.waitstatus_to_exitcode(os.wait()[1]))")
        with Supervisor() as listening:
            done = run("/usr/bin/python3", "-c", script, env=listening.environment)
        self.assertEqual(done.stdout.strip(), b"-11")
        self.assertIn(b"Fatal Python error", done.stderr)
        self.assertEqual([(crash.signal, crash.flags) for crash in listening.crashes],
                         [(signal.SIGSEGV, ON_ALTERNATE_STACK | PASSED_ON)])

    def test_node(self):
        e2e.need("node")
        addon = e2e.fresh("addon") / "crash.node"
        source = addon.with_suffix(".c")
        source.write_text('#include <pthread.h>\n#include <stdlib.h>\n'
                          'static void* worker(void* p) { *(volatile int*)0x1234 = 1; return p; }\n'
                          '__attribute__((constructor)) static void crash(void) {\n'
                          '  if (getenv("IN_THREAD")) { pthread_t t; pthread_create(&t, 0, worker, 0); pthread_join(t, 0); }\n'
                          '  *(volatile int*)0x1234 = 1;\n}\n')
        e2e.run_tool(e2e.CC, "-shared", "-fPIC", "-o", addon, source)
        load = f"process.dlopen({{exports: {{}}}}, {str(addon)!r})"
        worker = f"new (require('worker_threads').Worker)({load!r}, {{eval: true}})"
        for script, environment in ((load, {}), (load, {"IN_THREAD": "1"}), (worker, {})):
            with self.subTest(script=script, environment=environment), Supervisor() as listening:
                done = run("node", "-e", script, env=listening.environment | environment)
                self.assertEqual(done.returncode, -signal.SIGSEGV, done.stderr)
                self.assertEqual([(crash.signal, crash.code, crash.address) for crash in listening.crashes],
                                 [(signal.SIGSEGV, 1, 0x1234)])
        self.dies("node", "-e", "process.abort()", of=signal.SIGABRT)
        self.dies("node", "-e", "process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 9999)", of=signal.SIGSEGV)

    def test_node_catches_webassembly_traps_itself(self):
        e2e.need("node")
        # (module (memory 1) (func (export "f") (param i32) (result i32) local.get 0 i32.load))
        code = ("0061736d0100000001060160017f017f030201000503010001070501016600000a09010700200028020" "00b")
        script = (f"const m = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('{code}', 'hex')));"
                  "let n = 0; for (let i = 0; i < 1000; ++i) try { m.exports.f(-9) } catch (e) { ++n }; console.log(n);")
        done = self.not_reported("node", "-e", script)
        self.assertEqual(done.stdout.strip(), b"1000")

    def test_java(self):
        e2e.need("java", "javac")
        directory = e2e.fresh("java")
        (directory / "T.java").write_text("""
            public class T {
              int field; static T[] all = {new T(), null};
              public static void main(String[] a) throws Exception {
                int n = 0;
                for (int i = 0; i < 200000; ++i) try { all[i & 1].field++; } catch (NullPointerException e) { ++n; }
                System.out.println(n);
                if (a.length == 0) return;
                var f = sun.misc.Unsafe.class.getDeclaredField("theUnsafe"); f.setAccessible(true);
                ((sun.misc.Unsafe) f.get(null)).putAddress(0x1234, 1);
              }
            }""")
        e2e.run_tool("javac", "T.java", cwd=directory)
        done = self.not_reported("java", "-Xcomp", "-XX:CompileOnly=T", "T", cwd=directory)
        self.assertEqual(done.stdout.split()[-1], b"100000")
        with Supervisor() as listening:
            done = run("java", "T", "crash", cwd=directory, env=listening.environment)
        self.assertIn(b"A fatal error has been detected by the Java Runtime Environment", done.stdout)
        self.assertIn(done.returncode, (-signal.SIGABRT, 128 + signal.SIGABRT))
        self.assertEqual([crash.signal for crash in listening.crashes], [signal.SIGABRT])


if __name__ == "__main__":
    e2e.main()
