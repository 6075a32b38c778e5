"""A vendor's HTTP API asked about its keys: which there are, made, revoked, and what one of them opens."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from time import monotonic
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr

from tasks.http_key_book import Call, LastUse, Listing, Make, Opens, Shut
from tasks.web_pointer import Found, found_at, kind
from tasks.web_request import Front, Reply, Wanted
from tminus.errors import CouldNotObserve, Refused

REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})
_ID = re.compile(r"[A-Za-z0-9_~:-][A-Za-z0-9._~:-]{0,199}")  # what stands in an address as it is
_PAGES = 50
_PAUSE = 0.5  # seconds between two looks whether a key works yet, or still


class NoSuchKey(CouldNotObserve):
    """The API has no such key, or none any more."""


@dataclass(frozen=True)
class MadeKey:
    """A key that was just made."""

    id: str
    key: SecretStr


class KeyApi:
    """One API. All of it raises CouldNotObserve where there is no answer, or another one than the book describes.

    Args:
        front: where it is.
        admin: the headers of the key that may make keys.
        header: how a key is sent that is tried out: `Authorization: Bearer {key}`.
    """

    def __init__(self, front: Front, admin: Mapping[str, str], header: str) -> None:
        self._front = front
        self._admin = admin
        self._header = header

    async def make(self, call: Make, mark: str) -> MadeKey:
        """A new key that bears the mark; where this raises there may be one whose value nobody knows."""
        wanted = Wanted(call.path, call.method, self._admin, document=call.marked(mark))
        document = self._good(wanted, await self._front.ask(wanted))
        key = found_at(document, call.value)
        if not isinstance(key, str) or not key:
            raise CouldNotObserve(f"{self._said(wanted)}: at {call.value} no key stands, but {kind(key)}")
        return MadeKey(self._id(found_at(document, call.id), key), sendable(SecretStr(key)))

    async def marks(self, call: Listing) -> Mapping[str, str]:
        """Each key's id, and the text that may be a mark."""
        return {
            self._id(found_at(one, call.id)): str(found_at(one, call.mark))
            async for page in self._pages(call)
            for one in page
        }

    async def bears(self, call: Listing, key_id: str, mark: str, within: timedelta) -> bool:
        """Whether a key is listed with that mark, looked at again for a while: lists lag."""
        until = monotonic() + within.total_seconds()
        while mark not in (marks := await self.marks(call)).get(key_id, ""):
            if key_id in marks or monotonic() >= until:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    async def call(self, call: Call, key_id: str) -> bool:
        """Does something about a key; False where the API says that there is no such key, or none any more."""
        wanted = Wanted(_about(call.path, key_id), call.method, self._admin, document=call.body)
        reply = await self._front.ask(wanted)
        if reply.status in _GONE:
            return False
        if not reply.good:
            raise self._unexpected(wanted, reply)
        return True

    async def last_use(self, call: LastUse, key_id: str) -> Found:
        """What the API says of when a key was used last; raises NoSuchKey too."""
        wanted = Wanted(_about(call.path, key_id), headers=self._admin)
        reply = await self._front.ask(wanted)
        if reply.status in _GONE:
            raise NoSuchKey(f"{self._said(wanted)}: status {reply.status}, so it has no such key any more")
        return found_at(self._good(wanted, reply), call.last)

    async def status(self, request: Opens | Shut, key: SecretStr | None) -> int:
        """What a request is answered with a key, or without one."""
        headers = {} if key is None else sent(self._header, key)
        wanted = Wanted(request.path, request.method, headers)
        reply = await self._front.ask(wanted)
        if reply.broken or reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._unexpected(wanted, reply)
        return reply.status

    async def opens(self, request: Opens | Shut, key: SecretStr, within: timedelta, *, wanted: bool) -> int:
        """The status, asked again for a while until the key is let in, or is refused, as is wanted: APIs lag."""
        until = monotonic() + within.total_seconds()
        while ((status := await self.status(request, key)) in REFUSED) == wanted and monotonic() < until:
            await asyncio.sleep(_PAUSE)
        return status

    async def _pages(self, call: Listing) -> AsyncIterator[list[JsonValue]]:
        path, seen = call.path, set[str]()
        while len(seen) < _PAGES and path not in seen:
            seen.add(path)
            wanted = Wanted(path, headers=self._admin)
            document = self._good(wanted, await self._front.ask(wanted))
            keys = found_at(document, call.keys)
            if not isinstance(keys, list):
                raise CouldNotObserve(f"{self._said(wanted)}: at {call.keys} no list stands, but {kind(keys)}")
            yield keys
            following = None if call.next is None else found_at(document, call.next)
            if not isinstance(following, str) or not following:
                return
            parts = urlsplit(following)  # only the path: the admin's key goes nowhere else
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        raise CouldNotObserve(f"{self._front.name}: its list of keys does not end within {_PAGES} pages")

    def _good(self, wanted: Wanted, reply: Reply) -> JsonValue:
        if not reply.good or reply.cut or reply.document is None:
            raise self._unexpected(wanted, reply)
        return reply.document

    def _unexpected(self, wanted: Wanted, reply: Reply) -> CouldNotObserve:
        """Its body is left out: it may hold a key."""
        if reply.status in REFUSED:
            return CouldNotObserve(f"{self._said(wanted)}: status {reply.status}; may the admin's key do that?")
        if reply.good:
            return CouldNotObserve(f"{self._said(wanted)}: its answer is no JSON, or beyond what is read of one")
        return CouldNotObserve(f"{self._said(wanted)}: status {reply.status}")

    def _said(self, wanted: Wanted) -> str:
        return f"{self._front.name} ({self._front.where}): {wanted}"

    def _id(self, value: Found, key: str = "") -> str:
        """An id as it may stand in an address, where no key ever does."""
        told = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not _ID.fullmatch(told) or told == key:
            raise CouldNotObserve(f"{self._front.name}: where a key's id should stand is {kind(value)} that is none")
        return told


def sent(header: str, key: SecretStr) -> dict[str, str]:
    """The header that carries a key."""
    name, _, value = header.partition(": ")
    return {name: value.replace("{key}", sendable(key).get_secret_value())}


def sendable(key: SecretStr) -> SecretStr:
    """The same key; raises Refused where no header can hold it, so that nobody else says which characters it has."""
    plain = key.get_secret_value()
    if not (plain.isascii() and plain.isprintable() and plain.strip() == plain and plain):
        raise Refused("the key is empty, or has characters or spaces that no key has; was it pasted whole?")
    return key


def _about(path: str, key_id: str) -> str:
    return path.replace("{id}", key_id)
