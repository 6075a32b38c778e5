"""The runbook language: phases of steps, each a check, an action, or a question to people."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SerializeAsAny, StringConstraints, field_validator, model_validator

from tminus.clock import Duration, parse_duration, show_duration
from tminus.seats import Seat

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
_OFFSET = re.compile(r"^T(?:-0|([+-])(\d.*))$")


class Spec(BaseModel, frozen=True, extra="forbid"):
    """What a step does: `kind` names the class, the other fields are its parameters."""

    kind: str


class Quorum(Spec, frozen=True):
    """A question to people: how many distinct persons of each role must answer, and by when.

    Attributes:
        roles: role → how many distinct people; `devops_lead or sre_lead: 2` is two people, each with either role.
        deadline: how long it stays open on the countdown's clock, from when it is asked.
    """

    roles: dict[Seat, Annotated[int, Field(ge=1)]] = Field(min_length=1)
    deadline: Duration


class Approval(Quorum, frozen=True):
    """A go/no-go. Anyone with an asked or a veto role may reject.

    Attributes:
        observe_again: every blocking check so far is observed again before people are asked.
    """

    kind: Literal["approval"] = "approval"
    observe_again: bool = False
    veto: tuple[str, ...] = ()


class Acknowledgement(Quorum, frozen=True):
    """Something said to each role, which they confirm to have read.

    Attributes:
        says: `brief` (what is about to happen, drafted from the plan) or `debrief` (what did, from the ledger).
    """

    kind: Literal["acknowledgement"] = "acknowledgement"
    says: Literal["brief", "debrief"]


class SignOff(Quorum, frozen=True):
    """The readiness sign-off: made days ahead for this very release, and valid until a date."""

    kind: Literal["sign_off"] = "sign_off"
    deadline: Duration = timedelta(days=7)
    valid_for: Duration


class Readiness(Spec, frozen=True):
    """The system's whole checklist was gone through, and nothing in it blocks.

    Attributes:
        fresh_for: how old that may be.
        environment: whose readiness counts; the launch's own where it is empty.
    """

    kind: Literal["readiness"] = "readiness"
    fresh_for: Duration
    environment: str = ""


class Attestation(Spec, frozen=True):
    """A person with `role` states that something holds."""

    kind: Literal["attestation"] = "attestation"
    role: str
    statement: str
    deadline: Duration


class PagingPath(Spec, frozen=True):
    """On-call can be reached: a page or a change event got through, or a person with `role` states that they watch."""

    kind: Literal["paging"] = "paging"
    role: str
    deadline: Duration


class RollCall(Spec, frozen=True):
    """Who will be there: asks ahead, by day, for as many people as all later approvals need; it never blocks.

    Attributes:
        deadline: how long it stays open on the countdown's clock; at its end the silent are named.
    """

    kind: Literal["roll_call"] = "roll_call"
    deadline: Duration


class FollowUps(Spec, frozen=True):
    """Every hold, failure, waiver and breach becomes a follow-up with an owner, in the ledger."""

    kind: Literal["follow_ups"] = "follow_ups"


PEOPLE_KINDS: Mapping[str, type[Spec]] = {
    "approval": Approval,
    "acknowledgement": Acknowledgement,
    "sign_off": SignOff,
    "readiness": Readiness,
    "attestation": Attestation,
    "paging": PagingPath,
    "roll_call": RollCall,
    "follow_ups": FollowUps,
}


class Severity(StrEnum):
    """Whether a step that does not pass stops the launch."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"


class Step(BaseModel, frozen=True, extra="forbid"):
    """One entry of the book.

    Attributes:
        refs: the checklist lines this step stands for.
        owner: the role that is told when it fails.
        retries: how often a check that could not look is tried again.
        retry_failed: whether one that looked and failed is tried again too.
        timeout: how long one attempt may take, in real time.
        waivable: whether a named role may accept its failure.
    """

    id: Slug
    title: str
    owner: str
    does: SerializeAsAny[Spec]
    refs: tuple[str, ...] = ()
    severity: Severity = Severity.BLOCKING
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    retry_failed: bool = False
    timeout: Duration = timedelta(seconds=30)
    waivable: bool = True

    @model_validator(mode="after")
    def _roll_call_never_blocks(self) -> "Step":
        if isinstance(self.does, RollCall) and self.blocking:
            raise ValueError("a roll-call never blocks: nobody need answer it; its severity is advisory")
        return self

    @property
    def blocking(self) -> bool:
        """Whether it must pass or be waived."""
        return self.severity is Severity.BLOCKING


