"""The stages of one rotation, each of which looks first whether it is done already."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tasks.aws_errors import NotThere
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn
from tasks.secret_versions import CURRENT, PENDING, SecretVersions
from tminus import events as ev
from tminus.clock import now, show_duration
from tminus.errors import Refused
from tminus.rotations.course import Rotation
from tminus.rotations.document import Document


class NoWayBack(Refused):
    """Nothing has the old value work again."""


class Stages:
    """Does one stage after another of a rotation.

    Args:
        rotator: of this kind of secret, with the book's policy.
        turn: the rotation, as the rotator sees it.
        versions: of the secret.
        rotation: how far it came.
        gone: whether Secrets Manager has thrown the old version away already.
        fence: raises where the lease is another's by now; asked right before a version's stage is moved, so that
            whoever was stopped in the middle and comes back later moves nothing.

    Attributes:
        census: who used the old value, where that was asked last.
    """

    def __init__(
        self,
        rotator: Rotator,
        turn: Turn,
        versions: SecretVersions,
        rotation: Rotation,
        fence: Callable[[], None],
        *,
        gone: bool = False,
    ) -> None:
        self._rotator = rotator
        self._turn = turn
        self._versions = versions
        self._rotation = rotation
        self._version = rotation.began.version
        self._replaces = rotation.began.replaces
        self._gone = gone
        self._fence = fence
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

    async def before(self, stage: ev.RotationStage) -> NotYet | None:
        """Why a stage is not even begun: once the drop is, nothing can be turned back any more.

        Raises Refused where the old value may be what everybody reads; CouldNotObserve.
        """
        if stage in {"set", "test"}:
            await self._require_not_overtaken()
        if stage in {"off", "drop"}:
            await self._require_current()
        return self._too_early(stage)

    def _too_early(self, stage: ev.RotationStage) -> NotYet | None:
        if stage != "drop" or self._gone or self._turn.at_once:
            return None
        wait = self._rotation.done["off"].at + self._rotator.switched_off
        reason = "the old value is switched off, and can be switched on again until then"
        return NotYet(wait, reason) if wait > now() else None

    async def _create(self) -> Done | NotYet:
        stands = await asyncio.to_thread(self._versions.versions)
        if self._version in stands.all:
            await self._require_given()
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

    async def _require_given(self) -> None:
        """Raises Refused where somebody brings another value than lies there from an earlier try."""
        given = self._turn.given
        if (
            given is not None
            and self._rotator.by_hand
            and not (await self._new()).same_as(await self._rotator.create(self._turn))
        ):
            raise Refused(
                f"version {self._version[:8]} of {self._turn.name} holds another value than the one you gave, from an "
                f"earlier try; nothing was done. `tminus rotate {self._turn.name}` goes on with that, `--undo` ends it"
            )

    async def _set(self) -> Done | NotYet:
        return await self._rotator.set(self._turn, await self._new())

    async def _test(self) -> Done | NotYet:
        return await self._rotator.test(self._turn, await self._new())

    async def _promote(self) -> Done | NotYet:
        stands = await asyncio.to_thread(self._versions.versions)
        already = stands.current == self._version
        await asyncio.to_thread(self._versions.promote, self._version, self._replaces, self._fence)
        return Done(f"version {self._version[:8]} is {CURRENT}, in place of {self._replaces[:8]}", already=already)

    async def _off(self) -> Done | NotYet:
        new = await self._new()
        if not self._turn.at_once and (wait := await self._still_needed(new)):
            return wait
        came = await self._rotator.off(self._turn, new)
        if isinstance(came, NotYet) or self.census is None:
            return came
        return Done(f"{came.said}; {_silence(self.census)}", already=came.already)

    async def _require_not_overtaken(self) -> None:
        """Raises Refused where something else is current than what is replaced: what is done next could end that."""
        current = (await asyncio.to_thread(self._versions.versions)).current
        if current != self._replaces:
            raise Refused(
                f"{self._versions.secret}: version {current[:8] or 'none'} is {CURRENT}, and when this began it was "
                f"{self._replaces[:8]}: somebody else changed it, and it was left so. `--undo` ends this rotation"
            )

    async def _require_current(self) -> None:
        """Raises Refused where the new value is not current any more: the old one may be what everybody reads."""
        current = (await asyncio.to_thread(self._versions.versions)).current
        if current == self._version:
            return
        moved = (
            f"{self._versions.secret}: version {current[:8] or 'none'} is {CURRENT}, and it was {self._version[:8]} "
            "since this rotation made it so: somebody moved it. The old value was left as it is"
        )
        if self._turn.at_once and self._is_third(current):
            if not self._gone and not self._rotator.shares(self._turn.old, await self._read(current)):
                return  # what leaked goes, whoever put something else in its place
            again = f"`tminus rotate {self._turn.name} --at-once` replaces {current[:8]} too"
            raise Refused(f"{moved}, since cutting it off could cut off {current[:8]} with it; {again}")
        undo = "" if self._rotation.too_late_to_undo else ", or turn the rotation back with `--undo`"
        raise Refused(f"{moved}; give {CURRENT} back to {self._version[:8]}{undo}")

    def _is_third(self, version: str) -> bool:
        """Whether somebody else put that value there."""
        return version not in {"", self._version, self._replaces}

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
            gone = f"version {self._replaces[:8]} is gone from Secrets Manager"
            left = f"{gone}, and whether its value opens anything nobody can tell here: look at its server"
            return Done(f"{gone}; its value cannot be ended, since nobody knows it here", already=True, left=left)
        came = await self._rotator.drop(self._turn, await self._new())
        if isinstance(came, Done):
            await asyncio.to_thread(self._versions.forget, self._replaces, self._fence)
        return came

    async def _back(self) -> Done | NotYet:
        """The old value works and is current again; the new one works on, for those who read it already."""
        current = (await asyncio.to_thread(self._versions.versions)).current
        if self._is_third(current):
            return Done(f"version {current[:8]} is {CURRENT}; somebody else made it so", already=True)
        if self._gone:
            raise Refused(
                f"{self._versions.secret}: the old version {self._replaces[:8]} is gone from Secrets Manager, so "
                f"there is nothing to go back to; give {CURRENT} to a value of your own, and this ends"
            )
        switched = "off" in self._rotation.begun
        on = await self._on() if switched or current == self._version else None
        if current != self._version:
            return Done(f"{f'{on.said}; ' if on else ''}version {current[:8]} is {CURRENT}", already=True)
        await asyncio.to_thread(self._versions.promote, self._replaces, self._version, self._fence)
        return Done(f"{on.said if on else ''}; version {self._replaces[:8]} is {CURRENT} again")

    async def _on(self) -> Done:
        try:
            return await self._rotator.on(self._turn, await self._new())
        except Refused as e:
            raise NoWayBack(f"{e}. It is not turned back, and goes on as before") from e

    async def _undo(self) -> Done | NotYet:
        if (wait := self._turned_back() + self._rotator.keep(self._turn)) > now():
            return NotYet(wait, "the overlap: whoever read the new value goes on with it")
        new, current = await self._new_if_there(), (await asyncio.to_thread(self._versions.versions)).current
        turn, left = self._turn, ""
        if self._is_third(current):
            turn = replace(turn, old=await self._read(current))
            left = f"version {self._replaces[:8]} was left as it is, since somebody else put another in its place"
        came = await self._rotator.undo(turn, new)
        if isinstance(came, NotYet):
            return came
        await asyncio.to_thread(self._versions.forget, self._version, self._fence)
        if new is None and "set" in self._rotation.begun:
            left = f"version {self._version[:8]} is gone from Secrets Manager: look whether its value opens anything"
        return replace(came, left=left or came.left)

    async def _new_if_there(self) -> Document | None:
        """By its id: where somebody took its stage away, Secrets Manager has its value all the same."""
        try:
            return await self._new()
        except NotThere:
            return None

    def _turned_back(self) -> datetime:
        """Since when nobody reads the new value any more: long ago, where nobody ever could.

        That `back` found it so already tells nothing: it may have been made so right before a kill.
        """
        back = self._rotation.done.get("back")
        never = back is None or "promote" not in self._rotation.begun
        return datetime.min.replace(tzinfo=now().tzinfo) if never or back is None else back.at

    async def _new(self) -> Document:
        return await self._read(self._version)

    async def _read(self, version: str) -> Document:
        return await asyncio.to_thread(self._versions.read, version)


def _silence(census: Census) -> str:
    seen = f"nobody used it since {census.since:%Y-%m-%d %H:%M:%S} UTC by {census.where}"
    if census.last is not None:
        seen = f"last used {census.last:%Y-%m-%d %H:%M:%S} UTC by {census.where}"
    return f"{seen}; not seen: {census.blind}" if census.blind else seen
