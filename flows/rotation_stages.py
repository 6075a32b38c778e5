"""The stages of one rotation, each of which looks first whether it is done already."""

import asyncio
from datetime import datetime

from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn
from tasks.secret_versions import CURRENT, PENDING, SecretVersions
from tminus import events as ev
from tminus.clock import now, show_duration
from tminus.errors import Refused
from tminus.rotations.course import Rotation
from tminus.rotations.document import Document


class Stages:
    """Does one stage after another of a rotation.

    Args:
        rotator: of this kind of secret, with the book's policy.
        turn: the rotation, as the rotator sees it.
        versions: of the secret.
        rotation: how far it came.
        gone: whether Secrets Manager has thrown the old version away already.

    Attributes:
        census: who used the old value, where that was asked last.
    """

    def __init__(
        self, rotator: Rotator, turn: Turn, versions: SecretVersions, rotation: Rotation, *, gone: bool = False
    ) -> None:
        self._rotator = rotator
        self._turn = turn
        self._versions = versions
        self._rotation = rotation
        self._version = rotation.began.version
        self._replaces = rotation.began.replaces
        self._gone = gone
        self.census: Census | None = None

    async def do(self, stage: ev.RotationStage) -> Done | NotYet:
        """One stage; raises CouldNotObserve, Refused, NotConfigured, MissingSecret."""
        doing = {
            "create": self._create,
            "set": self._set,
            "test": self._test,
            "promote": self._promote,
            "off": self._off,
            "drop": self._drop,
            "back": self._back,
            "undo": self._undo,
        }
        return await doing[stage]()

    def too_early(self, stage: ev.RotationStage) -> NotYet | None:
        """Why a stage is not even begun, and until when: once the drop is, nothing can be turned back any more."""
        if stage != "drop" or self._gone or self._turn.at_once:
            return None
        wait = self._rotation.done["off"].at + self._rotator.switched_off
        reason = "the old value is switched off, and can be switched on again until then"
        return NotYet(wait, reason) if wait > now() else None

    async def _create(self) -> Done | NotYet:
        stands = await asyncio.to_thread(self._versions.versions)
        if self._version in stands.all:
            return Done(f"version {self._version[:8]} is there", already=True)
        if stands.current != self._replaces:
            raise Refused(
                f"{self._versions.secret}: version {stands.current[:8]} is {CURRENT}, and when this began it was "
                f"{self._replaces[:8]}: somebody else changed it. Nothing was made; `--undo` ends this rotation"
            )
        if stands.pending not in {"", stands.current}:
            raise Refused(
                f"{self._versions.secret}: version {stands.pending[:8]} is {PENDING}, so somebody else rotates it. "
                f"Where nobody does, take {PENDING} off that version in Secrets Manager, and begin again"
            )
        new = await self._rotator.create(self._turn)
        if new.same_as(self._turn.old):
            raise Refused(f"{self._turn.name}: the new value is the old one; nothing was put into Secrets Manager")
        await asyncio.to_thread(self._versions.put_pending, self._version, new)
        return Done(f"version {self._version[:8]} is {PENDING}, and reads back as it was put")

    async def _set(self) -> Done | NotYet:
        return await self._rotator.set(self._turn, await self._new())

    async def _test(self) -> Done | NotYet:
        return await self._rotator.test(self._turn, await self._new())

    async def _promote(self) -> Done | NotYet:
        stands = await asyncio.to_thread(self._versions.versions)
        already = stands.current == self._version
        await asyncio.to_thread(self._versions.promote, self._version, self._replaces)
        return Done(f"version {self._version[:8]} is {CURRENT}, in place of {self._replaces[:8]}", already=already)

    async def _off(self) -> Done | NotYet:
        new = await self._new()
        if not self._turn.at_once and (wait := await self._still_needed(new)):
            return wait
        came = await self._rotator.off(self._turn, new)
        if isinstance(came, NotYet) or self.census is None:
            return came
        return Done(f"{came.said}; {_silence(self.census)}", already=came.already)

    async def _still_needed(self, new: Document) -> NotYet | None:
        """Why the old value must go on working, and until when at least."""
        promoted = self._turn.promoted or now()
        kept = promoted + self._rotator.keep(self._turn)
        if now() < kept:
            return NotYet(kept, "the overlap: whoever read the old value goes on with it")
        self.census = await self._rotator.census(self._turn, new)
        seen = max(promoted, self.census.since)  # before that anybody may have used it
        quiet = max(seen, self.census.last or seen) + self._rotator.cycle
        if now() >= quiet:
            return None
        if self.census.last is None:
            return NotYet(quiet, "a whole business cycle in which nobody uses the old value")
        who = ", ".join(one.who for one in self.census.uses)
        cycle = show_duration(self._rotator.cycle)
        return NotYet(quiet, f"the old value is still used by {who}; it is switched off once nobody did for {cycle}")

    async def _drop(self) -> Done | NotYet:
        if self._gone:
            return Done("the old value is gone, and Secrets Manager has its version no more", already=True)
        came = await self._rotator.drop(self._turn, await self._new())
        if isinstance(came, Done):
            await asyncio.to_thread(self._versions.forget, self._replaces)
        return came

    async def _back(self) -> Done | NotYet:
        """The old value works and is current again; the new one works on, for those who read it already."""
        stands = await asyncio.to_thread(self._versions.versions)
        if stands.current != self._version:
            return Done("the old value is current", already=True)
        on = await self._rotator.on(self._turn, await self._new())
        await asyncio.to_thread(self._versions.promote, self._replaces, self._version)
        return Done(f"{on.said}; version {self._replaces[:8]} is {CURRENT} again")

    async def _undo(self) -> Done | NotYet:
        stands = await asyncio.to_thread(self._versions.versions)
        if (wait := self._turned_back() + self._rotator.keep(self._turn)) > now():
            return NotYet(wait, "the overlap: whoever read the new value goes on with it")
        new = await self._new() if self._version in stands.all else None
        came = await self._rotator.undo(self._turn, new)
        if isinstance(came, Done):
            await asyncio.to_thread(self._versions.forget, self._version)
        return came

    def _turned_back(self) -> datetime:
        """Since when nobody reads the new value any more: long ago, where nobody ever could.

        That `back` found it so already tells nothing: it may have been made so right before a kill.
        """
        back = self._rotation.done.get("back")
        never = back is None or "promote" not in self._rotation.begun
        return datetime.min.replace(tzinfo=now().tzinfo) if never or back is None else back.at

    async def _new(self) -> Document:
        return await asyncio.to_thread(self._versions.read, self._version)


def _silence(census: Census) -> str:
    seen = f"nobody used it since {census.since:%Y-%m-%d %H:%M:%S} UTC by {census.where}"
    if census.last is not None:
        seen = f"last used {census.last:%Y-%m-%d %H:%M:%S} UTC by {census.where}"
    return f"{seen}; not seen: {census.blind}" if census.blind else seen
