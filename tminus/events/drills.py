"""What happens in a drill: it began, broke something, came so far, was measured, was undone, ended."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from tminus.events.asked import ChangeAsked
from tminus.events.happening import Happening, Time
from tminus.foreign_text import Printable

DrillStage = Literal["inject", "detect", "recover", "verify", "undo"]
"""In their order; `undo` comes after any of them, whatever became of it."""


class DrillBegan(Happening):
    """A drill begins. Nothing is broken yet, and what will be is named, so that whoever comes after a kill undoes it.

    Attributes:
        drill: its name; those of one scenario sort by time.
        scenario: what it is called in the book.
        way: what will be broken and who takes over, by the names of its kind.
        before: the steady state, by roles and not by places; once it is over all of it must be so again.
        rto_s, rpo_s: what is promised, in seconds.
        approval: the chain in which somebody was asked; "" where nobody is.
        asked_by: who wanted it, by a person's id, or the user at the host where nobody's yes was needed; "" where the
            schedule did.
        outside: the rules of the calendar that were overridden for it; "" where none was.
        systems: what the book names of the environment, by its fields: whoever undoes it must name the same.
    """

    type: Literal["drill.began"] = "drill.began"
    drill: str
    scenario: str
    kind: str
    environment: str
    digests: dict[str, str]
    way: dict[str, str]
    before: dict[str, str]
    rto_s: Decimal
    rpo_s: Decimal
    approval: str = ""
    asked_by: str = ""
    reason: Printable = ""
    outside: Printable = ""
    systems: dict[str, str] = Field(default_factory=dict)


class DrillAsked(ChangeAsked):
    """What somebody is asked to approve before something is broken.

    Attributes:
        digests: of the book and the environment: with another of these it is another drill.
        way: what would be broken now, and who would take over.
        may_lose: how many acknowledged writes may be lost; None where no real ones can be.
        outside: why the calendar says no, which a yes overrides; "" where it does not.
    """

    type: Literal["drill.asked"] = "drill.asked"
    scenario: str
    kind: str
    environment: str
    digests: dict[str, str]
    way: dict[str, str]
    may_lose: int | None = None
    outside: Printable = ""

    @property
    def facts(self) -> dict[str, str]:
        """See ChangeAsked. What is broken too: where another server has that role by then, somebody is asked anew."""
        return {
            "drill": f"{self.scenario} ({self.kind}) in {self.environment}",
            "may lose": "nothing real" if self.may_lose is None else f"{self.may_lose} acknowledged writes",
            **({"calendar": f"overridden: {self.outside}"} if self.outside else {}),
            **{f"breaks {key}": value for key, value in self.way.items()},
            **self.digests,
        }


class DrillRefused(Happening):
    """Somebody wanted one, and nothing was begun."""

    type: Literal["drill.refused"] = "drill.refused"
    scenario: str
    why: Printable
    asked_by: str = ""


class DrillWindowOpens(Happening):
    """A maintenance window is about to be opened in PagerDuty, before the drill begins; it may be open from here on.

    Attributes:
        drill: for which.
        services: the ids of those that page nobody meanwhile.
        description: by which it is found, whoever looks for it.
        over: by when it has ended by itself, even if it was opened late.
    """

    type: Literal["drill.window_opens"] = "drill.window_opens"
    drill: str
    services: tuple[str, ...]
    description: str
    over: Time


class DrillWindow(Happening):
    """What came of opening it. Where it is not open, `said` tells why, and that the services may page."""

    type: Literal["drill.window"] = "drill.window"
    drill: str
    open: bool
    said: Printable


class DrillWindowEnded(Happening):
    """No window of that description is open any more."""

    type: Literal["drill.window_ended"] = "drill.window_ended"
    drill: str
    description: str


class DrillStageBegan(Happening):
    """A stage is about to be done."""

    type: Literal["drill.stage_began"] = "drill.stage_began"
    drill: str
    stage: DrillStage


class DrillStageDone(Happening):
    """A stage is done. `said` is what it came to, in a sentence."""

    type: Literal["drill.stage_done"] = "drill.stage_done"
    drill: str
    stage: DrillStage
    said: Printable


class DrillBrokeOff(Happening):
    """A stage could not be done. What was broken is undone next; somebody is paged."""

    type: Literal["drill.broke_off"] = "drill.broke_off"
    drill: str
    stage: DrillStage
    why: Printable


class DrillMeasured(Happening):
    """What an outside client and a writer with receipts saw of it.

    Attributes:
        kept, lost, unknown: acknowledged writes that are there, that are not, and those never answered.
        unknown_there: those never answered that are there.
        strange: writes that are there and were never made.
        flaps: how often it was good for a while and failed again, before it stayed good.
        lost_s: seconds of acknowledged writes that were lost.
        first_failed, back: the first refused request, and the first of those that stayed good.
        rto_s: between these two; None where nothing was refused, or it never came back.
        parts: how long each of detect, decide, recover and verify took of it, in seconds.
        resolution_s: how far apart two looks were, at the most.
        uncounted: why no writes were counted, so that every count is 0 and means nothing; "" where they were.
        clients: part → what its own client saw, in words, where there were several; all of it is in the counts.
    """

    type: Literal["drill.measured"] = "drill.measured"
    drill: str
    kept: int
    lost: int
    unknown: int
    unknown_there: int = 0
    strange: int = 0
    duplicates: int = 0
    reordered: int = 0
    lost_s: Decimal = Decimal(0)
    first_failed: Time | None = None
    back: Time | None = None
    flaps: int = 0
    rto_s: Decimal | None = None
    parts: dict[str, Decimal] = Field(default_factory=dict)
    resolution_s: Decimal = Decimal(0)
    uncounted: Printable = ""
    clients: dict[str, str] = Field(default_factory=dict)


class DrillStopped(Happening):
    """The lever was pulled while it ran: nothing more is broken, and what was is undone."""

    type: Literal["drill.stopped"] = "drill.stopped"
    drill: str
    why: Printable


class DrillsStopped(Happening):
    """Somebody pulled the lever: all drills end, and none begins."""

    type: Literal["drills.stopped"] = "drills.stopped"
    by: Printable
    reason: Printable


class DrillsAllowed(Happening):
    """Somebody let go of it."""

    type: Literal["drills.allowed"] = "drills.allowed"
    by: Printable
    reason: Printable


class DrillEnded(Happening):
    """It is over.

    Attributes:
        how: `held` kept all promises; `missed` went through and did not; `undone` broke off, and all is as before;
            `not undone` needs a person, and no other drill begins until `tminus drill NAME --undo` finds all as before.
        after: the steady state at its end.
        acknowledged, lost, lost_s: of the writes of one that was not measured, as far as there are receipts of them:
            how many were acknowledged, how many of those are lost, and of how many seconds they are.
    """

    type: Literal["drill.ended"] = "drill.ended"
    drill: str
    how: Literal["held", "missed", "undone", "not undone"]
    sentence: Printable
    after: dict[str, str] = Field(default_factory=dict)
    acknowledged: int | None = None
    lost: int | None = None
    lost_s: Decimal | None = None
