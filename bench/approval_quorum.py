"""Whether a quorum can be met, without a matching algorithm: every assignment of distinct people to seats is tried.

Nothing of tminus is imported here.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations


def filled(seats: Sequence[str], may: Mapping[str, frozenset[str]]) -> int:
    """How many of these seats distinct people can fill at most: every assignment is tried."""
    for size in range(min(len(seats), len(may)), 0, -1):
        for people in permutations(may, size):
            for places in permutations(range(len(seats)), size):
                if all(seats[place] in may[person] for person, place in zip(people, places, strict=True)):
                    return size
    return 0


def can_be_met(seats: Sequence[str], may: Mapping[str, frozenset[str]]) -> bool:
    """Whether distinct people can fill every one of these seats: every assignment is tried."""
    return any(
        all(seat in may[person] for person, seat in zip(people, seats, strict=True))
        for people in permutations(may, len(seats))
    )
