"""What breaks a rotation at one moment, and what must be so at every moment, asked of the door and Secrets Manager."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from time import sleep
from typing import TypeVar

from pydantic import BaseModel

from flows.rotation_visit import Visited
from tasks.aws_client import AwsService, Parameter
from tests.flows.ledgers import BreakableStore, Matches
from tests.flows.rotations.room import NAME, Room
from tests.flows.world import Crash
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerUnreachable
from tminus.rotations.course import BACK, FORWARD

_T = TypeVar("_T", bound=BaseModel)
_VISITS = 20  # after which what should break has not

MOMENTS = (
    "rotation.began",
    *(f"rotation.{what} {stage}" for stage in FORWARD for what in ("stage_began", "stage_done")),
    *("rotation.waits off", "rotation.waits drop", "rotation.ended"),
)
"""Everything that the ledger is told of a rotation."""
MOMENTS_BACK = (
    "rotation.ordered",
    *(f"rotation.{what} {stage}" for stage in BACK for what in ("stage_began", "stage_done")),
    *("rotation.waits undo", "rotation.ended"),
)
"""The same, of turning one back."""


def told(moment: str) -> Matches:
    """The event of such a moment."""
    return lambda event: f"{event.type} {getattr(event, 'stage', '')}".strip() == moment


@dataclass
class BreakingManager:
    """Secrets Manager, one call of which fails.

    Attributes:
        at: the call's number, from 0 on.
        after: whether it has its effect all the same.
        error: what it fails with: nothing is known of the outcome, or the process ends there.
        calls: what was asked so far.
    """

    at: int
    after: bool = False
    error: type[BaseException] = CouldNotObserve
    calls: list[str] = field(default_factory=list)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """The block in which it stands where Secrets Manager does."""
        whole, breaking = AwsService.read, self

        def read(service: AwsService, model: type[_T], operation: str, **parameters: Parameter) -> _T:
            number = len(breaking.calls)
            breaking.calls.append(operation)
            if number == breaking.at and not breaking.after:
                raise breaking.error(f"{operation} failed")
            answer = whole(service, model, operation, **parameters)
            if number == breaking.at:
                raise breaking.error(f"the answer to {operation} was lost")
            return answer

        AwsService.read = read  # type: ignore[assignment, method-assign]
        try:
            yield
        finally:
            AwsService.read = whole  # type: ignore[method-assign]

    @property
    def broke(self) -> bool:
        """Whether it did."""
        return len(self.calls) > self.at


def broken(room: Room, arm: Callable[[BreakableStore], None], *, back: bool = False) -> None:
    """Visits until the process ends, or the ledger's answer is lost; raises AssertionError where neither comes.

    Args:
        room: where.
        arm: tells the ledger when to break.
        back: whether the first visit turns the rotation back.
    """
    with closing(room.store()) as store:
        arm(store)
        try:
            visited = room.undo(store) if back else begun(room, store)
            for _ in range(_VISITS):
                wait_for(visited)
                visited = room.go_on(store)
        except (Crash, LedgerUnreachable):
            return
    raise AssertionError("it never came to that moment")


def begun(room: Room, store: BreakableStore | None = None) -> Visited | None:
    """A visit that begins a rotation where there was none."""
    course = room.course()
    return room.rotate(store) if not course.rotations else room.go_on(store)


def wait_for(visited: Visited | None) -> None:
    """Until something can be done again."""
    if visited is not None and visited.until is not None:
        sleep(max(0.0, (visited.until - now()).total_seconds()) + 0.01)


def to_its_end(room: Room) -> None:
    """Started again until it is over, whatever became of it; what must always be so is asked after each visit."""
    if not room.course().rotations:
        room.rotate()
    for _ in range(_VISITS):
        stands_well(room)
        if room.course().open is None:
            return
        wait_for(room.go_on())
    raise AssertionError(f"no end of {NAME}'s rotation: {room.course().rotations[-1]}")


def stands_well(room: Room) -> None:
    """Of what is current there is one, and it opens; whatever opens is of a version that Secrets Manager knows."""
    stages = room.stages()
    assert stages["AWSCURRENT"] == 1, stages
    assert stages.get("AWSPENDING", 0) <= 1, stages
    known = _known(room)
    with room.door.told() as told_by_door:
        opening, knows = set(told_by_door["locks"]), {*told_by_door["locks"], *told_by_door["off"]}
    assert sha256(room.value().encode()).hexdigest() in opening, "what is current opens nothing"
    assert knows <= known, "the door knows a password that nobody does"


def _known(room: Room) -> set[str]:
    """The hashes of every value that Secrets Manager holds under some stage."""
    listed = room.client.describe_secret(SecretId=room.secret)["VersionIdsToStages"]
    values = [
        room.client.get_secret_value(SecretId=room.secret, VersionId=version)["SecretString"]
        for version, stages in listed.items()
        if stages
    ]
    return {sha256(json.loads(value)["password"].encode()).hexdigest() for value in values}


def over(room: Room, how: str, value: str | None = None) -> None:
    """It ended so; what is current opens alone, and no stage is left over.

    Args:
        room: where.
        how: its end.
        value: what is current then; whatever it is where none is given.
    """
    ended = room.course().rotations[-1].ended
    assert isinstance(ended, ev.RotationEnded)
    assert ended.how == how
    stands_well(room)
    assert room.door.passwords == 1
    assert set(room.stages()) == {"AWSCURRENT"}
    assert value is None or room.value() == value
