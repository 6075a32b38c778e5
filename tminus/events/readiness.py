"""What happens to a system's readiness: a sweep of its checklist, what people state and accept, a frozen baseline."""

from typing import Literal

from pydantic import BaseModel

from tminus.events.happening import Happening, Time
from tminus.outcome import Outcome
from tminus.quantity import Quantity


class SweepBegan(Happening):
    """A sweep over a checklist began.

    `digest` is that of the checklist's files; `sections` names those swept, all of them where it is empty.
    """

    type: Literal["sweep.began"] = "sweep.began"
    system: str
    environment: str
    digest: str
    lines: int
    sections: tuple[str, ...] = ()


class LineSeen(BaseModel, frozen=True, extra="forbid"):
    """One line, and what each of its checks came to."""

    ref: str
    outcomes: tuple[Outcome, ...]


class LinesSeen(Happening):
    """The lines of one section, as the sweep saw them; a long section comes in several of these."""

    type: Literal["lines.seen"] = "lines.seen"
    section: str
    lines: tuple[LineSeen, ...]


class SweepEnded(Happening):
    """A sweep ended: how many lines came out how, and whether the system is ready.

    It ends the sweep's own chain and stands in the system's chain too, where `sweep` leads to the evidence.
    """

    type: Literal["sweep.ended"] = "sweep.ended"
    sweep: str
    sections: tuple[str, ...] = ()
    counts: dict[str, int]
    blocking: int
    ready: bool
    sentence: str


class LineAttested(Happening):
    """A person stated that a line holds, signed, until a date. `statement` is what they were shown."""

    type: Literal["line.attested"] = "line.attested"
    ref: str
    person: str
    role: str
    statement: str
    link: str
    until: Time
    reason: str = ""
    signature: str = ""


class LineWaived(Happening):
    """A person accepted that a line does not hold, signed, until a date."""

    type: Literal["line.waived"] = "line.waived"
    ref: str
    person: str
    role: str
    reason: str
    link: str = ""
    until: Time
    signature: str = ""


class BaselineFrozen(Happening):
    """The value against which a goal is measured for a period."""

    type: Literal["baseline.frozen"] = "baseline.frozen"
    ref: str
    measurement: str
    period: str
    value: Quantity
