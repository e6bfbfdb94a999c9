"""Dies in the way that is named: app.py KIND [OPTION...]"""

import asyncio
import faulthandler
import os
import signal
import sys
import threading
import time

import inquest

KIND, OPTIONS = sys.argv[1], sys.argv[2:]

ways = {
    "segv": inquest.cause_segfault,
    "bus": inquest.cause_bus_error,
    "ill": inquest.cause_illegal_instruction,
    "fpe": inquest.cause_division_by_zero,
    "overflow": inquest.cause_stack_overflow,
    "raised": inquest.cause_abort,
    "abort": os.abort,
    "kill": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "nogil": inquest._inquest.cause_segfault_without_gil,
    "ctypes": lambda: __import__("ctypes").string_at(16),
    "nothing": lambda: None,
}


class Order:
    def __init__(self):
        self.number, self.password, self.lines = 7, "hunter" + str(2), [1, 2, 3]

    def __repr__(self):
        os._exit(3)


class Node:
    def __init__(self, depth):
        self.next = Node(depth - 1) if depth else None


def pay(order, token):
    address = "postgres://bob:hunter%d@db/shop" % 2
    huge, text, nested = 1 << 100000, "x" * 10000, {"user": "ada", "api_key": "hunter" + str(2), "more": [1, (2,), {3}]}
    chain = Node(50)
    ways[KIND]()
    return order, token, address, huge, text, nested, chain


class Shop:
    def serve(self):
        if "told" in OPTIONS:  # where faulthandler says that we are, a moment before
            faulthandler.dump_traceback(file=sys.stdout, all_threads=False)
        pay(Order(), "hunter" + str(2))


async def background():
    await asyncio.sleep(100)


async def serve_async():
    asyncio.create_task(background(), name="cleaner")
    await asyncio.sleep(0)
    try:
        raise ValueError("inner", 3)
    except ValueError:
        Shop().serve()


def deeper(n):
    return Shop().serve() if n == 0 else deeper(n - 1)


def spin():
    while True:
        sum(range(100))


def main():
    if "faulthandler" in OPTIONS:
        faulthandler.enable()
    if "enable" in OPTIONS:
        inquest.enable(os.environ["LOG"], stderr="quiet" not in OPTIONS, locals="nolocals" not in OPTIONS,
                       stacks_timeout=2.5, details_timeout=2.5)
    if "later" in OPTIONS:
        faulthandler.enable()
    threading.Thread(target=time.sleep, args=(100,), daemon=True, name="sleeper").start()
    for _ in range(3 if "spin" in OPTIONS else 0):
        threading.Thread(target=spin, daemon=True).start()
    if "fork" in OPTIONS:
        child = os.fork()
        if child != 0:
            sys.exit(-os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if sys.version_info >= (3, 9) else 0)
    if "deep" in OPTIONS:
        sys.setrecursionlimit(1 << 20)
        deeper(900)
    if "thread" in OPTIONS:
        thread = threading.Thread(target=Shop().serve, name="till")
        thread.start()
        thread.join()
    elif "async" in OPTIONS:
        asyncio.run(serve_async())
    else:
        Shop().serve()


if __name__ == "__main__":
    main()
