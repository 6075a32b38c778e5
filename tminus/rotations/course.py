"""A secret's rotations as its chain tells them: which one is open, how far it came, what comes next."""

from dataclasses import dataclass, field
from datetime import datetime

from tminus import events as ev
from tminus.episodes import Episodes

FORWARD: tuple[ev.RotationStage, ...] = ("create", "set", "test", "promote", "off", "drop")
"""The stages of a rotation, in their order."""
BACK: tuple[ev.RotationStage, ...] = ("back", "undo")
"""Those of one that is turned back."""


@dataclass(frozen=True)
class Owed:
    """A version that leaked, and that somebody approved to be cut off.

    Attributes:
        approval: the chain in which they were asked.
    """

    version: str
    reason: str
    approval: str


@dataclass
class Rotation:
    """One rotation.

    Attributes:
        done: the stages that are done.
        begun: the stages that were begun, be they done or not.
        waits: for what it waits, since the last thing that was done.
        broke_off: how the last try broke off, where nothing was done since.
        paged: whether somebody was paged since it last went on as it should.
        undo: the order to turn it back.
        hastened: the order to end its overlap at once.
    """

    began: ev.RotationBegan
    done: dict[ev.RotationStage, ev.RotationStageDone] = field(default_factory=dict)
    begun: list[ev.RotationStage] = field(default_factory=list)
    waits: ev.RotationWaits | None = None
    broke_off: ev.RotationBrokeOff | None = None
    paged: bool = False
    undo: ev.RotationOrdered | None = None
    hastened: ev.RotationOrdered | None = None
    ended: ev.RotationEnded | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.began.rotation

    @property
    def at_once(self) -> bool:
        """Whether nothing is waited for: what is replaced leaked."""
        return self.began.at_once or self.hastened is not None

    @property
    def promoted(self) -> datetime | None:
        """Since when the new value is current."""
        return self.done["promote"].at if "promote" in self.done else None

    @property
    def approvals(self) -> list[str]:
        """The chains in which its beginning, or its haste, was asked for."""
        asked = [self.began.approval, self.hastened.approval if self.hastened else ""]
        return list(dict.fromkeys(chain for chain in asked if chain))

    @property
    def leaked(self) -> "Owed | None":
        """What is to be cut off at once, by the last order; None where nothing is."""
        if self.hastened is not None:
            return Owed(self.hastened.leaked, self.hastened.reason, self.hastened.approval)
        return Owed(self.began.replaces, self.began.reason, self.began.approval) if self.began.at_once else None

    @property
    def ends(self) -> str:
        """The version that opens nothing any more once it is over."""
        return self.began.version if self.undo else self.began.replaces

    @property
    def next(self) -> ev.RotationStage | None:
        """What is to be done next; None where all is."""
        return next((one for one in (BACK if self.undo else FORWARD) if one not in self.done), None)

    @property
    def too_late_to_undo(self) -> bool:
        """Whether the old value may be gone for good."""
        return "drop" in self.begun

    def take(self, event: ev.Event) -> None:
        """One more thing that happened to it."""
        match event:
            case ev.RotationStageBegan():
                self.begun.append(event.stage)
            case ev.RotationStageDone():
                self.done[event.stage] = event
                self.waits = self.broke_off = None
            case ev.RotationWaits():
                self.waits, self.broke_off, self.paged = event, None, False
            case ev.RotationBrokeOff():
                self.broke_off, self.paged = event, True
            case ev.RotationOrdered():
                self._obey(event)
            case ev.RotationNotTurnedBack():
                self.undo = None
                self.done = {stage: done for stage, done in self.done.items() if stage not in BACK}
            case ev.RotationEnded():
                self.ended = event
                self.waits = self.broke_off = None
            case _:
                pass

    def _obey(self, order: ev.RotationOrdered) -> None:
        self.waits = self.broke_off = None
        if order.order == "undo":
            self.undo = order
        else:
            self.hastened = order


class Course(Episodes[Rotation]):
    """All rotations of one secret, the earliest first."""

    def begun(self, event: ev.Event) -> Rotation | None:
        """See Episodes."""
        return Rotation(event) if isinstance(event, ev.RotationBegan) else None

    @property
    def rotations(self) -> list[Rotation]:
        """The same by its name."""
        return self.episodes

    @property
    def open(self) -> Rotation | None:
        """The one that is not over; there is one at most."""
        last = self.last
        return last if last is not None and last.ended is None else None

    @property
    def last_rotated(self) -> Rotation | None:
        """The last that went through to its end."""
        return next((one for one in reversed(self.episodes) if one.ended and one.ended.how == "rotated"), None)

    @property
    def approvals(self) -> frozenset[str]:
        """The questions on which a rotation was begun, or hastened."""
        return frozenset(chain for rotation in self.episodes for chain in rotation.approvals)

    @property
    def owed(self) -> "Owed | None":
        """What was approved to be cut off, and the last rotation, which is over, did not get rid of."""
        last = self.last
        if last is None or last.ended is None or last.ended.how == "not approved" or last.leaked is None:
            return None
        return last.leaked if last.leaked.version != last.ends else None
