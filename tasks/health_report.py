"""What the JSON of a health endpoint says, in the shapes that are common.

Sources: the Spring Boot actuator (`{"status": "UP", "components": {…}}`), the IETF draft "Health Check Response Format
for HTTP APIs" (`{"status": "pass", "checks": {"db:time": [{"status": "pass"}]}}`), ASP.NET (`entries`), and services
that answer `{"ok": true, "database": "up"}`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

_OK = frozenset({"ok", "up", "pass", "passed", "healthy", "ready", "alive", "running", "true", "green", "serving"})
_NOT_OK = frozenset(
    {
        *("down", "fail", "failed", "failing", "failure", "error", "unhealthy", "not ready", "not_ready", "false"),
        *(
            "warn",
            "warning",
            "degraded",
            "critical",
            "red",
            "yellow",
            "unknown",
            "out_of_service",
            "stalled",
            "timeout",
        ),
        *("unavailable", "unreachable", "disconnected", "starting", "initializing", "stopping", "stopped", "draining"),
        *("maintenance", "disabled", "refused"),
    }
)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_WORDS = ("status", "state", "healthy", "ok", "ready", "health")
_GROUPS = ("components", "checks", "dependencies", "entries", "services", "details", "subsystems", "results")


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What a service says of itself and of what it leans on.

    Attributes:
        word: its own status, in lower case; "" where it names none.
        components: name (in lower case) → status word; "" where a component names none.
    """

    word: str
    components: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether it does not say that it is unwell."""
        return not self.word or is_ok(self.word)


def is_ok(word: str) -> bool:
    """Whether a status word means well. `warn` and `degraded` do not."""
    return word in _OK


def state(word: str) -> str:
    """A status word for people's eyes: itself where it is a known state, else `not ok`.

    What a service puts in a state's place may be an exception's text, with a password in it.
    """
    return word if word in _OK | _NOT_OK else "not ok"


def part(name: str) -> str:
    """A component's name for people's eyes, where it has the form of one; `db` of the IETF draft's `db:time`."""
    name = name.partition(":")[0]
    return name if _NAME.fullmatch(name) else "a component"


def read(document: JsonValue) -> HealthReport:
    """Reads the answer of a health endpoint; of one that is no JSON object, nothing is known."""
    if not isinstance(document, dict):
        return HealthReport("", {})
    groups = [group for name in _GROUPS if isinstance(group := document.get(name), dict | list)]
    flat = {name: value for name, value in document.items() if name not in (*_WORDS, *_GROUPS) and _names_status(value)}
    named = [part for group in groups or [flat] for part in _components(group)]
    return HealthReport(_word(document), {name.lower(): word for name, word in named})


def _components(group: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(group, dict):
        for name, value in group.items():
            yield name, _word(value)
    if isinstance(group, list):
        for entry in group:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield str(entry["name"]), _word(entry)


def _names_status(value: JsonValue) -> bool:
    return isinstance(value, bool) or (isinstance(value, dict) and bool(_word(value))) or _word(value) in _OK | {"down"}


def _word(value: JsonValue) -> str:
    """The status word in `value`: itself, or under the first of the names that mean one; of a list, its worst."""
    if isinstance(value, str | bool):
        return str(value).lower()
    if isinstance(value, dict):
        return next((_word(value[name]) for name in _WORDS if isinstance(value.get(name), str | bool)), "")
    if isinstance(value, list):
        words = [_word(entry) for entry in value]
        return next((word for word in words if not is_ok(word)), words[0] if words else "")
    return ""
