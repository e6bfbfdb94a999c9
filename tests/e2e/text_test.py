"""Evidence that is text: one crash, several, none; in every form of output."""

import json
from pathlib import Path

import e2e

try:
    import jsonschema
except ImportError:
    jsonschema = None

SEGFAULT = (
    "late[19608]: segfault at 38 ip 000055b1650ed15d sp 00007fff0fc81b30 error 4 in late[115d,55b1650ed000+1000]"
    " likely on CPU 0 (core 0, socket 0)"
)
CODE = (
    "Code: 29 ff ff ff e8 64 ff ff ff c6 05 ed 2e 00 00 01 5d c3 0f 1f 00 c3 0f 1f 80 00 00 00 00 f3 0f 1e fa e9 77 ff ff ff"
    " 48 8b 47 08 <8b> 40 38 0f af 07 c3 e8 f0 ff ff ff 83 c0 01 c3 53 48 83 ec 10 89"
)
OOM = (
    "Memory cgroup out of memory: Killed process 77 (python3) total-vm:1048576kB, anon-rss:519000kB, file-rss:1000kB,"
    " shmem-rss:0kB, UID:0 pgtables:1100kB oom_score_adj:0"
)


def text(*lines: str) -> Path:
    path = e2e.fresh("text") / "kernel.log"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def journal(*messages: str) -> list[str]:
    return [f"Nov 21 11:39:{i:02} web1 kernel: [ 1726.46{i:04}] {message}" for i, message in enumerate(messages)]


class Text(e2e.TestCase):
    SCHEMA = json.loads((e2e.ROOT / "docs/formats/report.schema.json").read_text())

    def check(self, answer: dict) -> None:
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator(self.SCHEMA).validate(answer)

    def test_one_crash_is_one_report(self):
        report = json.loads(e2e.explain(text(*journal("usb 1-1: new device", SEGFAULT, CODE)), "--json").out)
        self.check(report)
        self.assertEqual(report["schema"], "inquest-report")
        self.assertEqual(report["found"], {"format": "kernel-fault", "first_line": 2, "last_line": 3, "times": 1, "last_seen": 2})
        self.assertEqual(report["verdict"]["hypotheses"][0]["class"], "null-member-access")
        self.assertEqual(report["facts"]["fault"]["instruction"], "mov eax, dword ptr [rax+0x38]")

    def test_several_crashes_are_counted_and_told_one_after_another(self):
        again = SEGFAULT.replace("19608", "19700").replace("55b1650ed", "55c1650ed")
        path = text(*journal(SEGFAULT, CODE, OOM, "show_signal_msg: 42 callbacks suppressed", again, CODE))
        answer = json.loads(e2e.explain(path, "--json").out)
        self.check(answer)
        self.assertEqual(answer["crashes"], 3)
        self.assertEqual([report["found"]["times"] for report in answer["reports"]], [2, 1])
        self.assertEqual(answer["reports"][1]["verdict"]["hypotheses"][0]["class"], "killed-for-memory")
        self.assertIn("42", answer["remarks"][0])
        shown = e2e.explain(path).out
        self.assertIn("1 of 2, lines 1-2 (kernel-fault), 2 times", shown)
        self.assertIn("3 crashes in 6 lines, 2 different", shown)
        for form in ("--markdown", "--html"):
            with self.subTest(form):
                self.assertIn("not a segfault", e2e.explain(path, form).out)

    def test_a_pipe_and_a_packed_log_are_read_too(self):
        path = text(*journal(SEGFAULT, CODE))
        wanted = json.loads(e2e.explain(path, "--json").out)["verdict"]["hypotheses"]
        piped = json.loads(e2e.explain("-", "--json", stdin=path.read_bytes()).out)
        self.assertEqual([h["sentence"] for h in piped["verdict"]["hypotheses"]], [h["sentence"] for h in wanted])

    def test_a_text_without_a_crash_says_what_was_looked_for(self):
        run = e2e.explain(text("all is well", "good night"))
        self.assertEqual(run.status, 1)
        self.assertIn("no crash report in this text", run.err)
        self.assertIn("dmesg", run.err)


if __name__ == "__main__":
    e2e.main()
