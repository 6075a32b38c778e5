"""The lease in the store: one conductor a chain, by the store's own clock."""

from tminus.ledger.entries import Lease
from tminus.ledger.transactions import Transactions


class Leases(Transactions):
    """Who conducts a chain. A token is never given twice, so that an earlier holder's appends can be told apart."""

    def take_lease(self, chain: str, holder: str, seconds: float, dead: int | None = None) -> int | None:
        """Takes the lease if it is free, ran out, or is still the one of a conductor known to be dead.

        Args:
            chain: what to conduct.
            holder: who takes it, as canonical JSON.
            seconds: how long it lasts by the store's clock unless renewed.
            dead: the token of a holder that is known to be dead.

        Returns:
            The new token, or None where somebody else holds it, or there is no such chain.
        """
        rows = self.run(
            "UPDATE chain SET token = token + 1, holder = :holder, lease_until = clock() + :seconds "
            "WHERE chain = :chain AND (holder IS NULL OR lease_until < clock() OR token = :dead) RETURNING token",
            {"chain": chain, "holder": holder, "seconds": seconds, "dead": dead},
        )
        return int(str(rows[0][0])) if rows else None

    def renew_lease(self, chain: str, token: int, seconds: float) -> bool:
        """Makes the lease last `seconds` from now; False where it is another's by now, or was given back."""
        return bool(
            self.run(
                "UPDATE chain SET lease_until = clock() + :seconds "
                "WHERE chain = :chain AND token = :token AND holder IS NOT NULL RETURNING token",
                {"chain": chain, "token": token, "seconds": seconds},
            )
        )

    def give_lease_back(self, chain: str, token: int) -> None:
        """Ends the lease, if it is still this one."""
        self.run(
            "UPDATE chain SET holder = NULL, lease_until = 0 WHERE chain = :chain AND token = :token",
            {"chain": chain, "token": token},
        )

    def lease(self, chain: str) -> Lease | None:
        """Who conducts a chain now; None where there is no such chain."""
        rows = self.look(
            "SELECT token, holder, lease_until - clock() FROM chain WHERE chain = :chain", {"chain": chain}
        )
        if not rows:
            return None
        token, holder, left = rows[0]
        return Lease(int(str(token)), str(holder) if holder else None, float(str(left)))
