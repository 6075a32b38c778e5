"""What a BACKUP statement backs up: the whole cluster, databases, or tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.sql_tokens import Token

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Target:
    """What stands between BACKUP and INTO.

    Attributes:
        sort: `cluster`, `database`, or `part` (tables, and whatever else is less than a database).
        names: as CockroachDB knows them: in small letters where they are not quoted.
    """

    sort: str
    names: tuple[str, ...] = ()

    def covers(self, database: str) -> bool:
        """Whether all of a database is in it."""
        return self.sort == "cluster" or (self.sort == "database" and database in self.names)

    def __str__(self) -> str:
        if self.sort == "cluster":
            return "whole cluster"
        return f"{'database' if self.sort == 'database' else 'part'} {', '.join(self.names)}"[:_LONGEST]


def target_of(statement: Sequence[Token]) -> Target:
    """What a BACKUP statement names; raises ValueError where it is none.

    Source: https://www.cockroachlabs.com/docs/stable/backup#synopsis
    """
    texts = [token.text if token.kind == "word" else "" for token in statement]
    if not texts or texts[0] != "BACKUP" or "INTO" not in texts:
        raise ValueError("no BACKUP … INTO")
    between = statement[1 : texts.index("INTO")]
    if not between:
        return Target("cluster")
    if between[0].kind == "word" and between[0].text == "DATABASE":
        return Target("database", _names(between[1:]))
    first = 1 if between[0].kind == "word" and between[0].text == "TABLE" and len(between) > 1 else 0
    return Target("part", _names(between[first:]))


def _names(listed: Sequence[Token]) -> tuple[str, ...]:
    """The names of a list, sorted: in which order they stand makes no other target."""
    names = [""]
    for token in listed:
        if token.kind == "sign" and token.text == ",":
            names.append("")
        else:
            names[-1] += token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text.lower()
    return tuple(sorted(names))
