"""Scenarios that the book does not have any more, though nobody has seen that what they broke is undone."""

from collections.abc import Iterator

from tminus.chain_names import drills_of
from tminus.drills.course import way_said
from tminus.drills.opened import OpenedDrills
from tminus.ledger.store import Store


def retired(store: Store, opened: OpenedDrills) -> Iterator[str]:
    """Their names. Raises LedgerError."""
    begin = drills_of(opened.system, opened.environment.environment)
    for chain in store.chains():
        name = chain.removeprefix(begin)
        if chain.startswith(begin) and name not in opened.book.scenarios and opened.course(store, name).unproven:
            yield name


def retired_said(store: Store, opened: OpenedDrills, name: str) -> str:
    """What to do about one, as far as the ledger tells what it was; "" where it is none. Raises LedgerError."""
    if name not in retired(store, opened):
        return ""
    began = opened.course(store, name).drills[-1].began
    return (
        f"{name} is not in the book any more, and its last drill, of {began.at:%Y-%m-%d %H:%M:%S} UTC, is not proven "
        f"to be undone. Put it back into the book as it was (kind: {began.kind}, which broke {way_said(began.way)}), "
        f"then `tminus drill {name} --undo`"
    )
