"""One lock an environment: launches, drills, rotations and restores share it, so none looks like another's failure."""

from collections.abc import Callable

from tminus.chain_names import DRILL, OPERATION, RESTORE, SECRET
from tminus.errors import Refused
from tminus.ledger.chain import Head
from tminus.ledger.chains import Chains
from tminus.ledger.entries import Entry, Transaction

# Makes the directory's entry for a chain that was opened or closed, from its head at that moment.
Listing = Callable[[Head], Entry]


class Locks(Chains):
    """Takes and frees environments, in the same transaction as the event that says why."""

    def open_locked(self, environment: str, chain: str, *entries: Entry, listing: Listing | None = None) -> list[Head]:
        """Takes the environment's lock, makes `chain`, appends, and lists it in the directory: all or nothing.

        Raises Refused, naming who holds the environment, or where the chain exists.
        """
        with self._locked() as within:
            self._take(within, environment, chain)
            self._open_chain(within, chain)
            heads = [self._append(within, entry) for entry in entries]
            self._list(within, heads, listing)
            return heads

    def lock(self, environment: str, chain: str) -> None:
        """Takes the environment's lock for a chain, or finds it taken by it; raises Refused, naming who holds it."""
        with self._locked() as within:
            self._take(within, environment, chain)

    def _take(self, within: Transaction, environment: str, chain: str) -> None:
        # The update that changes nothing waits for whoever takes or frees it now, and tells whose it is then.
        holder = within.run(
            "INSERT INTO environment_lock (environment, chain, since) VALUES (:environment, :chain, clock()) "
            "ON CONFLICT (environment) DO UPDATE SET environment = excluded.environment RETURNING chain",
            {"environment": environment, "chain": chain},
        )[0][0]
        if holder != chain:
            raise Refused(f"{environment} is held by {holder}, which is under way; {_how_to_free(str(holder))}")

    def append_and_unlock(self, environment: str, *entries: Entry, listing: Listing | None = None) -> list[Head]:
        """Appends the closing events, lists the chain as closed, and frees the environment: all or nothing.

        Raises FencedOff where a token is no longer the lease's.
        """
        with self._locked() as within:
            heads = [self._append(within, entry) for entry in entries]
            self._list(within, heads, listing)
            self._free(within, environment, entries[0].chain)
            return heads

    def unlock(self, environment: str, chain: str) -> None:
        """Frees the environment where that chain holds it."""
        with self._locked() as within:
            self._free(within, environment, chain)

    def _free(self, within: Transaction, environment: str, chain: str) -> None:
        within.run(
            "DELETE FROM environment_lock WHERE environment = :environment AND chain = :chain",
            {"environment": environment, "chain": chain},
        )

    def _list(self, within: Transaction, heads: list[Head], listing: Listing | None) -> None:
        """The directory comes last, after the chain it lists: everybody takes them in this order."""
        if listing is None:
            return
        entry = listing(heads[-1])
        self._make_chain(within, entry.chain)
        self._append(within, entry)

    def locked_by(self, environment: str) -> str | None:
        """The chain that holds an environment."""
        rows = self.look(
            "SELECT chain FROM environment_lock WHERE environment = :environment", {"environment": environment}
        )
        return str(rows[0][0]) if rows else None


def _how_to_free(holder: str) -> str:
    if holder.startswith(RESTORE):
        return "where it broke off, `tminus restore --resume` goes on with it, and `tminus restore --give-up` ends it"
    if holder.startswith(SECRET):
        name = holder.rpartition(".")[2]
        return f"it is free again within minutes; where it broke off, `tminus rotate {name}` goes on with it"
    if holder.startswith(DRILL):
        name = holder.rpartition(".")[2]
        return f"it is free again once that drill is over; where it broke off, `tminus drill {name} --undo` undoes it"
    if holder.startswith(OPERATION):
        settle = "`tminus operate backup --settle --runbook FILE --people FILE --environment FILE`"
        return f"where it broke off, {settle} looks what became of it and frees it"
    return f"`tminus status {holder}` shows it, `tminus scrub {holder} --reason WHY` ends it"
