"""Structured log of one instance: one JSON object a line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from deployments.rehearsal.trading.settings import Settings

Level = Literal["info", "warning", "error"]


class RequestLog:
    """Appends lines with time, level, message, who wrote it, and the caller's fields.

    Callers hand in method, path, status, durations and ids only: no body, no header besides the request id, hence no
    password and no token.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        """Open ``path`` for appending; its folder must exist."""
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._origin = {"instance": settings.instance, "version": settings.version}

    def write(self, level: Level, message: str, **fields: str | float | None) -> None:
        """Append one line."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": level, "message": message, **self._origin, **fields}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
