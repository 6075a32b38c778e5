"""Somebody is asked whether a secret may be rotated."""

from collections.abc import Callable
from pathlib import Path

from flows.asking_first import ask_once
from tminus import events as ev
from tminus.ledger.store import Store
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.papers import change_of


def ask_to_rotate(
    store: Store,
    opened: OpenedSecrets,
    people: Path,
    asked: ev.RotationAsked,
    roles: tuple[str, ...],
    say: Callable[[str], None],
) -> str:
    """Asks these roles, or takes up the question that was asked already; see ask_once. Returns its chain."""
    begun_on = opened.course(store, asked.secret).approvals
    return ask_once(store, opened, people, change_of(opened, asked, roles), asked, begun_on, say)
