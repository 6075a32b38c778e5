"""Slack as both platforms use it."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.slack import Channel, SlackFake

_TOKEN, _NAMED = "xoxb-made-up", "TMINUS_WORLD_SLACK_TOKEN"
_WELL = {"present": "= yes", "bot": "= in", "members": ">= 4", "archived": "= no"}
_FAULTS = ("the_channel_is_gone", "the_channel_is_archived", "the_bot_was_removed", "people_left")


class Slack(VendorWorld):
    """A workspace with a few channels, among them one for incidents that is private."""

    system: ClassVar[str] = "slack"
    cases: ClassVar[tuple[Case, ...]] = (
        Case("slack.channel", {"channel": "#incidents"}, _WELL, (*_FAULTS, "the_bot_was_removed_in_private")),
        Case("slack.channel", {"channel": "C0INCIDENTS"}, _WELL, (*_FAULTS, "the_bot_was_removed_in_private")),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = SlackFake(_TOKEN)
        self._channel = Channel("C0INCIDENTS", "incidents", members=9)
        others = [Channel(f"C0OTHER00{n}", f"incidents-{n}", has_bot=False) for n in range(7)]
        self._fake.channels = [*others, self._channel]

    def app(self) -> ASGIApp:
        """The workspace."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Slack's section; the signing secret is for buttons, of which there are none here."""
        token = f"env:{_NAMED}"
        return {"slack": {"channel": "C0INCIDENTS", "token": token, "signing_secret": token, "api": f"{self.url}/api/"}}

    def secrets(self) -> dict[str, str]:
        """The app's token."""
        return {_NAMED: _TOKEN}

    @fault
    def the_channel_is_gone(self) -> Iterator[None]:
        """Only the others are left."""
        with changed(self._fake, channels=self._fake.channels[:-1]):
            yield

    @fault
    def the_channel_is_archived(self) -> Iterator[None]:
        """Nobody can write there."""
        with changed(self._channel, archived=True):
            yield

    @fault
    def the_bot_was_removed(self) -> Iterator[None]:
        """The app is not in it any more."""
        with changed(self._channel, has_bot=False):
            yield

    @fault
    def the_bot_was_removed_in_private(self) -> Iterator[None]:
        """The same, and the channel was made private: Slack does not show it."""
        with changed(self._channel, has_bot=False, private=True):
            yield

    @fault
    def people_left(self) -> Iterator[None]:
        """Three are left."""
        with changed(self._channel, members=3):
            yield
