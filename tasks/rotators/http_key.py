"""API keys that are made, used and revoked by HTTP calls which the book describes."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, SecretStr, model_validator

from tasks.http_key_api import REFUSED, KeyApi, NoSuchKey, sent
from tasks.http_key_book import Call, Header, LastUse, Listing, Make, Opens, Shut
from tasks.journey_values import ABSENT
from tasks.rotators.rotator import UNSEEN, Census, Done, NotYet, Rotator, Turn, Use, Way, blind, unless_leaked
from tasks.web_pointer import age
from tasks.web_request import front
from tminus.clock import Duration, now
from tminus.credentials import SecretRef, resolve
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

_BEARER = "Authorization: Bearer {key}"
_AGAIN = timedelta(minutes=1)


class HttpKey(Rotator, frozen=True):
    """Makes a key beside the old one, and revokes the old one in the end. The secret is JSON with `key` and `id`.

    Every key that is made bears the rotation's mark where `make.body` has `{mark}`: one whose answer was lost with a
    kill is known to nobody, and is revoked before another is made.

    Attributes:
        endpoint: a name in the environment's `endpoints`: where the API is.
        admin: what may make and revoke keys; no key of this secret.
        admin_header, header: how it is sent, and how the keys are: `Authorization: Bearer {key}`.
        make, listing, revoke: the calls that make a key, list all of them and revoke one.
        disable, enable: where the API has them: the calls that switch a key off and on again.
        used: where the API has it: the call that says when a key was used last.
        can: what a key must open, and nobody without one.
        cannot: what a key must not open.
        settles: how long the API may take until a key that is made works, and one that is revoked does not.
    """

    sections: ClassVar[Mapping[str, str]] = {"endpoint": "endpoints"}

    kind: Literal["http.key"] = "http.key"
    endpoint: str
    admin: SecretRef
    admin_header: Header = _BEARER
    header: Header = _BEARER
    make: Make
    listing: Listing
    revoke: Call
    disable: Call | None = None
    enable: Call | None = None
    used: LastUse | None = None
    can: tuple[Opens, ...] = Field(min_length=1)
    cannot: tuple[Shut, ...] = Field(min_length=1)
    settles: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(minutes=2))] = timedelta(seconds=10)

    @model_validator(mode="after")
    def _off_and_on(self) -> Self:
        """A key that is switched off and cannot be switched on again is no better than a revoked one."""
        if (self.disable is None) != (self.enable is None):
            raise ValueError("disable and enable: describe both, or neither")
        return self

    async def plan(self, turn: Turn) -> Way:
        """The old key's id. Raises CouldNotObserve where the secret does not say it, or the API has no such key."""
        old = turn.old.name("id")
        turn.old.secret("key")
        way = {"old key": old, "endpoint": self.endpoint}
        try:
            if old not in await (await self._api(turn)).marks(self.listing):
                said = f"{self.endpoint} lists no key {old}, which {turn.old.of} says is the one in use"
                raise NoSuchKey(said)
        except CouldNotObserve as e:
            return {**way, UNSEEN: unless_leaked(turn, e)}
        return way

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "id")

    async def create(self, turn: Turn) -> Document:
        """As above."""
        api = await self._api(turn)
        await self._throw_away(api, turn)
        made = await api.make(self.make, _mark(turn))
        if made.id == turn.old.name("id"):
            raise Refused(f"{self.endpoint} gave the new key the old one's id {made.id}: it makes none beside another")
        if not await api.bears(self.listing, made.id, _mark(turn), self.settles):
            await api.call(self.revoke, made.id)
            raise Refused(
                f"{self.endpoint} lists the new key without {_mark(turn)}, so one whose making broke off could not be "
                "found; let make.body and listing.mark name a text that it keeps whole. The key is revoked"
            )
        return turn.old.changed(f"{turn.name} (new)", {"key": made.key, "id": made.id})

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Nothing: a key works as soon as it is made."""
        del turn
        return Done(f"key {new.name('id')} works beside the old one since it was made", already=True)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Raises Refused where the key opens too little or too much, or the old one was cut off by its making."""
        api, key, old = await self._api(turn), new.secret("key"), turn.old.secret("key")
        if key.get_secret_value() == old.get_secret_value():
            raise Refused(f"{turn.name}: the new key is the old one")
        for one in self.can:
            if await api.status(one, None) == one.status:
                raise Refused(f"{one.method} {one.path} is open to everybody, so it proves no key; name another")
            if (status := await api.opens(one, key, self.settles, wanted=True)) != one.status:
                raise Refused(f"{one.method} {one.path} with the new key: status {status}, and {one.status} is wanted")
            if not turn.at_once and await api.status(one, old) in REFUSED:
                raise Refused(f"{one.method} {one.path}: the old key is refused since the new one was made")
        for shut in self.cannot:
            if (status := await api.status(shut, key)) != shut.status:
                raise Refused(f"{shut.method} {shut.path} with the new key: {status}, and {shut.status} is wanted")
        gone = await self._throw_away(api, turn, new.name("id"))
        late = f"; revoked, of an earlier try and listed late: {', '.join(gone)}" if gone else ""
        return Done(f"the new key opens {len(self.can)} requests that it must, and {len(self.cannot)} others not{late}")

    async def census(self, turn: Turn, new: Document) -> Census:
        """When the old key was used last, where the API says so; not by whom, which it does not know either."""
        del new
        since, where = turn.promoted or now() - self.cycle, f"{self.endpoint}'s word on its keys"
        if self.used is None:
            unsaid = f"{self.endpoint} does not say when a key was used last; look into its own logs"
            return Census((), where, since, blind(turn, unsaid))
        key_id = turn.old.name("id")
        try:
            told = await (await self._api(turn)).last_use(self.used, key_id)
        except NoSuchKey as e:
            return Census((), where, since, blind(turn, str(e)))
        except CouldNotObserve as e:
            return Census((), where, since, blind(turn, unless_leaked(turn, e)))
        if told is ABSENT or told is None:
            return Census((), where, since, blind(turn))
        last = now() - age(told)
        uses = (Use(f"whoever has key {key_id}", 1, last),) if last >= since else ()
        return Census(uses, where, since, blind(turn))

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Disables the old key, where the API can enable it again.

        It is not tried out before that, unless it leaked: the census would take that for somebody's use.
        """
        del new
        if self.disable is None:
            return Done(f"{self.endpoint} cannot switch a key off and on again; the old one is revoked", already=True)
        api, said = await self._api(turn), f"key {turn.old.name('id')} is switched off"
        if turn.at_once and await self._refused(api, turn):
            return Done(said, already=True)
        return await self._shut(api, turn, self.disable, said, untried=not turn.at_once)

    async def on(self, turn: Turn, new: Document) -> Done:
        """Enables it; raises Refused where it opens nothing then."""
        del new
        api, key_id = await self._api(turn), turn.old.name("id")
        if await api.status(self.can[0], turn.old.secret("key")) not in REFUSED:
            return Done(f"key {key_id} works", already=True)
        if self.enable is None or not await api.call(self.enable, key_id):
            raise Refused(f"key {key_id} is refused, and {self.endpoint} cannot bring it back; go on with the new one")
        if await api.opens(self.can[0], turn.old.secret("key"), self.settles, wanted=True) in REFUSED:
            raise CouldNotObserve(f"key {key_id} is switched on, and {self.endpoint} still refuses it")
        return Done(f"key {key_id} is switched on again")

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Revokes the old key, and proves that it is refused."""
        api, key_id = await self._api(turn), turn.old.name("id")
        if key_id == new.name("id"):
            raise Refused(f"{turn.name}: the key to revoke, {key_id}, is the one in use; nothing was revoked")
        await self._throw_away(api, turn, new.name("id"))
        said = f"key {key_id} is revoked and refused"
        if key_id not in await api.marks(self.listing) and await self._refused(api, turn):
            return Done(said, already=True)
        return await self._shut(api, turn, self.revoke, said)

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """Revokes the new key, and whatever else bears this rotation's mark, looked for twice: lists lag."""
        api = await self._api(turn)
        gone = await self._throw_away(api, turn)
        await asyncio.sleep(self.settles.total_seconds())
        gone += [one for one in await self._throw_away(api, turn) if one not in gone]
        if new is not None and new.has("id") and (key_id := new.name("id")) not in gone and await self._there(api, new):
            await api.call(self.revoke, key_id)
            gone.append(key_id)
        return Done(f"revoked: {', '.join(gone) or 'none was left'}", already=not gone)

    async def _shut(self, api: KeyApi, turn: Turn, call: Call, said: str, *, untried: bool = False) -> Done | NotYet:
        """Has the old key refused; `untried` where it is not tried out before the API had all the time it may take."""
        already, within = not await api.call(call, turn.old.name("id")), self.settles
        if untried and not already:
            await asyncio.sleep(within.total_seconds())
            within = timedelta(0)
        if await api.opens(self.can[0], turn.old.secret("key"), within, wanted=False) not in REFUSED:
            return NotYet(now() + _AGAIN, f"{self.endpoint} was told, and still lets key {turn.old.name('id')} in")
        return Done(said, already=already)

    async def _refused(self, api: KeyApi, turn: Turn) -> bool:
        return await api.status(self.can[0], turn.old.secret("key")) in REFUSED

    async def _there(self, api: KeyApi, new: Document) -> bool:
        return new.name("id") in await api.marks(self.listing)

    async def _throw_away(self, api: KeyApi, turn: Turn, new: str = "") -> list[str]:
        """Revokes what an earlier try of this rotation made, but for the new key; returns the ids."""
        marks, stay = await api.marks(self.listing), {turn.old.name("id"), new}
        ours = [key_id for key_id, mark in marks.items() if _mark(turn) in mark and key_id not in stay]
        for key_id in ours:
            await api.call(self.revoke, key_id)
        return ours

    async def _api(self, turn: Turn) -> KeyApi:
        admin: SecretStr = await asyncio.to_thread(resolve, self.admin)
        return KeyApi(await front(turn.estate, self.endpoint), sent(self.admin_header, admin), self.header)


def _mark(turn: Turn) -> str:
    """What a key of this rotation bears, as a whole word of its own."""
    return f"tminus-{turn.name}-{turn.rotation}"
