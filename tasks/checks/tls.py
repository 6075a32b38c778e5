"""What a server offers to who connects by TLS."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.tls_handshake import (
    SPOKEN,
    VERSIONS,
    Address,
    Certificate,
    address_of,
    distrust,
    is_for,
    negotiated,
    takes,
)
from tasks.web_request import Front, Reply, Wanted, front, without_credentials
from tminus.clock import Duration, now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation
from tminus.systems.web import Endpoint

_WITHIN = timedelta(seconds=5)
_MOVED = range(300, 400)


class TlsEndpoint(Check, frozen=True):
    """Connects to an endpoint by TLS, as browsers do and as they no longer do.

    `version` is what the server prefers (`TLSv1.3`), `none` where it speaks no TLS. `older` is `accepted` where it
    still takes TLS 1.2 or older, and `oldest` the oldest version that it takes. `expires` is how many days its
    certificate is still good for (negative: it is over), `trusted` whether its chain leads to an authority that is
    trusted and is valid now, `hostname` whether it names the host (`match`, `mismatch`). Where there is no TLS, these
    are what a server without any certificate deserves. `redirects` is `yes` where plain http leads to https, `no`
    where it answers otherwise, `closed` where nothing answers; it is asked only where it is expected.

    Attributes:
        endpoint: by its name in the environment's `endpoints`.
        plain: the same by plain http, by its name in the environment's `endpoints`; by default port 80 of the host.
        path: what is asked for by plain http.
        within: how long each handshake and answer is waited for.
    """

    kind: Literal["tls.endpoint"] = "tls.endpoint"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "version": "word",
        "older": "word",
        "oldest": "word",
        "expires": "d",
        "trusted": "word",
        "hostname": "word",
        "redirects": "word",
    }

    endpoint: str
    plain: str | None = None
    path: str = "/"
    within: Duration = _WITHIN

    async def look(self, estate: Estate) -> Observation:
        """Five to seven handshakes, and one GET by plain http."""
        endpoint = estate.endpoint(self.endpoint)
        address = address_of(endpoint.url)
        found: dict[str, str] = {}
        agreed = await negotiated(address, self.within)
        if agreed is None:
            found |= {"version": "none", "older": "accepted", "oldest": "none", "trusted": "no", "hostname": "mismatch"}
            expires, wrong = timedelta(0), ["the server speaks no TLS"]
        else:
            found["version"], certificate = agreed
            expires = certificate.ends - now()
            wrong = await self._old(address, found)
            wrong += await self._identity(endpoint, address, certificate, found)
        if "redirects" in self.expect:
            found["redirects"], said = await self._redirects(estate, address)
            wrong += [] if found["redirects"] == "yes" else [said]
        return Observation(
            found=(
                *(Measurement(name=name, word=word) for name, word in found.items()),
                Measurement.number("expires", expires / timedelta(days=1), "d"),
            ),
            where=without_credentials(endpoint.url),
            details=tuple(wrong) or (f"{address.host}:{address.port}: {found['version']}",),
            because="; ".join(wrong),
        )

    async def _old(self, address: Address, found: dict[str, str]) -> list[str]:
        taken, unasked = [], None
        for version in VERSIONS[1:]:
            try:
                taken += [SPOKEN[version]] if await takes(address, version, self.within) else []
            except CouldNotObserve as e:
                unasked = e
        if unasked is not None and (not taken or "oldest" in self.expect) and set(self.expect) & {"older", "oldest"}:
            raise unasked
        found["older"] = "accepted" if taken else "refused"
        found["oldest"] = taken[-1] if taken else found["version"]
        return [f"it takes {', '.join(taken)}"] if taken else []

    async def _identity(
        self, endpoint: Endpoint, address: Address, certificate: Certificate, found: dict[str, str]
    ) -> list[str]:
        why = await distrust(address, endpoint.ca_file, self.within)
        named = await is_for(address, certificate, self.within)
        found["trusted"] = "no" if why else "yes"
        found["hostname"] = "match" if named else "mismatch"
        wrong = [f"its certificate is not trusted: {why}"] if why else []
        return wrong if named else [*wrong, f"its certificate is not for {address.host}"]

    async def _redirects(self, estate: Estate, address: Address) -> tuple[str, str]:
        """The word, and what is wrong."""
        host = f"[{address.host}]" if ":" in address.host else address.host
        asked = (
            await front(estate, self.plain)
            if self.plain is not None
            else Front(self.endpoint, f"http://{host}", estate.http)
        )
        reply = await asked.attempt(Wanted(self.path), self.within)
        if not isinstance(reply, Reply):
            return "closed", f"nothing answers by plain http: {reply}"
        target = reply.headers.get("Location", "").lower()
        if reply.status in _MOVED and target.startswith("https://"):
            return "yes", ""
        return "no", f"plain http is answered with status {reply.status}"
