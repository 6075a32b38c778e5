"""What a stand-in was asked and what it answered, in memory and as JSON lines in a file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, JsonValue

JsonObject = dict[str, JsonValue]

_CREDENTIALS = frozenset({"token", "routing_key"})  # sent in bodies; a record must not hold them


class Call(BaseModel):
    """One call: `time` in UTC (ISO 8601), `ok` as the vendor would say it, `error` where it was refused."""

    time: str
    method: str
    ok: bool
    error: str | None = None
    status: int
    body: JsonValue = None


class CallRecord:
    """Every call a stand-in got, accepted or refused; each is on disk before its answer is sent."""

    def __init__(self, path: Path | None = None) -> None:
        self._calls: list[Call] = []
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    @property
    def calls(self) -> Sequence[Call]:
        """All calls so far, the first one first."""
        return self._calls

    def add(self, method: str, status: int, error: str | None, body: JsonValue) -> None:
        """Record one call; without `error` it counts as accepted. Values of credential fields are left out."""
        call = Call(
            time=datetime.now(UTC).isoformat(timespec="microseconds"),
            method=method,
            ok=error is None,
            error=error,
            status=status,
            body=without_credentials(body),
        )
        self._calls.append(call)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(call.model_dump_json() + "\n")


def without_credentials(body: JsonValue) -> JsonValue:
    """The body with the values of its top-level credential fields replaced by `***`."""
    if not isinstance(body, dict):
        return body
    return {name: "***" if name in _CREDENTIALS else value for name, value in body.items()}
