"""The logs of a launched service, one file an instance, as its instances write them: one JSON object a line."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from bench.worlds.file_changes import changed, gone
from bench.worlds.launch_service import service
from bench.worlds.world import Case, Sections, World, fault
from tminus.clock import now

_KIND = "logs.error_signatures"
_NAMES = ("blue-1", "blue-2", "blue-3", "green-1")
_GIVEN = {"service": "trading", "window": "1h"}
_WINDOW = 60  # minutes
_CASES = (
    Case(
        _KIND,
        {**_GIVEN},
        {"new_signatures": "= 0", "unstructured": "= 0"},
        (
            ("told", "blue-2", "order book of XAUUSD is crossed"),
            ("told", "green-1", "position 17 of account 4711 does not add up"),
            ("told", "blue-1", "request", "/api/portfolio"),
            ("wrote", "blue-3", 'Traceback (most recent call last):\n  File "orders.py", line 1, in place'),
        ),
        (
            ("moved", "green-1"),
            ("a_folder", "blue-1"),
            ("another_format", "green-1"),
            "all_silent",
            "begin_in_the_window",
        ),
    ),
    Case(_KIND, {**_GIVEN, "baseline": "2h"}, {"error_growth": "<= 1"}, (("usual_error_comes", "4"),)),
    Case(_KIND, {**_GIVEN}, {"errors": "<= 1"}, (("usual_error_comes", "1"), ("told", "green-1", "no quote")), ()),
    Case(_KIND, {**_GIVEN}, {"logs": "= all"}, (("silent_since", "green-1"), ("silent_since", "blue-2"))),
)


class LaunchLogs(World):
    """Four logs of three hours, with an error now and then that is known."""

    system: ClassVar[str] = "launch_logs"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = _CASES

    @contextmanager
    def running(self) -> Iterator[None]:
        """Files need nobody to run."""
        self._folder.mkdir(parents=True)
        for name in _NAMES:
            self._path(name).write_text(_history(name, 180, 0), "utf-8")
        yield

    def sections(self) -> Sections:
        """One service, and a pattern for each of its pools."""
        patterns = [f"{self._folder}/{pool}-*.jsonl" for pool in ("blue", "green")]
        return {"services": {"trading": service(self.folder, logs=patterns)}}

    def silent(self) -> tuple[Sections, dict[str, str]]:
        """Patterns that match nothing."""
        pattern = f"{self._folder}-that-is-not-there/*.jsonl"
        return {"services": {"trading": service(self.folder, logs=[pattern])}}, {}

    @fault
    def told(self, name: str, message: str, path: str = "/api/orders") -> Iterator[None]:
        """An instance told of an error that it did not tell of before, or not of this path."""
        with self._appended(name, _line(5, "error", message, path)):
            yield

    @fault
    def wrote(self, name: str, text: str) -> Iterator[None]:
        """An instance wrote lines that are no JSON."""
        with self._appended(name, f"{text}\n"):
            yield

    @fault
    def usual_error_comes(self, times: str) -> Iterator[None]:
        """An error that was always there comes more often."""
        with self._appended("blue-1", "".join(_usual(4) for _ in range(int(times)))):
            yield

    @fault
    def silent_since(self, name: str) -> Iterator[None]:
        """An instance wrote nothing in the window; the others did."""
        with changed(self._path(name), _history(name, 180, _WINDOW + 5)):
            yield

    @fault
    def all_silent(self) -> Iterator[None]:
        """No instance wrote anything in the window."""
        with self._all(180, _WINDOW + 5):
            yield

    @fault
    def begin_in_the_window(self) -> Iterator[None]:
        """Nothing is left of the time before: what is told now may be new or old."""
        with self._all(_WINDOW - 5, 0):
            yield

    @fault
    def moved(self, name: str) -> Iterator[None]:
        """A log is written elsewhere now."""
        with gone(self._path(name)):
            yield

    @fault
    def a_folder(self, name: str) -> Iterator[None]:
        """A folder stands where a log should."""
        with gone(self._path(name)):
            self._path(name).mkdir()
            yield
            self._path(name).rmdir()

    @fault
    def another_format(self, name: str) -> Iterator[None]:
        """An instance writes plain text, of which nobody can tell what is an error."""
        with changed(self._path(name), "ERROR everything is broken\n" * 50):
            yield

    @property
    def _folder(self) -> Path:
        return self.folder / "logs"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"

    @contextmanager
    def _appended(self, name: str, text: str) -> Iterator[None]:
        path = self._path(name)
        size = path.stat().st_size
        with path.open("a", encoding="utf-8") as log:
            log.write(text)
        yield
        os.truncate(path, size)

    @contextmanager
    def _all(self, first: int, last: int) -> Iterator[None]:
        """The block in which every log tells of these minutes alone."""
        before = {name: self._path(name).read_bytes() for name in _NAMES}
        for name in _NAMES:
            self._path(name).write_text(_history(name, first, last), "utf-8")
        yield
        for name, content in before.items():
            self._path(name).write_bytes(content)


def _history(name: str, first: int, last: int) -> str:
    """What an instance wrote from `first` minutes ago to `last` minutes ago; blue-1 has an error that is known."""
    told = [(ago, _line(ago, "info", "request", "/api/prices")) for ago in range(first, last, -5)]
    if name == "blue-1":
        told += [(ago, _usual(ago)) for ago in (150, 90, 30) if first >= ago > last]
    return "".join(line for _, line in sorted(told, key=lambda one: -one[0]))


def _usual(ago: int) -> str:
    wait = f"{150 + ago} ms"
    return _line(
        ago, "error", f"pricing engine gave no quote for request {ago * 7919:016x} within {wait}", "/api/orders"
    )


def _line(ago: int, level: str, message: str, path: str) -> str:
    """A line of so many minutes ago."""
    at = (now() - timedelta(minutes=ago)).isoformat(timespec="milliseconds")
    more = {"instance": "one", "version": "2.0.0", "request_id": f"{ago:016x}", "method": "GET", "path": path}
    return json.dumps({"time": at, "level": level, "message": message, **more}) + "\n"
