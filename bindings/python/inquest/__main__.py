"""python -m inquest [--log FILE] [--no-locals] (SCRIPT | -m MODULE | -c CODE) [ARGUMENT...]"""

import os
import runpy
import sys

from . import enable


def main() -> None:
    arguments, log, with_locals = sys.argv[1:], None, True
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)
        if option == "--no-locals":
            with_locals = False
        elif option == "--log" and arguments:
            log = arguments.pop(0)
        else:
            sys.exit(f"unknown option {option}\nusage: {__doc__}")
    if not arguments or arguments[0] in ("-m", "-c") and len(arguments) < 2:
        sys.exit(f"usage: {__doc__}")
    enable(log or os.environ.get("INQUEST_CRASH_LOG") or None, locals=with_locals)
    # As the interpreter itself does: the script's folder, or the working directory, comes first in sys.path. `-m inquest`
    # has put the working directory there.
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        code = arguments[1]
        sys.argv = ["-c", *arguments[2:]]
        sys.path[0] = ""
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.realpath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
