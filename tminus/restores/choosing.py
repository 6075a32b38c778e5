"""Which backup a restore goes back to: the newest one at or before the instant that nothing speaks against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tminus import events as ev
from tminus.backups.catalogue import Catalogue, Listed
from tminus.errors import UsageError
from tminus.outcome import Verdict

_NAMED = 5  # backups that are passed over
_SAID = 200  # characters of why one did not pass
_CONTENT = {"restored": "yes", "manifest": "recorded"}
_COUNTED = frozenset(
    {
        *("files_damaged", "files_corrupt"),
        *("schema_differs", "tables_differ", "sequences_differ", "databases_differ", "objects_differ"),
        *("constraints_broken", "indexes_broken", "invariants_broken"),
    }
)
_AT_THE_END = frozenset({"indexes_broken", "invariants_broken"})
"""What is looked at where the archive's WAL ends, and so after what a restore to an instant goes back behind."""


@dataclass(frozen=True)
class Chosen:
    """A backup, and why this one.

    Attributes:
        recorded: what the ledger says of it.
        verified: how it came out when it was last restored to be looked at; None where it never was.
        passed_over: a line for each newer one that was not taken, up to five.
        later: how many are newer than the instant.
        through: the instant itself, where the WAL since the backup leads there; None where the backup is all there is.
    """

    listed: Listed
    recorded: ev.BackupTaken
    verified: ev.BackupVerified | None
    passed_over: tuple[str, ...] = ()
    later: int = 0
    through: datetime | None = None

    @property
    def reached(self) -> datetime:
        """The moment of its newest mark, or of its snapshot where it has none; with its WAL any moment since."""
        if self.through is not None:
            return self.through
        mark = self.recorded.marker
        return min(mark.at, self.recorded.taken_at).astimezone(UTC) if mark else self.recorded.taken_at

    @property
    def verified_said(self) -> str:
        """How it came out when it was last restored to be looked at."""
        one = self.verified
        if one is None:
            return ""
        how = {Verdict.PASS: "proven", Verdict.UNKNOWN: "could not be looked at"}.get(one.outcome.verdict, "not proven")
        took = f", restored in {one.rto_seconds:.0f} s" if one.rto_seconds is not None else ""
        why = (
            f"; nothing of its content was wrong: {one.outcome.summary[:_SAID]}"
            if one.outcome.verdict is Verdict.FAIL
            else ""
        )
        return f"{how} at {one.at:%Y-%m-%d %H:%M:%S} UTC{took}{why}"


def choose(
    found: Catalogue, verified: Sequence[ev.BackupVerified], store: str, instant: datetime, *, through_wal: bool = False
) -> Chosen:
    """The newest backup at or before an instant that the ledger knows, that is whole, and whose content did not fail.

    One that was never restored is taken too: it is looked at before anything is switched. That it was old, slow or
    smaller than others when it was verified says nothing of its content.

    Args:
        found: what lies in the store's bucket.
        verified: every backup that was looked at, the earliest first.
        store: its name in the book.
        instant: to go back to.
        through_wal: whether WAL since the backup leads to that very instant.

    Raises UsageError where there is none, with what there is.
    """
    known = sorted(found.complete, key=lambda one: (one.at, one.name), reverse=True)
    before = [one for one in known if one.at <= instant]
    passed: list[str] = []
    for one in before:
        last = _last(verified, store, one)
        if one.recorded is None:
            passed.append(f"{one.name}: the ledger does not know it")
        elif not one.whole:
            passed.append(f"{one.name}: {one.size} of {one.recorded.size} bytes are there")
        elif last is not None and last.outcome.verdict is Verdict.FAIL and _wrong(last, through_wal=through_wal):
            passed.append(f"{one.name}: it failed at {last.at:%Y-%m-%d %H:%M} UTC: {last.outcome.summary}")
        else:
            later, through = len(known) - len(before), instant if through_wal else None
            return Chosen(one, one.recorded, last, _bounded(passed), later, through)
    raise UsageError(_none(known, passed, store, instant))


def _wrong(last: ev.BackupVerified, *, through_wal: bool) -> bool:
    """Whether what failed is in the backup itself."""
    for one in last.outcome.found:
        if one.name in _CONTENT and one.word != _CONTENT[one.name]:
            return True
        counted = one.name in _COUNTED and not (through_wal and one.name in _AT_THE_END)
        if counted and one.quantity is not None and one.quantity.value:
            return True
    return False


def _last(verified: Iterable[ev.BackupVerified], store: str, one: Listed) -> ev.BackupVerified | None:
    """The last word about this very backup."""
    said = [
        seen
        for seen in verified
        if one.recorded is not None
        and (seen.store, seen.backup, seen.manifest_digest) == (store, one.name, one.recorded.manifest_digest)
    ]
    return said[-1] if said else None


def _bounded(lines: Sequence[str]) -> tuple[str, ...]:
    more = (f"and {len(lines) - _NAMED} more",) if len(lines) > _NAMED else ()
    return (*lines[:_NAMED], *more)


def _none(known: Sequence[Listed], passed: Sequence[str], store: str, instant: datetime) -> str:
    when = f"{instant:%Y-%m-%d %H:%M:%S} UTC"
    if passed:
        return (
            f"none of the {len(passed)} backups of {store} at or before {when} is good: {'; '.join(_bounded(passed))}"
        )
    if known:
        oldest = f"the oldest of {len(known)} is {known[-1].name}, of {known[-1].at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{store} has no backup at or before {when}; {oldest}. Name a later instant"
    return f"{store} has no backup at all; `tminus backup {store}` takes one, and `tminus backups {store}` shows them"
