#!/usr/bin/python3
"""The ground truth of Inquest: build the programs that crash, crash them, grade the explanations.

    grade.py [build|crash|check|grade] [--variant V]... [--case NAME]... [--quick] [--json]

Each step does the ones before it; without a step it grades.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import sys

import builder
import corpus
import crasher
import oracle
import score

STEPS = ("build", "crash", "check", "grade")


def _arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", nargs="?", choices=STEPS, default="grade")
    parser.add_argument("--variant", action="append", choices=corpus.VARIANTS)
    parser.add_argument("--case", action="append", help="only cases whose name contains this")
    parser.add_argument("--quick", action="store_true", help="the small selection for every build")
    parser.add_argument("--json", action="store_true", help="machine-readable result on stdout")
    parser.add_argument("--force", action="store_true", help="crash again even when a core is kept")
    parser.add_argument("--inquest", type=pathlib.Path,
                        default=corpus.ROOT / "build" / "release" / "bin" / "inquest")
    parser.add_argument("--jobs", type=int, default=builder.jobs())
    return parser.parse_args(argv)


def _selection(options):
    cases = corpus.load_corpus(options.case)
    variants = options.variant
    if options.quick:
        cases = [case for case in cases if case.name in corpus.QUICK_CASES]
        variants = variants or list(corpus.QUICK_VARIANTS)
    variants = variants or list(corpus.VARIANTS)
    pairs, left_out = [], collections.Counter()
    for case in cases:
        for variant in variants:
            if variant not in case.variants():
                continue
            tool = builder.missing_tool(case, variant)
            if tool is None:
                pairs.append((case, variant))
            else:
                left_out[tool] += 1
    for tool, count in sorted(left_out.items()):
        print(f"{count} programs left out: {tool} is not installed", file=sys.stderr)
    return pairs


def _for_each(pairs, jobs, work):
    """Runs work(case, variant) for all; gives ({pair: result}, [(pair, error)])."""
    results, failures = {}, []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(work, *pair): pair for pair in pairs}
        for done in concurrent.futures.as_completed(waiting):
            pair = waiting[done]
            try:
                results[pair] = done.result()
            except (builder.BuildError, crasher.CrashError, oracle.OracleError, OSError) as error:
                failures.append((pair, error))
    failures.sort(key=lambda failure: (failure[0][1], failure[0][0].name))
    return results, failures


def _report_failures(step, failures):
    for (case, variant), error in failures:
        print(f"{step}: {case.name} [{variant}]: {error}", file=sys.stderr)
    return len(failures)


def _grade(options, records):
    if not options.inquest.exists():
        print(f"{options.inquest} does not exist: build it first", file=sys.stderr)
        return 2

    def work(case, variant):
        twin = records.get((case, "O2"))
        if twin is None and variant not in corpus.WITH_DEBUG_INFO and not case.get("no_site"):
            builder.build(case, "O2")
            twin = crasher.crash(case, "O2")
        functions = oracle.accepted_functions(case, variant, twin)
        return score.explain(options.inquest, case, variant, records[case, variant], functions)

    outcomes, failures = _for_each(list(records), options.jobs, work)
    broken = _report_failures("grade", failures)
    summary = score.summarise(list(outcomes.values()))
    print(json.dumps(summary, indent=1) if options.json else score.render(summary))
    return 1 if broken or not summary["aims_met"] else 0


def main(argv=None):
    options = _arguments(argv)
    try:
        pairs = _selection(options)
    except corpus.CaseError as error:
        print(error, file=sys.stderr)
        return 2
    built, failures = _for_each(pairs, options.jobs, builder.build)
    broken = _report_failures("build", failures)
    talk = sys.stderr if options.json else sys.stdout
    print(f"{len(built)} programs built, {sum(built.values())} of them anew", file=talk)
    if options.step == "build":
        return 1 if broken else 0

    records, failures = _for_each(list(built), options.jobs,
                                  lambda case, variant: crasher.crash(case, variant, options.force))
    broken += _report_failures("crash", failures)
    print(f"{len(records)} cores", file=talk)
    if options.step == "crash":
        return 1 if broken else 0
    if options.step == "check":
        checked, failures = _for_each(
            list(records), options.jobs,
            lambda case, variant: oracle.check(case, variant, records[case, variant]))
        broken += _report_failures("check", failures)
        agreed = sum(checked.values())
        print(f"{agreed} crash sites agree with gdb, {len(checked) - agreed} are beyond it", file=talk)
        return 1 if broken else 0
    return max(_grade(options, records), 1 if broken else 0)


if __name__ == "__main__":
    sys.exit(main())
