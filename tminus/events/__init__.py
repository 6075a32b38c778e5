"""Everything that can happen to a launch: one small class an event, stored as canonical JSON."""

from typing import Annotated

import rfc8785
from pydantic import BaseModel, Field, TypeAdapter

from tminus.events.asked import ChangeAsked
from tminus.events.backups import (
    BackupAnnounced,
    BackupTaken,
    BackupVerified,
    ScratchGone,
    ScratchPlanned,
    StoresCompared,
    VerificationBegan,
    VerificationEnded,
)
from tminus.events.course import (
    DirectoryEntry,
    FollowUp,
    HeadAnchored,
    Held,
    JournalMerged,
    LaunchClosed,
    LaunchCreated,
    PhaseEnded,
    PhaseScheduled,
    PhaseStarted,
    Result,
    RollbackBegan,
    RollbackEnded,
)
from tminus.events.decisions import (
    Answer,
    Answered,
    AnswerRefused,
    AskEnded,
    AskOpened,
    LaterGate,
    Order,
    Ordered,
    Reminded,
    Via,
)
from tminus.events.drills import (
    DrillAsked,
    DrillBegan,
    DrillBrokeOff,
    DrillEnded,
    DrillMeasured,
    DrillRefused,
    DrillsAllowed,
    DrillsStopped,
    DrillStage,
    DrillStageBegan,
    DrillStageDone,
    DrillStopped,
    DrillWindow,
    DrillWindowEnded,
    DrillWindowOpens,
)
from tminus.events.happening import Time
from tminus.events.operations import OperationApproved, OperationBegan, OperationEnded
from tminus.events.readiness import (
    BaselineFrozen,
    LineAttested,
    LineSeen,
    LinesSeen,
    LineWaived,
    ReviewLine,
    ReviewsTold,
    SweepBegan,
    SweepEnded,
)
from tminus.events.restores import RestoreEnded, RestoreOrdered, RestorePlanned
from tminus.events.rotations import (
    RotationAsked,
    RotationBegan,
    RotationBrokeOff,
    RotationEnded,
    RotationNotTurnedBack,
    RotationOrdered,
    RotationStage,
    RotationStageBegan,
    RotationStageDone,
    RotationWaits,
)
from tminus.events.steps import (
    Sample,
    StepEnded,
    StepIntended,
    StepStarted,
    UndoEnded,
    UndoIntended,
    WatchBegan,
    WatchDecided,
    WatchSampled,
)

__all__ = [
    "Answer",
    "AnswerRefused",
    "Answered",
    "AskEnded",
    "AskOpened",
    "BackupAnnounced",
    "BackupTaken",
    "BackupVerified",
    "BaselineFrozen",
    "ChangeAsked",
    "DirectoryEntry",
    "DrillAsked",
    "DrillBegan",
    "DrillBrokeOff",
    "DrillEnded",
    "DrillMeasured",
    "DrillRefused",
    "DrillStage",
    "DrillStageBegan",
    "DrillStageDone",
    "DrillStopped",
    "DrillWindow",
    "DrillWindowEnded",
    "DrillWindowOpens",
    "DrillsAllowed",
    "DrillsStopped",
    "Event",
    "FollowUp",
    "HeadAnchored",
    "Held",
    "JournalMerged",
    "LaterGate",
    "LaunchClosed",
    "LaunchCreated",
    "LineAttested",
    "LineSeen",
    "LineWaived",
    "LinesSeen",
    "OperationApproved",
    "OperationBegan",
    "OperationEnded",
    "Order",
    "Ordered",
    "PhaseEnded",
    "PhaseScheduled",
    "PhaseStarted",
    "Reminded",
    "RestoreEnded",
    "RestoreOrdered",
    "RestorePlanned",
    "Result",
    "ReviewLine",
    "ReviewsTold",
    "RollbackBegan",
    "RollbackEnded",
    "RotationAsked",
    "RotationBegan",
    "RotationBrokeOff",
    "RotationEnded",
    "RotationNotTurnedBack",
    "RotationOrdered",
    "RotationStage",
    "RotationStageBegan",
    "RotationStageDone",
    "RotationWaits",
    "Sample",
    "ScratchGone",
    "ScratchPlanned",
    "StepEnded",
    "StepIntended",
    "StepStarted",
    "StoresCompared",
    "SweepBegan",
    "SweepEnded",
    "Time",
    "UndoEnded",
    "UndoIntended",
    "VerificationBegan",
    "VerificationEnded",
    "Via",
    "WatchBegan",
    "WatchDecided",
    "WatchSampled",
    "read",
    "write",
]

Event = Annotated[
    LaunchCreated
    | PhaseScheduled
    | PhaseStarted
    | PhaseEnded
    | StepStarted
    | StepIntended
    | StepEnded
    | UndoIntended
    | UndoEnded
    | AskOpened
    | AskEnded
    | Reminded
    | Answered
    | AnswerRefused
    | Ordered
    | Held
    | WatchBegan
    | WatchSampled
    | WatchDecided
    | RollbackBegan
    | RollbackEnded
    | FollowUp
    | HeadAnchored
    | JournalMerged
    | LaunchClosed
    | DirectoryEntry
    | SweepBegan
    | LinesSeen
    | SweepEnded
    | LineAttested
    | LineWaived
    | BaselineFrozen
    | ReviewsTold
    | OperationBegan
    | OperationApproved
    | OperationEnded
    | BackupAnnounced
    | BackupTaken
    | VerificationBegan
    | ScratchPlanned
    | ScratchGone
    | BackupVerified
    | StoresCompared
    | VerificationEnded
    | RestorePlanned
    | RestoreOrdered
    | RestoreEnded
    | DrillAsked
    | DrillBegan
    | DrillBrokeOff
    | DrillEnded
    | DrillMeasured
    | DrillRefused
    | DrillStageBegan
    | DrillStageDone
    | DrillStopped
    | DrillWindow
    | DrillWindowEnded
    | DrillWindowOpens
    | DrillsAllowed
    | DrillsStopped
    | RotationAsked
    | RotationBegan
    | RotationBrokeOff
    | RotationEnded
    | RotationNotTurnedBack
    | RotationOrdered
    | RotationStageBegan
    | RotationStageDone
    | RotationWaits,
    Field(discriminator="type"),
]
_event: TypeAdapter[Event] = TypeAdapter(Event)


def write(event: BaseModel) -> str:
    """The event's text as it is stored and hashed: RFC 8785 canonical JSON."""
    return rfc8785.dumps(event.model_dump(mode="json")).decode()


def read(body: str) -> Event:
    """The event that `write` wrote; raises pydantic's ValidationError where it is none."""
    return _event.validate_json(body)
