"""Was a store's backup restored and found good, and when? By what the ledger holds; nothing is restored here."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.history import History, Verified
from tminus.backups.unproven import failed_before
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, LedgerError, NoLedger
from tminus.expectation import Expectation, Measurement
from tminus.ledger.store import Store
from tminus.operation_files import open_known_ledger
from tminus.outcome import Observation
from tminus.record import Record
from tminus.runbook import Slug

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600
_LINES = 10  # of what was wrong
_POLL = 1.0  # seconds between two looks into the ledger


class BackupVerified(Check, frozen=True):
    """The last time a store's backup was restored and looked at, by `tminus verify-backup` or its schedule.

    `verdict` is `pass`, `fail` or `unknown`, of the newest backup and of older ones where they were looked at; `fail`
    as long as an older one that failed lies in its bucket and has not passed since; `never` where none ever was, and
    `age` then counts from 1970. That it is `pass` is expected also where the book does not say so. `restore_time` and
    `loss` are those of the newest backup, where they were measured. With `since: launch` it is also expected that
    `after_launch` is `yes`: that this backup was taken after the last change that the launch made, so that it holds
    what the new version has written.

    Attributes:
        store: its name in `backups.yaml`.
        system: whose book that is; by default the system that is looked at.
        since: `any` backup, or only one taken after this `launch` changed something.
        wait: for how long it waits for such a one to be verified; less than the step's `timeout`.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "age": "h",
        "verdict": "word",
        "restore_time": "s",
        "loss": "s",
        "after_launch": "word",
    }

    kind: Literal["backup.verified"] = "backup.verified"
    store: Slug
    system: Slug | None = None
    since: Literal["any", "launch"] = "any"
    wait: Duration = timedelta(0)

    @model_validator(mode="after")
    def _proven(self) -> Self:
        self.expect.setdefault("verdict", Expectation("= pass"))
        if self.since == "launch":
            self.expect.setdefault("after_launch", Expectation("= yes"))
        elif "after_launch" in self.expect or self.wait:
            raise ValueError("`after_launch` and `wait` are about a launch's own backup, so write `since: launch`")
        return self

    async def look(self, estate: Estate) -> Observation:
        """By the ledger that the environment names."""
        until = monotonic() + self.wait.total_seconds()
        seen = await asyncio.to_thread(self._look, estate)
        while _is_before(seen) and monotonic() < until:
            await asyncio.sleep(_POLL)
            seen = await asyncio.to_thread(self._look, estate)
        return seen

    def _look(self, estate: Estate) -> Observation:
        environment, system = estate.environment, self.system or estate.release.system
        try:
            with closing(open_known_ledger(environment)) as store:
                history = History.read(store, system, environment.environment)
                changed = _last_change(store, estate.launch) if self.since == "launch" else None
        except (NoLedger, LedgerError) as e:
            raise CouldNotObserve(f"the ledger cannot tell of backups: {e}") from e
        seen, where = history.verifications_of(self.store), f"{history.chain} in the ledger"
        if not seen:
            known = ", ".join(history.stores()) or "none"
            return Observation(
                found=(_age(_NEVER), Measurement(name="verdict", word="never"), *_after("no", changed)),
                where=where,
                because=f"no backup of {self.store} was ever verified (known stores: {known})",
            )
        found = _observation(seen[-1], where)
        return found if changed is None else self._since(changed, found, history, seen[-1].newest)

    def _since(self, changed: datetime, found: Observation, history: History, newest: ev.BackupVerified) -> Observation:
        """With whether the newest backup was taken after the launch's last change."""
        taken = next((one.taken_at for one in history.taken_of(self.store) if one.backup == newest.backup), _NEVER)
        after = _after("yes" if taken > changed else "no", changed)
        why = found.because
        if taken <= changed:
            why = (
                f"{newest.backup or 'no backup'} is of {taken:%H:%M:%S}, and the launch changed something at "
                f"{changed:%H:%M:%S}: `tminus backup {self.store}`, then `tminus verify-backup {self.store}`"
            )
        return found.model_copy(update={"found": (*found.found, *after), "because": why})


def _is_before(seen: Observation) -> bool:
    return any(one.name == "after_launch" and one.word == "no" for one in seen.found)


def _last_change(store: Store, launch: str) -> datetime:
    """When the last of this launch's changes ended, or its creation where it made none yet. Raises LedgerError."""
    record = Record.of(store.read(launch)) if store.head(launch) is not None else Record()
    if record.created is None:
        raise CouldNotObserve(f"the ledger knows no launch {launch}, so nothing is after it")
    ended = [one.ended or one.started for one in record.steps.values() if one.changed]
    return max([record.created.at, *(one for one in ended if one is not None)])


def _after(word: str, changed: datetime | None) -> list[Measurement]:
    return [] if changed is None else [Measurement(name="after_launch", word=word)]


def _observation(last: Verified, where: str) -> Observation:
    newest, worst = last.newest, last.worst
    times = [("restore_time", newest.rto_seconds), ("loss", newest.rpo_seconds)]
    why = "" if worst.outcome.verdict.final else f"{worst.backup or 'no backup'}: {worst.outcome.summary}"
    return Observation(
        found=(
            _age(newest.at),
            Measurement(name="verdict", word=str(last.verdict)),
            *(Measurement.number(name, seconds, "s") for name, seconds in times if seconds is not None),
        ),
        where=where,
        details=(f"backup {newest.backup or 'none'}, verified {newest.at:%Y-%m-%d %H:%M}", *_wrong(last)),
        because=why or (failed_before(last.left) if last.left else ""),
    )


def _wrong(last: Verified) -> list[str]:
    bad = [one.outcome for one in last.backups if not one.outcome.verdict.final]
    return [line for outcome in bad for line in outcome.details][:_LINES]


def _age(at: datetime) -> Measurement:
    return Measurement.number("age", (now() - at).total_seconds() / _HOUR, "h")
