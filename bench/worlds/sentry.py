"""Sentry as TradeSense uses it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.sentry import SentryFake

_TOKEN, _TOKEN_NAME = "sntrys-made-up", "TMINUS_WORLD_SENTRY_TOKEN"


class Sentry(VendorWorld):
    """A project with a few open warnings, one open error, and three alerts of which two would tell somebody."""

    system: ClassVar[str] = "sentry"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "sentry.project",
            {"project": "tradesense"},
            {"receiving": "= yes", "events": ">= 10", "unresolved": "<= 3", "alerts": ">= 3", "newest": "< 24 h"},
            (
                "there_is_no_project",
                "it_never_had_an_event",
                "its_key_is_disabled",
                "its_events_are_dropped",
                "the_newest_event_is_old",
                "errors_are_open",
                "an_alert_is_off",
                "an_alert_does_nothing",
            ),
        ),
        Case(
            "sentry.project",
            {"project": "tradesense"},
            {"alerts": ">= 1", "newest": "<= 7 d"},
            ("every_alert_is_off", "no_alert_does_anything", ("nothing_came_for", "169")),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = fake = SentryFake(_TOKEN, "tradesense-org", "tradesense")
        fake.keys = [False, False, False, True]
        fake.accepted, fake.dropped = 42, 1
        fake.issues = [
            ("resolved", "error"),
            ("unresolved", "warning"),
            ("unresolved", "error"),
            ("ignored", "fatal"),
            ("unresolved", "error"),
            ("unresolved", "fatal"),
            ("resolved", "error"),
        ]
        fake.alerts = [(True, True), (False, True), (True, True), (True, False), (True, True)]

    def app(self) -> ASGIApp:
        """The organisation."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address, the organisation's slug, and the token's name."""
        return {"sentry": {"url": self.url, "token": f"env:{_TOKEN_NAME}", "account": "tradesense-org"}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {_TOKEN_NAME: _TOKEN}

    @fault
    def there_is_no_project(self) -> Iterator[None]:
        """It was renamed."""
        with changed(self._fake, slug="tradesense-old"):
            yield

    @fault
    def it_never_had_an_event(self) -> Iterator[None]:
        """Nobody built the client in."""
        with changed(self._fake, first_event=None):
            yield

    @fault
    def its_key_is_disabled(self) -> Iterator[None]:
        """The only active key was switched off."""
        with changed(self._fake, keys=[False, False, False, False]):
            yield

    @fault
    def its_events_are_dropped(self) -> Iterator[None]:
        """The quota is used up."""
        with changed(self._fake, accepted=1, dropped=400):
            yield

    @fault
    def the_newest_event_is_old(self) -> Iterator[None]:
        """None came for two days."""
        with changed(self._fake, newest=timedelta(days=2)):
            yield

    @fault
    def nothing_came_for(self, hours: str) -> Iterator[None]:
        """The newest event is so many hours old."""
        with changed(self._fake, newest=timedelta(hours=float(hours))):
            yield

    @fault
    def errors_are_open(self) -> Iterator[None]:
        """There are three more."""
        with changed(self._fake, issues=[*self._fake.issues, *([("unresolved", "error")] * 3)]):
            yield

    @fault
    def an_alert_is_off(self) -> Iterator[None]:
        """Somebody switched the first one off."""
        with changed(self._fake, alerts=[(False, True), *self._fake.alerts[1:]]):
            yield

    @fault
    def every_alert_is_off(self) -> Iterator[None]:
        """Somebody switched them all off."""
        with changed(self._fake, alerts=[(False, does) for _, does in self._fake.alerts]):
            yield

    @fault
    def no_alert_does_anything(self) -> Iterator[None]:
        """None has an action."""
        with changed(self._fake, alerts=[(on, False) for on, _ in self._fake.alerts]):
            yield

    @fault
    def an_alert_does_nothing(self) -> Iterator[None]:
        """The last one has no action any more."""
        with changed(self._fake, alerts=[*self._fake.alerts[:-1], (True, False)]):
            yield
