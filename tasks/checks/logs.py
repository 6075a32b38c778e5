"""Logs: has the service begun to tell of errors that it did not tell of before?"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from glob import glob
from pathlib import Path
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.log_lines import read_since
from tasks.log_signatures import fingerprint, signature
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 10  # signatures in the evidence
_WIDE = 160  # characters shown of one


@dataclass
class _Span:
    """What was logged in a span of time: entries, errors by signature, and lines that were no entries."""

    lines: int = 0
    unstructured: int = 0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class _Review:
    """What the logs say between `begin` and `split`, and since then."""

    begin: datetime
    split: datetime
    before: _Span = field(default_factory=_Span)
    lately: _Span = field(default_factory=_Span)

    def read(self, file: Path) -> bool:
        """Adds a file; whether it had a line since `split`. Raises CouldNotObserve."""
        had, span = self.lately.lines, _Span()
        try:
            for entry in read_since(file, self.begin):
                if entry is None:
                    span.unstructured += 1
                    continue
                span = self._span(entry.at)
                span.lines += 1
                if entry.is_error:
                    span.errors[signature(entry.said)] += 1
        except OSError as e:
            raise CouldNotObserve(f"{file} cannot be read: {e.strerror}") from e
        return self.lately.lines > had

    def _span(self, at: datetime) -> _Span:
        if at > self.split:
            return self.lately
        return self.before if at > self.begin else _Span()


class ErrorSignatures(Check, frozen=True):
    """Kinds of error in the service's logs lately that were not there in the time just before.

    Error lines are reduced to signatures: what is particular to a request or a customer is replaced, and
    what is left is counted. `errors` are the error lines of the window, `error_growth` how many more than
    in as long a time of the baseline. `unstructured` lines (a traceback, say) are no JSON, and belong to
    the entry before them; `logs` are the files with a line in the window, of all. Times are the wall
    clock's. With errors in the window and no line at all before it, nothing can be called new or not:
    `new_signatures` is left unmeasured, which is unknown.

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
        new = set(lately.errors) - set(before.errors)
        errors = lately.errors.total()
        found = [
            Measurement.number("errors", errors),
            Measurement.number("unstructured", lately.unstructured),
            Measurement.number("logs", speaking, of=len(files)),
        ]
        if before.lines or not errors:
            found.append(Measurement.number("new_signatures", len(new)))
        if before.lines:
            usual = before.errors.total() * (self.window / length)
            found.append(Measurement.number("error_growth", round(errors - usual, 3)))
        lines = _lines(lately.errors, new)
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


def _lines(errors: Counter[str], new: set[str]) -> tuple[str, ...]:
    """The signatures, new ones first, each with how often it came."""
    ranked = sorted(errors.items(), key=lambda one: (one[0] not in new, -one[1], one[0]))
    return tuple(
        f"{fingerprint(text)}, {count} times{', new' if text in new else ''}: {text[:_WIDE]}"
        for text, count in ranked[:_SHOWN]
    )
