"""The system's names: a name server says where they lead, and TLS servers say whether that is the system."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import ClassVar

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.vendors.front_names import NameServer
from deployments.rehearsal.vendors.front_tls import NAMES, Authority, TlsServer

_HOST = "api.vatic.example"
_HOSTS = {place: f"{place}.tradesense.example" for place in ("api", "web", "cdn")}
_LIFE = timedelta(days=60)
_ELSEWHERE = "127.0.0.2"  # of this machine too, but nothing of the world's listens there


class NamesWorld(World):
    """A name that leads to the load balancer, which has a certificate for it; and three endpoints' own names."""

    system: ClassVar[str] = "dns"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "dns.name",
            {"host": _HOST, "endpoint": "balancer", "resolver": "names"},
            {"addresses": "= 1", "answering": "= all", "same": "= yes"},
            ("name_is_gone", "name_leads_elsewhere", "name_leads_elsewhere_too", "certificate_is_for_another"),
        ),
        Case(
            "dns.name",
            {"endpoint": "cdn", "resolver": "public-dns"},
            {"addresses": ">= 1", "answering": "= all"},
            (("name_is_gone", _HOSTS["cdn"]), ("name_leads_elsewhere_too", _HOSTS["cdn"])),
        ),
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both served in threads."""
        self.folder.mkdir(parents=True)
        self.authority = Authority("Vatic authority")
        self.trusted = self.folder / "ca.pem"
        self.trusted.write_bytes(self.authority.own())
        self.server = TlsServer(self.authority.issue(self.folder, [*NAMES, *_HOSTS.values()], _LIFE))
        self.names = NameServer({name: ["127.0.0.1"] for name in (_HOST, *_HOSTS.values())})
        with ExitStack() as stack:
            self.port = stack.enter_context(self.server.served())
            self.resolver = stack.enter_context(self.names.served())
            yield

    def sections(self) -> Sections:
        """The load balancer, by this machine's name and by three others, and the name server."""
        hosts = {"balancer": "localhost", **_HOSTS}
        endpoints: Sections = {
            name: {"url": f"https://{host}:{self.port}", "ca_file": str(self.trusted)} for name, host in hosts.items()
        }
        return {"endpoints": {**endpoints, "names": {"url": self.resolver}, "public-dns": {"url": self.resolver}}}

    @fault
    def name_is_gone(self, host: str = _HOST) -> Iterator[None]:
        """A name has no address."""
        before = self.names.addresses.pop(host)
        yield
        self.names.addresses[host] = before

    @fault
    def name_leads_elsewhere(self, host: str = _HOST) -> Iterator[None]:
        """A name leads to where the system was before."""
        before, self.names.addresses[host] = self.names.addresses[host], [_ELSEWHERE]
        yield
        self.names.addresses[host] = before

    @fault
    def name_leads_elsewhere_too(self, host: str = _HOST) -> Iterator[None]:
        """One of a name's addresses leads to where the system was before."""
        self.names.addresses[host].append(_ELSEWHERE)
        yield
        self.names.addresses[host].remove(_ELSEWHERE)

    @fault
    def certificate_is_for_another(self) -> Iterator[None]:
        """The load balancer has no certificate for the name."""
        before = self.server.certificate
        self.server.change(certificate=self.authority.issue(self.folder, ["localhost"], _LIFE))
        yield
        self.server.change(certificate=before)
