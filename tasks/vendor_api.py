"""A vendor's HTTP API, asked once and read into a model; whatever goes wrong there is said in words."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from tasks.http_body import IDENTITY, read_body
from tasks.probe import at, said
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.web import Api

_T = TypeVar("_T")
_WITHIN = timedelta(seconds=10)
_LARGEST = 32 * 1024 * 1024  # bytes; an answer beyond this is not one of those we ask for
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}

Form = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What an API answered: a status below 300, 404, or one that was asked for as an answer."""

    status: int
    body: bytes
    headers: httpx.Headers

    @property
    def absent(self) -> bool:
        """Whether it said that there is no such thing, which is an observation and not an error."""
        return self.status == HTTPStatus.NOT_FOUND


class VendorApi:
    """One API of the environment.

    Args:
        name: what it is called in the environment file (`datadog`).
        section: where it is.
        client: the client that asks; it follows no redirects.
    """

    def __init__(self, name: str, section: Api, client: httpx.AsyncClient) -> None:
        self.name = name
        self.section = section
        self._client = client

    async def token(self) -> str:
        """The first credential, read now; raises NotConfigured where the environment names none, MissingSecret."""
        return await self._secret("token", self.section.token)

    async def key(self) -> str:
        """The second credential, read now; raises NotConfigured where the environment names none, MissingSecret."""
        return await self._secret("key", self.section.key)

    async def bearer(self) -> dict[str, str]:
        """The header of an API that takes its token as a bearer's."""
        return {"Authorization": f"Bearer {await self.token()}"}

    async def read(
        self,
        model: type[_T],
        path: str,
        *,
        params: Mapping[str, str | int | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _T:
        """GETs a document and reads it.

        Raises CouldNotObserve where there is no answer, it is refused, or is no such document; a thing that is not
        there (404) counts as no answer here, so ask with `ask` where its absence is what the check is about.
        """
        reply = await self.ask("GET", path, params=params, headers=headers)
        if reply.absent:
            raise CouldNotObserve(f"{self._place(path)}: status 404; is this address a {self.name}?")
        return self.parse(model, reply, path)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: JsonValue = None,
        form: Form | None = None,
        answers: Collection[int] = (),
    ) -> Reply:
        """Asks once. Raises CouldNotObserve for silence, refusal, too many requests and errors of the server.

        A status among `answers` is an answer too, and no error.
        """
        place = self._place(path)
        try:
            async with asyncio.timeout(_WITHIN.total_seconds()):
                asking = self._client.stream(
                    method,
                    at(self.section.url, path),
                    params=dict(params) if params else None,
                    headers={**(headers or {}), "Accept-Encoding": IDENTITY},
                    json=json,
                    data=dict(form) if form else None,
                )
                async with asking as response:
                    body = await read_body(response, _LARGEST + 1)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as e:
            raise CouldNotObserve(f"{place}: {said(e, _WITHIN)}") from e
        if len(body) > _LARGEST:
            raise CouldNotObserve(f"{place}: the answer is beyond the {_LARGEST} bytes that are read of one")
        status = response.status_code
        if status in answers:
            return Reply(status, body, response.headers)
        if status in _REFUSED:
            raise CouldNotObserve(f"{place}: status {status}; its credentials in the environment are refused")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise CouldNotObserve(f"{place}: status 429, it is asked too often; try again later")
        if status >= HTTPStatus.MULTIPLE_CHOICES and status != HTTPStatus.NOT_FOUND:
            raise CouldNotObserve(f"{place}: status {status}")
        return Reply(status, body, response.headers)

    def parse(self, model: type[_T], reply: Reply, path: str) -> _T:
        """The document in a reply; raises CouldNotObserve where it is another one than expected."""
        try:
            return TypeAdapter(model).validate_json(reply.body)
        except ValidationError as e:
            first = e.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise CouldNotObserve(f"{self._place(path)}: an unexpected answer ({where}: {first['msg']})") from e

    def _place(self, path: str) -> str:
        return f"{self.name} {at(self.section.url, path)}"

    async def _secret(self, which: str, reference: str | None) -> str:
        if reference is None:
            raise NotConfigured(f"{self.name} has no {which} in the environment file; add a reference to one")
        return (await asyncio.to_thread(resolve, reference)).get_secret_value()


class Page(BaseModel, extra="ignore"):
    """What the models of answers begin with: fields that are not asked for are ignored."""
