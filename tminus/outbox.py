"""Letters that wait to be sent: written with their events, sent in order, at least once."""

from dataclasses import dataclass

from tminus.ledger.store import Row, Store

CLAIM = 15.0  # seconds a courier keeps a letter to itself; after a crash another takes it up then
ATTEMPTS = 400  # at the longest pause of 15 s this is more than an hour and a half, then a letter is dead
_LONGEST = 15.0


@dataclass(frozen=True)
class Waiting:
    """A letter as the outbox keeps it; `made` is when its event was written, by the store's clock."""

    id: int
    chain: str
    seq: int
    channel: str
    key: str
    body: str
    attempts: int
    made: float
    now: float

    @property
    def age(self) -> float:
        """Seconds since its event."""
        return self.now - self.made


class Outbox:
    """The letters of a ledger.

    Of each launch and channel only the oldest unsent letter is ever under way, so order is kept;
    a dead letter no longer counts, so it does not hold up those behind it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def claim(self, channels: tuple[str, ...]) -> list[Waiting]:
        """Takes what is due on these channels, for CLAIM seconds."""
        found: list[Waiting] = []
        for channel in channels:
            if not self._any_due(channel):
                continue
            rows = self._store.run(
                "UPDATE outbox SET claimed_until = clock() + :claim, attempts = attempts + 1 "
                "WHERE id IN (SELECT min(id) FROM outbox WHERE state = 'due' AND channel = :channel GROUP BY chain) "
                "AND due <= clock() AND claimed_until <= clock() "
                "RETURNING id, chain, seq, channel, key, body, attempts, made, clock()",
                {"claim": CLAIM, "channel": channel},
            )
            found.extend(_waiting(row) for row in rows)
        return found

    def _any_due(self, channel: str) -> bool:
        return bool(
            self._store.look(
                "SELECT 1 FROM outbox WHERE state = 'due' AND channel = :channel AND due <= clock() "
                "AND claimed_until <= clock() LIMIT 1",
                {"channel": channel},
            )
        )

    def sent(self, letter: Waiting, receipt: str) -> None:
        """It arrived; `receipt` is what the other side gave for it."""
        self._store.run(
            "UPDATE outbox SET state = 'sent', receipt = :receipt, error = NULL WHERE id = :id",
            {"id": letter.id, "receipt": receipt},
        )

    def failed(self, letter: Waiting, why: str) -> None:
        """It did not arrive: tried again later, or dead after too many tries."""
        pause = min(0.25 * 2 ** min(letter.attempts, 8), _LONGEST)
        self._store.run(
            "UPDATE outbox SET state = :state, error = :why, due = clock() + :pause, claimed_until = 0 WHERE id = :id",
            {"id": letter.id, "why": why, "pause": pause, "state": "due" if letter.attempts < ATTEMPTS else "dead"},
        )

    def dead(self, letter: Waiting, why: str) -> None:
        """It will never arrive: the other side says that it is wrong."""
        self._store.run("UPDATE outbox SET state = 'dead', error = :why WHERE id = :id", {"id": letter.id, "why": why})

    def receipt(self, chain: str, channel: str, key: str) -> str | None:
        """What was given for the last letter with this key that arrived."""
        rows = self._store.look(
            "SELECT receipt FROM outbox WHERE chain = :chain AND channel = :channel AND key = :key "
            "AND state = 'sent' ORDER BY id DESC LIMIT 1",
            {"chain": chain, "channel": channel, "key": key},
        )
        return str(rows[0][0]) if rows else None

    def delivered(self, chain: str, channel: str) -> bool:
        """Whether any letter of this launch arrived there."""
        return bool(
            self._store.look(
                "SELECT 1 FROM outbox WHERE chain = :chain AND channel = :channel AND state = 'sent' LIMIT 1",
                {"chain": chain, "channel": channel},
            )
        )

    def unsent(self, chain: str | None = None) -> list[Row]:
        """What waits or died: id, chain, channel, key, state, attempts, error, seconds since its event."""
        return self._store.look(
            "SELECT id, chain, channel, key, state, attempts, error, clock() - made FROM outbox "
            "WHERE state <> 'sent' AND (CAST(:chain AS TEXT) IS NULL OR chain = :chain) ORDER BY id",
            {"chain": chain},
        )


def _waiting(row: Row) -> Waiting:
    identity, chain, seq, channel, key, body, attempts, made, now = row
    return Waiting(
        id=int(str(identity)),
        chain=str(chain),
        seq=int(str(seq)),
        channel=str(channel),
        key=str(key),
        body=str(body),
        attempts=int(str(attempts)),
        made=float(str(made)),
        now=float(str(now)),
    )
