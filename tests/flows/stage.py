"""A launch of fake steps in a real ledger, conducted in this process, and people who say what they say."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import rfc8785
from prefect.client.schemas.objects import State as RunState
from pydantic import BaseModel, JsonValue

from flows.conductor import Conductor
from flows.phase import conduct
from tasks.estate import Estate
from tests.flows.ledgers import BreakableStore, told
from tests.flows.world import FAKES, WORLDS, Thing, World
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.digests import failure_digest
from tminus.frozen import Frozen, digest_of
from tminus.launching import create
from tminus.lease import myself
from tminus.ledger.logbook import Logbook
from tminus.outcome import Verdict
from tminus.record import Record

LAUNCH = "tradesense-2-0-0-flows"
ENVIRONMENT = "rehearsal-of-fakes"
_E = TypeVar("_E", bound=BaseModel)

PEOPLE: Mapping[str, tuple[str, ...]] = {
    "engineering": ("engineering_lead",),
    "devops": ("devops_lead",),
    "security": ("security_lead",),
    "product": ("product_manager",),
    "starter": ("engineering_lead",),
}
BUILD = {"version": "2.0.0", "artifact": f"sha256:{'a' * 64}", "config": f"sha256:{'b' * 64}"}


def check(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """A step that looks; `proves` makes it a proof of the way back."""
    proves = {"proves": True} if more.pop("proves", False) else {}
    return _step(name, {"check": "fake.check", "with": {"name": name, **proves}, "expect": {"good": "= 1"}}, more)


def action(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """A step that changes something."""
    return _step(name, {"action": "fake.action", "with": {"name": name}}, more)


def approval(name: str, *roles: str, deadline: str = "400h", **more: JsonValue) -> dict[str, JsonValue]:
    """A go/no-go, by one of each role."""
    asked: dict[str, JsonValue] = dict.fromkeys(roles or ("engineering_lead", "devops_lead"), 1)
    return _step(name, {"approval": {"roles": asked, "deadline": deadline, **more}}, {})


def watch(name: str, **more: JsonValue) -> dict[str, JsonValue]:
    """The watch."""
    plain: dict[str, JsonValue] = {
        "service": "trading",
        "for": "8h",
        "every": "50 ms",
        "min_requests": 50,
        "missing_after": 10,
        "probes": 2,
        **more,
    }
    return _step(name, {"watch": "release.watch", "with": plain, "expect": {"error_rate": "< 1 %"}}, {})


def _step(name: str, does: dict[str, JsonValue], more: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {"id": name, "title": f"The {name}", "owner": "devops_lead", "retries": 0, "timeout": "5s", **does, **more}


Steps = Mapping[str, Sequence[dict[str, JsonValue]]]
USUAL: Steps = {
    "T-4h": [check("a"), check("b"), check("nice", severity="advisory")],
    "T-15m": [approval("go", observe_again=True)],
    "T-0": [action("deploy"), action("switch"), check("serves", proves=True)],
    "T+4h": [check("after"), {"id": "notes", "title": "Notes", "owner": "product_manager", "follow_ups": {}}],
}
PHASES = tuple(USUAL)


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
        first = created(_created(folder, _book(steps, late_by), environment, keys or {}))
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


def _book(steps: Steps, late_by: str) -> dict[str, JsonValue]:
    phases: list[JsonValue] = [{"phase": name, "late_by": late_by, "steps": list(some)} for name, some in steps.items()]
    return {"runbook": "launch", "system": "tradesense", "may_waive": ["devops_lead"], "phases": phases}


def _created(
    folder: Path, book: dict[str, JsonValue], environment: dict[str, JsonValue], keys: Mapping[str, str]
) -> ev.LaunchCreated:
    people: list[JsonValue] = [
        {"id": one, "name": one.capitalize(), "roles": list(roles), "on_duty": one != "product", "key": keys.get(one)}
        for one, roles in PEOPLE.items()
    ]
    release: dict[str, JsonValue] = {
        "release": "tradesense-2.0.0",
        "system": "tradesense",
        "ticket": "OPS-1",
        "services": {"trading": {**BUILD, "rollback_to": {**BUILD, "version": "1", "artifact": f"sha256:{'c' * 64}"}}},
    }
    texts = {
        name: rfc8785.dumps(data).decode()
        for name, data in (
            ("release", release),
            ("runbook", book),
            ("people", {"people": people}),
            ("environment", environment),
        )
    }
    return ev.LaunchCreated(
        launch=LAUNCH,
        system="tradesense",
        title="tradesense 2.0.0",
        environment_name=ENVIRONMENT,
        t0=now() + timedelta(hours=9),
        started_by="starter",
        base=str(folder),
        digests={name: digest_of(text) for name, text in texts.items()},
        **texts,
    )
