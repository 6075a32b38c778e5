"""The directory chain: every launch, with its head when it was opened and when it was closed."""

from typing import Literal

from tminus import events as ev
from tminus.errors import LedgerError
from tminus.ledger.chain import Head
from tminus.ledger.entries import Entry
from tminus.ledger.locks import Listing
from tminus.ledger.store import Store

DIRECTORY = "directory"


def listing(what: Literal["opened", "closed"]) -> Listing:
    """Makes the directory's entry, in the transaction that opens or closes a chain."""

    def entry(head: Head) -> Entry:
        return Entry(DIRECTORY, ev.write(ev.DirectoryEntry(chain=head.chain, what=what, head=str(head))))

    return entry


def listed(store: Store) -> list[ev.DirectoryEntry]:
    """Everything the directory says, in order; nothing where no launch was ever created.

    Raises LedgerUnreachable, and LedgerError where an entry was tampered with.
    """
    found: list[ev.DirectoryEntry] = []
    for one in store.read(DIRECTORY):
        try:
            event = ev.read(one.body)
        except ValueError as e:
            raise LedgerError(
                f"entry {one.seq} of the directory cannot be read; `tminus ledger verify {DIRECTORY}` says why"
            ) from e
        if isinstance(event, ev.DirectoryEntry):
            found.append(event)
    return found


def under_way(store: Store) -> list[str]:
    """The launches that were opened and are not closed, the oldest first. Raises LedgerError."""
    entries = listed(store)
    closed = {one.chain for one in entries if one.what == "closed"}
    return list(dict.fromkeys(one.chain for one in entries if one.what == "opened" and one.chain not in closed))


def listed_heads(store: Store, chain: str) -> list[Head]:
    """The heads that the directory wrote down for a chain. Raises LedgerError."""
    return [Head.parse(one.head) for one in listed(store) if one.chain == chain]
