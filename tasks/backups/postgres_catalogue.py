"""The queries for what PostgreSQL's catalogue says of a database, from the .sql files beside this one."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_SECTION = re.compile(r"^-- section: (.+)$", re.MULTILINE)
_BEFORE = "before"
_INTERNAL = ("tables", "positions", "encoding")  # which are no lines of the schema


def query(name: str) -> bytes:
    """One section's query, for psycopg."""
    return _every()[name]


def schema_sections() -> tuple[str, ...]:
    """The sections that describe the schema, each by lines."""
    return tuple(name for name in _every() if name not in _INTERNAL)


@cache
def _every() -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for file in ("postgres_catalogue.sql", "postgres_rights.sql"):
        text = files("tasks.backups").joinpath(file).read_text(encoding="utf-8")
        _, *parts = _SECTION.split(text)
        sections = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
        before = sections.pop(_BEFORE)
        found |= {name: f"{before}\n{body}".encode() for name, body in sections.items()}
    return found
