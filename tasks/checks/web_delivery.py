"""How the system's files and names reach its users: from a cache near them, and by names that lead to it."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Literal, Self

import httpx
from pydantic import model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.tls_handshake import Address, address_of, reaches
from tasks.web_headers import max_age
from tasks.web_names import resolve_by, resolve_here
from tasks.web_request import WITHIN, Wanted, front
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.loopback import url_is_local
from tminus.outcome import Observation
from tminus.systems.web import Endpoint

_SAID_BY = (
    *("X-Cache", "CF-Cache-Status", "Cache-Status", "CDN-Cache", "X-Cache-Status", "X-Proxy-Cache"),
    *("X-Vercel-Cache", "X-Nf-Cache-Status", "X-Railway-Cache"),
)
_HITS = {"hit", "refreshhit", "tcp_hit", "tcp_mem_hit", "tcp_ims_hit", "tcp_refresh_hit"}
_SHOWN = 10  # addresses
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?\.?")
_COMPRESSED = {"gzip", "br", "zstd", "deflate"}


class Asset(Check, frozen=True):
    """Asks for a file three times at most, as a browser would, and says whether a cache answers.

    `cached` is `hit` where after the first an answer comes from a cache: it says so (`X-Cache`, `CF-Cache-Status`,
    `Cache-Status` and their like), or has an `Age` above 0. `max_age` is how long a browser may keep it, 0 where
    nothing says so, or says `no-store` or `no-cache`; `compressed` is `yes` or `no`. A file that is not there (404)
    is a `miss`.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: of the file.
        within: how long each answer is waited for.
    """

    kind: Literal["cdn.asset"] = "cdn.asset"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"cached": "word", "max_age": "s", "compressed": "word"}

    endpoint: str
    path: str
    within: Duration = WITHIN

    async def look(self, estate: Estate) -> Observation:
        """Two GETs, and a third where the second was none of a cache's: it may have reached another one."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"}, as_sent=True)
        replies = [await asked.ask(wanted, self.within) for _ in range(2)]
        if not _from_cache(replies[-1].headers):
            replies.append(await asked.ask(wanted, self.within))
        reply = replies[-1]
        if reply.broken:
            raise CouldNotObserve(f"{asked.name}: {wanted}: status {reply.status}")
        encoding = reply.headers.get("Content-Encoding", "").strip().lower()
        cached = reply.good and _from_cache(reply.headers)
        compressed = reply.good and encoding in _COMPRESSED
        keeps = max_age(reply.headers.get("Cache-Control")) if reply.good else 0
        said = f"{wanted}: status {reply.status}, {'from' if cached else 'not from'} a cache"
        return Observation(
            found=(
                Measurement(name="cached", word="hit" if cached else "miss"),
                Measurement.number("max_age", keeps, "s"),
                Measurement(name="compressed", word="yes" if compressed else "no"),
            ),
            where=asked.where,
            details=(f"{said}, {len(reply.body)} bytes" + (f" as {encoding}" if compressed else ""),),
            because="" if reply.good else said,
        )


def _from_cache(headers: httpx.Headers) -> bool:
    age = headers.get("Age", "").strip()
    old = age.isascii() and age.isdecimal() and age.strip("0") != ""
    return old or any(_says_hit(name, headers.get(name, "")) for name in _SAID_BY)


def _says_hit(name: str, value: str) -> bool:
    """Whether one of the caches that a header lists says that it had it: by its first word.

    `Cache-Status` (RFC 9211) names the cache first, and says `hit` or `hit=?1` after a semicolon.
    """
    for said in value.lower().split(","):
        first, *others = (word.strip() for word in said.split(";"))
        if name == "Cache-Status" and {"hit", "hit=?1"} & set(others):
            return True
        if name != "Cache-Status" and first.split(" ")[0] in _HITS:
            return True
    return False


