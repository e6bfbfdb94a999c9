"""The services that are let down: how each is set up, started, asked, and given a real fault."""

import concurrent.futures
import functools
import glob
import os
import select
import shutil
import signal
import subprocess
from pathlib import Path

import load

HERE = Path(__file__).resolve().parent
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


class Missing(Exception):
    """What the service needs is not on this machine."""


def program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        raise Missing(f"{name} is not installed")
    return found


def build(folder: Path, source: str, output: str, *flags: str) -> Path:
    subprocess.run(["gcc", "-g", "-O1", "-fPIC", "-shared", f"-I{HERE}", *flags, str(HERE / source), "-o", str(folder / output)],
                   check=True)
    return folder / output


def processes(session: int) -> dict[int, str]:
    """The command lines of a session's processes."""
    found = {}
    for entry in glob.glob("/proc/[0-9]*"):
        try:
            stat = Path(entry, "stat").read_text(encoding="ascii", errors="replace")
            if int(stat.rpartition(")")[2].split()[3]) == session:
                line = Path(entry, "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(entry[6:])] = line.decode(errors="replace").strip()
        except (OSError, ValueError, IndexError):
            continue
    return found


def kill(session: int, words: str, oldest: bool) -> None:
    """Sends SIGSEGV to the oldest, or the newest, whose command line has the words in it but is no supervisor's."""
    found = sorted(pid for pid, line in processes(session).items()
                   if words in line and "inquest run" not in line and not line.startswith("/bin/sh"))
    if not found:
        raise RuntimeError(f"nobody is called {words}")
    handle = os.pidfd_open(found[0 if oldest else -1])
    signal.pidfd_send_signal(handle, signal.SIGSEGV)
    select.select([handle], [], [], 5)  # it has died when this is readable
    os.close(handle)


class Service:
    """`folder` is its own, writable by the user that it runs as; `data` are the MiB it is to have in memory."""
    name = ""
    protocol = "http"
    dies = "the program"  # who dies of the fault
    dies_of = signal.SIGSEGV
    crashes = 1  # of one fault
    place = "price_of"  # what the explanation must name; None: it must say that the signal was sent
    stop = signal.SIGTERM

    def __init__(self, folder: Path, port: int, data: int, as_user):
        self.folder, self.port, self.data, self.as_user = folder, port, data, as_user

    def prepare(self) -> None:
        """Once, before it is started."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def fill(self) -> None:
        """Before each fault, so that it has its data in memory again."""

    def fault(self, session: int) -> None:
        """Returns when the fault has been provoked."""
        del session
        try:
            load.ask(self.protocol, self.port, *self.fault_words())
        except load.FAILURES:
            return
        raise RuntimeError(f"{self.name} answered the request that was to kill it")

    def fault_words(self) -> tuple[str, ...]:
        return ("/fault",)


class Gunicorn(Service):
    name = "gunicorn"
    dies = "both workers"
    crashes = 2

    def fault(self, session):
        """Who sent the request that kills sends it again while it waits: the other worker gets it."""
        one = super().fault
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(one, session) for _ in range(self.crashes)]:
                done.result()

    def prepare(self):
        program("gunicorn")
        library = build(self.folder, "python_fault.c", "fault.so")
        (self.folder / "shop.py").write_text(f"""\
import ctypes
stock = bytearray(b"x" * ({self.data} << 20))
fault = ctypes.CDLL("{library}")
def app(environ, start_response):
    if environ["PATH_INFO"] == "/fault":
        fault.sell()
    start_response("200 OK", [("Content-Length", "3")])
    return [b"42\\n"]
""", encoding="ascii")

    def command(self):
        return [program("gunicorn"), "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--log-level", "warning",
                "--chdir", str(self.folder), "shop:app"]


class GunicornMaster(Gunicorn):
    """The parent dies, and leaves its workers behind: they hold the port until they notice."""
    dies = "the master"
    crashes = 1
    place = None

    def fault(self, session):
        kill(session, "gunicorn", oldest=True)


class Node(Service):
    name = "node"

    def prepare(self):
        node = Path(program("node")).resolve()
        headers = [path for path in (node.parent.parent / "include/node", Path("/usr/include/node"))
                   if (path / "node_api.h").exists()]
        if not headers:
            raise Missing("node_api.h is not there")
        addon = build(self.folder, "node_fault.c", "fault.node", f"-I{headers[0]}")
        (self.folder / "shop.js").write_text(f"""\
const stock = Buffer.alloc({self.data} << 20, 'x');
const fault = require('{addon}');
require('http').createServer((request, response) => {{
  if (request.url === '/fault') fault.sell();
  response.setHeader('Content-Length', '3');
  response.end('42\\n');
}}).listen({self.port}, '127.0.0.1');
""", encoding="ascii")

    def command(self):
        return [program("node"), str(self.folder / "shop.js")]


class Postgres(Service):
    name = "postgres"
    protocol = "postgres"
    dies = "a backend"
    stop = signal.SIGINT  # its fast shutdown

    @staticmethod
    @functools.cache
    def bin() -> Path:
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
        if not found:
            raise Missing("postgres is not installed")
        return Path(found[-1]).parent

    def prepare(self):
        config = self.bin() / "pg_config"
        include = subprocess.run([config if config.exists() else program("pg_config"), "--includedir-server"],
                                 capture_output=True, text=True, check=True).stdout.strip()
        if not Path(include, "postgres.h").exists():
            raise Missing("postgres.h is not there: postgresql-server-dev-15")
        library = build(self.folder, "postgres_fault.c", "fault.so", f"-I{include}")
        data = self.folder / "data"
        subprocess.run([self.bin() / "initdb", "-D", data, "-U", "shop", "-A", "trust", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, **self.as_user)
        script = f"""\
CREATE TABLE prices (id int PRIMARY KEY, cents int, text text);
INSERT INTO prices SELECT n, n * 10, repeat('x', 900) FROM generate_series(1, {self.data} * 900) n;
CREATE EXTENSION pg_prewarm;
CREATE FUNCTION sell() RETURNS int AS '{library}', 'sell' LANGUAGE C;
"""
        subprocess.run([self.bin() / "postgres", "--single", "-j", "-D", data, "postgres"], check=True, text=True,
                       input=script.replace("\n", "\n\n"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       **self.as_user)

    def command(self):
        return [str(self.bin() / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1",
                "-k", str(self.folder), "-c", f"shared_buffers={self.data + 32}MB", "-c", "log_min_messages=fatal",
                "-c", "fsync=off"]  # how long its recovery waits for the disk is not what is compared

    def fill(self):
        load.ask("postgres", self.port, "SELECT pg_prewarm('prices')")

    def fault_words(self):
        return ("SELECT sell()",)


class Postmaster(Postgres):
    """The parent dies, and leaves backends behind: they hold the shared memory until they notice."""
    dies = "the postmaster"
    place = None

    def fault(self, session):
        kill(session, "/postgres -D ", oldest=True)


class Redis(Service):
    name = "redis"
    protocol = "redis"
    place = "debugCommand"
    chunk = 2000  # keys of 1 KiB, so that nobody waits long

    def command(self):
        return [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir",
                str(self.folder), "--enable-debug-command", "yes", "--loglevel", "warning"]

    def fill(self):
        for number in range(self.data * 1024 // self.chunk):
            load.ask("redis", self.port, "DEBUG", "POPULATE", self.chunk, f"goods-{number}", 1024)

    def fault_words(self):
        return ("DEBUG", "SEGFAULT")


class Nginx(Service):
    name = "nginx"
    dies = "one of 2 workers"
    place = None

    def prepare(self):
        (self.folder / "index.html").write_text("42\n", encoding="ascii")
        (self.folder / "nginx.conf").write_text(f"""\
daemon off;
worker_processes 2;
pid {self.folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {self.folder}/body;
  proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi;
  uwsgi_temp_path {self.folder}/uwsgi;
  scgi_temp_path {self.folder}/scgi;
  server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }}
}}
""", encoding="ascii")

    def command(self):
        return [program("nginx"), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]

    def fault(self, session):
        kill(session, "nginx: worker process", oldest=False)


ALL = [Gunicorn, GunicornMaster, Node, Postgres, Postmaster, Redis, Nginx]
