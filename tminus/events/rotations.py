"""What happens to a secret: a rotation began, came so far, waits, was turned back, ended. Never a value of it."""

from typing import Literal

from pydantic import Field

from tminus.events.asked import ChangeAsked
from tminus.events.happening import Happening, Time
from tminus.foreign_text import Printable

RotationStage = Literal["create", "set", "test", "promote", "off", "drop", "back", "undo"]
"""The verbs are create, set, test and finish, which is promote, off and drop. `back` and `undo` turn one back."""


class RotationBegan(Happening):
    """A rotation begins. Nothing is done yet, and what will be is named, so that whoever comes after a kill knows.

    Attributes:
        rotation: its name; those of one secret sort by time.
        secret: what it is called in the book.
        stored_as: its name in Secrets Manager.
        version: the id that the new value's version will have there.
        replaces: the version that is current now.
        way: what will be touched, by the names of its kind.
        servers: where it is, by the book's fields that name a part of the environment.
        at_once: no overlap: the old value leaked.
        reason: why, where a person asked for it.
        approval: the chain in which somebody is asked; "" where nobody is.
        outside: the rules of the calendar that were overridden, by `overridden_by`; "" where none was.
    """

    type: Literal["rotation.began"] = "rotation.began"
    rotation: str
    secret: str
    stored_as: str
    kind: str
    environment: str
    digests: dict[str, str]
    version: str
    replaces: str
    way: dict[str, str]
    servers: dict[str, str] = Field(default_factory=dict)
    at_once: bool = False
    reason: Printable = ""
    approval: str = ""
    outside: Printable = ""
    overridden_by: str = ""


class RotationStageBegan(Happening):
    """A stage is about to be done."""

    type: Literal["rotation.stage_began"] = "rotation.stage_began"
    rotation: str
    stage: RotationStage


class RotationStageDone(Happening):
    """A stage is done, or was found to be.

    Attributes:
        said: what it came to, in a sentence.
        already: whether it was so at first look.
        left: what may still open something, that a person must look at; "" where nothing does.
    """

    type: Literal["rotation.stage_done"] = "rotation.stage_done"
    rotation: str
    stage: RotationStage
    said: Printable
    already: bool = False
    left: Printable = ""


class RotationWaits(Happening):
    """Nothing more can be done before a moment.

    Attributes:
        stage: what waits.
        used_by: who still uses the old value, a line each, where that is why.
    """

    type: Literal["rotation.waits"] = "rotation.waits"
    rotation: str
    stage: RotationStage
    until: Time
    why: Printable
    used_by: tuple[Printable, ...] = ()


class RotationBrokeOff(Happening):
    """A stage could not be done; nothing is lost, and it is taken up again from there.

    Attributes:
        refused: whether a rule said no, and not an outage.
    """

    type: Literal["rotation.broke_off"] = "rotation.broke_off"
    rotation: str
    stage: RotationStage
    why: Printable
    refused: bool = False


class RotationOrdered(Happening):
    """A person's signed word about a rotation under way.

    Attributes:
        order: `undo` turns it back; `at once` ends its overlap now.
        approval: of `at once`: the chain in which it was approved.
        leaked: of `at once`: the version that is cut off. Where this rotation leaves it current, another follows.
    """

    type: Literal["rotation.ordered"] = "rotation.ordered"
    rotation: str
    order: Literal["undo", "at once"]
    person: str
    reason: Printable
    approval: str = ""
    leaked: str = ""
    signature: str = ""


class RotationNotTurnedBack(Happening):
    """The order to turn it back is void: nothing has the old value work again, so it goes on as before."""

    type: Literal["rotation.not_turned_back"] = "rotation.not_turned_back"
    rotation: str
    why: Printable


class RotationEnded(Happening):
    """It is over."""

    type: Literal["rotation.ended"] = "rotation.ended"
    rotation: str
    how: Literal["rotated", "undone", "not approved"]
    sentence: Printable


class RotationAsked(ChangeAsked):
    """What somebody is asked to approve before a secret is rotated: written into the chain of the question.

    Attributes:
        cut_off: who will be cut off at once, a line each: the blast radius as it was when this was asked.
    """

    type: Literal["rotation.asked"] = "rotation.asked"
    secret: str
    stored_as: str
    replaces: str
    at_once: bool
    cut_off: tuple[Printable, ...] = Field(default=())

    @property
    def facts(self) -> dict[str, str]:
        """See ChangeAsked. Not who is cut off, which changes while people read; they are told that."""
        return {
            "secret": f"{self.secret}, {self.stored_as}",
            "replaces": self.replaces,
            "at once": "yes" if self.at_once else "no",
        }