class Name(Check, frozen=True):
    """Resolves a host's name, and says whether it leads to where the endpoint is.

    `addresses` is how many addresses the name has, 0 where it has none. `answering` counts those that take a
    connection on the endpoint's port, and with https show a trusted certificate for that name. `same` is `yes` where
    all of them do, and each is an address of the endpoint's own name as this machine resolves it; it is measured only
    where it is expected. Where the name has addresses, and neither they nor the endpoint's own answer, nothing is
    known; nor where none is wrong, but one gives no answer in time, or no way leads there from here (such as no IPv6).

    Attributes:
        endpoint: by its name in the environment's `endpoints`; without it only `addresses` is measured.
        host: the name that is resolved; by default the endpoint's own.
        resolver: which name server is asked, by its name in the environment's `endpoints`, whose address is written
            `dns://192.0.2.53:53`; by default this machine's. Needs dnspython (`pip install 'tminus[dns]'`).
        within: how long each answer is waited for.
    """

    kind: Literal["dns.name"] = "dns.name"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"addresses": "", "answering": "", "same": "word"}

    endpoint: str | None = None
    host: str | None = None
    resolver: str | None = None
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.endpoint is None and self.host is None:
            raise ValueError("give the `host` whose name is resolved, or the `endpoint` that it belongs to, or both")
        if self.endpoint is None and set(self.expect) & {"answering", "same"}:
            raise ValueError("`same` and `answering` are about an endpoint, so say which, such as `endpoint: api`")
        if self.host is not None and not _HOST.fullmatch(self.host):
            raise ValueError(f"{self.host!r} is no host's name; write one such as 'api.example.com'")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Resolves, and connects to each address once."""
        if self.endpoint is None:
            host = self.host or ""
            found = await self._resolved(estate, host)
            return self._seen(host, found, [], [] if found else [f"{host} has no address"])
        endpoint = estate.endpoint(self.endpoint)
        there = address_of(endpoint.url)
        host = self.host or there.host
        found = await self._resolved(estate, host)
        answers = await self._answers(estate, endpoint, Address(host, there.port, there.tls), found)
        compared = "same" in self.expect
        own = await resolve_here(there.host, self.within) if compared or (found and True not in answers) else ()
        if (
            True not in answers
            and (found or compared)
            and True not in await self._answers(estate, endpoint, there, own)
        ):
            raise CouldNotObserve(f"{self.endpoint}: none of the {len(own)} addresses of {there.host} answers")
        wrong = [f"{one} is none of {there.host}'s addresses" for one in found if compared and one not in own]
        wrong += [f"{one} does not answer as {host}" for one, well in zip(found, answers, strict=True) if well is False]
        unseen = [well for well in answers if isinstance(well, CouldNotObserve)]
        if unseen and not wrong:
            raise CouldNotObserve(f"{len(unseen)} of {len(found)} addresses cannot be asked: {unseen[0]}")
        same = Measurement(name="same", word="yes" if found and not wrong else "no")
        counted = Measurement.number("answering", answers.count(True), of=len(found))
        also = [counted, same] if compared else [counted]
        return self._seen(host, found, also, wrong if found else [f"{host} has no address"])

    def _seen(self, host: str, found: Sequence[str], also: list[Measurement], wrong: list[str]) -> Observation:
        return Observation(
            found=(Measurement.number("addresses", len(found)), *also),
            where=host,
            details=tuple(wrong[:_SHOWN]) or (f"{host}: {', '.join(found[:_SHOWN])}",),
            because="; ".join(wrong[:2]),
        )

    async def _resolved(self, estate: Estate, host: str) -> tuple[str, ...]:
        if self.resolver is None:
            return await resolve_here(host, self.within)
        url = estate.endpoint(self.resolver).url
        if not url.startswith("dns://"):
            raise NotConfigured(f"the endpoint {self.resolver} is no name server; write its url as dns://192.0.2.53:53")
        return await resolve_by(url, host, self.within)

    async def _answers(
        self, estate: Estate, endpoint: Endpoint, address: Address, these: Sequence[str]
    ) -> Sequence[bool | CouldNotObserve]:
        """Of each address, whether the endpoint answers there, or why that is not known."""
        asked = (_near(estate, endpoint, address, one, self.within) for one in these)
        return await asyncio.gather(*asked)


async def _near(
    estate: Estate, endpoint: Endpoint, address: Address, one: str, within: timedelta
) -> bool | CouldNotObserve:
    """Whether it answers, or why that is not known.

    With a compressed clock, an address beyond loopback is not asked, and does not.
    """
    if estate.environment.clock.compressed and not url_is_local(f"tcp://[{one}]" if ":" in one else f"tcp://{one}"):
        return False
    try:
        return await reaches(address, one, endpoint.ca_file, within)
    except CouldNotObserve as e:
        return e
