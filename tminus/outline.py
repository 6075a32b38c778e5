"""A launch's book as far as people's decisions need it: titles, owners, and who may do what.

Reading it needs no vocabulary of checks and actions, so that whoever decides on the command line does
not wait for the client libraries of every system that a book can look at.
"""

from collections.abc import Iterator
from functools import lru_cache

from pydantic import BaseModel

from tminus.frozen import Frozen


class OutlinedStep(BaseModel, frozen=True):
    """A step's name and rules; what it does is left out."""

    id: str
    title: str
    owner: str
    waivable: bool = True


class _OutlinedPhase(BaseModel, frozen=True):
    steps: tuple[OutlinedStep, ...]


class Outline(BaseModel, frozen=True):
    """A book that was found good when its launch was created."""

    phases: tuple[_OutlinedPhase, ...]
    may_waive: tuple[str, ...] = ()
    may_roll_back: tuple[str, ...] = ()

    def steps(self) -> Iterator[OutlinedStep]:
        """All steps, in the order of the countdown."""
        for phase in self.phases:
            yield from phase.steps

    def step(self, identity: str) -> OutlinedStep | None:
        """The step so named."""
        return next((step for step in self.steps() if step.id == identity), None)


def outline_of(frozen: Frozen) -> Outline:
    """The outline of the book that a launch froze."""
    return _read(frozen.created.runbook)


@lru_cache(maxsize=16)
def _read(canonical: str) -> Outline:
    return Outline.model_validate_json(canonical)
