"""What somebody with the ledger's file and enough care can do to a launch's record."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tminus.ledger.chain import GENESIS, Head, link


def forge(ledger: Path, launch: str, change: Callable[[int, str], str | None]) -> list[Head]:
    """Every event as `change` has it (None: cut off from there), and every hash, the head and the directory mended."""
    heads: list[Head] = []
    with closing(sqlite3.connect(ledger)) as forged, forged:
        rows = forged.execute("SELECT seq, body FROM event WHERE chain = ? ORDER BY seq", (launch,)).fetchall()
        previous = GENESIS
        for seq, body in rows:
            if (text := change(seq, body)) is None:
                forged.execute("DELETE FROM event WHERE chain = ? AND seq >= ?", (launch, seq))
                break
            previous = link(launch, seq, previous, text)
            heads.append(Head(launch, seq, previous))
            place = {"chain": launch, "seq": seq, "body": text, "hash": previous}
            forged.execute("UPDATE event SET body = :body, hash = :hash WHERE chain = :chain AND seq = :seq", place)
        forged.execute("UPDATE chain SET seq = ?, hash = ? WHERE chain = ?", (heads[-1].seq, previous, launch))
        forged.execute("DELETE FROM event WHERE chain = 'directory'")
        forged.execute("UPDATE chain SET seq = 0, hash = ? WHERE chain = 'directory'", (GENESIS,))
    return heads


def with_environment(body: str, **sections: object) -> str:
    """The first event, with other sections in the environment that the launch froze."""
    created = json.loads(body)
    created["environment"] = json.dumps({**json.loads(created["environment"]), **sections})
    return json.dumps(created)
