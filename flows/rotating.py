"""A secret's rotation, taken as far as it goes now: begun where it is due, gone on with where it stands.

One process at a time holds the secret's lease, and the environment's lock while anything is changed; between two
visits, in the overlap, nothing is held. Whoever comes after a death goes on where that one stood.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from flows.asking_first import answered
from flows.diary import Diary, alone
from flows.rotation_rules import require_approved, require_same_book, rotator_of
from flows.rotation_stages import NoWayBack, Stages
from flows.rotation_visit import Left, Say, Visited, Wish, broke_off, mistaken, visited
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tasks.rotators.rotator import Census, Done, NotYet, Turn
from tasks.secret_versions import SecretVersions, Versions
from tminus import events as ev
from tminus.calendar.override import require_allowed_but
from tminus.clock import now
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured, OutsideCalendar, Refused, UsageError
from tminus.ledger.store import Store
from tminus.rotations.course import Rotation
from tminus.rotations.document import Document
from tminus.rotations.opened import OpenedSecrets
from tminus.rotations.telling import letters

_BROKE = (CouldNotObserve, NotConfigured, MissingSecret, Refused)


class Rotating:
    """One secret, under its lease.

    Args:
        store: the ledger.
        opened: the book, and where its systems are.
        name: the secret.
        token: the lease's.
        estate: the environment, opened.
        say: tells how it goes on.

    Attributes:
        diary: its rotations, and where they are written down.
    """

    def __init__(self, store: Store, opened: OpenedSecrets, name: str, token: int, estate: Estate, say: Say) -> None:
        self._store = store
        self._opened = opened
        self._name = name
        self._estate = estate
        self._say = say
        self._rotator = rotator_of(opened, name)
        self._versions = SecretVersions.open(estate, self._rotator.secret)
        self.diary = Diary(
            store,
            opened.environment,
            opened.chain(name),
            token,
            opened.course(store, name),
            partial(letters, opened, name),
        )

    async def stands(self) -> Versions:
        """Its versions by their stages."""
        return await asyncio.to_thread(self._versions.versions)

    async def has(self, version: str) -> bool:
        """Whether Secrets Manager has a version's value still."""
        try:
            await asyncio.to_thread(self._versions.read, version)
        except NotThere:
            return False
        return True

    async def current(self) -> tuple[str, Document, datetime]:
        """The version that is current, its value, and when it was made."""
        stands = await self.stands()
        if not stands.current:
            raise CouldNotObserve(f"{self._rotator.secret} has no current value; put one there before it is rotated")
        made = await asyncio.to_thread(self._versions.made, stands.current)
        return stands.current, await asyncio.to_thread(self._versions.read, stands.current, "AWSCURRENT"), made

    async def used_by(self) -> list[str]:
        """Who uses what is current, a line each, and what cannot be seen: who will be cut off where it leaked."""
        _, old, made = await self.current()
        turn = Turn(self._estate, self._name, "", "", {}, old, at_once=True)
        turn = replace(turn, way=await self._rotator.plan(turn))
        whole = await self._rotator.census(turn, old)
        uses = [one for one in whole.uses if one.last >= made]  # before that they had another value
        census = replace(whole, uses=uses, since=max(whole.since, made))
        blind = [f"not seen: {census.blind}"] if census.blind else []
        return [*_lines(census), f"seen by {census.where}, since {census.since:%Y-%m-%d %H:%M} UTC", *blind]

    def require_allowed(self, *, at_once: bool, outside: str = "") -> None:
        """Raises OutsideCalendar where the environment's calendar says no, but of what leaked, or was overridden."""
        if not at_once:
            require_allowed_but(self._opened.environment, "rotation", now(), outside)

    def require_given(self, given: Document | None, *, at_once: bool) -> None:
        """Raises Refused where a person must bring the new value and did not."""
        if self._rotator.by_hand and given is None:
            how = f"`tminus rotate {self._name}{' --at-once' if at_once else ''} --given`"
            raise Refused(
                f"{self._name} is made by a person ({self._rotator.title}): make a new one, then {how}, which asks "
                "for it without showing it. Nothing was changed"
            )

    async def begin(self, wish: Wish) -> None:
        """Writes down that a rotation begins, and what it will touch.

        Raises Refused where a person must bring the new value and did not, but for one begun by the schedule, which
        pages; and where what the wish would replace is not current any more. Raises CouldNotObserve, LedgerError.
        """
        self.require_allowed(at_once=wish.at_once, outside=wish.outside)
        if not wish.scheduled:
            self.require_given(wish.given, at_once=wish.at_once)
        replaces, old, _ = await self.current()
        if wish.replaces not in {"", replaces}:
            opens = f"{wish.replaces[:8]} opens what it did, and no rotation reaches it: end it at its server"
            raise Refused(
                f"version {wish.replaces[:8]} of {self._name} was to be replaced, and {replaces[:8]} is current by "
                f"now: somebody else changed it. Nothing was done{f'; {opens}' if wish.at_once else ''}. Ask again "
                f"where {replaces[:8]} is to go too"
            )
        rotation = f"{now():%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(2)}"
        version = str(uuid.uuid4())
        turn = Turn(self._estate, self._name, rotation, version, {}, old, at_once=wish.at_once, given=wish.given)
        began = ev.RotationBegan(
            rotation=rotation,
            secret=self._name,
            stored_as=self._rotator.secret,
            kind=self._rotator.kind,
            environment=self._opened.environment.environment,
            digests=self._opened.digests,
            version=version,
            replaces=replaces,
            way=dict(await self._rotator.plan(turn)),
            servers=self._rotator.servers,
            at_once=wish.at_once,
            reason=wish.reason,
            approval=wish.approval,
            outside=wish.outside,
            overridden_by=wish.overridden_by,
        )
        await self.diary.write(began)

    async def go_on(self, given: Document | None = None) -> Visited:
        """Takes the open rotation as far as it goes now. Raises Refused where the environment is held; LedgerError.

        A stage that works for hours says how far it came from time to time; the environment is free between.
        """
        before, came = "", await self._visit(given)
        while came.until is not None and came.until <= now() and came.why != before:
            self._say(came.said)
            before, came = came.why, await self._visit(given)
        return came

    async def _visit(self, given: Document | None) -> Visited:
        rotation = self._open()
        if (too_early := await self._not_now(rotation)) is not None:
            await self.diary.free()  # it is held still where whoever was here before died
            return too_early
        await self._lock(rotation)
        async with self.diary.held(partial(mistaken, rotation)):
            try:
                last: Left = await self._until_it_waits(rotation, given)
            except _BROKE as e:
                last = broke_off(rotation, str(e), refused=isinstance(e, Refused))
            await self.diary.leave(last)
        return visited(self._name, last)

    async def _lock(self, rotation: Rotation) -> None:
        """Raises Refused where somebody else holds the environment; where what leaked must wait for that, it pages."""
        try:
            await self.diary.lock()
        except Refused as e:
            if rotation.at_once and not rotation.paged:
                await self.diary.write(broke_off(rotation, str(e), refused=True))
            raise

    async def overtaken(self, rotation: Rotation) -> bool:
        """Whether somebody made a value current that is not of this rotation."""
        return (await self.stands()).current not in {"", rotation.began.version, rotation.began.replaces}

    async def _not_now(self, rotation: Rotation) -> Visited | None:
        """Why nothing is done on this visit: nobody said yes yet, or it is too early."""
        hurried = rotation.hastened is not None
        if rotation.undo is None and not hurried and not rotation.begun and rotation.began.approval:
            answer = await asyncio.to_thread(answered, self._store, rotation.began.approval, ev.RotationAsked)
            if answer.word == "open":
                return Visited(self._name, "waits", f"{self._name} waits for a yes: {answer.said}")
            begun = rotation.at_once and answer.word == "yes"  # what leaked goes, however late
            if not begun and (why := answer.why_not(now())):
                ended = ev.RotationEnded(rotation=rotation.name, how="not approved", sentence=f"{self._name}: {why}")
                await self.diary.leave(ended)
                return visited(self._name, ended)
        waits = rotation.waits
        if waits is not None and waits.until > now():
            return visited(self._name, waits)
        untouched = not rotation.begun and rotation.undo is None and not rotation.at_once
        if untouched:
            try:
                self.require_allowed(at_once=False, outside=rotation.began.outside)
            except (OutsideCalendar, UsageError) as e:
                return Visited(self._name, "waits", f"{self._name}: {e}")
        return None

    async def _until_it_waits(self, rotation: Rotation, given: Document | None) -> Left:
        require_same_book(rotation, self._rotator)
        if rotation.leaked is not None:
            await asyncio.to_thread(require_approved, self._store, self._name, rotation.leaked)
        while stage := rotation.next:
            stages = await self._stages(rotation, given)
            came: Done | NotYet | None = await stages.before(stage)
            if came is None:
                await self.diary.write(ev.RotationStageBegan(rotation=rotation.name, stage=stage))
                try:
                    came = await stages.do(stage)
                except NoWayBack as e:
                    await self.diary.write(ev.RotationNotTurnedBack(rotation=rotation.name, why=str(e)))
                    if not rotation.at_once:
                        raise
                    self._say(f"{self._name}: {e}")
                    continue
            if isinstance(came, NotYet):
                return ev.RotationWaits(
                    rotation=rotation.name,
                    stage=stage,
                    until=came.until,
                    why=came.why,
                    used_by=_lines(stages.census),
                )
            done = ev.RotationStageDone(
                rotation=rotation.name, stage=stage, said=came.said, already=came.already, left=came.left
            )
            await self.diary.write(done)
            self._say(f"{self._name}: {stage}: {came.said}{' (it was so already)' if came.already else ''}")
        return ev.RotationEnded(
            rotation=rotation.name,
            how="undone" if rotation.undo else "rotated",
            sentence=self._sentence(rotation, (await self.stands()).current),
        )

    async def _stages(self, rotation: Rotation, given: Document | None) -> Stages:
        began, gone = rotation.began, False
        try:
            old = await asyncio.to_thread(self._versions.read, began.replaces)
        except NotThere:
            if rotation.promoted is None and not rotation.undo:
                raise
            old, gone = Document.nothing(f"{began.stored_as} (version {began.replaces[:8]})"), True
        turn = Turn(
            self._estate,
            self._name,
            rotation.name,
            began.version,
            began.way,
            old,
            promoted=rotation.promoted,
            at_once=rotation.at_once,
            given=given,
        )
        return Stages(self._rotator, turn, self._versions, rotation, self.diary.fence, gone=gone)

    def _sentence(self, rotation: Rotation, current: str) -> str:
        left = "; ".join(dict.fromkeys(done.left for done in rotation.done.values() if done.left))
        ended = f"version {current[:8]} is current, and {left or f'{rotation.ends[:8]} opens nothing any more'}"
        if rotation.undo:
            return f"{self._name} is turned back ({rotation.undo.person}: {rotation.undo.reason}): {ended}"
        at_once = "; the old value was cut off at once" if rotation.at_once else ""
        return f"{self._name} is rotated: {ended}{at_once}"

    def _open(self) -> Rotation:
        if (rotation := self.diary.course.open) is None:
            raise UsageError(f"no rotation of {self._name} is under way; `tminus rotate {self._name}` begins one")
        return rotation


def _lines(census: Census | None) -> tuple[str, ...]:
    uses = census.uses if census else ()
    return tuple(f"{one.who}: {one.times} times, last {one.last:%Y-%m-%d %H:%M:%S} UTC" for one in uses)


@asynccontextmanager
async def rotating(store: Store, opened: OpenedSecrets, name: str, say: Say) -> AsyncIterator[Rotating]:
    """The block in which nobody else rotates this secret.

    Raises Refused where somebody does; UsageError for an unknown name; LedgerError, NotConfigured, MissingSecret.
    """
    rotator_of(opened, name)
    async with alone(store, opened, opened.chain(name), opened.system) as (token, estate):
        yield Rotating(store, opened, name, token, estate, say)
