"""Letters that wait to be sent: written with their events, sent in order, at least once."""

from dataclasses import dataclass

from tminus.foreign_text import printable
from tminus.ledger.store import Row, Store

CLAIM = 15.0  # seconds a courier keeps a letter to itself; after a crash another takes it up then
ATTEMPTS = 400  # at the longest pause of 15 s this is more than an hour and a half, then a letter is dead
_LONGEST = 15.0
_REFUSALS = 8  # of one letter, after which those behind it go first; that takes about a minute
_LONG = 60.0  # seconds after which a letter that nobody ever tried has nobody who would
_MOST_ASKED = 600.0  # seconds that the other side may ask to be left alone; a launch is not held up by a wrong header


@dataclass(frozen=True)
class Waiting:
    """A letter as the outbox keeps it.

    Attributes:
        made: when its event was written, by the store's clock.
        environment: whose it is; "" where that was not written down.
    """

    id: int
    chain: str
    seq: int
    channel: str
    key: str
    body: str
    attempts: int
    made: float
    now: float
    environment: str = ""

    @property
    def age(self) -> float:
        """Seconds since its event."""
        return self.now - self.made


# Kept in the ledger: whoever carries there for this environment, in whichever process, is asked to leave it alone.
_PAUSE = (
    "INSERT INTO environment_pause (environment, channel, paused_until) "
    "VALUES (:environment, :channel, clock() + :pause) ON CONFLICT (environment, channel) "
    "DO UPDATE SET paused_until = excluded.paused_until WHERE excluded.paused_until > environment_pause.paused_until"
)


def _next(theirs: str, pauses: str) -> str:
    """The oldest letter of a launch and channel that is due, and that nobody carries right now.

    One that was refused so often goes last, and holds up only what has its key: no incident ends before it began.
    """
    return (
        "SELECT id FROM outbox AS waiting WHERE state = 'due' AND channel = :channel"  # noqa: S608 - ours
        f"{theirs} AND due <= clock() AND claimed_until <= clock() AND {_not_paused(pauses)} "
        "AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.state = 'due' AND older.channel = waiting.channel "
        "AND older.chain = waiting.chain AND older.id < waiting.id "
        f"AND (older.refusals < {_REFUSALS} OR older.key = waiting.key)) "
        f"ORDER BY refusals >= {_REFUSALS}, id LIMIT 1"
    )


def _claiming(theirs: str, pauses: str) -> str:
    """What made it the next is asked again outside: another courier may have sent it while this waited for its row."""
    return (
        "UPDATE outbox AS waiting SET claimed_until = clock() + :claim, attempts = attempts + 1 "  # noqa: S608 - ours
        f"WHERE id = ({_next(theirs, pauses)}) AND state = 'due' AND due <= clock() AND claimed_until <= clock() "
        f"AND {_not_paused(pauses)} "
        "RETURNING id, chain, seq, channel, key, body, attempts, made, clock(), environment"
    )


def _not_paused(environment: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM environment_pause AS pause "  # noqa: S608 - ours
        f"WHERE pause.environment = {environment} AND pause.channel = :channel AND pause.paused_until > clock())"
    )


_OF_ALL = ("", "waiting.environment")
_OF_ONE = (" AND environment IN (:environment, '')", ":environment")  # what is of none, every environment takes


