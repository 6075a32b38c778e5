"""What must hold for a drill to begin, and all the time until it is over: an error budget, an objective of others."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, SerializeAsAny

from tminus.clock import Duration
from tminus.errors import Mistake
from tminus.runbook import Spec
from tminus.spec_source import SpecReader
from tminus.yaml_source import Source, shown

CheckKinds = Callable[[], Mapping[str, type[Spec]]]
"""The vocabulary of checks; asked for where a book has guards."""
_UNREADABLE = Spec(kind="unreadable")
_KEYS = ("check", "with", "expect")


def _as_written(schema: dict[str, JsonValue]) -> None:
    """In a file the check stands as in a runbook: by its name, with its parameters and what is expected."""
    fields = schema["properties"]
    if isinstance(fields, dict):
        fields.pop("does", None)
        fields |= {"check": {"type": "string"}, "with": {"type": "object"}, "expect": {"type": "object"}}
    schema["required"] = ["title", "check"]


class Guard(BaseModel, frozen=True, extra="forbid", json_schema_extra=_as_written):
    """A check that drills depend on: it must pass before, and a drill ends where it does not meanwhile.

    Attributes:
        does: the check. Not being able to look is no pass.
        every: how long after a look the next one begins, while a drill runs; nobody looks meanwhile where it is 0.
        misses: after so many looks in a row that do not pass a drill ends.
        timeout: how long one look may take.
    """

    title: str
    does: SerializeAsAny[Spec]
    every: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(seconds=5)
    misses: Annotated[int, Field(ge=1)] = 2
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=10)


def with_checks(source: Source, kinds: CheckKinds) -> tuple[object, list[Mistake]]:
    """What stands in a book of drills, its guards' checks read; and what is wrong with those."""
    data = source.data
    guards = data.get("guards") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(guards, dict):
        return data, []
    reader = SpecReader(source, kinds(), {}, shown, verbs=("check",))
    read: dict[str, object] = {}
    for name, raw in guards.items():
        if not isinstance(raw, dict):
            read[name] = raw
            continue
        does = reader.does(("guards", name), raw) or _UNREADABLE
        read[name] = {**{key: value for key, value in raw.items() if key not in _KEYS}, "does": does}
    return {**data, "guards": read}, reader.mistakes
