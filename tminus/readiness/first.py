"""What to mend first: what keeps most lines from holding, with who mends it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Protocol, runtime_checkable

from tminus.outcome import Verdict
from tminus.readiness.book import Line
from tminus.readiness.judging import Judged
from tminus.spoken import counted

_PLACE = 100  # characters of what was looked at


@dataclass(frozen=True)
class Fix:
    """One thing to do, and what it turns green.

    Attributes:
        what: the reason that these lines do not hold, or what is wanted of people.
        owners: the roles that mend it.
        refs: the lines it turns green, those that block first.
        blocking: how many of them block.
    """

    what: str
    owners: tuple[str, ...]
    refs: tuple[str, ...]
    blocking: int

    @property
    def lines(self) -> str:
        """`1 line`, `3 lines`."""
        return counted(len(self.refs), "line")

    @property
    def of_which(self) -> str:
        """How many of them block, to be said after them."""
        if len(self.refs) == 1:
            return "which blocks" if self.blocking else "which does not block"
        return f"{self.blocking or 'none'} of which {'block' if self.blocking > 1 else 'blocks'}"


def what_first(judged: Sequence[Judged]) -> list[Fix]:
    """Every thing to do, the one that turns most blocking lines green first.

    Lines that do not hold for the same reason are one thing to do: a system that the environment does not name, one
    that does not answer, the very same check, statements wanted of one role. Two checks that happen to say the same of
    different things are two.

    Args:
        judged: the whole checklist, also the lines that others are the same as.
    """
    lines = {one.line.ref: one.line for one in judged}
    groups: dict[_Cause, list[Judged]] = defaultdict(list)
    for one in judged:
        if not one.green and not one.at_launch:
            groups[_cause(one, lines.get(one.line.same_as or "", one.line))].append(one)
    fixes = [_fix(cause.said, group) for cause, group in groups.items()]
    return sorted(fixes, key=lambda fix: (-fix.blocking, -len(fix.refs), fix.what))


@dataclass(frozen=True)
class _Cause:
    """Why lines do not hold, in words; `of` tells apart what the words do not."""

    said: str
    of: tuple[str, ...] = ()


@runtime_checkable
class _Asks(Protocol):
    """A check that knows which system it asks."""

    def asks(self) -> str:
        """Which system."""


def _cause(one: Judged, judge: Line) -> _Cause:
    if judge.attestation is not None:
        how = "`tminus line attest REF --until DATE --link PROOF --environment FILE --people FILE`"
        return _Cause(f"statements by {judge.attestation.role}: {how}")
    if judge.sign_off is not None:
        return _Cause("the release's sign-off: `tminus sign-off`")
    if one.verdict is Verdict.FAIL:
        return _Cause(f"fails: {_where(one)}{one.summary}", _failing(one, judge))
    at, worst = next(((at, seen) for at, seen in enumerate(one.outcomes) if seen.verdict is one.verdict), (0, None))
    if worst is None:  # not looked at, or stale
        return _Cause(f"{one.verdict}: {one.summary}")
    said = f"{one.verdict}: {worst.summary}"
    if one.verdict is not Verdict.UNKNOWN or len(one.outcomes) != len(judge.checks):
        return _Cause(said)
    check = judge.checks[at]
    if worst.where or worst.found or not isinstance(check, _Asks):  # it was answered, though not in full
        return _Cause(said, (check.model_dump_json(),))
    return _Cause(said, (check.asks(),))


def _where(one: Judged) -> str:
    """What was looked at, such as a command or an address, where one check alone fails."""
    places = [seen.where for seen in one.outcomes if seen.verdict is Verdict.FAIL]
    place = places[0] if len(places) == 1 else ""
    return f"{shorten(place, _PLACE, placeholder=' …')}: " if place else ""


def _failing(one: Judged, judge: Line) -> tuple[str, ...]:
    """The checks that fail, with all they ask."""
    if len(one.outcomes) != len(judge.checks):
        return (judge.digest,)
    both = zip(judge.checks, one.outcomes, strict=True)
    return tuple(check.model_dump_json() for check, outcome in both if outcome.verdict is Verdict.FAIL)


def _fix(cause: str, lines: Sequence[Judged]) -> Fix:
    ordered = sorted(lines, key=lambda one: not one.blocks)
    return Fix(
        what=cause,
        owners=_unique(one.line.owner for one in ordered),
        refs=tuple(one.line.ref for one in ordered),
        blocking=sum(one.blocks for one in ordered),
    )


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
