"""What happens to a system's readiness: sweeps, what people state and accept, frozen baselines, reviews told."""

from typing import Literal

from pydantic import BaseModel

from tminus.events.happening import Happening, Time
from tminus.outcome import Outcome
from tminus.quantity import Quantity


class SweepBegan(Happening):
    """A sweep over a checklist began. It stands in the sweep's own chain, `sweep`, and in the system's.

    `digests` are those of the checklist, and of the environment, people and release file, of those that were named;
    `sections` names those swept, all of them where it is empty.
    """

    type: Literal["sweep.began"] = "sweep.began"
    sweep: str
    system: str
    environment: str
    digests: dict[str, str]
    lines: int
    sections: tuple[str, ...] = ()


class LineSeen(BaseModel, frozen=True, extra="forbid"):
    """One line, and what each of its checks came to.

    Attributes:
        digest: of what it then took for the line to hold.
        of_release: whether its checks read the release, or files that lie beside it: then it says nothing of another
            release. What was written before that was told counts as such.
    """

    ref: str
    digest: str
    outcomes: tuple[Outcome, ...]
    of_release: bool = True


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
    """A person accepted that a line does not hold, signed, until a date.

    `digest` is that of what it then took for the line to hold: where the book asks for something else, it is over.
    """

    type: Literal["line.waived"] = "line.waived"
    ref: str
    digest: str
    person: str
    role: str
    reason: str
    link: str = ""
    until: Time
    signature: str = ""


class BaselineFrozen(Happening):
    """The value against which a goal is measured for a period. `digest` is that of what the line then measured."""

    type: Literal["baseline.frozen"] = "baseline.frozen"
    ref: str
    digest: str
    measurement: str
    period: str
    value: Quantity


class ReviewLine(BaseModel, frozen=True, extra="forbid"):
    """One recurring line that is due: since when it is overdue, or by when it is due.

    `digest` is that of what it then took for the line to hold; "" in what was written before that was told.
    """

    ref: str
    owner: str
    state: Literal["due", "overdue", "never"]
    due: Time
    digest: str = ""


class ReviewsTold(Happening):
    """People were told which recurring lines are due; the letters that told them stand beside it in the outbox.

    Attributes:
        week: the ISO week (`2026-W48`), of which there is one message.
        done: recurring lines that are done.
        lines: those that are due, or overdue, or were never done.
        paged: the owners of what is overdue.
        resolved: owners of whose lines some were overdue when it was told last, and none is any more.
    """

    type: Literal["reviews.told"] = "reviews.told"
    week: str
    done: int
    lines: tuple[ReviewLine, ...]
    paged: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
