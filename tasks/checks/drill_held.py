"""Was a disaster-recovery drill played, and did its promises hold? By what the ledger holds; nothing is broken here."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tminus.chain_names import drill_chain, drills_of
from tminus.clock import now
from tminus.drills.course import Course, Played, way_said
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, LedgerError, NoLedger
from tminus.expectation import Expectation, Measurement
from tminus.operation_files import open_known_ledger
from tminus.outcome import Observation
from tminus.runbook import Slug

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = 3600


class DrillHeld(Check, frozen=True):
    """The last drill of a scenario, by `tminus drill` or its schedule.

    `verdict` is how it ended: `held`, `missed` where a promise was not kept, `undone` where it broke off, `not-undone`
    where a person is needed, `interrupted` where it is not over, `never` where there was none; `age` then counts from
    1970. That it is `held` is expected also where the book does not say so. `gone` is how long the system was gone,
    `lost` the acknowledged writes that were lost and `loss` the stretch of time that they are of; what nobody
    measured or counted is not there, so that whoever expects it is told that it is unknown.

    Attributes:
        scenario: its name in the book of drills.
        system: whose book that is; by default the system that is looked at.
        environment: where the drills were that count; by default where is looked at. Its ledger is this one's.
    """

    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"age": "h", "verdict": "word", "gone": "s", "lost": "", "loss": "s"}

    kind: Literal["drill.held"] = "drill.held"
    scenario: Slug
    system: Slug | None = None
    environment: Slug | None = None

    @model_validator(mode="after")
    def _held(self) -> Self:
        self.expect.setdefault("verdict", Expectation("= held"))
        return self

    async def look(self, estate: Estate) -> Observation:
        """By the ledger that the environment names."""
        return await asyncio.to_thread(self._look, estate)

    def _look(self, estate: Estate) -> Observation:
        system, place = self.system or estate.release.system, self.environment or estate.environment.environment
        chain = drill_chain(system, place, self.scenario)
        try:
            with closing(open_known_ledger(estate.environment)) as store:
                course = Course.read(store, chain)
                begin = drills_of(system, place)
                known = [one.removeprefix(begin) for one in store.chains() if one.startswith(begin)]
        except (NoLedger, LedgerError) as e:
            raise CouldNotObserve(f"the ledger cannot tell of drills: {e}") from e
        if course.last is None:
            return Observation(
                found=(_age(_NEVER), Measurement(name="verdict", word="never")),
                where=f"{chain} in the ledger",
                because=f"no drill {self.scenario} was ever played in {place} (known: {', '.join(known) or 'none'})",
            )
        return _observation(course.last, f"{chain} in the ledger")


def _observation(last: Played, where: str) -> Observation:
    at, how = (last.ended.at, last.ended.how) if last.ended else (last.began.at, "interrupted")
    return Observation(
        found=(_age(at), Measurement(name="verdict", word=how.replace(" ", "-")), *_measured(last)),
        where=where,
        details=(f"drill of {last.began.at:%Y-%m-%d %H:%M}: {way_said(last.began.way)}",),
        because="" if how == "held" or last.ended is None else last.ended.sentence,
    )


def _measured(last: Played) -> Iterator[Measurement]:
    found = last.measured
    if found is not None and found.rto_s is not None:
        yield Measurement.number("gone", float(found.rto_s), "s")
    if found is not None and not found.uncounted:
        yield Measurement.number("lost", found.lost)
        yield Measurement.number("loss", float(found.lost_s), "s")


def _age(at: datetime) -> Measurement:
    return Measurement.number("age", (now() - at).total_seconds() / _HOUR, "h")
