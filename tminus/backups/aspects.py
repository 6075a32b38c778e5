"""What is measured of every backup that is verified, and what is expected of it where the book says no more.

A kind of store measures those that it has. What a kind lists as its own (`ASPECTS_OF`) and did not measure makes the
verification `unknown`: a number nobody looked at proves nothing.
"""

from collections.abc import Mapping
from datetime import timedelta

from tminus.backups.book import Store
from tminus.expectation import Expectation

UNITS: Mapping[str, str] = {
    # before anything is restored
    "age": "s",  # of the newest backup, against `every` + `late`
    "missing": "",  # backups that should be there, in the promised time
    "overdue": "",  # backups that should be gone
    "shrunk": "%",  # against the median of those before
    "manifest": "word",  # `recorded` where its digest is in the ledger
    "files_damaged": "",  # of those that are not what the manifest says
    "readable_without_key": "word",
    # restored
    "restored": "word",  # `yes`
    "restore_time": "s",  # fetch, decrypt, restore: the RTO figure
    "loss": "s",  # from the newest mark in it to the moment it was needed: the RPO figure
    # what is in it
    "schema_differs": "",  # lines of the catalogue that are not as when it was taken
    "tables_differ": "",  # tables whose rows or checksum are not as when it was taken
    "sequences_differ": "",
    "constraints_broken": "",
    "indexes_broken": "",
    "files_corrupt": "",  # by pg_verifybackup
    "wal_missing": "",  # segments after a base backup that are not there, or not as they were written
    "databases_differ": "",  # of a Redis
    "objects_differ": "",
    "invariants_broken": "",
    "stores_disagree": "",  # what one store lacks and another has, of stores that were restored together
}

_BEFORE = ("age", "missing", "overdue", "shrunk", "manifest", "files_damaged", "readable_without_key")
_RESTORED = ("restored", "restore_time", "loss", "invariants_broken")
_POSTGRES = ("schema_differs", "tables_differ", "sequences_differ", "constraints_broken", "indexes_broken")
ASPECTS_OF: Mapping[str, tuple[str, ...]] = {
    "postgres.dump": (*_BEFORE, *_RESTORED, *_POSTGRES),
    "postgres.base": (*_BEFORE, *_RESTORED, *_POSTGRES, "files_corrupt", "wal_missing"),
    "redis.rdb": (*_BEFORE, *_RESTORED, "databases_differ"),
    "redis.aof": (*_BEFORE, *_RESTORED, "databases_differ"),
    "s3.objects": (*_BEFORE, *_RESTORED, "objects_differ"),
    "cockroach.backup": ("age", "missing", "overdue", "files_damaged", *_RESTORED, "tables_differ"),
}


def expected(kind: str, store: Store) -> dict[str, Expectation]:
    """What is expected of a backup of this store: an expectation for each aspect that its kind has."""
    words = {"manifest": "= recorded", "readable_without_key": "= no", "restored": "= yes"}
    limits = {
        "age": _at_most(store.every + store.late),
        "shrunk": f"<= {store.shrinks} %",
        "restore_time": _at_most(store.rto),
        "loss": _at_most(store.rpo),
    }
    wanted = [name for name in ASPECTS_OF[kind] if store.encrypted or name != "readable_without_key"]
    return {name: Expectation(words.get(name) or limits.get(name) or "= 0") for name in wanted}


def _at_most(time: timedelta) -> str:
    return f"<= {time.total_seconds():g} s"
