"""A small supervisor for tests of the handler: speaks src/capture/wire, remembers what it was told."""

import ctypes
import os
import select
import socket
import struct
import threading
from dataclasses import dataclass, field

MAGIC = 0x51514E49
REQUEST = struct.Struct("<IHHiiQQQIIiiii")
REPLY = struct.Struct("<IHHII")
PIECE = struct.Struct("<QII")
CAPTURED, WRITE_YOURSELF, COUNTED = 1, 2, 3
NO_KERNEL_CORE, CLOSE_DESCRIPTORS = 1, 2
ON_ALTERNATE_STACK, PASSED_ON, IN_PROGRAM_HANDLER, ENDS_BY_EXIT, STATE_DAMAGED = 1, 2, 4, 8, 16
MEMORY, UCONTEXT, SIGINFO, MAPS, ANNOTATIONS, AUXV = 1, 2, 3, 4, 5, 6
SILENT = object()  # an outcome: no reply at all


@dataclass
class Crash:
    pid: int
    tid: int
    signal: int
    flags: int
    code: int | None = None  # si_code, read from the waiting process
    address: int | None = None  # si_addr
    pc: int | None = None
    annotations: dict[str, str] = field(default_factory=dict)
    comm: str = ""
    needed: dict[str, int] = field(default_factory=dict)  # descriptors that the handler named
    is_connected_to: str = ""  # the one that it calls its end of the connection
    files: dict[int, str] = field(default_factory=dict)  # what each of its descriptors is
    pieces: list[tuple[int, int, bytes]] = field(default_factory=list)  # kind, address, bytes


def descriptor_of(pid: int, number: int) -> int:
    """A duplicate of another process's descriptor."""
    of_process = os.pidfd_open(pid)
    duplicate = ctypes.CDLL(None, use_errno=True).syscall(438, of_process, number, 0)  # pidfd_getfd
    os.close(of_process)
    if duplicate < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return duplicate


class Supervisor:
    """`with Supervisor() as supervisor:` listens; supervisor.environment is for the victim."""

    def __init__(self, outcome=CAPTURED, flags=0, delay=0.0, path=None):
        self.outcome, self.flags, self.delay = outcome, flags, delay
        self.crashes: list[Crash] = []
        self.errors: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.name = path or f"@inquest-test-{os.getpid()}-{id(self)}"
        self.socket.bind("\0" + self.name[1:] if self.name[0] == "@" else self.name)
        self.socket.listen(64)
        self.stop, self.stopped = os.pipe()
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        os.close(self.stopped)
        self.thread.join()
        self.socket.close()
        os.close(self.stop)

    @property
    def environment(self) -> dict[str, str]:
        return {"INQUEST_SUPERVISOR": self.name}

    def serve(self):
        while True:
            ready, _, _ = select.select([self.socket, self.stop], [], [])
            if self.stop in ready and self.socket not in ready:
                return
            connection, _ = self.socket.accept()
            with connection:
                try:
                    self.one(connection)
                except (OSError, struct.error, AssertionError) as error:
                    self.errors.append(repr(error))

    def one(self, connection):
        pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        packet = connection.recv(4096)
        magic, version, size, tid, signal, ucontext, siginfo, annotations, bytes_, flags, *needed, reserved = \
            REQUEST.unpack(packet)
        assert (magic, version, size, reserved) == (MAGIC, 1, REQUEST.size, 0), packet
        crash = Crash(pid, tid, signal, flags, needed=dict(zip(("connection", "file", "directory"), needed)))
        self.crashes.append(crash)
        if self.outcome is not WRITE_YOURSELF:
            self.look(crash, ucontext, siginfo, annotations, bytes_)
        if self.outcome is SILENT:
            connection.settimeout(20)
            connection.recv(1)  # until the handler gives up
            return
        if self.delay:
            threading.Event().wait(self.delay)
        connection.send(REPLY.pack(MAGIC, 1, REPLY.size, self.outcome, self.flags))
        if self.outcome == WRITE_YOURSELF:
            self.receive(connection, crash)

    def look(self, crash, ucontext, siginfo, annotations, size):
        with open(f"/proc/{crash.pid}/mem", "rb", buffering=0) as memory:
            def read(address, length):
                return os.pread(memory.fileno(), length, address)
            info = read(siginfo, 32)
            crash.code = struct.unpack_from("<i", info, 8)[0]
            crash.address = struct.unpack_from("<Q", info, 16)[0]
            pc_at = 40 + 16 * 8 if os.uname().machine == "x86_64" else 176 + 8 + 32 * 8
            crash.pc = struct.unpack("<Q", read(ucontext + pc_at, 8))[0]
            if annotations:
                pairs = read(annotations, size).rstrip(b"\0").split(b"\0")
                crash.annotations = dict(pair.decode().split("=", 1) for pair in pairs)
        with open(f"/proc/{crash.pid}/task/{crash.tid}/comm", encoding="utf-8") as comm:
            crash.comm = comm.read().strip()
        with socket.socket(fileno=descriptor_of(crash.pid, crash.needed["connection"])) as its_end:
            crash.is_connected_to = os.fsdecode(its_end.getpeername()).replace("\0", "@")
        crash.files = {int(fd): os.readlink(f"/proc/{crash.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{crash.pid}/fd")}

    def receive(self, connection, crash):
        connection.settimeout(20)
        while True:
            packet = connection.recv(65536)
            assert len(packet) >= PIECE.size, "the last piece did not come"
            address, size, kind = PIECE.unpack_from(packet)
            if size == 0:
                return
            assert len(packet) == PIECE.size + size
            crash.pieces.append((kind, address, packet[PIECE.size:]))
