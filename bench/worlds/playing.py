"""Plays a world: every check healthy, with each thing broken, and with nothing that answers."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.worlds.estates import check_of, known_secrets, look
from bench.worlds.world import Case, World
from tminus.outcome import Outcome, Verdict

HEALTHY, SILENT = "healthy", "silent"


@dataclass(frozen=True)
class Play:
    """One look at one check, in one state of its world.

    Attributes:
        fault: what was broken, `healthy` or `silent`.
        wanted: what had to come out.
        outcome: what came out.
    """

    system: str
    check: str
    fault: str
    wanted: Verdict
    outcome: Outcome

    @property
    def right(self) -> bool:
        """Whether it came out as it had to."""
        return self.outcome.verdict is self.wanted

    def __str__(self) -> str:
        said = f"{self.system}: {self.check}, {self.fault}: wanted {self.wanted}, found {self.outcome.verdict}"
        return f"{said}: {self.outcome.summary}"


def play(world: World, *, brief: bool = False) -> Iterator[Play]:
    """Runs the world from its start to its end, and yields each look; ends it also where nobody asks for more.

    Where `brief`, the first fault of each case stands for the others.
    """
    most = 1 if brief else None
    with known_secrets({}), world.running():
        for case in world.cases:
            yield _look(world, case, HEALTHY, Verdict.PASS)
            for fault in case.broken_by[:most]:
                with world.broken(fault):
                    yield _look(world, case, _name(fault), Verdict.FAIL)
            for fault in case.blinded_by[:most]:
                with world.broken(fault):
                    yield _look(world, case, _name(fault), Verdict.UNKNOWN)
            if not brief:
                yield _look(world, case, HEALTHY, Verdict.PASS)
            yield _look(world, case, SILENT, Verdict.UNKNOWN)


def _look(world: World, case: Case, fault: str, wanted: Verdict) -> Play:
    sections, secrets = world.silent() if fault == SILENT else (world.sections(), world.secrets())
    released = world.silent_release() if fault == SILENT else world.release()
    with known_secrets(secrets):
        outcome = asyncio.run(look(check_of(case), sections, _scratch(world.folder), released))
    return Play(world.system, case.check, fault, wanted, outcome)


def _name(fault: str | tuple[str, ...]) -> str:
    return fault if isinstance(fault, str) else " ".join(fault)


def _scratch(folder: Path) -> Path:
    scratch = folder / "estate"
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch
