"""`kms.key`: a customer-managed KMS key, and what is encrypted with it, which is encrypted anew with its successor.

The secret is the JSON document that applications read, `{"key_id": …}`, beside the alias. A key is no value: nobody
but KMS ever sees one. What is copied is the key's policy, tags, description and yearly rotation.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from tasks.kms_keys import Key, KmsKeys
from tasks.kms_objects import Objects
from tasks.kms_proofs import require_context, require_replaceable
from tasks.kms_rows import Envelope, Rows
from tasks.kms_sweep import Fate, Move, Place, Sweep
from tasks.kms_uses import Uses
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Way
from tminus.clock import Duration, now
from tminus.errors import Refused
from tminus.rotations.document import Document

_MARK = "tminus-rotation"
_OLDER = "tminus-older"
_ID = "key_id"
_MOST_OLDER = 1000  # old versions are counted up to here: the next look comes to the same
_A_LOOK = 60.0  # seconds that a mere count may take
_BLIND = (
    "whoever uses the key and is not named in the book (CloudTrail knows: kms.amazonaws.com events of the old key); "
    "who it was that wrote"
)


class KmsKey(Rotator, frozen=True):
    """A KMS key that is replaced by another, with everything that the book says is encrypted under it.

    Attributes:
        alias: the key's, which applications may use instead of the id.
        buckets: names of the environment's `buckets`, whose objects under their prefixes are encrypted under the key.
        envelopes: columns of data keys that are wrapped with it.
        at_a_time: for how long it is encrypted anew before the course notes how far it came.
        deletion_window: how long KMS waits before it deletes the old key, in days; until then a person can cancel it.
        older_versions: what of old versions of objects, which stay under the old key: `wait` until a lifecycle rule
            has deleted them, or `accept` that they cannot be read any more.
        grants: whether somebody may use the key by a grant, which the new one will not have: `refuse`, or `leave` it.
    """

    sections: ClassVar[Mapping[str, str]] = {"buckets": "buckets"}

    kind: Literal["kms.key"] = "kms.key"
    alias: Annotated[str, StringConstraints(pattern=r"^alias/[A-Za-z0-9/_-]{1,250}$")]
    buckets: tuple[str, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    at_a_time: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=10)
    deletion_window: Annotated[Duration, Field(ge=timedelta(days=7), le=timedelta(days=30))] = timedelta(days=30)
    older_versions: Literal["wait", "accept"] = "wait"
    grants: Literal["refuse", "leave"] = "refuse"

    @field_validator("alias")
    @classmethod
    def _not_of_aws(cls, alias: str) -> str:
        if alias.startswith("alias/aws/"):
            raise ValueError("alias/aws/… are keys that AWS manages, and rotates itself")
        return alias

    async def plan(self, turn: Turn) -> Way:
        """The key, and how much is to be encrypted anew; raises Refused where the new one could not take its place."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        rules = (self.alias, self.secret, self.grants == "leave" or turn.at_once)
        await asyncio.to_thread(require_replaceable, keys, old, *rules)
        places = await self._places(turn, keys)
        for place in places:
            await place.require_movable()
        counts = [await place.count() for place in places]
        objects, rows = sum(counts[: len(self.buckets)]), sum(counts[len(self.buckets) :])
        return {"key": old.id, "alias": self.alias, "objects": str(objects), "rows": str(rows)}

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, _ID)

    async def create(self, turn: Turn) -> Document:
        """The id of a new key like the old one; what an earlier try made is used, since a key is no value."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        made = await asyncio.to_thread(keys.like, old, _MARK, turn.rotation)
        return turn.old.changed(f"{turn.name} (new)", {_ID: made.id})

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """What is written from now on is under the new key; then whatever is under the old one is moved."""
        keys, old, made = await self._both(turn, new)
        turned = await self._turn_to(turn, keys, to=made, off=old)
        counted = await self._through(turn, keys, Move(old.id, made.id), made, "set")
        if isinstance(counted, NotYet):
            return counted
        said = f"{counted[Fate.MOVED]:,} encrypted anew under key {made.id}, {counted[Fate.THERE]:,} were"
        return Done(f"{said}; {self.alias} points to it", already=not turned and not counted[Fate.MOVED])

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """The new key alone opens everything that there is, and nothing whose encryption context is another."""
        keys, old, made = await self._both(turn, new)
        await self._turn_to(turn, keys, to=made, off=old)
        await asyncio.to_thread(require_context, keys, made.id, turn.rotation)
        counted = await self._through(turn, keys, Move(old.id, made.id), made, "test")
        if isinstance(counted, NotYet):
            return counted
        under = counted[Fate.THERE] + counted[Fate.MOVED]
        late = f", of which {counted[Fate.MOVED]:,} were written under the old one since" if counted[Fate.MOVED] else ""
        other = f"; {counted[Fate.OTHER]:,} are under other keys, or none" if counted[Fate.OTHER] else ""
        return Done(
            f"0 left under key {old.id}: {under:,} are under {made.id}{late}{other}; another context opens nothing"
        )

    async def census(self, turn: Turn, new: Document) -> Census:
        """What was written under the old key since the new one is current, and moved; before that, what is under it."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        places = await self._places(turn, keys)
        where = ", ".join(one.called for one in places) or "nothing: the book names neither buckets nor envelopes"
        promoted = turn.promoted
        if promoted is None or not old.enabled:
            sweep = Sweep(keys, places, Move(old.id))
            ended = old.enabled and await sweep.run(_A_LOOK)
        else:
            sweep = Sweep(keys, places, Move(old.id, new.name(_ID)), new.name(_ID), "census")
            ended = await sweep.run(self.at_a_time.total_seconds())
            await Uses(keys, new.name(_ID)).add(places, sweep.lately)
            if ended:
                await sweep.forget()
        kept = [] if promoted is None else await Uses(keys, new.name(_ID)).of(places)
        found = [*kept, *Uses.left(places, sweep.came)]
        partly = "" if ended else f"not looked at yet: {self._progress(turn, sweep)}; "
        return Census(found, where, promoted or old.creation_date, partly + _BLIND)

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Disables the old key, once nothing is under it any more."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        made = await asyncio.to_thread(keys.key, new.name(_ID))
        if not old.enabled:
            if _OLDER in await asyncio.to_thread(keys.tags, made.id):
                return Done(f"key {old.id} is {old.state}", already=True)
            raise Refused(
                f"key {old.id} is {old.state}, and somebody else did that: what is still under it cannot be seen, so "
                "it is not let go. Enable it, and go on"
            )
        if wait := await self._left_over(turn, keys, old, made):
            return wait
        older = await self._older(turn, old)
        if older and self.older_versions == "wait" and not turn.at_once:
            return NotYet(now() + timedelta(days=1), self._stays(older, old))
        await asyncio.to_thread(keys.tag, made.id, {_OLDER: str(older)})
        await asyncio.to_thread(keys.disable, old.id)
        said = f"; {older:,} old versions cannot be read while it is" if older else ""
        return Done(f"key {old.id} is disabled, and nothing of the book is under it{said}")

    async def on(self, turn: Turn, new: Document) -> Done:
        """Enables the old key; raises Refused where it is about to be deleted."""
        del new
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        if old.enabled:
            return Done(f"key {old.id} is enabled", already=True)
        if old.going:
            raise Refused(
                f"key {old.id} is about to be deleted; a person who may can stop it (kms:CancelKeyDeletion), and then "
                "this can be asked again"
            )
        await asyncio.to_thread(keys.enable, old.id)
        return Done(f"key {old.id} is enabled again")

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Lets KMS delete the old key after the deletion window."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        if old.going:
            return Done(f"key {old.id} is {old.state}", already=True)
        tags = await asyncio.to_thread(keys.tags, new.name(_ID))
        older = int(tags.get(_OLDER, "0"))  # it cannot be counted while the key is disabled
        if older and self.older_versions == "wait":
            return NotYet(now() + timedelta(days=1), self._stays(older, old))
        await asyncio.to_thread(keys.schedule_deletion, old.id, self.deletion_window.days)
        await asyncio.to_thread(self._unmark, keys, new.name(_ID))
        return Done(
            f"key {old.id} is deleted in {self.deletion_window.days} days; until then kms:CancelKeyDeletion stops it, "
            "and leaves it disabled"
        )

    async def undo(self, turn: Turn, new: Document | None) -> Done | NotYet:
        """The alias, the buckets' defaults and everything that was moved go back; then the new key goes."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        if new is None:
            return await asyncio.to_thread(self._forsake, keys, turn)
        made = await asyncio.to_thread(keys.key, new.name(_ID))
        if made.going:
            return Done(f"key {made.id} is {made.state}", already=True)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        await self._turn_to(turn, keys, to=old, off=made)
        back = await self._through(turn, keys, Move(made.id, old.id), made, "back")
        if isinstance(back, NotYet):
            return back
        if moved := back[Fate.MOVED]:
            return NotYet(now(), f"{moved:,} are under key {old.id} again; once more, for what was written meanwhile")
        older = await self._older(turn, made)
        said = f"{self.alias} points to key {old.id} again, and nothing is under {made.id} any more"
        await asyncio.to_thread(self._unmark, keys, made.id)
        if older and self.older_versions == "wait":
            return Done(
                f"{said}; key {made.id} stays, since {older:,} old versions of objects are under it: schedule its "
                "deletion once a lifecycle rule has deleted them"
            )
        await asyncio.to_thread(keys.schedule_deletion, made.id, self.deletion_window.days)
        return Done(f"{said}; key {made.id} is deleted in {self.deletion_window.days} days")

    async def _both(self, turn: Turn, new: Document) -> tuple[KmsKeys, Key, Key]:
        """The old key and the new one; raises Refused where either cannot be used."""
        keys = await asyncio.to_thread(KmsKeys.open, turn.estate)
        old = await asyncio.to_thread(keys.key, turn.old.name(_ID))
        made = await asyncio.to_thread(keys.key, new.name(_ID))
        for one in (old, made):
            if not one.enabled:
                raise Refused(f"key {one.id} is {one.state}, and nothing goes from or to it; enable it first")
        return keys, old, made

    async def _turn_to(self, turn: Turn, keys: KmsKeys, *, to: Key, off: Key) -> bool:
        """The alias and the buckets' defaults; whether any did not point there before."""
        turned = await asyncio.to_thread(keys.point, self.alias, to=to.id, off=off.id)
        for one in await self._objects(turn):
            turned |= await one.point(to=to, off=off)
        return turned

    async def _through(
        self, turn: Turn, keys: KmsKeys, move: Move, kept_on: Key, called: str
    ) -> Mapping[Fate, int] | NotYet:
        """What became of everything, once a pass has come to its end."""
        sweep = Sweep(keys, await self._places(turn, keys), move, kept_on.id, called)
        if not await sweep.run(self.at_a_time.total_seconds()):
            return NotYet(now(), self._progress(turn, sweep))
        await sweep.forget()
        if restless := sweep.counted()[Fate.RESTLESS]:
            return NotYet(now(), f"{restless:,} were changed by others each time that they were to be moved; once more")
        return sweep.counted()

    async def _left_over(self, turn: Turn, keys: KmsKeys, old: Key, made: Key) -> NotYet | None:
        """Moves what was written under the old key since; the course then waits on, and asks for the census again."""
        places = await self._places(turn, keys)
        sweep = Sweep(keys, places, Move(old.id, made.id), made.id, "off")
        ended = await sweep.run(self.at_a_time.total_seconds())
        await Uses(keys, made.id).add(places, sweep.lately)
        if not ended:
            return NotYet(now(), self._progress(turn, sweep))
        await sweep.forget()
        counted = sweep.counted()
        if counted[Fate.RESTLESS] or counted[Fate.MOVED]:
            late = counted[Fate.MOVED] + counted[Fate.RESTLESS]
            return NotYet(now(), f"{late:,} were written under key {old.id} since the last look: it is still used")
        return None

    async def _older(self, turn: Turn, key: Key) -> int:
        return sum([await one.older(key.id, _MOST_OLDER) for one in await self._objects(turn)])

    def _forsake(self, keys: KmsKeys, turn: Turn) -> Done:
        """Nothing is under a key that never reached Secrets Manager."""
        made = keys.marked(_MARK, turn.rotation)
        for one in made:
            keys.schedule_deletion(one.id, self.deletion_window.days)
        return Done(f"{len(made)} keys made for nothing are deleted in {self.deletion_window.days} days", not made)

    def _unmark(self, keys: KmsKeys, key: str) -> None:
        for one in ("tminus-used-", _OLDER):
            keys.untag(key, one)

    def _stays(self, older: int, old: Key) -> str:
        count = f"at least {older:,}" if older >= _MOST_OLDER else f"{older:,}"
        return (
            f"{count} old versions of objects are under key {old.id}: a lifecycle rule (NoncurrentVersionExpiration) "
            "deletes them, or the book says `older_versions: accept`"
        )

    def _progress(self, turn: Turn, sweep: Sweep) -> str:
        seen, moved = sum(one.seen for one in sweep.came), sweep.counted()[Fate.MOVED]
        of = int(turn.way.get("objects", "0")) + int(turn.way.get("rows", "0"))
        return f"{seen:,} of {max(of, seen):,} looked at, {moved:,} of them encrypted anew"

    async def _objects(self, turn: Turn) -> Sequence[Objects]:
        return await asyncio.to_thread(lambda: [Objects(turn.estate, name) for name in self.buckets])

    async def _places(self, turn: Turn, keys: KmsKeys) -> Sequence[Place]:
        return [*(await self._objects(turn)), *(Rows(turn.estate, keys, one) for one in self.envelopes)]