def offset_of(phase: str) -> timedelta:
    """How long after T-0 the phase so named is, on the countdown's clock; raises ValueError where it names no time."""
    match = _OFFSET.match(phase)
    if match is None:
        raise ValueError(f"{phase!r} is no time on the countdown, such as 'T-4h', 'T-15m', 'T-0' or 'T+4h'")
    if match[2] is None:
        return timedelta(0)
    return parse_duration(match[2]) * (-1 if match[1] == "-" else 1)


class Phase(BaseModel, frozen=True, extra="forbid"):
    """A part of the countdown. Its name is its time: `T-4h`, `T-15m`, `T-0`, `T+4h`.

    Attributes:
        late_by: how late it may start before it holds and asks instead of going on.
    """

    phase: Annotated[str, StringConstraints(pattern=_OFFSET.pattern)]
    late_by: Duration
    steps: tuple[Step, ...] = Field(min_length=1)

    @field_validator("phase")
    @classmethod
    def _a_time(cls, phase: str) -> str:
        offset_of(phase)
        return phase

    @property
    def offset(self) -> timedelta:
        """From T-0, on the countdown's clock."""
        return offset_of(self.phase)

    @property
    def turns_back(self) -> bool:
        """Whether a blocking check that fails here takes the change back by itself: at T-0, and only there."""
        return self.offset == timedelta(0)

    @property
    def slug(self) -> str:
        """Its time in small letters, digits and hyphens, as Prefect's keys want it: `t-minus-1h-30m`, `t-zero`.

        Made from the offset, which no two phases of a book share, and not from how it is written.
        """
        if self.turns_back:
            return "t-zero"
        length = show_duration(abs(self.offset)).replace(" ", "-").replace(".", "-")
        return f"t-{'minus' if self.offset < timedelta(0) else 'plus'}-{length}"


class Runbook(BaseModel, frozen=True, extra="forbid"):
    """A book for one system.

    Attributes:
        notice: role → what that role may do besides answering: who may waive, who may roll back.
    """

    runbook: Slug
    system: Slug
    phases: tuple[Phase, ...] = Field(min_length=1)
    may_waive: tuple[str, ...] = ()
    may_roll_back: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "Runbook":
        offsets = [phase.offset for phase in self.phases]
        if offsets != sorted(set(offsets)):
            raise ValueError(
                f"phases must follow one another in time, and these do not: {[p.phase for p in self.phases]}"
            )
        ids = [step.id for step in self.steps()]
        twice = sorted({identity for identity in ids if ids.count(identity) > 1})
        if twice:
            raise ValueError(f"step ids must be unique, and these are not: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _roll_calls_in_time(self) -> "Runbook":
        for number, phase in enumerate(self.phases):
            later = self.phases[number + 1 :]
            for step in phase.steps:
                if isinstance(step.does, RollCall) and (why := _why_no_roll_call(phase, step.does, later)):
                    raise ValueError(f"the roll-call {step.id} {why}")
        return self

    def approvals_after(self, step: Step) -> "tuple[Step, ...]":
        """The steps behind this one that ask for an approval."""
        steps = list(self.steps())
        return tuple(one for one in steps[steps.index(step) + 1 :] if isinstance(one.does, Approval))

    def steps(self) -> Iterator[Step]:
        """All steps, in the order of the countdown."""
        for phase in self.phases:
            yield from phase.steps

    def phase(self, name: str) -> Phase:
        """The phase so named; raises KeyError."""
        return next(phase for phase in self.phases if phase.phase == name)

    def step(self, identity: str) -> Step | None:
        """The step so named."""
        return next((step for step in self.steps() if step.id == identity), None)


def _why_no_roll_call(phase: Phase, does: RollCall, later: tuple[Phase, ...]) -> str:
    """Why it would be of no use, or in the way; "" where it would not."""
    if not any(isinstance(step.does, Approval) for one in later for step in one.steps):
        return "asks nobody, since no later phase asks for an approval"
    if phase.offset + does.deadline > later[0].offset:
        return f"would still be open when {later[0].phase} begins"
    return ""
