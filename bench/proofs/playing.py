"""Plays the proofs: each observed line passes in healthy worlds, and fails for each thing that breaks its claim.

A line that the launch observes is played with what the launch's steps look at, and its watch for some seconds.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from bench.proofs.proof import AtStart, Fault, Proofs
from bench.proofs.watched import watched
from bench.worlds.all_worlds import all_worlds
from bench.worlds.estates import estate_of, known_secrets
from bench.worlds.world import Sections, World
from tasks.check import Check
from tasks.checks.watch import ReleaseWatch
from tminus.clock import now
from tminus.events.readiness import BaselineFrozen
from tminus.outcome import Outcome, Verdict
from tminus.quantity import Quantity
from tminus.readiness.baseline import against_baseline, period_of
from tminus.readiness.book import Line
from tminus.readiness.standing import Standing
from tminus.runbook import Spec

Look = Check | ReleaseWatch
HEALTHY = "healthy"
_WATCHED = "metrics.scrape"  # whose worlds have what a watch counts
_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED, Verdict.PASS)


@dataclass(frozen=True)
class Proved:
    """One line, looked at in one state of the worlds.

    Attributes:
        checks: its checks, each with its parameters, as text.
        failed: those of them that failed.
        fault: what was broken, or `healthy`.
        wanted: what had to come out.
        verdict: what came out.
        said: why.
    """

    ref: str
    checks: tuple[str, ...]
    failed: tuple[str, ...]
    fault: str
    wanted: Verdict
    verdict: Verdict
    said: str

    @property
    def right(self) -> bool:
        """Whether it came out as it had to."""
        return self.verdict is self.wanted

    def __str__(self) -> str:
        return f"{self.ref}: {self.fault}: wanted {self.wanted}, found {self.verdict}: {self.said}"


class Running(Mapping[str, World]):
    """Every world by its system; each starts when it is first asked for, and is then made ready."""

    def __init__(self, folder: Path, closing: ExitStack, at_start: Mapping[str, Sequence[AtStart]]) -> None:
        self._kinds = {kind.system: kind for kind in all_worlds()}
        self._started: dict[str, World] = {}
        self._folder = folder
        self._closing = closing
        self._at_start = at_start

    def __getitem__(self, system: str) -> World:
        if system not in self._started:
            world = self._kinds[system](self._folder / system)
            self._closing.enter_context(world.running())
            self._started[system] = world
            for made in self._at_start.get(system, ()):
                made(world)
        return self._started[system]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def that_look_at(self, kind: str) -> list[str]:
        """The systems whose worlds are for a kind of check."""
        return [system for system, world in self._kinds.items() if any(case.check == kind for case in world.cases)]


class Stage:
    """The worlds, running and healthy, and for each line an environment over those that it concerns."""

    def __init__(self, worlds: Running, folder: Path, runner: asyncio.Runner, began: Mapping[str, str]) -> None:
        self.worlds = worlds
        self._began = began
        self._folder = folder
        self._runner = runner

    def freshen(self, looks: Sequence[Look], also: Iterable[str] = ()) -> None:
        """As a healthy system goes on writing, also while lines are looked at that do not ask it."""
        for system in self._concerned(looks, also):
            self.worlds[system].freshen()

    def _concerned(self, looks: Sequence[Look], also: Iterable[str]) -> list[str]:
        seen = (system for each in looks for system in self.worlds.that_look_at(_seen_by(each)))
        return [*dict.fromkeys([*also, *seen])]

    def outcomes(self, line: Line, looks: Sequence[Look], also: Iterable[str] = ()) -> list[Outcome]:
        """What looks at the line says now, in the worlds for it and some others, by system."""
        found = self._runner.run(self._looks(looks, self._concerned(looks, also)))
        return [*against_baseline(line, tuple(found), self._standing(line), now())[0]]

    def _standing(self, line: Line) -> Standing:
        """What the ledger would hold of a goal: the value with which its period began."""
        if line.baseline is None or line.ref not in self._began:
            return Standing("proofs", [], None)
        frozen = BaselineFrozen(
            ref=line.ref,
            digest=line.digest,
            measurement=line.baseline.measurement,
            period=period_of(line.baseline, now()),
            value=Quantity.parse(self._began[line.ref]),
        )
        return Standing("proofs", [frozen], None)

    async def _looks(self, looks: Sequence[Look], concerned: Sequence[str]) -> list[Outcome]:
        secrets = {name: value for one in concerned for name, value in self.worlds[one].secrets().items()}
        with known_secrets(secrets):
            return [await self._look(one, concerned) for one in looks]

    async def _look(self, one: Look, concerned: Sequence[str]) -> Outcome:
        own = self.worlds.that_look_at(_seen_by(one))
        released = {name: value for each in own for name, value in self.worlds[each].release().items()}
        async with estate_of(self._sections(own, concerned), self._folder, released) as estate:
            return await (one.observe(estate) if isinstance(one, Check) else watched(estate, one))

    def _sections(self, own: Sequence[str], concerned: Sequence[str]) -> Sections:
        """The worlds' sections; where two name the same thing, that of the check's own worlds counts."""
        merged: Sections = {}
        for system in [*(one for one in concerned if one not in own), *own]:
            for name, value in self.worlds[system].sections().items():
                merged[name] = _merged(merged.get(name), value)
        return merged


def _seen_by(one: Look) -> str:
    return one.kind if isinstance(one, Check) else _WATCHED


def _merged(one: JsonValue, other: JsonValue) -> JsonValue:
    return {**one, **other} if isinstance(one, dict) and isinstance(other, dict) else other


@contextmanager
def stage(folder: Path, proofs: Proofs) -> Iterator[Stage]:
    """The block in which the worlds run, made ready for the proofs; a world starts when it is first needed."""
    with ExitStack() as closing, asyncio.Runner() as runner:
        worlds = Running(folder, closing, proofs.at_start)
        for prepare in proofs.prepare:
            prepare(worlds)
        scratch = folder / "estate"
        scratch.mkdir(parents=True)
        yield Stage(worlds, scratch, runner, proofs.began)


def looks_at(line: Line, steps: Mapping[str, Spec]) -> tuple[Look, ...]:
    """What looks at a line: its own checks, or those of the launch's steps that observe it, by their ids in `steps`."""
    specs = line.checks or tuple(steps[name] for name in line.at_launch if name in steps)
    return tuple(one for one in specs if isinstance(one, Check | ReleaseWatch))


