"""Seats of a quorum: each is for one role, or for any of several (`devops_lead or sre_lead: 2` is two of them)."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

_OR = " or "
_ROLE = r"[a-z0-9][a-z0-9_-]*"
Seat = Annotated[str, StringConstraints(pattern=rf"^{_ROLE}(?: or {_ROLE})*$", max_length=200)]


def roles_of_seat(seat: str) -> tuple[str, ...]:
    """The roles that a seat is open to, as the book names them."""
    return tuple(seat.split(_OR))


def seats_open_to(roles: Iterable[str], seats: Iterable[str]) -> frozenset[str]:
    """The seats that somebody with these roles may take."""
    held = frozenset(roles)
    return frozenset(seat for seat in seats if not held.isdisjoint(roles_of_seat(seat)))
