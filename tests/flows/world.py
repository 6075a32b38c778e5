"""A world in memory, and the fake kinds that look at it and change it: what they did is counted in the world itself."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from tasks.action import Action, Fence, Standing, State, Undo
from tasks.check import Check
from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tminus.environment import Impact
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.runbook import Spec


class Crash(BaseException):
    """The process ends here: nothing in it may catch this."""


@dataclass
class Thing:
    """What one fake action changes.

    Attributes:
        state: as it is; what `looks` says comes first, then the truth.
        looks: what the next looks find instead; an exception is raised.
        acting: what happens at the next attempts to act, in order: an ActionFailed, a Crash (`crash after` is one after
            the effect), a number of seconds to take; with nothing left it simply works.
        undoing: the same for attempts to take it back.
        undone: called as soon as it was taken back.
        undone_looks: what the next looks at whether it was taken back find instead.
        hangs: a look at it never ends.
        open: acting waits for it, where it is there.
        has_undo: whether there is anything to take back.
    """

    state: State = State.ABSENT
    looks: list[State | BaseException] = field(default_factory=list)
    acting: list[BaseException | float | str] = field(default_factory=list)
    undoing: list[BaseException | float | str] = field(default_factory=list)
    hangs: bool = False
    open: asyncio.Event | None = None
    has_undo: bool = True
    begun: int = 0
    effects: int = 0
    undos: int = 0
    planned: int = 0
    undone_with: list[str] = field(default_factory=list)
    undone_looks: list[State] = field(default_factory=list)
    undone: Callable[[], None] | None = None

    def shut(self) -> asyncio.Event:
        """Acting waits from now on, until what is returned is set."""
        self.open = asyncio.Event()
        return self.open


@dataclass
class World:
    """Everything the fakes look at and change.

    Attributes:
        answers: check → what it finds, look by look: `pass`, `fail`, `unknown`, `absent`; the last one stays.
        looked: check → how often it was looked at.
        slow: check → seconds that a look takes.
        did: every effect and every taking back, in order.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    looked: Counter[str] = field(default_factory=Counter)
    slow: dict[str, float] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)

    def thing(self, name: str) -> Thing:
        """What the action so named changes."""
        return self.things.setdefault(name, Thing())

    def answer(self, name: str) -> str:
        """What a check finds now."""
        self.looked[name] += 1
        script = self.answers.get(name, ["pass"])
        return script.pop(0) if len(script) > 1 else script[0]


WORLDS: dict[str, World] = {}
"""Launch → its world: an estate says which launch it is of."""


class FakeCheck(Check, frozen=True):
    """Finds what the world's script says. With `proves`, it can be asked about the old version too."""

    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"good": ""}

    kind: Literal["fake.check"] = "fake.check"
    name: str
    proves: bool = False

    async def look(self, estate: Estate) -> Observation:
        """The script's next word."""
        world = WORLDS[estate.launch]
        await asyncio.sleep(world.slow.get(self.name, 0))
        found = world.answer(self.name)
        if found == "unknown":
            raise CouldNotObserve(f"{self.name} does not answer")
        if found == "absent":
            raise NotConfigured(f"nothing is called {self.name}")
        if found == "crash":
            raise Crash
        return Observation(found=(Measurement.number("good", int(found == "pass")),), where=self.name)

    def after_rollback(self) -> Check | None:
        """The same, about the old version."""
        return FakeCheck(name=f"old-{self.name}", expect=self.expect) if self.proves else None


class LoadCheck(FakeCheck, frozen=True):
    """Looking puts load on the system."""

    impact: ClassVar[Impact] = Impact.LOAD

    kind: Literal["fake.load"] = "fake.load"  # type: ignore[assignment]  # another kind of the same thing


class FakeAction(Action, frozen=True):
    """Changes one thing of the world, as its script says."""

    fence: ClassVar[Fence] = Fence.NONE

    kind: Literal["fake.action"] = "fake.action"
    name: str

    def _thing(self, estate: Estate) -> Thing:
        return WORLDS[estate.launch].thing(self.name)

    def describe(self, estate: Estate) -> str:
        """In words."""
        return f"change {self.name}"

    async def state(self, estate: Estate) -> Standing:
        """The script's next look, or the truth."""
        thing = self._thing(estate)
        if thing.hangs:
            await asyncio.Event().wait()
        found = thing.looks.pop(0) if thing.looks else thing.state
        if isinstance(found, BaseException):
            raise found
        return Standing(state=found, seen=Observation(where=self.name))

    async def plan_undo(self, estate: Estate) -> Undo | None:
        """Numbered, so that a second plan can be told from the first."""
        thing = self._thing(estate)
        thing.planned += 1
        return Undo(summary=f"put {self.name} back", data={"plan": str(thing.planned)}) if thing.has_undo else None

    async def act(self, estate: Estate, token: int) -> Observation:
        """One effect, unless the script says otherwise."""
        thing = self._thing(estate)
        thing.begun += 1
        if thing.open is not None:
            await thing.open.wait()
        step = thing.acting.pop(0) if thing.acting else 0.0
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        thing.effects += 1
        thing.state = State.DONE
        WORLDS[estate.launch].did.append(self.name)
        if step == "crash after":
            raise Crash
        return Observation(where=self.name)

    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:
        """Back, unless the script says otherwise."""
        thing = self._thing(estate)
        step = thing.undoing.pop(0) if thing.undoing else 0.0
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        if step == "no effect":
            return Observation(where=self.name)
        thing.undos += 1
        thing.undone_with.append(undo.data["plan"])
        thing.state = State.ABSENT
        WORLDS[estate.launch].did.append(f"undo {self.name}")
        if thing.undone is not None:
            thing.undone()
        if step == "crash after":
            raise Crash
        return Observation(where=self.name)

    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Whether the thing is as it was."""
        thing = self._thing(estate)
        if thing.hangs:
            await asyncio.Event().wait()
        if thing.undone_looks:
            return Standing(state=thing.undone_looks.pop(0), seen=Observation(where=self.name))
        was = thing.state is State.ABSENT
        return Standing(state=State.DONE if was else State.ABSENT, seen=Observation(where=self.name))


def refused() -> ActionFailed:
    """Turned away before it had any effect."""
    return ActionFailed("connection refused", began=False)


def in_doubt() -> ActionFailed:
    """Broke off in the middle."""
    return ActionFailed("the connection was lost in mid-command", began=True)


FAKES: Mapping[str, type[Spec]] = {
    "fake.check": FakeCheck,
    "fake.load": LoadCheck,
    "fake.action": FakeAction,
    "release.watch": ReleaseWatch,
}
