"""Logs: has the service begun to tell of errors that it did not tell of before?"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.log_lines import Entry, read_since
from tasks.log_signatures import fingerprint, signature
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 10  # kinds of error in the evidence


@dataclass
class _Kind:
    """One kind of error: how often it came, and its newest line."""

    count: int
    newest: Entry
    file: Path

    def __str__(self) -> str:
        at = self.newest.at.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
        return f"{self.newest.labels}, last at {at} UTC in {self.file}"


@dataclass
class _Span:
    """What was logged in a span of time: entries, kinds of error by fingerprint, and lines that were no entries."""

    lines: int = 0
    unstructured: int = 0
    kinds: dict[str, _Kind] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """How many error lines."""
        return sum(kind.count for kind in self.kinds.values())

    def add(self, entry: Entry, file: Path) -> None:
        """Counts an entry."""
        self.lines += 1
        if entry.is_error:
            name = fingerprint(signature(entry.said))
            kind = self.kinds.setdefault(name, _Kind(0, entry, file))
            kind.count += 1
            if entry.at >= kind.newest.at:
                kind.newest, kind.file = entry, file


@dataclass
class _Review:
    """What the logs say between `begin` and `split`, and since then."""

    begin: datetime
    split: datetime
    before: _Span = field(default_factory=_Span)
    lately: _Span = field(default_factory=_Span)

    def read(self, file: Path) -> bool:
        """Adds a file; whether it had an entry since `split`. Raises CouldNotObserve."""
        had, loose, last = self.lately.lines, 0, self.begin
        try:
            for entry in read_since(file, self.begin):
                if entry is None:
                    loose += 1
                    continue
                span, last = self._span(entry.at), entry.at
                span.add(entry, file)
                span.unstructured, loose = span.unstructured + loose, 0
            last = max(last, datetime.fromtimestamp(file.stat().st_mtime, UTC))
        except OSError as e:
            raise CouldNotObserve(f"{file} cannot be read: {e.strerror}") from e
        spoke = self.lately.lines > had
        if loose and not spoke and last > self.split:
            raise CouldNotObserve(
                f"{file} was written to lately, and none of its last {loose} lines is a JSON object with a time and a "
                "level; is that another format, or a compressed file?"
            )
        self._span(last).unstructured += loose
        return spoke

    def _span(self, at: datetime) -> _Span:
        if at > self.split:
            return self.lately
        return self.before if at > self.begin else _Span()


class ErrorSignatures(Check, frozen=True):
    """Kinds of error in the service's logs lately that were not there in the time just before.

    Error lines are reduced to signatures: what is particular to a request or a customer is replaced, and
    what is left is counted. No word of a message, no path and no value leaves this check: the evidence
    names a kind by its fingerprint, by its level, exception class and logger where they have the form of
    such, and by the file and the time of its newest line, where its words are. A message that holds
    a name in words is a kind of its own, so names may show as new errors and never hide one; a logger that
    writes the template too (`@mt`, `message_template`) spares that.

    `errors` are the error lines of the window, `error_growth` how many more than in as long a time of
    the baseline. `unstructured` lines (a traceback, say) are no JSON with a time and a level: they count
    at the time of the next entry of their file, or of the file's last change. A file that was written to
    within the window and has only such lines in it makes the outcome unknown. `logs` are the files with
    an entry in the window, of all. Times are the wall clock's. With errors in the window and no line at
    all before it, nothing can be called new or not: `new_signatures` is left unmeasured, which is unknown.

    Attributes:
        service: a service of the environment, whose `logs` are read.
        window: how far back from now.
        baseline: how far back from there; as long as the window unless given.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "new_signatures": "",
        "errors": "",
        "error_growth": "",
        "unstructured": "",
        "logs": "",
    }

    kind: Literal["logs.error_signatures"] = "logs.error_signatures"
    service: str
    window: Duration
    baseline: Duration | None = None

    async def look(self, estate: Estate) -> Observation:
        """Reads the logs; raises CouldNotObserve where one cannot be read, or none has a line in the window."""
        return await asyncio.to_thread(self._look, estate, now())

    def _look(self, estate: Estate, at: datetime) -> Observation:
        patterns = estate.service(self.service).logs
        files, split, length = _files(patterns, self.service), at - self.window, self.baseline or self.window
        review = _Review(split - length, split)
        speaking = sum([review.read(file) for file in files])
        before, lately = review.before, review.lately
        if not lately.lines:
            raise CouldNotObserve(
                f"none of {len(files)} logs of {self.service} has a line of the last {show_duration(self.window)}; "
                "does it still write there?"
            )
        new, errors = lately.kinds.keys() - before.kinds.keys(), lately.errors
        found = [
            Measurement.number("errors", errors),
            Measurement.number("unstructured", lately.unstructured),
            Measurement.number("logs", speaking, of=len(files)),
        ]
        if before.lines or not errors:
            found.append(Measurement.number("new_signatures", len(new)))
        if before.lines:
            usual = before.errors * (self.window / length)
            found.append(Measurement.number("error_growth", round(errors - usual, 3)))
        lines = _lines(lately.kinds, new)
        return Observation(
            found=tuple(found), where=", ".join(patterns), details=lines, because=lines[0] if lines else ""
        )


def _files(patterns: Iterable[str], service: str) -> list[Path]:
    """Every log; raises where none is configured, or a pattern matches no file."""
    files: list[Path] = []
    for pattern in patterns:
        matching = [Path(name) for name in sorted(glob(pattern, recursive=True))]  # noqa: PTH207 - it is absolute
        if not matching:
            raise CouldNotObserve(f"{pattern} matches no log of {service}; was it moved?")
        files += matching
    if not files:
        raise NotConfigured(f"services.{service} names no logs; add patterns such as /var/log/{service}/*.jsonl")
    return files


def _lines(kinds: Mapping[str, _Kind], new: Collection[str]) -> tuple[str, ...]:
    """The kinds of error, new ones first, each with how often it came and where to look."""
    ranked = sorted(kinds.items(), key=lambda one: (one[0] not in new, -one[1].count, one[0]))
    return tuple(
        f"{name}, {kind.count} times{', new' if name in new else ''}: {kind}" for name, kind in ranked[:_SHOWN]
    )