def prove(
    on: Stage, lines: Iterable[Line], broken: Mapping[str, tuple[Fault, ...]], steps: Mapping[str, Spec]
) -> Iterator[Proved]:
    """Each line that something looks at: healthy, then with each of its faults."""
    for line in lines:
        if looks := looks_at(line, steps):
            faults = broken.get(line.ref, ())
            systems = [world for world, *_ in faults]
            on.freshen(looks, systems)
            yield _proved(on, line, looks, systems, HEALTHY, Verdict.PASS)
            for fault in faults:
                world, *which = fault
                with on.worlds[world].broken(tuple(which)):
                    yield _proved(on, line, looks, systems, " ".join(fault), Verdict.FAIL)


def _proved(
    on: Stage, line: Line, looks: Sequence[Look], systems: Iterable[str], fault: str, wanted: Verdict
) -> Proved:
    outcomes = on.outcomes(line, looks, systems)
    verdict = next(one for one in _WORST_FIRST if any(outcome.verdict is one for outcome in outcomes))
    said = "; ".join(outcome.summary for outcome in outcomes if outcome.verdict is verdict)
    checks = tuple(f"{one.kind} {one.model_dump_json(exclude={'kind'})}" for one in looks)
    checks += (f"baseline {line.baseline.model_dump_json()}",) if line.baseline else ()
    failed = tuple(check for check, one in zip(checks, outcomes, strict=True) if one.verdict is Verdict.FAIL)
    return Proved(line.ref, checks, failed, fault, wanted, verdict, said)
