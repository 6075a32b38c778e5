"""What happens when live data are switched to a restored copy: planned, ordered, ended. Its steps are as a launch's."""

from typing import Literal

from pydantic import Field

from tminus.backups.contents import Marker
from tminus.events.happening import Happening, Time


class RestorePlanned(Happening):
    """Somebody asks for a restore, and has seen what it will lose. It binds to its own chain by their signature.

    Attributes:
        store: its name in the book of backups.
        instant: to which they want to go back.
        backup: which one was chosen, with its manifest's digest.
        reached: the moment of its newest mark, or of its snapshot where it has none.
        lost: seconds between `reached` and `instant`.
        verified: how the backup came out when it was last restored to be looked at; "" where it never was.
        unsaved: why what is there now is not backed up first; "" where it is.
        halted: how it is known that trading is halted where nothing answers the book's check; "" where nobody says so.
        way: what will be made and renamed, by the names of its kind of store.
        asked_by: by id in people.yaml.
    """

    type: Literal["restore.planned"] = "restore.planned"
    store: str
    kind: str
    instant: Time
    backup: str
    manifest_digest: str
    reached: Time
    marker: Marker | None = None
    lost: float = Field(ge=0, allow_inf_nan=False)
    verified: str = ""
    unsaved: str = ""
    halted: str = ""
    way: dict[str, str]
    asked_by: str
    reason: str = ""
    signature: str = ""


class RestoreOrdered(Happening):
    """A person's signed word about a restore: to give it up before its switch, or to take the switch back.

    Attributes:
        restore: its chain.
    """

    type: Literal["restore.ordered"] = "restore.ordered"
    order: Literal["give up", "take back"]
    restore: str
    person: str
    reason: str
    signature: str = ""


class RestoreEnded(Happening):
    """It is over, and its environment free again.

    Attributes:
        done: whether it was switched.
        reached: when the last transaction in what is live now committed, where WAL led there; else as it was planned.
            None where nothing was switched, or the WAL did not say.
    """

    type: Literal["restore.ended"] = "restore.ended"
    done: bool
    sentence: str
    reached: Time | None = None
