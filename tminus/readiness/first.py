"""What to mend first: what keeps most lines from holding, with who mends it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tminus.outcome import Verdict
from tminus.readiness.judging import Judged


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


def what_first(judged: Sequence[Judged]) -> list[Fix]:
    """Every thing to do, the one that turns most blocking lines green first.

    Lines that do not hold for the same reason are one thing to do: a system that the environment does not name, the
    very same check, statements wanted of one role.
    """
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if not one.green and not one.line.at_launch:
            groups[_cause(one)].append(one)
    fixes = [_fix(cause, lines) for cause, lines in groups.items()]
    return sorted(fixes, key=lambda fix: (-fix.blocking, -len(fix.refs), fix.what))


def _cause(one: Judged) -> str:
    if one.line.attestation is not None:
        return f"statements by {one.line.attestation.role}: `tminus line attest REF`"
    if one.line.sign_off is not None:
        return "the release's sign-off: `tminus sign-off`"
    if one.verdict in {Verdict.SKIPPED, Verdict.UNKNOWN}:
        worst = (outcome.summary for outcome in one.outcomes if outcome.verdict is one.verdict)
        return f"{one.verdict}: {next(worst, one.summary)}"
    return f"fails: {one.summary}"


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
