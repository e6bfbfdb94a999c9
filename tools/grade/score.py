"""Asks Inquest about a core, compares the answer with the truth, and adds up."""

import collections
import dataclasses
import json
import pathlib
import subprocess
import time

import builder
import corpus
import crasher
import names

TIMEOUT_SECONDS = 120
AIM_CLASS_WITH_DEBUG_INFO = 0.95
AIM_CLASS_WITHOUT = 0.85
AIM_FUNCTION = 0.95
MARKS = ("class", "function", "line", "expression", "access", "blame", "blame3")
AIM_BLAME = 0.75
AIM_BLAME_TOP3 = 0.90
ACCESS = {"read": {"read", "read-write"}, "write": {"write", "read-write"},
          "exec": {"exec", "execute"}}


@dataclasses.dataclass
class Answer:
    """What one explanation said, as far as it is graded."""

    crash_class: str = ""
    confidence: str = ""
    function: str = ""
    file: str = ""
    line: int = 0
    expression: str = ""
    access: str = ""
    blamed: list = dataclasses.field(default_factory=list)
    error: str = ""
    seconds: float = 0.0


@dataclasses.dataclass
class Outcome:
    """One explanation against its truth; a mark is True, False, or None when it does not apply."""

    case: corpus.Case
    variant: str
    answer: Answer
    functions: list
    marks: dict


def parse_answer(document):
    """Picks the graded parts from a report (docs/formats/report-json.md)."""
    verdict = document["verdict"]
    first = verdict["hypotheses"][0]
    place = verdict.get("place") or {}
    fault = (document.get("facts") or {}).get("fault") or {}
    return Answer(crash_class=first["class"], confidence=first.get("confidence") or "",
                  function=place.get("function") or "", file=place.get("file") or "",
                  line=place.get("line") or 0, expression=first.get("expression") or "",
                  access=fault.get("access") or "",
                  blamed=[suspect.get("function") or "" for suspect in
                          ((document.get("facts") or {}).get("origin") or {}).get("blamed") or []])


def mark(case, variant, answer, functions):
    """Compares one answer with the truth."""
    debug_info = variant in corpus.WITH_DEBUG_INFO
    place = (pathlib.PurePath(answer.file).name, answer.line)
    marks = dict.fromkeys(MARKS)
    marks["class"] = answer.crash_class in case.accepted_classes(variant)
    if variant != "stripped":
        marks["function"] = any(names.same_function(name, answer.function) for name in functions)
    if debug_info and case.crash_lines:
        marks["line"] = place in case.crash_lines
    if debug_info and case.expressions():
        marks["expression"] = any(names.same_expression(expected, answer.expression)
                                  for expected in case.expressions())
    if "access" in case.facts and variant not in corpus.ARM_VARIANTS:
        marks["access"] = answer.access in ACCESS[case.facts["access"]]
    if debug_info and case.blamed():
        right = [any(names.same_function(name, got) for name in case.blamed())
                 for got in answer.blamed[:3]]
        marks["blame"] = bool(right) and right[0]
        marks["blame3"] = any(right)
    return marks


def _command(inquest, case, variant, record):
    command = [str(inquest), "explain", "--json", record["core"], "--exe", record["program"]]
    if variant == "split":
        debug = builder.directory(case, variant) / "debug"
        if debug.is_dir():  # half of the programs are found by .gnu_debuglink instead
            command += ["--debug-dir", str(debug)]
    if variant in corpus.ARM_VARIANTS:
        command += ["--sysroot", crasher.ARM_ROOT]
    return command


def ask(inquest, case, variant, record):
    """Runs `inquest explain --json`; whatever goes wrong is part of the answer."""
    started = time.monotonic()
    try:
        done = subprocess.run(_command(inquest, case, variant, record), capture_output=True,
                              check=False, timeout=TIMEOUT_SECONDS, cwd=record["run"])
    except subprocess.TimeoutExpired:
        return Answer(error=f"no answer within {TIMEOUT_SECONDS} s")
    seconds = time.monotonic() - started
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()[-200:]
        return Answer(error=f"exit {done.returncode}: {reason}", seconds=seconds)
    try:
        answer = parse_answer(json.loads(done.stdout))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return Answer(error=f"unreadable report: {error!r}", seconds=seconds)
    answer.seconds = seconds
    return answer


def explain(inquest, case, variant, record, functions):
    answer = ask(inquest, case, variant, record)
    return Outcome(case, variant, answer, functions, mark(case, variant, answer, functions))


def _rate(outcomes, name):
    judged = [o.marks[name] for o in outcomes if o.marks[name] is not None]
    return {"right": sum(judged), "of": len(judged),
            "rate": round(sum(judged) / len(judged), 4) if judged else None}


