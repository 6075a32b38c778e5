"""What a ledger's store promises, and the SQL that SQLite and PostgreSQL share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import Protocol

from tminus.errors import FencedOff, LedgerError, Refused
from tminus.ledger.chain import GENESIS, Head, Stored

Row = tuple[object, ...]
Parameters = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class Letter:
    """A message to send, kept in the same transaction as its event.

    Attributes:
        channel: which courier carries it (`slack`, `pagerduty`).
        key: what makes a second sending harmless, or findable.
        body: canonical JSON for that courier.
    """

    channel: str
    key: str
    body: str


@dataclass(frozen=True)
class Entry:
    """One event to append.

    Attributes:
        token: the lease's token where only the conductor may write this.
        wakes: whether those who wait for people must be woken at once.
    """

    chain: str
    body: str
    token: int | None = None
    letters: Sequence[Letter] = field(default=())
    wakes: bool = False


@dataclass(frozen=True)
class Lease:
    """Who conducts a chain, as the store knows it; `left` is in seconds by the store's own clock."""

    token: int
    holder: str | None
    left: float


class Transaction(Protocol):
    """What a store's SQL runs in."""

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """Runs one statement with `:name` parameters; returns its rows."""


class Store(ABC):
    """An append-only store of chains. Every method is one transaction, durable when it returns.

    `clock()` in its SQL is the store's own clock, in seconds since the epoch.
    All raise LedgerUnreachable when the store does not answer.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Transaction]:
        """A durable transaction; maps the driver's errors."""

    @abstractmethod
    def _link(self, within: Transaction, entry: Entry) -> Head | None:
        """Appends one event to its chain, if the token still fits; returns the new head."""

    @abstractmethod
    def changes(self) -> "Changes":
        """A watcher that wakes when others append."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    @contextmanager
    def _locked(self) -> Iterator[Transaction]:
        with self._lock, self._transaction() as within:
            yield within

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """One statement of the tables beside the chains (outbox, seen), as a transaction."""
        with self._locked() as within:
            return within.run(sql, parameters)

    def look(self, sql: str, parameters: Parameters) -> list[Row]:
        """One statement that only reads; waits for no writer."""
        with self._lock, self._reading() as within:
            return within.run(sql, parameters)

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Transaction]:
        """A look without a transaction of its own; maps the driver's errors."""

    def open_chain(self, chain: str) -> None:
        """Makes an empty chain; raises Refused where it exists."""
        with self._locked() as within:
            self._open_chain(within, chain)

    def _open_chain(self, within: Transaction, chain: str) -> None:
        made = within.run(
            "INSERT INTO chain (chain, seq, hash, token, lease_until) VALUES (:chain, 0, :genesis, 0, 0) "
            "ON CONFLICT DO NOTHING RETURNING chain",
            {"chain": chain, "genesis": GENESIS},
        )
        if not made:
            raise Refused(f"the chain {chain} exists already")

    def append(self, *entries: Entry) -> list[Head]:
        """Appends all or nothing. Raises FencedOff where a token is no longer the lease's."""
        with self._locked() as within:
            return [self._append(within, entry) for entry in entries]

    def _append(self, within: Transaction, entry: Entry) -> Head:
        head = self._link(within, entry)
        if head is None:
            raise self._why_not(within, entry)
        for letter in entry.letters:
            within.run(
                "INSERT INTO outbox (chain, seq, channel, key, body, state, attempts, due, claimed_until, made) "
                "VALUES (:chain, :seq, :channel, :key, :body, 'due', 0, 0, 0, clock())",
                {
                    "chain": entry.chain,
                    "seq": head.seq,
                    "channel": letter.channel,
                    "key": letter.key,
                    "body": letter.body,
                },
            )
        return head

    def _why_not(self, within: Transaction, entry: Entry) -> LedgerError:
        found = within.run("SELECT token FROM chain WHERE chain = :chain", {"chain": entry.chain})
        if not found:
            return LedgerError(f"no chain is called {entry.chain!r}; `tminus status` lists them")
        return FencedOff(
            f"{entry.chain}: the lease went from token {entry.token} to {found[0][0]}; this conductor stops"
        )

    def read(self, chain: str, after: int = 0) -> list[Stored]:
        """The events of a chain that come after number `after`, in order."""
        with self._lock, self._reading() as within:
            rows = within.run(
                "SELECT chain, seq, body, hash FROM event WHERE chain = :chain AND seq > :after ORDER BY seq",
                {"chain": chain, "after": after},
            )
        return [Stored(str(row[0]), int(str(row[1])), str(row[2]), str(row[3])) for row in rows]

    def head(self, chain: str) -> Head | None:
        """Where a chain ends; None where there is no such chain."""
        with self._lock, self._reading() as within:
            rows = within.run("SELECT seq, hash FROM chain WHERE chain = :chain", {"chain": chain})
        return Head(chain, int(str(rows[0][0])), str(rows[0][1])) if rows else None

    def chains(self) -> list[str]:
        """Every chain's name."""
        with self._lock, self._reading() as within:
            return [str(row[0]) for row in within.run("SELECT chain FROM chain ORDER BY chain", {})]

    # The lease: one conductor a chain.

    def take_lease(self, chain: str, holder: str, seconds: float, dead: int | None = None) -> int | None:
        """Takes the lease if it is free, ran out, or is still the one of a conductor known to be dead.

        Args:
            chain: what to conduct.
            holder: who takes it, as canonical JSON.
            seconds: how long it lasts by the store's clock unless renewed.
            dead: the token of a holder that is known to be dead.

        Returns:
            The new token, or None where somebody else holds it.
        """
        with self._locked() as within:
            rows = within.run(
                "UPDATE chain SET token = token + 1, holder = :holder, lease_until = clock() + :seconds "
                "WHERE chain = :chain AND (holder IS NULL OR lease_until < clock() OR token = :dead) RETURNING token",
                {"chain": chain, "holder": holder, "seconds": seconds, "dead": dead},
            )
        return int(str(rows[0][0])) if rows else None

    def renew_lease(self, chain: str, token: int, seconds: float) -> bool:
        """Makes the lease last `seconds` from now; False where it is another's by now."""
        with self._locked() as within:
            return bool(
                within.run(
                    "UPDATE chain SET lease_until = clock() + :seconds "
                    "WHERE chain = :chain AND token = :token AND holder IS NOT NULL RETURNING token",
                    {"chain": chain, "token": token, "seconds": seconds},
                )
            )

    def give_lease_back(self, chain: str, token: int) -> None:
        """Ends the lease, if it is still this one."""
        with self._locked() as within:
            within.run(
                "UPDATE chain SET holder = NULL, lease_until = 0 WHERE chain = :chain AND token = :token",
                {"chain": chain, "token": token},
            )

    def lease(self, chain: str) -> Lease | None:
        """Who conducts a chain now; None where there is no such chain."""
        with self._lock, self._reading() as within:
            rows = within.run(
                "SELECT token, holder, lease_until - clock() FROM chain WHERE chain = :chain", {"chain": chain}
            )
        if not rows:
            return None
        token, holder, left = rows[0]
        return Lease(int(str(token)), str(holder) if holder else None, float(str(left)))

    # One lock an environment, shared by launches, drills, rotations and restores.

    def open_locked(self, environment: str, chain: str, *entries: Entry) -> list[Head]:
        """Takes the environment's lock, makes `chain`, and appends, all or nothing.

        Raises Refused, naming who holds the environment.
        """
        with self._locked() as within:
            taken = within.run(
                "INSERT INTO environment_lock (environment, chain, since) VALUES (:environment, :chain, clock()) "
                "ON CONFLICT DO NOTHING RETURNING chain",
                {"environment": environment, "chain": chain},
            )
            if not taken:
                by = within.run(
                    "SELECT chain FROM environment_lock WHERE environment = :environment", {"environment": environment}
                )
                raise Refused(
                    f"{environment} is held by {by[0][0]}, which is under way; "
                    f"`tminus status {by[0][0]}` shows it, `tminus scrub {by[0][0]}` ends it"
                )
            self._open_chain(within, chain)
            return [self._append(within, entry) for entry in entries]

    def append_and_unlock(self, environment: str, *entries: Entry) -> list[Head]:
        """Appends the closing events and frees the environment, all or nothing."""
        with self._locked() as within:
            heads = [self._append(within, entry) for entry in entries]
            within.run(
                "DELETE FROM environment_lock WHERE environment = :environment AND chain = :chain",
                {"environment": environment, "chain": entries[0].chain},
            )
            return heads

    def locked_by(self, environment: str) -> str | None:
        """The chain that holds an environment."""
        with self._lock, self._reading() as within:
            rows = within.run(
                "SELECT chain FROM environment_lock WHERE environment = :environment", {"environment": environment}
            )
        return str(rows[0][0]) if rows else None


class Changes(Protocol):
    """Wakes those who wait for what others append."""

    def wait(self, seconds: float) -> bool:
        """Blocks until something may have changed (True) or `seconds` have passed (False)."""

    def close(self) -> None:
        """Stops watching."""


SCHEMA = (
    """CREATE TABLE IF NOT EXISTS chain (
        chain TEXT PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL,
        token BIGINT NOT NULL, holder TEXT, lease_until DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS event (
        chain TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (chain, seq))""",
    """CREATE TABLE IF NOT EXISTS environment_lock (
        environment TEXT PRIMARY KEY, chain TEXT NOT NULL, since DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS outbox (
        id {serial}, chain TEXT NOT NULL, seq BIGINT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL,
        body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due DOUBLE PRECISION NOT NULL,
        claimed_until DOUBLE PRECISION NOT NULL, made DOUBLE PRECISION NOT NULL, error TEXT, receipt TEXT)""",
    "CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, chain, channel, id)",
    """CREATE TABLE IF NOT EXISTS seen (
        source TEXT NOT NULL, key TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (source, key))""",
)
