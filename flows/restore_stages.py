"""The stages of one restore after it was approved, each settled once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from flows.looking import look_once
from flows.restore_beside import copied
from flows.restore_planning import verifying
from flows.taking import take_backup
from tasks.estate import Estate
from tasks.restores.asked import Live, Restorer, Stands, Way
from tasks.restores.halted import check_of
from tasks.restores.vocabulary import RESTORERS
from tminus import events as ev
from tminus.asking import judge, seated
from tminus.backups.opened import OpenedBackups
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve, MissingSecret, NotConfigured, Refused
from tminus.outcome import Outcome, Verdict
from tminus.restores.papers import STEP
from tminus.restores.standing import Restoring
from tminus.restores.telling import undo_said

_HALTED_WITHIN = timedelta(seconds=30)
SWITCHED_WITHIN = timedelta(minutes=5)
"""How long after it was written down that a switch is about to be done it may be done."""
_BROKE = (CouldNotObserve, ActionFailed, NotConfigured, MissingSecret)

_GO_ON = (
    "The environment stays held, and nothing is half switched: once that is mended, `tminus restore --resume` looks "
    "what stands and goes on; `tminus restore --give-up` ends it where it is not switched"
)

_HALT_IT = "halt it, then `tminus restore --resume`, or `tminus restore --give-up`"
_BY_WORD = (
    "once the check can look, `tminus restore --resume`. Where it cannot, `tminus restore --give-up`, and ask again "
    "with `--halted WHY`: whoever approves that attests that nobody trades"
)

Say = Callable[[str], None]
"""Tells whoever sits at the terminal."""


async def switched(restorer: Restorer, live: Live, way: Way, to: Stands, deadline: datetime) -> None:
    """Gives the live name to one of the two before a deadline; past it nobody is waited for.

    Raises ActionFailed, and CouldNotObserve where nobody can tell how it ended.
    """
    try:
        async with asyncio.timeout((deadline - now()).total_seconds()):
            await restorer.switch(live, way, to, deadline)
    except TimeoutError as e:
        raise CouldNotObserve(f"the switch had no end until {deadline:%Y-%m-%d %H:%M:%S} UTC") from e


def attested(outcome: Outcome, restoring: Restoring) -> Outcome:
    """What a look at trading comes to: a word that was approved counts where the check cannot look, never against it.

    The outcome then says whose word it was, and why nothing else told.
    """
    planned = restoring.planned
    if not planned.halted or outcome.verdict not in {Verdict.UNKNOWN, Verdict.SKIPPED}:
        return outcome
    people = restoring.frozen.people
    by = seated(judge(restoring.ask, people).seating, people)
    return Outcome.passed(
        f"attested by {by}, on the word of {planned.asked_by}: {planned.halted}; the check could not look: "
        f"{outcome.summary}"
    )


class Stages:
    """Carries out what was planned.

    Attributes:
        way: by which names; with what tells both apart, once a switch was about to be done.
    """

    def __init__(self, opened: OpenedBackups, estate: Estate, restoring: Restoring, say: Say) -> None:
        planned = restoring.planned
        [(_, self._store)] = opened.named((planned.store,))
        self._opened = opened
        self._estate = estate
        self._restoring = restoring
        self._say = say
        self._live = Live(estate, restoring.book.launch, planned.store, self._store, restoring.book.token or 0)
        intended = restoring.switching
        self.way: Way = intended.undo if intended is not None and intended.undo else planned.way

    @property
    def restorer(self) -> Restorer:
        """Of this kind of store."""
        return RESTORERS[self._store.kind]()

    async def is_switched(self) -> bool:
        """Whether the copy is live already; raises CouldNotObserve where that cannot be told."""
        return self._restoring.switching is not None and await self.restorer.stands(self._live, self.way) is Stands.NEW

    async def until_switched(self) -> None:
        """Everything that is not done yet, in its order; returns before the switch where the copy is not good."""
        if await self.is_switched():
            await self.settle(STEP, Outcome.passed("it was switched; whoever did it did not live to write that down"))
            return
        if verified := await asyncio.to_thread(verifying, self._opened):
            self._say(f"Meanwhile {verified}.")
        await self._require_halted("halted")
        if not self._settled("save"):
            await self._stage("save", self._save)
        if not self._settled("beside") and not await self._stage("beside", self._beside):
            return
        await self._stage(STEP, self._switch)

    async def settle(self, step: str, outcome: Outcome) -> None:
        """Writes down what a step came to."""
        attempt = self._restoring.record.step(step).attempt or 1
        dated = outcome.model_copy(update={"at": outcome.at or now()})
        await self._write(ev.StepEnded(step=step, attempt=attempt, outcome=dated))

    async def discard(self) -> None:
        """Removes the copy; raises CouldNotObserve where it cannot be told that it is not live."""
        if self._restoring.record.step("beside").started is None:
            return
        if await self.is_switched():
            raise CouldNotObserve(f"{self._restoring.planned.store} is switched already; nothing was removed")
        await self.restorer.discard(self._live, self.way)

    def _settled(self, step: str) -> bool:
        return self._restoring.record.step(step).settled

    async def _stage(self, step: str, work: Callable[[], Awaitable[Outcome]]) -> bool:
        """Does it; whether it passed. What could not be done is written down, and raised for whoever waits for it."""
        try:
            await self._write(ev.StepStarted(step=step, attempt=self._restoring.record.step(step).attempt + 1))
            outcome = await work()
        except _BROKE as e:
            await self.settle(step, Outcome.unknown(str(e)))
            raise CouldNotObserve(f"{self._restoring.planned.store}: {step} broke off: {e}. {_GO_ON}") from e
        except Refused as e:
            await self.settle(step, Outcome.unknown(str(e)))
            raise
        await self.settle(step, outcome)
        self._say(f"{step}: {outcome.verdict}: {outcome.summary}")
        return outcome.verdict is Verdict.PASS

    async def _require_halted(self, step: str) -> None:
        """Raises Refused where it is not proven that trading is halted."""
        halted = self._opened.book.halted
        if halted is None:
            raise Refused("the book does not say what shows that trading is halted; nothing was switched")
        outcome = attested(await look_once(self._estate, check_of(halted), _HALTED_WITHIN), self._restoring)
        await self.settle(step, outcome)
        self._say(f"{step}: {outcome.verdict}: {outcome.summary}")
        if outcome.verdict is not Verdict.PASS:
            raise Refused(
                f"trading is not proven to be halted ({halted.check}: {outcome.summary}). Nothing was switched, and "
                f"the environment stays held: {_HALT_IT if outcome.verdict is Verdict.FAIL else _BY_WORD}"
            )

    async def _save(self) -> Outcome:
        planned = self._restoring.planned
        if planned.unsaved:
            return Outcome.passed(f"nothing was saved, as was approved: {planned.unsaved}")
        taken = await take_backup(self._opened, planned.store, self._store)
        return Outcome.passed(f"{taken.backup}, {taken.size} bytes, manifest {taken.manifest_digest}")

    async def _beside(self) -> Outcome:
        return await copied(self._opened, self.restorer, self._live, self._restoring.planned)

    async def _switch(self) -> Outcome:
        """Nothing is between the look at trading and the switch but the record of what is about to be done."""
        restorer, way = self.restorer, self.way
        if self._restoring.switching is None:
            way = await restorer.identified(self._live, way)
        await self._require_halted("halted-still")
        deadline = now() + SWITCHED_WITHIN
        await self._write(
            ev.StepIntended(
                step=STEP,
                attempt=self._restoring.record.step(STEP).attempt,
                token=self._restoring.book.token or 0,
                deadline=deadline,
                does="; ".join(restorer.by_hand(way, Stands.NEW)),
                before=f"{way['database']} is live",
                undo_summary=undo_said(way, restorer.by_hand(way, Stands.OLD)),
                undo=dict(way),
            )
        )
        self.way = way
        await switched(restorer, self._live, way, Stands.NEW, deadline)
        return Outcome.passed(f"{self._restoring.planned.store} is {self._restoring.planned.backup} now")

    async def _write(self, event: ev.Event) -> None:
        await asyncio.to_thread(self._restoring.book.write, event)
