"""Was a store's backup restored and found good, and when? By what the ledger holds; nothing is restored here."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus.backups.history import History, Verified
from tminus.clock import now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, LedgerError, NoLedger
from tminus.expectation import Expectation, Measurement
from tminus.operation_files import open_known_ledger
from tminus.outcome import Observation
from tminus.runbook import Slug

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600
_LINES = 10  # of what was wrong


class BackupVerified(Check, frozen=True):
    """The last time a store's backup was restored and looked at, by `tminus verify-backup` or its schedule.

    `verdict` is `pass`, `fail` or `unknown`, of the newest backup and of an older one where one was looked at; `never`
    where none ever was, and `age` then counts from 1970. That it is `pass` is expected also where the book does not say
    so. `restore_time` and `loss` are those of the newest backup, where they were measured.

    Attributes:
        store: its name in `backups.yaml`.
        system: whose book that is; by default the system that is looked at.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"age": "h", "verdict": "word", "restore_time": "s", "loss": "s"}

    kind: Literal["backup.verified"] = "backup.verified"
    store: Slug
    system: Slug | None = None

    @model_validator(mode="after")
    def _proven(self) -> Self:
        self.expect.setdefault("verdict", Expectation("= pass"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """By the ledger that the environment names."""
        history = await asyncio.to_thread(_history, estate, self.system or estate.release.system)
        seen = history.verifications_of(self.store)
        where = f"{history.chain} in the ledger"
        if not seen:
            known = ", ".join(history.stores()) or "none"
            return Observation(
                found=(_age(_NEVER), Measurement(name="verdict", word="never")),
                where=where,
                because=f"no backup of {self.store} was ever verified (known stores: {known})",
            )
        return _observation(seen[-1], where)


def _history(estate: Estate, system: str) -> History:
    environment = estate.environment
    try:
        with closing(open_known_ledger(environment)) as store:
            return History.read(store, system, environment.environment)
    except (NoLedger, LedgerError) as e:
        raise CouldNotObserve(f"the ledger cannot tell of backups: {e}") from e


def _observation(last: Verified, where: str) -> Observation:
    newest, worst = last.newest, last.worst
    times = [("restore_time", newest.rto_seconds), ("loss", newest.rpo_seconds)]
    well = worst.outcome.verdict.final
    return Observation(
        found=(
            _age(newest.at),
            Measurement(name="verdict", word=str(worst.outcome.verdict)),
            *(Measurement.number(name, seconds, "s") for name, seconds in times if seconds is not None),
        ),
        where=where,
        details=(f"backup {newest.backup or 'none'}, verified {newest.at:%Y-%m-%d %H:%M}", *_wrong(last)),
        because="" if well else f"{worst.backup or 'no backup'}: {worst.outcome.summary}",
    )


def _wrong(last: Verified) -> list[str]:
    bad = [one.outcome for one in last.backups if not one.outcome.verdict.final]
    return [line for outcome in bad for line in outcome.details][:_LINES]


def _age(at: datetime) -> Measurement:
    return Measurement.number("age", (now() - at).total_seconds() / _HOUR, "h")
