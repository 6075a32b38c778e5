"""The traffic's own record: one line for every answer it got, so that a rehearsal can count what customers saw."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NO_ANSWER = 0
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as the client saw it.

    ``time`` is when it was sent (Unix seconds), ``status`` is 0 where no answer came (``error`` says why), and
    ``version`` is the X-Version of whoever answered, empty where nobody said.
    """

    time: float
    method: str
    path: str
    status: int
    latency_ms: float
    version: str = ""
    error: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether a customer would call it broken: no answer, or a server error (5xx)."""
        return self.status == NO_ANSWER or self.status >= SERVER_ERROR


class TrafficRecord:
    """Appends answers to a JSON-lines file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def add(self, answer: Answer) -> None:
        """Write one line."""
        self._file.write(json.dumps(asdict(answer), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class BadSpell:
    """How many answers were bad, and when (Unix seconds) the first and the last of them were sent; 0 for none."""

    requests: int
    bad: int
    first: float = 0.0
    last: float = 0.0


def read_answers(path: Path) -> list[Answer]:
    """All answers recorded so far, in the order in which they were sent; a line still being written is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    answers = [Answer(**json.loads(line)) for line in lines if line.endswith("\n")]
    return sorted(answers, key=lambda answer: answer.time)


def bad_spell(answers: Iterable[Answer]) -> BadSpell:
    """Count the bad answers and find the first and the last."""
    total, times = 0, []
    for answer in answers:
        total += 1
        if answer.is_bad:
            times.append(answer.time)
    return BadSpell(total, len(times), min(times, default=0.0), max(times, default=0.0))
