"""Cobertura's XML, as coverage.py, gcovr, Istanbul and others write it: lines and branches of each package."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tasks.artifact_ages import Stamp, read_epoch, stamp
from tasks.artifact_files import ArtifactFile
from tasks.artifact_xml import Elements, walk
from tminus.errors import CouldNotObserve

_CONDITIONS = re.compile(r"\((\d{1,6})/(\d{1,6})\)")
_DIGITS = 16  # of a time in milliseconds, and some more


@dataclass(slots=True)
class Covered:
    """Lines and branches of a package, and how many of them ran."""

    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def __add__(self, other: "Covered") -> "Covered":
        return Covered(
            self.lines + other.lines,
            self.lines_run + other.lines_run,
            self.branches + other.branches,
            self.branches_run + other.branches_run,
        )


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """What one file says: package → what of it ran."""

    packages: Mapping[str, Covered]
    made: Stamp

    def below(self, prefix: str) -> Mapping[str, Covered]:
        """The packages of that name, and those below it, that have lines."""
        return {
            name: covered
            for name, covered in self.packages.items()
            if covered.lines and (not prefix or name == prefix or name.startswith((f"{prefix}.", f"{prefix}/")))
        }


class _Reading(Elements):
    def __init__(self, name: str) -> None:
        self.name = name
        self.packages: dict[str, Covered] = {}
        self.made: datetime | None = None
        self._here = Covered()

    def begin(self, path: tuple[str, ...], attributes: Mapping[str, str]) -> None:
        if len(path) == 1:
            if path[0] != "coverage":
                raise CouldNotObserve(f"{self.name} is no Cobertura report: its root is not <coverage>")
            at = attributes.get("timestamp", "").partition(".")[0]
            self.made = read_epoch(int(at)) if at.isascii() and at.isdecimal() and len(at) <= _DIGITS else None
        elif path[-1] == "package":
            self._here = self.packages.setdefault(attributes.get("name", ""), Covered())
        elif path[-1] == "line" and path[-3:-1] == ("class", "lines"):  # a method repeats the lines of its class
            self._line(attributes)

    def end(self, path: tuple[str, ...]) -> None:
        """Nothing is left to do where an element ends."""

    def _line(self, attributes: Mapping[str, str]) -> None:
        hits = attributes.get("hits", "")
        if not (hits.isascii() and hits.isdecimal()):
            raise CouldNotObserve(f"{self.name} has a line without a number of hits")
        self._here.lines += 1
        self._here.lines_run += hits.strip("0") != ""
        if conditions := _CONDITIONS.search(attributes.get("condition-coverage", "")):
            run, all_of = int(conditions[1]), int(conditions[2])
            if run > all_of:
                raise CouldNotObserve(f"{self.name} says that {run} of {all_of} branches ran")
            self._here.branches_run += run
            self._here.branches += all_of


def read(file: ArtifactFile) -> CoverageReport:
    """What a report says, counted from its lines; raises CouldNotObserve where it is none, or covers nothing."""
    reading = _Reading(file.name)
    walk(file, reading)
    if not any(covered.lines for covered in reading.packages.values()):
        raise CouldNotObserve(f"{file.name} covers no line; was anything measured?")
    return CoverageReport(reading.packages, stamp(file, reading.made))
