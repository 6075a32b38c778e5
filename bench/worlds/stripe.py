"""Stripe as both platforms use it."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.stripe import StripeFake, Webhook

_NAMED = "TMINUS_WORLD_STRIPE_KEY"
_SORTS = ("rk_live", "rk_test", "sk_live")


class Stripe(VendorWorld):
    """An account with a restricted live key, and three webhook endpoints, two of them ours."""

    system: ClassVar[str] = "stripe"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "stripe.account",
            {},
            {"charges": "= enabled", "payouts": "= enabled", "mode": "= live", "due": "= 0"},
            ("no_charges", "no_payouts", ("another_key", "rk_test"), "something_is_due"),
            ("stripe_does_not_say_what_is_due",),
        ),
        Case(
            "stripe.key",
            {},
            {"restricted": "= yes", "mode": "= live"},
            (("another_key", "sk_live"), ("another_key", "rk_test")),
        ),
        Case(
            "stripe.webhooks",
            {"endpoint": "api", "events": ["payment_intent.succeeded", "charge.dispute.created"]},
            {"enabled": "= all", "https": "= all", "events": "= all"},
            (
                ("our_webhook", "status", "disabled"),
                ("our_webhook", "url", "http://api.tradesense.io/stripe/disputes"),
                "nobody_is_told_of_disputes",
                "no_webhook_is_ours",
                ("our_webhook", "application", "ca_made_up"),
            ),
        ),
        Case(
            "stripe.webhooks",
            {"endpoint": "api", "path": "/stripe/disputes", "events": ["charge.dispute.created"]},
            {"enabled": "= all", "https": "= all", "events": "= all"},
            (
                ("our_webhook", "url", "https://api.tradesense.io/stripe/disputes-of-before"),
                ("our_webhook", "url", "https://api.tradesense.io/stripe"),
                ("our_webhook", "url", "https://staging.tradesense.io/stripe/disputes"),
                ("our_webhook", "status", "disabled"),
                ("our_webhook", "application", "ca_made_up"),
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._sort = "rk_live"
        self._fake = fake = StripeFake(*(f"{sort}_made_up" for sort in _SORTS))
        ours = "https://api.tradesense.io/stripe"
        fake.webhooks = [
            Webhook("we_1", "http://api.tradesense.io.elsewhere.net/hook", [], "disabled"),
            Webhook("we_2", f"{ours}/payments", ["payment_intent.succeeded", "payment_intent.payment_failed"]),
            Webhook("we_3", f"{ours}/disputes", ["charge.dispute.created"]),
        ]

    def app(self) -> ASGIApp:
        """The account."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address, the key's name, and the endpoint that is ours."""
        return {
            "stripe": {"url": self.url, "token": f"env:{_NAMED}"},
            "endpoints": {"api": {"url": "https://api.tradesense.io"}},
        }

    def secrets(self) -> dict[str, str]:
        """The key."""
        return {_NAMED: f"{self._sort}_made_up"}

    @fault
    def no_charges(self) -> Iterator[None]:
        """Stripe stopped the account from taking money."""
        with changed(self._fake, charges=False):
            yield

    @fault
    def no_payouts(self) -> Iterator[None]:
        """Stripe keeps the money."""
        with changed(self._fake, payouts=False):
            yield

    @fault
    def something_is_due(self) -> Iterator[None]:
        """A document is missing."""
        with changed(self._fake, due=["company.verification.document"]):
            yield

    @fault
    def stripe_does_not_say_what_is_due(self) -> Iterator[None]:
        """Its answer has no requirements, as a key without the right to them gets it."""
        with changed(self._fake, due=None):
            yield

    @fault
    def another_key(self, sort: str) -> Iterator[None]:
        """The environment names a key of another sort."""
        with changed(self, _sort=sort):
            yield

    @fault
    def our_webhook(self, field: str, value: str) -> Iterator[None]:
        """Something about one of ours is otherwise."""
        with changed(self._fake.webhooks[2], **{field: value}):
            yield

    @fault
    def nobody_is_told_of_disputes(self) -> Iterator[None]:
        """The event was taken off the list."""
        with changed(self._fake.webhooks[2], events=["charge.refunded"]):
            yield

    @fault
    def no_webhook_is_ours(self) -> Iterator[None]:
        """Only the foreign one is left."""
        with changed(self._fake, webhooks=self._fake.webhooks[:1]):
            yield
