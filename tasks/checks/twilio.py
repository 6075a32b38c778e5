"""Twilio: whether the account can send, from which numbers, and for how long its balance lasts."""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field

from tasks.check import Check
from tasks.estate import Estate
from tasks.vendor_api import Page, VendorApi
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SID = re.compile(r"^AC[0-9a-fA-F]{32}$")
_PAGE, _PAGES = 1000, 20
_T = TypeVar("_T")


class _Account(Page):
    status: str
    type: str = ""


class _Balance(Page):
    balance: Decimal = Field(allow_inf_nan=False, max_digits=20)
    currency: str


class _Capabilities(Page):
    sms: bool = False


class _Number(Page):
    capabilities: _Capabilities = _Capabilities()


class _Numbers(Page):
    incoming_phone_numbers: list[_Number]
    next_page_uri: str | None = None


class Account(Check, frozen=True):
    """Whether the account can send, from which numbers, and what its balance is.

    `status` is active, suspended or closed. `plan` is full or trial: a trial account sends only to numbers that were
    verified before. `numbers` counts its phone numbers, `sms` those of them that send text messages. `balance`
    is in the account's `currency`.
    """

    kind: Literal["twilio.account"] = "twilio.account"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "status": "word",
        "plan": "word",
        "numbers": "",
        "sms": "",
        "balance": "",
        "currency": "word",
    }

    async def look(self, estate: Estate) -> Observation:
        """Reads the account and its numbers, and the balance where that is expected."""
        twilio = await _Twilio.of(estate.api("twilio"))
        account, numbers = await twilio.account(), await twilio.numbers()
        sms = sum(number.capabilities.sms for number in numbers)
        found = [
            Measurement(name="status", word=account.status[:40]),
            Measurement(name="plan", word=account.type.lower()[:40]),
            Measurement.number("numbers", len(numbers)),
            Measurement.number("sms", sms),
        ]
        if {"balance", "currency"} & set(self.expect):
            balance = await twilio.balance()
            found.append(Measurement.number("balance", balance.balance))
            found.append(Measurement(name="currency", word=balance.currency[:10]))
        line = f"{sms} of {len(numbers)} numbers send text messages"
        return Observation(found=tuple(found), where="twilio", details=(line,))


class _Twilio:
    """One account, asked through Twilio's API; every method raises CouldNotObserve.

    The account's SID may be a secret of the environment, so what goes wrong is said without it.
    """

    def __init__(self, api: VendorApi, sid: str, headers: Mapping[str, str]) -> None:
        self._api = api
        self._sid = sid
        self._headers = headers

    @classmethod
    async def of(cls, api: VendorApi) -> Self:
        """The account of `account` or, without one, of `key`; where both are given, `key` is an API key's SID."""
        user = await api.key() if api.section.key is not None else api.section.account
        sid = api.section.account or user
        if not _SID.match(sid):
            raise NotConfigured("twilio's account in the environment file is no account SID (AC and 32 hex digits)")
        credentials = base64.b64encode(f"{user}:{await api.token()}".encode()).decode()
        return cls(api, sid, {"Authorization": f"Basic {credentials}"})

    async def account(self) -> _Account:
        """The account itself."""
        return await self._read(_Account, f"/2010-04-01/Accounts/{self._sid}.json")

    async def balance(self) -> _Balance:
        """Its balance."""
        return await self._read(_Balance, f"/2010-04-01/Accounts/{self._sid}/Balance.json")

    async def numbers(self) -> list[_Number]:
        """All its phone numbers."""
        inside = f"/2010-04-01/Accounts/{self._sid}/IncomingPhoneNumbers.json"
        path, found = f"{inside}?PageSize={_PAGE}", list[_Number]()
        for _ in range(_PAGES):
            page = await self._read(_Numbers, path)
            found += page.incoming_phone_numbers
            if not page.next_page_uri:
                return found
            if not page.next_page_uri.startswith(f"{inside}?"):
                raise CouldNotObserve("twilio's next page of numbers lies elsewhere")
            path = page.next_page_uri
        raise CouldNotObserve(f"twilio's list of numbers did not end after {len(found)}")

    async def _read(self, model: type[_T], path: str) -> _T:
        try:
            return await self._api.read(model, path, headers=self._headers)
        except CouldNotObserve as e:
            raise CouldNotObserve(str(e).replace(self._sid, "AC…")) from None  # what it was raised from names it
