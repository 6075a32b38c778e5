"""`--sabotage`: one of the mechanisms by which a rotation survives a kill, switched off in the process that is killed.

- id: the new version's id is written down after the version is made, and not before;
- look: the new version is made current without a look whether it is so already;
- first: the new value is set in the outside system before Secrets Manager has it;
- keep: a user of Redis that is already as it should be is not written into the configuration file;
- back: that the old value is current already is taken to mean that nobody ever read the new one.
"""

# ruff: noqa: SLF001, B010 - a sabotage reaches inside

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from flows.rotation_stages import Stages
from tasks.redis_acl import Node
from tasks.rotators.rotator import Done, NotYet, Rotator, Turn
from tasks.secret_versions import CURRENT, SecretVersions
from tminus import events as ev
from tminus.rotations.course import Rotation
from tminus.rotations.document import Document

Mechanism = Literal["id", "look", "first", "keep", "back"]
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)


class _IdLate:
    """Draws the id, and remembers it once the ledger knows that the version is there."""

    def __init__(self) -> None:
        self.file = Path()
        self.drawn = ""

    def id(self) -> str:
        self.drawn = self.drawn or (self.file.read_text() if self.file.exists() else str(uuid.uuid4()))
        return self.drawn


_late = _IdLate()


def recorded(mechanism: Mechanism | None, event: ev.Event) -> None:
    """The ledger knows of it."""
    if mechanism == "id" and isinstance(event, ev.RotationStageDone) and event.stage == "create":
        _late.file.write_text(_late.id())


def _with_id_late() -> None:
    whole = Stages.__init__

    def begins(
        stages: Stages,
        rotator: Rotator,
        turn: Turn,
        versions: SecretVersions,
        rotation: Rotation,
        fence: Callable[[], None],
        *,
        gone: bool = False,
    ) -> None:
        whole(stages, rotator, replace(turn, version=_late.id()), versions, rotation, fence, gone=gone)
        stages._version = _late.id()

    setattr(Stages, "__init__", begins)


def _without_look() -> None:
    def promote(versions: SecretVersions, version: str, instead_of: str, fence: Callable[[], None]) -> None:
        versions._move(fence, CURRENT, to=version, off=instead_of)
        versions._move(fence, "AWSPENDING", off=version)

    setattr(SecretVersions, "promote", promote)


def _outside_first() -> None:
    made: list[Document] = []

    async def create(stages: Stages) -> Done:
        del stages
        return Done("it is made when it is set")

    async def sets(stages: Stages) -> Done | NotYet:
        made[:] = made or [await stages._rotator.create(stages._turn)]
        came = await stages._rotator.set(stages._turn, made[0])
        await asyncio.to_thread(stages._versions.put_pending, stages._version, made[0])
        return came

    setattr(Stages, "_create", create)
    setattr(Stages, "_set", sets)


def _unkept() -> None:
    whole = Node.change

    async def change(node: Node, user: str, *rules: str) -> None:
        if rules:
            await whole(node, user, *rules)

    setattr(Node, "change", change)


def _back_forgets() -> None:
    def turned_back(stages: Stages) -> datetime:
        back = stages._rotation.done.get("back")
        return datetime.min.replace(tzinfo=UTC) if back is None or back.already else back.at

    setattr(Stages, "_turned_back", turned_back)


_OFF: dict[Mechanism, Callable[[], None]] = {
    "id": _with_id_late,
    "look": _without_look,
    "first": _outside_first,
    "keep": _unkept,
    "back": _back_forgets,
}


@contextmanager
def without(mechanism: Mechanism | None, folder: Path) -> Iterator[None]:
    """Switches it off in this process, for as long as it lives.

    Args:
        mechanism: which; none where it is None.
        folder: where `id` keeps what it remembers.
    """
    _late.file = folder / "id"
    if mechanism is not None:
        _OFF[mechanism]()
    yield
