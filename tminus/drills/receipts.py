"""What was lost, by receipts: each write that the server acknowledged has one, and is there afterwards or is not."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Key = tuple[int, int]
"""A write: which writer made it, and its number there, from 0 on."""
_APART = 1_000  # more writers than one client has


@dataclass(frozen=True, slots=True)
class Receipt:
    """One write as its writer saw it.

    Attributes:
        sent: when it was sent, in Unix seconds.
        answered: when the server acknowledged it; None where it never did.
    """

    key: Key
    sent: float
    answered: float | None = None


@dataclass(frozen=True)
class Loss:
    """What became of the writes.

    Attributes:
        kept: acknowledged, and there.
        lost: acknowledged, and not there.
        unknown: never answered; whether they are there nobody was promised.
        unknown_there: those of them that are.
        strange: there, and never sent.
        duplicates: how many are there more than once.
        reordered: how many stand before an earlier one of the same writer.
        lost_s: the stretch in which acknowledged writes were lost, in seconds: from the last acknowledgement before the
            first lost one (or from its sending, where there is none) to the last lost one's. So one lost write counts
            as long as the gap that it leaves, and never as nothing.
        uncounted: why no writes were made, so that all of this means nothing; "" where they were.
    """

    kept: frozenset[Key]
    lost: frozenset[Key]
    unknown: frozenset[Key]
    unknown_there: frozenset[Key]
    strange: frozenset[Key]
    duplicates: int
    reordered: int
    lost_s: float
    uncounted: str = ""


def judge(receipts: Iterable[Receipt], found: Sequence[Key]) -> Loss:
    """Holds the receipts against what is there.

    Args:
        receipts: one for each write; the last counts where a write has two (sent, then answered).
        found: what is there, in the order in which the server has it.
    """
    last: dict[Key, Receipt] = {}
    for one in receipts:
        if one.answered is not None or one.key not in last:
            last[one.key] = one
    there = Counter(found)
    answered = {key for key, one in last.items() if one.answered is not None}
    unknown = last.keys() - answered
    lost = frozenset(answered - there.keys())
    return Loss(
        kept=frozenset(answered & there.keys()),
        lost=lost,
        unknown=frozenset(unknown),
        unknown_there=frozenset(unknown & there.keys()),
        strange=frozenset(there.keys() - last.keys()),
        duplicates=sum(times - 1 for times in there.values()),
        reordered=_reordered(found),
        lost_s=_stretch(last, lost),
    )


def all_losses(seen: Sequence[Loss]) -> Loss:
    """Those of several clients as of one; the seconds are the longest stretch, since they were lost at the same time.

    Args:
        seen: one at least; the writers of each are told apart. Counts where any did.
    """
    if len(seen) == 1:
        return seen[0]

    def every(of: Callable[[Loss], frozenset[Key]]) -> frozenset[Key]:
        return frozenset((writer + _APART * at, n) for at, one in enumerate(seen) for writer, n in of(one))

    return Loss(
        kept=every(lambda one: one.kept),
        lost=every(lambda one: one.lost),
        unknown=every(lambda one: one.unknown),
        unknown_there=every(lambda one: one.unknown_there),
        strange=every(lambda one: one.strange),
        duplicates=sum(one.duplicates for one in seen),
        reordered=sum(one.reordered for one in seen),
        lost_s=max(one.lost_s for one in seen),
        uncounted="; ".join(one.uncounted for one in seen) if all(one.uncounted for one in seen) else "",
    )


def _reordered(found: Sequence[Key]) -> int:
    highest: dict[int, int] = {}
    out = 0
    for writer, number in found:
        out += number < highest.get(writer, -1)
        highest[writer] = max(number, highest.get(writer, -1))
    return out


def _stretch(receipts: Mapping[Key, Receipt], lost: frozenset[Key]) -> float:
    moments = [(receipts[key].answered or 0.0, receipts[key].sent) for key in lost]
    if not moments:
        return 0.0
    first, sent = min(moments)
    before = [
        one.answered
        for key, one in receipts.items()
        if one.answered is not None and one.answered < first and key not in lost
    ]
    return max(moments)[0] - (max(before) if before else sent)
