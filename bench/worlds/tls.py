"""A server's TLS: its versions, its certificate, and what plain http leads to. The handshakes are real."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import ClassVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.front_tls import NAMES, Authority, TlsServer

_LIFE = timedelta(days=60)
_NOWHERE = "http://127.0.0.1:1"
_BY_NAME = {
    "1.3": ssl.TLSVersion.TLSv1_3,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.0": ssl.TLSVersion.TLSv1,
}


class TlsWorld(World):
    """A server of TLS 1.3 alone, with two months left, and its plain neighbour."""

    system: ClassVar[str] = "tls"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "tls.endpoint",
            {"endpoint": "api", "plain": "plain"},
            {
                "version": "= TLSv1.3",
                "older": "= refused",
                "expires": ">= 30 d",
                "trusted": "= yes",
                "hostname": "= match",
                "redirects": "= yes",
            },
            (
                ("offers", "1.2", "1.3"),
                ("offers", "1.2", "1.2"),
                ("certificate_ends", "10"),
                ("certificate_ends", "-1"),
                "certificate_is_of_nobody",
                ("certificate_is_for", "old.vatic.example"),
                "speaks_no_tls",
                ("plain_answers", ""),
                ("plain_answers", "http://127.0.0.1/"),
                "plain_is_closed",
            ),
        ),
        Case("tls.endpoint", {"endpoint": "web"}, {"trusted": "= yes"}, (("certificate_is_of_nobody", "web"),)),
        Case("tls.endpoint", {"endpoint": "cdn"}, {"expires": ">= 14 d"}, (("certificate_ends", "13", "cdn"),)),
        Case("tls.endpoint", {"endpoint": "ws"}, {"older": "= refused"}, (("offers", "1.2", "1.3", "ws"),)),
        Case(
            "tls.endpoint",
            {"endpoint": "api"},
            {"oldest": "= TLSv1.3"},
            (("offers", "1.2", "1.3"), ("offers", "1.1", "1.3"), ("offers", "1.0", "1.3"), "speaks_no_tls"),
        ),
        Case("tls.endpoint", {"endpoint": "api"}, {"trusted": "= yes"}, ("certificate_is_of_nobody",)),
        Case("tls.endpoint", {"endpoint": "api"}, {"hostname": "= match"}, (("certificate_is_for", "api.example"),)),
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both served in threads."""
        self.folder.mkdir(parents=True)
        self.authority = Authority("Vatic authority")
        self.trusted = self.folder / "ca.pem"
        self.trusted.write_bytes(self.authority.own())
        certificate = self.authority.issue(self.folder, NAMES, _LIFE)
        self.servers = {name: TlsServer(certificate) for name in ("api", "web", "cdn", "ws")}
        self.target: str | None = "https://localhost/"
        with ExitStack() as stack:
            self.ports = {name: stack.enter_context(one.served()) for name, one in self.servers.items()}
            self.plain = stack.enter_context(served(Starlette(routes=[Route("/{path:path}", self._redirect)])))
            yield

    @property
    def server(self) -> TlsServer:
        """The API's."""
        return self.servers["api"]

    async def _redirect(self, _request: Request) -> Response:
        return RedirectResponse(self.target, 301) if self.target else PlainTextResponse("hello")

    def sections(self) -> Sections:
        """The API, the site, its files and the stream, whom to trust, and the site by plain http."""
        endpoints: Sections = {
            name: {"url": f"https://localhost:{port}", "ca_file": str(self.trusted)}
            for name, port in self.ports.items()
        }
        return {"endpoints": {**endpoints, "plain": {"url": self.plain}, "web-plain": {"url": self.plain}}}

    @fault
    def offers(self, oldest: str, newest: str, at: str = "api") -> Iterator[None]:
        """A server takes other versions."""
        self.servers[at].change(oldest=_BY_NAME[oldest], newest=_BY_NAME[newest])
        yield
        self.servers[at].change(oldest=ssl.TLSVersion.TLSv1_3, newest=ssl.TLSVersion.TLSv1_3)

    @fault
    def certificate_ends(self, days: str, at: str = "api") -> Iterator[None]:
        """A server's certificate ends in so many days, or ended so many ago."""
        before = self.servers[at].certificate
        self.servers[at].change(certificate=self.authority.issue(self.folder, NAMES, timedelta(days=int(days))))
        yield
        self.servers[at].change(certificate=before)

    @fault
    def certificate_is_of_nobody(self, at: str = "api") -> Iterator[None]:
        """A server's certificate is signed by one whom nobody trusts."""
        before = self.servers[at].certificate
        self.servers[at].change(certificate=Authority("Nobody").issue(self.folder, NAMES, _LIFE))
        yield
        self.servers[at].change(certificate=before)

    @fault
    def certificate_is_for(self, name: str, at: str = "api") -> Iterator[None]:
        """A server's certificate names another host."""
        before = self.servers[at].certificate
        self.servers[at].change(certificate=self.authority.issue(self.folder, [name], _LIFE))
        yield
        self.servers[at].change(certificate=before)

    @fault
    def speaks_no_tls(self) -> Iterator[None]:
        """It answers as a server of plain http does."""
        self.server.speaks_tls = False
        yield
        self.server.speaks_tls = True

    @fault
    def plain_answers(self, target: str) -> Iterator[None]:
        """Plain http leads elsewhere than to https, or is answered."""
        before, self.target = self.target, target or None
        yield
        self.target = before

    @fault
    def plain_is_closed(self) -> Iterator[None]:
        """Nothing answers by plain http."""
        before, self.plain = self.plain, _NOWHERE
        yield
        self.plain = before
