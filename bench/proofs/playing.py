"""Plays the proofs: each observed line passes in healthy worlds, and fails for each thing that breaks its claim."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from bench.proofs.proof import Fault, Proofs
from bench.worlds.all_worlds import all_worlds
from bench.worlds.estates import known_secrets, look
from bench.worlds.world import Sections, World
from tasks.check import Check
from tminus.outcome import Outcome, Verdict
from tminus.readiness.book import Checklist, Line

HEALTHY = "healthy"
_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.SKIPPED, Verdict.PASS)


@dataclass(frozen=True)
class Proved:
    """One line, looked at in one state of the worlds.

    Attributes:
        checks: its checks, each with its parameters, as text.
        fault: what was broken, or `healthy`.
        wanted: what had to come out.
        verdict: what came out.
        said: why.
    """

    ref: str
    checks: str
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


class Stage:
    """Every world, running and healthy, and one environment over all of them."""

    def __init__(self, worlds: Mapping[str, World], folder: Path) -> None:
        self.worlds = worlds
        self._folder = folder
        self._owner = {case.check: world for world in worlds.values() for case in world.cases}

    def outcomes(self, line: Line) -> list[Outcome]:
        """What the line's checks say now."""
        return [self._look(check) for check in line.checks if isinstance(check, Check)]

    def _look(self, check: Check) -> Outcome:
        secrets = {name: value for world in self.worlds.values() for name, value in world.secrets().items()}
        with known_secrets(secrets):
            return asyncio.run(look(check, self._sections(check), self._folder))

    def _sections(self, check: Check) -> Sections:
        """All worlds' sections; where two name the same thing, that of the world that is for this kind counts."""
        merged: Sections = {}
        owner = self._owner.get(check.kind)
        last = [owner] if owner is not None else []
        for world in [*(one for one in self.worlds.values() if one is not owner), *last]:
            for name, value in world.sections().items():
                merged[name] = _merged(merged.get(name), value)
        return merged


def _merged(one: JsonValue, other: JsonValue) -> JsonValue:
    return {**one, **other} if isinstance(one, dict) and isinstance(other, dict) else other


@contextmanager
def stage(folder: Path, proofs: Proofs) -> Iterator[Stage]:
    """The block in which every world runs, made ready for the proofs."""
    with ExitStack() as running:
        worlds = {}
        for kind in all_worlds():
            world = kind(folder / kind.system)
            running.enter_context(world.running())
            worlds[kind.system] = world
        for prepare in proofs.prepare:
            prepare(worlds)
        scratch = folder / "estate"
        scratch.mkdir()
        yield Stage(worlds, scratch)


def prove(on: Stage, checklist: Checklist, broken: Mapping[str, tuple[Fault, ...]]) -> Iterator[Proved]:
    """Each line that has checks: healthy, then with each of its faults."""
    for line in checklist.lines():
        if line.checks:
            yield _proved(on, line, HEALTHY, Verdict.PASS)
            for fault in broken.get(line.ref, ()):
                world, *which = fault
                with on.worlds[world].broken(tuple(which)):
                    yield _proved(on, line, " ".join(fault), Verdict.FAIL)


def _proved(on: Stage, line: Line, fault: str, wanted: Verdict) -> Proved:
    outcomes = on.outcomes(line)
    verdict = next(one for one in _WORST_FIRST if any(outcome.verdict is one for outcome in outcomes))
    said = "; ".join(outcome.summary for outcome in outcomes if outcome.verdict is verdict)
    return Proved(line.ref, _written(line.checks), fault, wanted, verdict, said)


def _written(checks: Sequence[object]) -> str:
    return "; ".join(
        f"{check.kind} {check.model_dump_json(exclude={'kind'})}" for check in checks if isinstance(check, Check)
    )
