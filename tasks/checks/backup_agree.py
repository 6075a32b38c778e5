"""Did stores that belong together agree when they were restored, and when? By what the ledger holds."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus import events as ev
from tminus.backups.history import History
from tminus.backups.together import mark_said
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


class BackupsAgree(Check, frozen=True):
    """The last time that a group of stores was held against each other once they were restored, by `verify-backup`.

    `verdict` is `pass`, `fail` or `unknown`, and `never` where they never were compared; `age` then counts from 1970.
    That it is `pass` is expected also where the book does not say so. `common_point` is how long ago the newest mark
    was written that all of them held: the point to which all can be brought.

    Attributes:
        group: its name under `together` in `backups.yaml`.
        system: whose book that is; by default the system that is looked at.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"age": "h", "verdict": "word", "common_point": "h"}

    kind: Literal["backup.agree"] = "backup.agree"
    group: Slug
    system: Slug | None = None

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        self.expect.setdefault("verdict", Expectation("= pass"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """By the ledger that the environment names."""
        return await asyncio.to_thread(self._look, estate)

    def _look(self, estate: Estate) -> Observation:
        environment, system = estate.environment, self.system or estate.release.system
        try:
            with closing(open_known_ledger(environment)) as store:
                history = History.read(store, system, environment.environment)
        except (NoLedger, LedgerError) as e:
            raise CouldNotObserve(f"the ledger cannot tell of backups: {e}") from e
        seen, where = history.comparisons_of(self.group), f"{history.chain} in the ledger"
        if not seen:
            known = ", ".join(sorted({one.group for one in history.compared})) or "none"
            return Observation(
                found=(_ago("age", _NEVER), Measurement(name="verdict", word="never")),
                where=where,
                because=f"no group {self.group} was ever compared (known groups: {known})",
            )
        return _observation(seen[-1], where)


def _observation(last: ev.StoresCompared, where: str) -> Observation:
    well = last.outcome.verdict.final
    found = [_ago("age", last.at), Measurement(name="verdict", word=str(last.outcome.verdict))]
    details = [f"{', '.join(last.stores)}, compared {last.at:%Y-%m-%d %H:%M}"]
    if last.mark is not None:
        found.append(_ago("common_point", last.mark.at))
        details.append(f"all of them held {mark_said(last.mark)}")
    return Observation(
        found=tuple(found),
        where=where,
        details=(*details, *([] if well else last.outcome.details[:_LINES])),
        because="" if well else last.outcome.summary,
    )


def _ago(name: str, at: datetime) -> Measurement:
    return Measurement.number(name, (now() - at).total_seconds() / _HOUR, "h")
