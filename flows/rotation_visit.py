"""What a visit to a secret is begun with, and how far it came."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tminus.rotations.document import Document

Say = Callable[[str], None]
"""Tells whoever sits at the terminal."""
How = Literal["rotated", "undone", "not approved", "waits", "broke off", "refused"]


@dataclass(frozen=True)
class Visited:
    """How far one visit came.

    Attributes:
        until: before when there is nothing to do.
        why: what is waited for.
    """

    secret: str
    how: How
    said: str
    until: datetime | None = None
    why: str = ""


@dataclass(frozen=True)
class Wish:
    """Why a rotation is begun, where none is open.

    Attributes:
        at_once: the old value leaked.
        reason: for the record.
        approval: the chain in which it was asked for; "" where nobody is.
        given: the new value, where a person brings it.
        replaces: the version that it is about; "" where it is about whichever is current.
        scheduled: nobody sits there: who must bring a value is told by a page.
    """

    at_once: bool = False
    reason: str = ""
    approval: str = ""
    given: Document | None = None
    replaces: str = ""
    scheduled: bool = False
