"""What a ledger's store promises."""

from tminus.ledger.entries import Changes, Entry, Lease, Letter, Parameters, Row, Transaction
from tminus.ledger.leases import Leases
from tminus.ledger.locks import Locks

__all__ = ["Changes", "Entry", "Lease", "Letter", "Parameters", "Row", "Store", "Transaction"]


class Store(Leases, Locks):
    """An append-only store of chains, with their leases, locks and letters.

    Every method is one transaction, durable when it returns. All raise LedgerUnreachable when the store
    does not answer: then nothing was appended. InDoubt, which is one of these, says that it broke off while it
    committed: then what was to be appended is either there whole or not at all.
    """