def _expected_and_got(outcome, name):
    case, answer = outcome.case, outcome.answer
    if answer.error:
        return case.facts.get(name, ""), answer.error
    return {
        "class": (" or ".join(case.accepted_classes(outcome.variant)), answer.crash_class),
        "function": (" or ".join(outcome.functions), answer.function),
        "line": (", ".join(f"{f}:{n}" for f, n in sorted(case.crash_lines)),
                 f"{pathlib.PurePath(answer.file).name}:{answer.line}"),
        "expression": (" or ".join(case.expressions()), answer.expression),
        "blame": (" or ".join(case.blamed()), ", ".join(answer.blamed[:1])),
        "blame3": (" or ".join(case.blamed()), ", ".join(answer.blamed[:3])),
        "access": (case.facts.get("access", ""), answer.access),
    }[name]


def _failures(outcomes):
    for outcome in outcomes:
        for name in MARKS:
            if outcome.marks[name] is False:
                expected, got = _expected_and_got(outcome, name)
                yield {"case": outcome.case.name, "what": name, "expected": expected, "got": got}


def _confusion(outcomes):
    """{expected class: {class answered: count}}; an accepted alternative keeps its own name."""
    matrix = collections.defaultdict(collections.Counter)
    for outcome in outcomes:
        answered = outcome.answer.crash_class or "no answer"
        matrix[outcome.case.expected_class][answered] += 1
    return {name: dict(matrix[name]) for name in corpus.CLASSES if name in matrix}


def _aim(name, wanted, rate):
    return {"aim": name, "wanted": wanted, **rate,
            "met": rate["rate"] is None or rate["rate"] >= wanted}


def summarise(outcomes):
    """Everything that is printed, as plain data."""
    outcomes.sort(key=lambda o: (corpus.VARIANTS.index(o.variant), o.case.name))
    by_variant = collections.defaultdict(list)
    for outcome in outcomes:
        by_variant[outcome.variant].append(outcome)
    native = [o for o in outcomes if o.variant in corpus.NATIVE_VARIANTS]
    debug = [o for o in native if o.variant in corpus.WITH_DEBUG_INFO]
    bare = [o for o in native if o.variant not in corpus.WITH_DEBUG_INFO]
    aims = [_aim("class, with debug information", AIM_CLASS_WITH_DEBUG_INFO, _rate(debug, "class")),
            _aim("class, without", AIM_CLASS_WITHOUT, _rate(bare, "class")),
            _aim("function", AIM_FUNCTION, _rate(native, "function")),
            _aim("blamed first, with debug information", AIM_BLAME, _rate(debug, "blame")),
            _aim("blamed among three", AIM_BLAME_TOP3, _rate(debug, "blame3"))]
    unseen = [o for o in debug if o.case.get("held_out")]
    held_out = {name: _rate(unseen, name) for name in ("class", "blame", "blame3")}
    variants = {}
    for variant, group in by_variant.items():
        exact = [o.answer.crash_class == o.case.expected_class for o in group]
        variants[variant] = {
            "cases": len(group),
            "rates": {name: _rate(group, name) for name in MARKS},
            "class_without_alternatives": {"right": sum(exact), "of": len(exact)},
            "slowest_seconds": round(max(o.answer.seconds for o in group), 3),
            "confusion": _confusion(group),
            "failures": list(_failures(group)),
        }
    return {"variants": variants, "aims": aims, "held_out": held_out, "aims_met": all(aim["met"] for aim in aims)}


def _percent(rate):
    if rate["rate"] is None:
        return "     -         "
    return f"{100 * rate['rate']:5.1f} % {rate['right']:3}/{rate['of']:<3}"


def _render_confusion(confusion):
    for expected, answered in confusion.items():
        total = sum(answered.values())
        right = answered.get(expected, 0)
        others = ", ".join(f"{name} x{count}" for name, count in
                           sorted(answered.items(), key=lambda item: (-item[1], item[0]))
                           if name != expected)
        yield f"  {expected:<28} {right:3}/{total:<3} {'instead: ' + others if others else ''}".rstrip()


def render(summary):
    """The summary for people."""
    lines = []
    for variant, result in summary["variants"].items():
        lines += ["", f"{variant}: {result['cases']} crashes, slowest answer "
                  f"{result['slowest_seconds']} s", *_render_confusion(result["confusion"])]
        for failure in result["failures"]:
            lines.append(f"    {failure['case']}: {failure['what']}: expected "
                         f"{failure['expected']}; got {failure['got'] or 'nothing'}")
    lines += ["", f"{'':16}" + "".join(f"{name:<17}" for name in MARKS)]
    for variant, result in summary["variants"].items():
        lines.append(f"{variant:<16}" + "  ".join(_percent(result["rates"][n]) for n in MARKS))
    lines.append("")
    for aim in summary["aims"]:
        word = "not measured" if aim["rate"] is None else "met" if aim["met"] else "MISSED"
        lines.append(f"{aim['aim']:<38} {_percent(aim)}  aim {100 * aim['wanted']:.0f} %: {word}")
    for name, rate in summary["held_out"].items():
        if rate["of"]:
            lines.append(f"{'held out: ' + name:<38} {_percent(rate)}")
    return "\n".join(lines)
