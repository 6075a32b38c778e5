"""Which class restores which kind of store beside what is live; and what a person does where tminus does not."""

from collections.abc import Mapping, Sequence

from tasks.restores.asked import Restorer
from tasks.restores.postgres_base import BaseRestorer
from tasks.restores.postgres_dump import DumpRestorer
from tasks.restores.redis_databases import RedisRestorer
from tminus.backups.book import AnyStore

_ALL: tuple[type[Restorer], ...] = (DumpRestorer, BaseRestorer, RedisRestorer)
RESTORERS: Mapping[str, type[Restorer]] = {kind: one for one in _ALL for kind in one.kinds}
_BY_HAND: Mapping[str, Sequence[str]] = {}
_NOTHING = ("tminus does not switch this kind of store; docs/backups.md, Restoring, has the way by hand",)


def by_hand(store: AnyStore, backup: str) -> Sequence[str]:
    """What a person does with a backup, step by step."""
    return tuple(line.replace("BACKUP", backup) for line in _BY_HAND.get(store.kind, _NOTHING))
