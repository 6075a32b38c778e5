"""What stands in the files that a build leaves behind: one setting, or a pattern in many lines."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Literal

from tasks.artifact_files import Folder, Inside, shown
from tasks.artifact_patterns import Pattern, Patterns
from tasks.artifact_pointer import Pointer, at_pointer
from tasks.artifact_secrecy import names_secret, without_credentials
from tasks.artifact_settings import read_settings
from tasks.artifact_values import VALUE_MEASURES, measured
from tasks.check import Check
from tasks.estate import Estate
from tasks.journey_values import Absent
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # places named in the evidence


class Setting(Check, frozen=True):
    """One value in a file of settings or of evidence: YAML, JSON, TOML, `.env`, `.ini`, `.conf` or `.properties`.

    The name under which it is expected says how it is read: `value` a number, `word` a text (`true`, `false` and
    `null` too), `seconds`, `milliseconds`, `hours` and `days` a length of time (`15d`, `1h30m`, `PT15M`; a bare number
    counts that unit), `bytes` a size (`1Mi`, `10MB`), `percent` a number of a hundred, `ratio` one of 1, `count` how
    many a list or an object has, `age` how long a time is ago. `present` is `yes` or `no`; a value that is not there
    has nothing else to measure, so that expecting it makes the outcome unknown: expect `present` as well to make it
    fail. A value with a name on the way to it that speaks of a secret (`password`, `token`, `key`, `dsn`, `connection`)
    is never read out: only its presence can be expected. In a word, user and password of an address are left out.

    Attributes:
        file: in the environment's `artifacts`.
        pointer: where it stands, as a JSON Pointer (`/spec/replicas`); of several YAML documents in one file the first
            is `/0`. In `.properties` a dotted name is one part: `/server.port`.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"present": "word", **VALUE_MEASURES}

    kind: Literal["artifact.setting"] = "artifact.setting"
    file: Inside
    pointer: Pointer

    async def look(self, estate: Estate) -> Observation:
        """Reads the file."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        where = f"{self.file} {self.pointer}".strip()
        value = at_pointer(read_settings(folder.read(self.file)), self.pointer)
        if isinstance(value, Absent):
            absent = Measurement(name="present", word="no")
            return Observation(found=(absent,), where=f"artifacts {where}", because=f"{where} is not there")
        value = without_credentials(value) if isinstance(value, str) else value
        names = [name for name in self.expect if name != "present"]
        if names and names_secret(self.pointer):
            raise CouldNotObserve(f"{where} names a secret, which is not read out; expect its presence only")
        return Observation(
            found=(Measurement(name="present", word="yes"), *(measured(name, value, where) for name in names)),
            where=f"artifacts {where}",
        )


class Text(Check, frozen=True):
    """In how many lines a pattern is found: secrets in code, a library that must be used, a line that must not be.

    `matches` counts lines, `files` those with such a line, `searched` all that were looked at. The lines themselves
    are never shown, since they may be secrets: only their file and number are.

    Attributes:
        files: in the environment's `artifacts`; may have `*`, and `**` for any depth.
        pattern: a regular expression, sought in each line by itself; one that takes too long makes the outcome unknown.
        any_case: whether upper and lower case are the same.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"matches": "", "files": "", "searched": ""}

    kind: Literal["artifact.text"] = "artifact.text"
    files: Inside
    pattern: Pattern
    any_case: bool = False

    async def look(self, estate: Estate) -> Observation:
        """Reads the files one after another."""
        folder = Folder(estate.artifacts(), "artifacts")
        return await asyncio.to_thread(self._look, folder)

    def _look(self, folder: Folder) -> Observation:
        pattern = Patterns((self.pattern,), any_case=self.any_case)
        matches = files = searched = 0
        places: list[str] = []
        for file in folder.matching(self.files):
            lines = [
                number
                for number, line in enumerate(file.text().splitlines(), start=1)
                if pattern.matching(line, f"{file.name}:{number}")
            ]
            searched += 1
            files += bool(lines)
            matches += len(lines)
            places += [f"{file.name}:{number}" for number in lines[: _SHOWN - len(places)]]
        return Observation(
            found=(
                Measurement.number("matches", matches),
                Measurement.number("files", files, of=searched),
                Measurement.number("searched", searched),
            ),
            where=shown(f"artifacts {self.files}"),
            details=(*places, *((f"and {matches - len(places)} more",) if matches > len(places) else ())),
            because=", ".join(places[:2]),
        )
