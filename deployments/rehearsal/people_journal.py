"""What the simulated people did, as JSON lines on standard output and in a file."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from deployments.rehearsal.people_file import Person


class Journal:
    """One line for each answer: who, in which role, to which request, by which way, and what came of it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def add(
        self, began: float, person: Person, way: Literal["slack", "command"], about: tuple[str, str, str], result: str
    ) -> None:
        """`began`: when the answer was sent, seconds since 1970; `about`: request, role and decision."""
        request, role, decision = about
        line = json.dumps(
            {
                "time": datetime.fromtimestamp(began, UTC).isoformat(timespec="microseconds"),
                "person": person.id,
                "request": request,
                "role": role,
                "decision": decision,
                "way": way,
                "result": result,
            }
        )
        print(line, flush=True)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(line + "\n")
