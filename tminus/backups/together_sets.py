"""Sets of ids from restored stores, held against each other whatever their size. Ids are kept as keyed hashes only."""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from threading import Lock

from tminus.errors import CouldNotObserve

_TABLES = """
CREATE TABLE ids (question INTEGER, store TEXT, id INTEGER, at REAL, gone INTEGER);
CREATE TABLE written (store TEXT PRIMARY KEY, until REAL) WITHOUT ROWID;
"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_id ON ids (question, store, id, at, gone)"
_CACHE_KIB = 16_384  # all the memory that it takes; the rest is on the disk
_BATCH = 1000  # rows
# What one store has and another must have: no store says that it was removed, and it was written before the other's
# horizon. What does not say when it was written, was written when its store's copy was made at the latest.
_DUE = """
FROM ids AS has JOIN written USING (store)
WHERE has.question = :question AND has.store != :lacks
  AND has.id NOT IN (SELECT id FROM ids WHERE question = :question AND gone)
  AND coalesce(has.at, written.until) <= :horizon
"""
_UNMATCHED = "AND NOT EXISTS (SELECT 1 FROM ids WHERE question = :question AND store = :lacks AND ids.id = has.id)"
_LACKED = f"{_DUE} {_UNMATCHED}"
_BY_STORE = "SELECT has.store, count(DISTINCT has.id), min(coalesce(has.at, written.until))"
_NOT_JUDGED = """
SELECT count(DISTINCT id) FROM ids AS has JOIN written USING (store)
WHERE question = :question AND store = :store AND at IS NULL AND NOT gone AND written.until > :horizon
"""

Row = tuple[int, str, int, float | None, bool]


@dataclass(frozen=True)
class Lacks:
    """What one store lacks.

    Attributes:
        ids: how many.
        had_by: which other store has how many of them.
        earliest: when the first of them was written, in seconds since 1970.
    """

    ids: int
    had_by: dict[str, int]
    earliest: float


class Sets:
    """All sets of one comparison.

    They lie in a temporary SQLite database, which has no name on the disk and goes with its connection; memory stays
    the same however large they are. The hashes' key is of this object alone, so that nobody tells an id from them.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._key = secrets.token_bytes(16)
        # A temporary file, https://www.sqlite.org/inmemorydb.html#temp_db; a lock keeps its threads apart.
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -{_CACHE_KIB}; {_TABLES} BEGIN;")
        self._rows: list[Row] = []
        self._open = True

    def add(self, question: int, store: str, identity: bytes, at: float | None, *, gone: bool = False) -> None:
        """One id that a store has.

        Args:
            question: the number of the question that it answers.
            store: the store's name.
            identity: the id.
            at: when it was written, in seconds since 1970; None where the store does not say.
            gone: whether it was removed since: no store has to have it then.

        Raises CouldNotObserve where the disk does not take it.
        """
        digest = blake2b(identity, digest_size=8, key=self._key).digest()
        with self._lock:
            self._rows.append((question, store, int.from_bytes(digest, "big", signed=True), at, gone))
            if len(self._rows) >= _BATCH:
                self._flush()

    def written_until(self, store: str, until: float) -> None:
        """A store has answered everything, and nothing in it was written later than this."""
        with self._lock:
            self._flush()
            if self._open:
                self._database.execute("INSERT OR REPLACE INTO written VALUES (?, ?)", (store, until))

    def count(self, question: int, store: str) -> int:
        """How many ids a store has."""
        return self._number(
            "SELECT count(DISTINCT id) FROM ids WHERE question = :question AND store = :store",
            question=question,
            store=store,
        )

    def due(self, question: int, store: str, horizon: float) -> int:
        """How many ids a store must have, since others have them and wrote them before a moment."""
        return self._number(f"SELECT count(DISTINCT has.id) {_DUE}", question=question, lacks=store, horizon=horizon)

    def lacks(self, question: int, store: str, horizon: float) -> Lacks | None:
        """Which of them it does not have; None where it has all."""
        said = {"question": question, "lacks": store, "horizon": horizon}
        ids = self._number(f"SELECT count(DISTINCT has.id) {_LACKED}", **said)
        if not ids:
            return None
        rows = self._all(f"{_BY_STORE} {_LACKED} GROUP BY has.store", said)
        return Lacks(ids, {str(name): int(count) for name, count, _ in rows}, min(float(at) for _, _, at in rows))

    def not_judged(self, question: int, store: str, horizon: float) -> int:
        """How many ids of a store say not when they were written, and may have been after a moment."""
        return self._number(_NOT_JUDGED, question=question, store=store, horizon=horizon)

    def close(self) -> None:
        """Throws all of it away."""
        with self._lock:
            self._open = False
            self._database.close()

    def _flush(self) -> None:
        try:
            if self._open:  # a thread that was given up may still be at it
                self._database.executemany("INSERT INTO ids VALUES (?, ?, ?, ?, ?)", self._rows)
        except sqlite3.Error as e:
            raise CouldNotObserve(f"the ids to be compared cannot be kept on this machine's disk: {e}") from e
        finally:
            self._rows.clear()

    def _sort(self) -> None:
        """Once all is there: to sort it then is faster than to keep it sorted."""
        self._flush()
        try:
            self._database.execute(_INDEX)
        except sqlite3.Error as e:
            raise CouldNotObserve(f"the ids to be compared cannot be kept on this machine's disk: {e}") from e

    def _all(self, query: str, said: dict[str, object]) -> Sequence[tuple[str, int, float]]:
        with self._lock:
            self._sort()
            return self._database.execute(query, said).fetchall()

    def _number(self, query: str, **said: object) -> int:
        with self._lock:
            self._sort()
            (number,) = self._database.execute(query, said).fetchone()
        return int(number)
