"""The faults file: what the rehearsal breaks on purpose, read by the service and by its platform.

One JSON object. A key is a version of the service, ``"*"`` for every version, or ``"platform"``; an entry with
``after`` (Unix seconds) begins at that time::

    {"2.0.0": {"error_rate": 0.2, "after": 1789000000.0}, "platform": {"service_down": "blue"}}
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EVERY_VERSION = "*"
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class ServiceFaults:
    """What an instance does wrong; the defaults are a healthy instance.

    ``error_rate`` is the probability (0 to 1) that a business request is answered 500, ``latency_factor`` multiplies
    the base service time, ``no_metrics`` answers /metrics with 503, ``unhealthy`` answers /health with 503, and
    ``exit`` ends the process. ``after`` is in Unix seconds.
    """

    error_rate: float = 0.0
    latency_factor: float = 1.0
    no_metrics: bool = False
    unhealthy: bool = False
    exit: bool = False
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class PlatformFaults:
    """What the platform does wrong.

    ``one_old_instance`` starts the last instance of a roll-out with the other pool's build while the platform goes on
    reporting the new one; ``service_down`` names the pool whose last instance is ended and stays down; ``start_delay``
    (seconds) holds back the instances of a roll-out.
    """

    one_old_instance: bool = False
    service_down: str = ""
    start_delay: float = 0.0
    after: float = 0.0


class FaultFileError(ValueError):
    """The faults file cannot be read as faults."""


_Faults = TypeVar("_Faults", ServiceFaults, PlatformFaults)


class FaultFile:
    """The faults in force, read again whenever the file changes. No file means no faults.

    A file that cannot be understood leaves the faults read before in force and is named in ``problem``.
    """

    def __init__(self, path: Path | None) -> None:
        """Watch ``path``, which need not exist yet."""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._services: dict[str, ServiceFaults] = {}
        self._platform = PlatformFaults()
        self.problem: str | None = None

    def for_service(self, version: str, *, now: float | None = None) -> ServiceFaults:
        """Faults of one version at ``now`` (Unix seconds, default the present); its own entry outranks ``*``."""
        self._read()
        at = time.time() if now is None else now
        for key in (version, EVERY_VERSION):
            faults = self._services.get(key)
            if faults is not None and faults.after <= at:
                return faults
        return ServiceFaults()

    def for_platform(self, *, now: float | None = None) -> PlatformFaults:
        """Faults of the platform at ``now`` (Unix seconds, default the present)."""
        self._read()
        at = time.time() if now is None else now
        return self._platform if self._platform.after <= at else PlatformFaults()

    def _read(self) -> None:
        if self._path is None:
            return
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._stamp, self._services, self._platform, self.problem = None, {}, PlatformFaults(), None
            return
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._services, self._platform = parse(self._path.read_text(encoding="utf-8"))
            self.problem = None
        except (FaultFileError, OSError) as error:
            self.problem = f"{self._path}: {error}; the faults read before stay in force"


def parse(text: str) -> tuple[dict[str, ServiceFaults], PlatformFaults]:
    """Faults per version, and the platform's, from the file's text.

    Raises ``FaultFileError`` naming the entry, the field, the value and what is allowed.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        message = f"not JSON ({error})"
        raise FaultFileError(message) from error
    if not isinstance(document, dict):
        message = f"expected an object of versions, found {type(document).__name__}"
        raise FaultFileError(message)
    platform = _entry(PLATFORM, document.pop(PLATFORM, {}), PlatformFaults)
    return {version: _entry(version, entry, ServiceFaults) for version, entry in document.items()}, platform


def write_faults(path: Path, services: Mapping[str, ServiceFaults], platform: PlatformFaults | None = None) -> None:
    """Replace the faults file in one step, so that no reader sees half of it; an empty mapping ends all faults."""
    document = {version: asdict(faults) for version, faults in services.items()}
    if platform is not None:
        document[PLATFORM] = asdict(platform)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def _entry(name: str, entry: object, kind: type[_Faults]) -> _Faults:
    if not isinstance(entry, dict):
        message = f"{name}: expected an object of faults, found {entry!r}"
        raise FaultFileError(message)
    known = {field.name: getattr(kind(), field.name) for field in fields(kind)}
    for key, value in entry.items():
        if key not in known:
            message = f"{name}: no fault is called {key!r}; the faults are {', '.join(known)}"
            raise FaultFileError(message)
        expected = type(known[key])
        if not _fits(value, expected):
            message = f"{name}: {key} is {value!r}, expected {expected.__name__}"
            raise FaultFileError(message)
    return kind(**entry)


def _fits(value: object, expected: type) -> bool:
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return isinstance(value, expected)
