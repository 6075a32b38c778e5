"""What every action is: something that changes the world, can say whether it took effect, and can undo it."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel

from tasks.estate import Estate
from tminus.outcome import Observation
from tminus.runbook import Spec


class State(StrEnum):
    """Where an action stands in the world, as observed now."""

    DONE = "done"
    ABSENT = "absent"
    IN_PROGRESS = "in_progress"
    UNKNOWN = "unknown"


class Fence(StrEnum):
    """What keeps a conductor that lost its lease from acting all the same.

    `compare_and_set`: the system compares the token, or a version, in the same step as the change.
    `idempotency_key`: a second doing of the same is harmless.
    `none`: a successor waits out the deadline, asks again, and if still unsure holds and pages.
    """

    COMPARE_AND_SET = "compare_and_set"
    IDEMPOTENCY_KEY = "idempotency_key"
    NONE = "none"


class Standing(BaseModel, frozen=True):
    """The state, and what was seen that says so."""

    state: State
    seen: Observation = Observation()


class Undo(BaseModel, frozen=True):
    """How to take an action back, decided before it was begun and never recomputed.

    Attributes:
        summary: in words, for people and for the record.
        data: what the action's `undo` needs; never a secret.
    """

    summary: str
    data: dict[str, str] = {}


class Action(Spec, ABC, frozen=True):
    """Changes something. The protocol: state → plan_undo → (intent recorded) → act → state → (outcome recorded).

    `harmless_if_left`: its effect changes nothing for customers and ends by itself. It counts as no change, and is
    taken back last, in bounded time; where that fails it is a follow-up, and no reason to call a way back not proven.
    """

    verb: ClassVar[str] = "action"
    fence: ClassVar[Fence]
    harmless_if_left: ClassVar[bool] = False

    @property
    def expires(self) -> bool:
        """Whether what was done no longer counts after a while, as `state` then says; see flows.renewing."""
        return False

    def fence_of(self, estate: Estate) -> Fence:  # noqa: ARG002 - those that lean on a command of the environment do
        """The fence as it is here, where it depends on what the environment offers."""
        return self.fence

    @abstractmethod
    def describe(self, estate: Estate) -> str:
        """The exact command or difference, for a dry run."""

    @abstractmethod
    async def state(self, estate: Estate) -> Standing:
        """Whether it already took effect. Never raises for what it found: `unknown` says it could not tell."""

    @abstractmethod
    async def plan_undo(self, estate: Estate) -> Undo | None:
        """What would take it back, from how things are now; None where there is nothing to take back."""

    @abstractmethod
    async def act(self, estate: Estate, token: int) -> Observation:
        """Does it. `token` is the lease's, for the fence.

        Raises ActionFailed, with began=False where certainly nothing happened (it may then be tried again).
        """

    @abstractmethod
    async def undo(self, estate: Estate, undo: Undo, token: int) -> Observation:
        """Takes it back, as planned; doing so twice is harmless. Raises ActionFailed."""

    @abstractmethod
    async def undone(self, estate: Estate, undo: Undo) -> Standing:
        """Whether it was taken back: DONE means the world is as the plan says it was before."""

    async def proven_undone(self, estate: Estate, undo: Undo) -> bool:  # noqa: ARG002 - some must look closer
        """Whether `undone` saying DONE is reason enough not to call `undo` at all; it was begun, after all."""
        return True
