"""Which class restores which kind of store beside what is live; and what a person does where tminus does not."""

from collections.abc import Mapping, Sequence

from tasks.restores.asked import Restorer
from tasks.restores.postgres_base import BaseRestorer
from tasks.restores.postgres_dump import DumpRestorer
from tasks.restores.redis_databases import RedisRestorer
from tminus.backups.book import AnyStore, CockroachBackup, S3Objects

_ALL: tuple[type[Restorer], ...] = (DumpRestorer, BaseRestorer, RedisRestorer)
RESTORERS: Mapping[str, type[Restorer]] = {kind: one for one in _ALL for kind in one.kinds}


def by_hand(store: AnyStore, backup: str) -> Sequence[str]:
    """What a person does with a backup of a kind that tminus does not switch, step by step."""
    match store:
        case S3Objects():
            listed = f"each line of {backup}/objects.jsonl names an object and its version in the live bucket"
            return (
                "make a new bucket beside the live one",
                f"{listed}: aws s3api copy-object --copy-source BUCKET/KEY?versionId=VERSION --bucket NEW --key KEY",
                "where that version is gone, fetch what the line names as stored, and decrypt it: age -d -i IDENTITY",
                "once nobody trades, point the services at the new bucket; the old one stays",
            )
        case CockroachBackup():
            name, copy = store.database, f"{store.database}_restored"
            when = f"FROM LATEST IN '{store.collection}' AS OF SYSTEM TIME 'INSTANT'"
            away = f"ALTER DATABASE {name} RENAME TO {name}_before"
            return (
                f"RESTORE DATABASE {name} {when} WITH new_db_name = '{copy}'",
                "look at it, by the book's invariants",
                f"once nobody trades: {away}; ALTER DATABASE {copy} RENAME TO {name}",
            )
        case _:
            return (f"tminus does not switch a {store.kind}, and knows no way by hand",)
