"""A launch of fake steps in a real ledger, conducted in this process, and people who say what they say."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from prefect.client.schemas.objects import State as RunState
from pydantic import BaseModel, JsonValue

from flows.conductor import Conductor
from flows.phase import conduct
from tasks.estate import Estate
from tests.flows.ledgers import BreakableStore, told
from tests.flows.staged_book import ENVIRONMENT, LAUNCH, USUAL, Steps, book_of, launch_of
from tests.flows.world import FAKES, WORLDS, Thing, World
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.frozen import Frozen
from tminus.launching import create
from tminus.lease import myself
from tminus.ledger.logbook import Logbook
from tminus.outcome import Verdict
from tminus.record import Record

_E = TypeVar("_E", bound=BaseModel)


@dataclass
class Stage:
    """A launch that exists; conductors come and go.

    Attributes:
        store: the ledger, which breaks as told.
        people: what people write through.
    """

    frozen: Frozen
    store: BreakableStore
    people: Logbook
    folder: Path
    conductors: list[Conductor] = field(default_factory=list)
    running: "list[asyncio.Task[RunState[None]]]" = field(default_factory=list)

    async def end(self) -> None:
        """Whatever still runs or hangs is let go, and the ledger is closed."""
        self.store.down = False
        self.store.answer.set()
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        for conductor in self.conductors:
            await conductor.estate.__aexit__()
        self.store.close()

    @classmethod
    def set(
        cls,
        folder: Path,
        steps: Steps = USUAL,
        *,
        late_by: str = "400h",
        t0: timedelta = timedelta(0),
        hour: str = "50ms",
        keys: Mapping[str, str] | None = None,
        created: Callable[[ev.LaunchCreated], ev.LaunchCreated] = lambda usual: usual,
        **sections: JsonValue,
    ) -> "Stage":
        """Creates the launch; its T-0 is `t0` from now, and an hour of the countdown takes `hour`.

        `keys` are people's public keys, `sections` those of the environment file; `created` may change the first event.
        """
        environment: dict[str, JsonValue] = {
            "environment": ENVIRONMENT,
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.sqlite")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "clock": {"hour": hour},
            **sections,
        }
        first = created(launch_of(folder, book_of(steps, late_by), environment, keys or {}))
        store = BreakableStore(folder / "ledger.sqlite")
        create(store, Frozen(first, FAKES))
        moved = first.model_copy(update={"t0": now() + t0})
        store.run(
            "UPDATE event SET body = :body WHERE chain = :chain AND seq = 1",
            {"body": ev.write(moved), "chain": first.launch},
        )
        WORLDS[LAUNCH] = World()
        return cls(Frozen(moved, FAKES), store, Logbook(store, LAUNCH), folder)

    @property
    def world(self) -> World:
        """What the fakes did."""
        return WORLDS[LAUNCH]

    def thing(self, name: str) -> Thing:
        """What one action changes."""
        return self.world.thing(name)

    @property
    def record(self) -> Record:
        """What the ledger says, read from its first event."""
        return Logbook(self.store, LAUNCH).refresh()

    def conductor(self) -> Conductor:
        """A new conductor; whoever conducted before is known to be dead."""
        held = self.store.lease(LAUNCH)
        token = self.store.take_lease(LAUNCH, myself(), 60, dead=held.token if held else None)
        assert token is not None
        book = Logbook(self.store, LAUNCH, token=token)
        book.refresh()
        estate = Estate(self.frozen.environment, self.frozen.release, LAUNCH, self.folder)
        conductor = Conductor(book, self.frozen, estate, None, None)
        conductor.keep_ways_back()
        self.conductors.append(conductor)
        return conductor

    async def run(self, *phases: str) -> RunState[None]:
        """Each phase, by a conductor of its own, to its end."""
        states = [await conduct(self.conductor(), phase) for phase in phases]
        return states[-1]

    def begin(self, phase: str) -> "asyncio.Task[RunState[None]]":
        """A phase, in the background."""
        self.running.append(asyncio.create_task(conduct(self.conductor(), phase)))
        return self.running[-1]

    async def until(self, holds: Callable[[Record], object], what: str = "it happens", seconds: float = 6) -> Record:
        """Waits for the ledger to say so."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds(record := await asyncio.to_thread(self.people.refresh)):
            assert asyncio.get_running_loop().time() < deadline, f"waited in vain until {what}: {told(record)}"
            await asyncio.sleep(0.005)
        return record

    async def held(self, step: str = "") -> Record:
        """Waits until tminus holds the launch, for this step if one is named."""
        return await self.until(
            lambda record: isinstance(record.held, ev.Held) and (not step or record.held.step == step), "it is held"
        )

    def order(self, order: ev.Order, person: str = "devops", step: str = "", reason: str = "because") -> None:
        """A person gives a command, through the door that refuses what makes no sense."""
        until = now() + timedelta(days=1) if order == "waive" else None
        digest = failure_digest(self.people.refresh().step(step)) if order == "waive" else ""
        given = ev.Ordered(
            order=order, person=person, via="slack", reason=reason, step=step, until=until, digest=digest
        )
        inbox.order(self.people, self.frozen, given)

    def say(self, person: str, answer: ev.Answer = "approve", ask: str = "go") -> None:
        """A person answers what is asked now."""
        digest = self.people.refresh().asks[ask].opened.decision_digest
        given = ev.Answered(ask=ask, person=person, answer=answer, digest=digest, via="slack", reason="so")
        inbox.answer(self.people, self.frozen, given)

    async def approve(self, ask: str = "go") -> None:
        """Both leads say yes, as soon as they are asked."""
        await self.until(lambda record: ask in record.asks and record.asks[ask].ended is None, "people are asked")
        for person in ("engineering", "devops"):
            self.say(person, ask=ask)

    async def to(self, phase: str) -> None:
        """Everything that comes before a phase, well and approved."""
        for one in self.frozen.runbook.phases:
            if one.phase == phase:
                return
            running = self.begin(one.phase)
            for step in one.steps:
                if step.does.kind == "approval":
                    await self.approve(step.id)
            await running

    def events(self, kind: type[_E]) -> list[_E]:
        """Everything of a kind that the ledger holds, in order."""
        return [event for event in self.record.events if isinstance(event, kind)]

    @property
    def result(self) -> str:
        """How the launch ended; empty while it goes on."""
        closed = self.record.closed
        return closed.result if closed else ""

    def free(self) -> bool:
        """Whether the environment can be taken by another launch."""
        return self.store.locked_by(ENVIRONMENT) is None

    def verdict(self, step: str) -> Verdict | None:
        """How a step stands."""
        outcome = self.record.step(step).outcome
        return outcome.verdict if outcome else None


def forward_after_rollback(record: Record) -> list[str]:
    """Every forward step that began after the way back had: there must be none."""
    kinds = [event.type for event in record.events]
    begun = kinds.index("rollback.began") if "rollback.began" in kinds else len(kinds)
    forward = ("step.started", "step.intended", "ask.opened", "phase.ended", "watch.began")
    return [f"{event.type}" for event in record.events[begun:] if event.type in forward]
