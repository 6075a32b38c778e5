"""Appending to chains, with the letters that tell of it, and reading them."""

import re

from tminus.errors import FencedOff, LedgerError, MovedOn, Refused, UsageError
from tminus.ledger.chain import GENESIS, Head, Stored
from tminus.ledger.entries import Entry, Letter, Transaction
from tminus.ledger.transactions import Transactions

# A name goes into hashes, file names, object keys and buttons: nothing in it may end a field there.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Chains(Transactions):
    """Append-only chains of events. Every method is one transaction, durable when it returns."""

    def open_chain(self, chain: str, *entries: Entry) -> list[Head]:
        """Makes a chain with its first events, all or nothing; raises Refused where it exists."""
        with self._locked() as within:
            self._open_chain(within, chain)
            return [self._append(within, entry) for entry in entries]

    def _open_chain(self, within: Transaction, chain: str) -> None:
        if not self._make_chain(within, chain):
            raise Refused(f"the chain {chain} exists already")

    def _make_chain(self, within: Transaction, chain: str) -> bool:
        if not _NAME.fullmatch(chain):
            raise UsageError(f"{chain!r} cannot name a chain: letters, digits, '.', '_' and '-' only, at most 200")
        # Fences out in the world remember the highest token they saw, so a later chain's tokens go on from there.
        made = within.run(
            "INSERT INTO chain (chain, seq, hash, token, lease_until) "
            "VALUES (:chain, 0, :genesis, (SELECT COALESCE(MAX(token), 0) FROM chain), 0) "
            "ON CONFLICT DO NOTHING RETURNING chain",
            {"chain": chain, "genesis": GENESIS},
        )
        return bool(made)

    def append(self, *entries: Entry) -> list[Head]:
        """Appends all or nothing; returns each entry's head.

        Raises FencedOff where a token is no longer the lease's, MovedOn where a chain went on after what an entry rests
        on, LedgerError where there is no such chain.
        """
        # Chains are taken in the order of their names: two who append to the same two never wait for each other.
        order = sorted(range(len(entries)), key=lambda place: entries[place].chain)
        with self._locked() as within:
            heads = {place: self._append(within, entries[place]) for place in order}
        return [heads[place] for place in range(len(entries))]

    def _append(self, within: Transaction, entry: Entry) -> Head:
        head = self._link(within, entry)
        if head is None:
            raise self._why_not(within, entry)
        for letter in entry.letters:
            self._post(within, head, letter)
        return head

    def _post(self, within: Transaction, head: Head, letter: Letter) -> None:
        within.run(
            "INSERT INTO outbox "
            "(chain, seq, channel, key, body, environment, state, attempts, due, claimed_until, made) "
            "VALUES (:chain, :seq, :channel, :key, :body, :environment, 'due', 0, 0, 0, clock())",
            {
                "chain": head.chain,
                "seq": head.seq,
                "channel": letter.channel,
                "key": letter.key,
                "body": letter.body,
                "environment": letter.environment,
            },
        )

    def _why_not(self, within: Transaction, entry: Entry) -> LedgerError:
        found = within.run("SELECT token, seq FROM chain WHERE chain = :chain", {"chain": entry.chain})
        if not found:
            return LedgerError(f"no chain is called {entry.chain!r}; `tminus status` lists them")
        token, seq = found[0]
        if entry.token is not None and entry.token != token:
            return FencedOff(f"{entry.chain}: the lease went from token {entry.token} to {token}; this conductor stops")
        return MovedOn(f"{entry.chain}: it went on from event {entry.after} to {seq}; look at it again")

    def read(self, chain: str, after: int = 0) -> list[Stored]:
        """The events of a chain that come after number `after`, in order."""
        rows = self.look(
            "SELECT chain, seq, body, hash FROM event WHERE chain = :chain AND seq > :after ORDER BY seq",
            {"chain": chain, "after": after},
        )
        return [Stored(str(row[0]), int(str(row[1])), str(row[2]), str(row[3])) for row in rows]

    def head(self, chain: str) -> Head | None:
        """Where the store says that a chain ends; None where there is no such chain."""
        rows = self.look("SELECT seq, hash FROM chain WHERE chain = :chain", {"chain": chain})
        return Head(chain, int(str(rows[0][0])), str(rows[0][1])) if rows else None

    def chains(self) -> list[str]:
        """Every chain's name."""
        return [str(row[0]) for row in self.look("SELECT chain FROM chain ORDER BY chain", {})]
