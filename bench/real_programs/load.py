"""A steady load on a service: many connections, each with a request due every so often and a deadline for its answer.

Requests that are due while their connection still waits for an answer share the fate of that one: to whoever
sent them the service was as present or as absent. Times are of time.monotonic().
"""

import asyncio
import struct
import threading
import time
from dataclasses import dataclass

BIN = 0.05  # seconds; a bin in which requests were due and none was answered is an outage


class Unanswered(Exception):
    """An answer came, and it was none that a user could do anything with."""


async def http(reader, writer, path="/") -> bool:
    """One request. True when the connection may be used again."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if not head.startswith("http/1.1 200"):
        raise Unanswered(head.split("\r\n")[0])
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(length)
    return "connection: close" not in head


async def redis(reader, writer, *command) -> bool:
    words = [str(word).encode() for word in command or ("GET", "price")]
    writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    line = await reader.readuntil(b"\r\n")
    if line[:1] == b"-":
        raise Unanswered(line.decode("latin-1").strip())
    if line[:1] == b"$" and line != b"$-1\r\n":
        await reader.readexactly(int(line[1:]) + 2)
    return True


async def postgres_hello(reader, writer) -> None:
    words = b"user\0shop\0database\0postgres\0\0"
    writer.write(struct.pack("!II", len(words) + 8, 3 << 16) + words)
    await postgres_ready(reader)


async def postgres_ready(reader) -> None:
    while True:
        kind, size = struct.unpack("!cI", await reader.readexactly(5))
        body = await reader.readexactly(size - 4)
        if kind == b"E":
            raise Unanswered(body.replace(b"\0", b" ").decode(errors="replace"))
        if kind == b"Z":
            return


async def postgres(reader, writer, query="SELECT cents FROM prices WHERE id = 7") -> bool:
    text = query.encode() + b"\0"
    writer.write(b"Q" + struct.pack("!I", len(text) + 4) + text)
    await postgres_ready(reader)
    return True


@dataclass
class Protocol:
    request: object
    hello: object = None


PROTOCOLS = {"http": Protocol(http), "redis": Protocol(redis), "postgres": Protocol(postgres, postgres_hello)}
FAILURES = (OSError, EOFError, asyncio.TimeoutError, asyncio.IncompleteReadError, Unanswered)


def ask(protocol: str, port: int, *words, seconds=60.0) -> None:
    """One request on a connection of its own. Raises one of FAILURES when it was not answered."""
    async def once():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            if PROTOCOLS[protocol].hello:
                await PROTOCOLS[protocol].hello(reader, writer)
            await PROTOCOLS[protocol].request(reader, writer, *words)
        finally:
            writer.close()

    asyncio.run(asyncio.wait_for(once(), seconds))


@dataclass
class Window:
    """What became of the requests that were due in a stretch of time."""
    due: int
    failed: int
    outage: float  # seconds


class Load:
    def __init__(self, protocol: str, port: int, connections: int, every: float, deadline: float):
        self.protocol, self.port = PROTOCOLS[protocol], port
        self.connections, self.every, self.deadline = connections, every, deadline
        self.done: list[tuple[float, bool]] = []  # when it was due, and whether it was answered in time
        self.last_good = self.last_bad = 0.0  # when the latest that was answered, and that was not, were due
        self.ending = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ending.set()
        self.thread.join()

    def window(self, begin: float, end: float) -> Window:
        mine = [(due, good) for due, good in list(self.done) if begin <= due < end]
        bins: dict[int, bool] = {}
        for due, good in mine:
            number = int((due - begin) / BIN)
            bins[number] = bins.get(number, False) or good
        return Window(len(mine), sum(not good for _, good in mine), BIN * sum(not good for good in bins.values()))

    async def _run(self) -> None:
        start = time.monotonic()
        await asyncio.gather(*(self._connection(start + self.every * n / self.connections)
                               for n in range(self.connections)))

    async def _connection(self, first: float) -> None:
        number, streams = 0, None
        while not self.ending.is_set():
            due = first + number * self.every
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # asyncio's own clock may wake it late on a busy machine: the deadline counts from the sending.
            try:
                streams = await asyncio.wait_for(self._request(streams), self.deadline)
                good = True
            except FAILURES:
                good = False
            if not good and streams is not None:
                streams[1].close()
                streams = None
            passed = max(1, int((time.monotonic() - first) / self.every) + 1 - number)
            self.done += [(due + n * self.every, good) for n in range(passed)]
            last = due + (passed - 1) * self.every
            if good:
                self.last_good = max(self.last_good, last)
            else:
                self.last_bad = max(self.last_bad, last)
            number += passed
        if streams is not None:
            streams[1].close()

    async def _request(self, streams):
        if streams is None:
            streams = await asyncio.open_connection("127.0.0.1", self.port)
            if self.protocol.hello:
                await self._guarded(streams, self.protocol.hello)
        again = await self._guarded(streams, self.protocol.request)
        if again:
            return streams
        streams[1].close()
        return None

    @staticmethod
    async def _guarded(streams, step):
        """A connection that was cut off in the middle of something is not left open."""
        try:
            return await step(*streams)
        except BaseException:
            streams[1].close()
            raise