class Outbox:
    """The letters of a ledger.

    Of each launch and channel only the oldest unsent letter is ever under way, so order is kept. A dead letter does not
    count any more, nor does one that was refused again and again: neither holds up those behind it. A channel that
    asked to be left alone gets no letter of any launch of that environment until that is over.

    Args:
        store: the ledger.
        claim: seconds a letter is its courier's own; one sending must end within them.
        attempts: how often a letter is tried before it is dead.
        environment: whose letters are carried; several may share a ledger, and each has its own Slack and PagerDuty.
            None for every environment's.
    """

    def __init__(
        self, store: Store, claim: float = CLAIM, attempts: int = ATTEMPTS, environment: str | None = None
    ) -> None:
        self._store = store
        self._claim = claim
        self._attempts = attempts
        self._environment = environment
        whose = _OF_ALL if environment is None else _OF_ONE
        self._next, self._claiming = _next(*whose), _claiming(*whose)

    def claim(self, channels: tuple[str, ...]) -> list[Waiting]:
        """Takes the next letter that is due on each of these channels; nobody else gets it meanwhile.

        No more than one a channel: a letter that waited for others to be sent would outlive its claim.
        """
        return [letter for channel in channels for letter in self._claim_next(channel)]

    def _claim_next(self, channel: str) -> list[Waiting]:
        asked = {"channel": channel, "environment": self._environment}
        if not self._store.look(self._next, asked):
            return []
        rows = self._store.run(self._claiming, {**asked, "claim": self._claim})
        return [_waiting(row) for row in rows]

    def sent(self, letter: Waiting, receipt: str) -> None:
        """It arrived; `receipt` is what the other side gave for it."""
        self._store.run(
            "UPDATE outbox SET state = 'sent', receipt = :receipt, error = NULL WHERE id = :id",
            {"id": letter.id, "receipt": printable(receipt)},
        )

    def failed(self, letter: Waiting, why: str, at_least: float = 0.0, *, refused: bool = False) -> None:
        """It did not arrive: tried again later, or dead after too many tries.

        Of a courier so slow that another took the letter over, this changes nothing of the letter.

        Args:
            letter: which.
            why: what the other side said.
            at_least: seconds that it asked to be left alone, ten minutes at most; this holds for the whole channel of
                this environment.
            refused: it was this letter that was not taken, as far as can be told; another one may be.
        """
        asked = min(at_least, _MOST_ASKED)
        if asked > 0:
            of = letter.environment if self._environment is None else self._environment
            self._store.run(_PAUSE, {"environment": of, "channel": letter.channel, "pause": asked})
        pause = max(min(0.25 * 2 ** min(letter.attempts, 8), _LONGEST), asked)
        self._give_up(letter, why, "due" if letter.attempts < self._attempts else "dead", pause, refusals=int(refused))

    def dead(self, letter: Waiting, why: str) -> None:
        """It will never arrive: the other side says that it is wrong."""
        self._give_up(letter, why, "dead", 0.0)

    def _give_up(self, letter: Waiting, why: str, state: str, pause: float, refusals: int = 0) -> None:
        # Every claim counts one more attempt, so the number tells whether the claim is still this one.
        self._store.run(
            "UPDATE outbox SET state = :state, error = :why, due = clock() + :pause, claimed_until = 0, "
            "refusals = refusals + :refusals WHERE id = :id AND state = 'due' AND attempts = :attempts",
            {
                "id": letter.id,
                "why": printable(why),
                "pause": pause,
                "state": state,
                "attempts": letter.attempts,
                "refusals": refusals,
            },
        )

    def superseded(self, letter: Waiting) -> None:
        """A newer letter with its key says all that it said, so it is not sent."""
        self._store.run(
            "UPDATE outbox SET state = 'superseded', error = NULL WHERE id = :id AND state = 'due'", {"id": letter.id}
        )

    def newest(self, letter: Waiting) -> str | None:
        """The body of the newest letter with the same key that waits behind this one; None where there is none."""
        rows = self._store.look(
            "SELECT body FROM outbox WHERE chain = :chain AND channel = :channel AND key = :key "
            "AND state = 'due' AND id > :id ORDER BY id DESC LIMIT 1",
            {"chain": letter.chain, "channel": letter.channel, "key": letter.key, "id": letter.id},
        )
        return str(rows[0][0]) if rows else None

    def behind(self, letter: Waiting) -> list[str]:
        """The bodies of the letters of its launch and channel that wait behind this one, oldest first."""
        rows = self._store.look(
            "SELECT body FROM outbox WHERE chain = :chain AND channel = :channel "
            "AND state = 'due' AND id > :id ORDER BY id",
            {"chain": letter.chain, "channel": letter.channel, "id": letter.id},
        )
        return [str(row[0]) for row in rows]

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

    def paused(self) -> dict[tuple[str, str], float]:
        """Environment and channel of each that asked to be left alone, with the seconds for which it still is."""
        rows = self._store.look(
            "SELECT environment, channel, paused_until - clock() FROM environment_pause WHERE paused_until > clock() "
            "ORDER BY environment, channel",
            {},
        )
        return {(str(environment), str(channel)): float(str(left)) for environment, channel, left in rows}

    def uncarried(self) -> dict[tuple[str, str], float]:
        """Environment and channel of what nobody carries, as far as can be told, with the seconds that it waits.

        A letter waits for more than a minute, none of them was tried, and nobody asked to be left alone.
        """
        rows = self._store.look(
            "SELECT environment, channel, MAX(clock() - made) FROM outbox WHERE state = 'due' "
            "AND NOT EXISTS (SELECT 1 FROM environment_pause WHERE environment_pause.environment = outbox.environment "
            "AND environment_pause.channel = outbox.channel AND paused_until > clock()) "
            "GROUP BY environment, channel HAVING MAX(attempts) = 0 AND MAX(clock() - made) > :long "
            "ORDER BY environment, channel",
            {"long": _LONG},
        )
        return {(str(environment), str(channel)): float(str(waits)) for environment, channel, waits in rows}

    def unsent(self, chain: str | None = None) -> list[Row]:
        """What waits or died: id, chain, channel, key, state, attempts, error, seconds since its event, environment."""
        return self._store.look(
            "SELECT id, chain, channel, key, state, attempts, error, clock() - made, environment FROM outbox "
            "WHERE state NOT IN ('sent', 'superseded') AND (CAST(:chain AS TEXT) IS NULL OR chain = :chain) "
            "ORDER BY id",
            {"chain": chain},
        )


def _waiting(row: Row) -> Waiting:
    identity, chain, seq, channel, key, body, attempts, made, now, environment = row
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
        environment=str(environment),
    )
