"""What a visit to a secret is begun with, and how far it came."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tminus import events as ev
from tminus.rotations.course import Rotation
from tminus.rotations.document import Document

Say = Callable[[str], None]
"""Tells whoever sits at the terminal."""
Left = ev.RotationWaits | ev.RotationEnded | ev.RotationBrokeOff
"""How a visit leaves a rotation."""
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
        outside: the rules of the calendar that a person overrode who may; "" where none was.
        overridden_by: that person's id.
    """

    at_once: bool = False
    reason: str = ""
    approval: str = ""
    given: Document | None = None
    replaces: str = ""
    scheduled: bool = False
    outside: str = ""
    overridden_by: str = ""


def visited(name: str, last: Left) -> Visited:
    """How a visit to a secret of that name was left."""
    match last:
        case ev.RotationWaits():
            until = f"{last.until:%Y-%m-%d %H:%M:%S} UTC"
            return Visited(name, "waits", f"{name} waits until {until} at least: {last.why}", last.until, last.why)
        case ev.RotationBrokeOff():
            how: How = "refused" if last.refused else "broke off"
            said = f"{name}: {last.stage} {how}: {last.why}"
            return Visited(name, how, f"{said}; `tminus rotate {name}` goes on from there")
        case _:
            return Visited(name, last.how, last.sentence)


def broke_off(rotation: Rotation, why: str, *, refused: bool = False) -> ev.RotationBrokeOff:
    """How a visit leaves a rotation that it could not go on with."""
    stage = rotation.next or ("undo" if rotation.undo else "drop")
    return ev.RotationBrokeOff(rotation=rotation.name, stage=stage, why=why, refused=refused)


def mistaken(rotation: Rotation, why: str) -> ev.Event | None:
    """What is written of a visit that tminus itself could not end; None where it had ended before."""
    return None if rotation.ended else broke_off(rotation, why)
