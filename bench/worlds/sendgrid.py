"""SendGrid as TradeSense uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.sendgrid import Domain, SendGridFake

_KEY, _KEY_NAME = "SG.made-up", "TMINUS_WORLD_SENDGRID_KEY"


class SendGrid(VendorWorld):
    """A verified domain among some whose names hold it, and a key that may send and look."""

    system: ClassVar[str] = "sendgrid"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "sendgrid.sender",
            {"domain": "tradesense.io", "scopes": ["mail.send", "whitelabel.read"]},
            {"verified": "= yes", "records": "= all", "scopes": "= all", "beyond": "= 0"},
            (
                "the_domain_is_gone",
                ("a_record_is_missing", "dkim2"),
                ("a_record_is_missing", "mail_cname"),
                "the_key_may_not_send",
                "the_key_may_do_more",
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = fake = SendGridFake(_KEY)
        fake.domains = [Domain(f"{n}.tradesense.io", {"dkim1"}) for n in range(60)]
        fake.domains.append(Domain("tradesense.io"))

    def app(self) -> ASGIApp:
        """The account."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address and the key's name."""
        return {"sendgrid": {"url": self.url, "token": f"env:{_KEY_NAME}"}}

    def secrets(self) -> dict[str, str]:
        """The key."""
        return {_KEY_NAME: _KEY}

    @fault
    def the_domain_is_gone(self) -> Iterator[None]:
        """Only its subdomains are left."""
        with changed(self._fake, domains=self._fake.domains[:-1]):
            yield

    @fault
    def a_record_is_missing(self, record: str) -> Iterator[None]:
        """SendGrid does not find it in the DNS any more."""
        with changed(self._fake.domains[-1], missing={record}):
            yield

    @fault
    def the_key_may_not_send(self) -> Iterator[None]:
        """It may only look."""
        with changed(self._fake, scopes=["whitelabel.read"]):
            yield

    @fault
    def the_key_may_do_more(self) -> Iterator[None]:
        """It may make keys, too."""
        with changed(self._fake, scopes=[*self._fake.scopes, "api_keys.create"]):
            yield
