"""The part of a book of backups that says which restored stores must agree, and by what."""

from datetime import timedelta

from pydantic import BaseModel, Field

from tminus.clock import Duration
from tminus.runbook import Slug


class Agreement(BaseModel, frozen=True, extra="forbid"):
    """Something that every one of some stores has: every order in the database is in the cache, and has its note.

    Attributes:
        title: what agrees.
        ids: store → the question for the ids that it has. Of an SQL store a query of one to three columns: the id, when
            it was written, and when it was removed, NULL where it was not. Of a Redis `KEYS order:*`, where the `*` is
            the id, with ` AT field` for a hash that says when it was written; or `SMEMBERS`, `HKEYS` or `ZRANGE` with a
            key. Of objects a pattern such as `notes/*.json`.
        partial: stores that hold only some: what they have the others must have, and not the other way round.
    """

    title: str
    ids: dict[Slug, str] = Field(min_length=2)
    partial: tuple[str, ...] = ()


class Together(BaseModel, frozen=True, extra="forbid"):
    """Stores that are only worth something together, and are held against each other once they are restored.

    Attributes:
        owner: who is paged where they disagree.
        settles: how long a change may take until it is in all of them, with the difference between their clocks.
        agree: what must agree between them.
    """

    title: str
    owner: str
    settles: Duration = timedelta(seconds=10)
    agree: tuple[Agreement, ...] = Field(min_length=1)

    @property
    def stores(self) -> tuple[str, ...]:
        """Every store of which something is asked."""
        return tuple(dict.fromkeys(name for one in self.agree for name in one.ids))
