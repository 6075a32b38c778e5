"""Twilio as TradeSense uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.twilio import TwilioFake

_SID = "AC" + "0a1b2c3d" * 4
_SECRETS = {"TMINUS_WORLD_TWILIO_SID": _SID, "TMINUS_WORLD_TWILIO_TOKEN": "made-up"}


class Twilio(VendorWorld):
    """An account with five numbers, four of which send text messages."""

    system: ClassVar[str] = "twilio"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "twilio.account",
            {},
            {"status": "= active", "plan": "= full", "numbers": ">= 5", "sms": ">= 4", "balance": ">= 50"},
            (
                ("the_account", "status", "suspended"),
                ("the_account", "plan", "Trial"),
                ("the_account", "balance", "-3.2"),
                "a_number_was_given_back",
                "a_number_cannot_send",
                "no_number_can_send",
            ),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = TwilioFake(_SID, _SID, "made-up")
        self._fake.numbers = [True, True, False, True, True]

    def app(self) -> ASGIApp:
        """The account."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address and the names of its SID and token."""
        key, token = (f"env:{name}" for name in _SECRETS)
        return {"twilio": {"url": self.url, "key": key, "token": token}}

    def secrets(self) -> dict[str, str]:
        """Both of them."""
        return dict(_SECRETS)

    @fault
    def the_account(self, field: str, value: str) -> Iterator[None]:
        """Something about the account is otherwise."""
        with changed(self._fake, **{field: value}):
            yield

    @fault
    def a_number_was_given_back(self) -> Iterator[None]:
        """There are four."""
        with changed(self._fake, numbers=self._fake.numbers[1:]):
            yield

    @fault
    def a_number_cannot_send(self) -> Iterator[None]:
        """One of them is for calls only."""
        with changed(self._fake, numbers=[*self._fake.numbers[:-1], False]):
            yield

    @fault
    def no_number_can_send(self) -> Iterator[None]:
        """All of them are for calls only."""
        with changed(self._fake, numbers=[False] * len(self._fake.numbers)):
            yield
