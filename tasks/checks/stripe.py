"""Stripe: whether the account can take and pay out money, how far its key reaches, and where it sends events."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self, TypeVar

import httpx
from pydantic import Field, StringConstraints, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.probe import at
from tasks.vendor_api import Page, VendorApi
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

VERSION = "2023-08-16"  # of the API; pinned, since an account's own default may be any
_PAGE, _PAGES = 100, 20
_SHOWN = 20  # lines of details
_T = TypeVar("_T")


class _Requirements(Page):
    currently_due: list[str] | None = None


class _Account(Page):
    charges_enabled: bool
    payouts_enabled: bool
    requirements: _Requirements | None = None


class _Balance(Page):
    livemode: bool


class _Webhook(Page):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,100}$")]
    url: str
    status: str
    enabled_events: list[str] = Field(default_factory=list)
    application: str | None = None


class _Webhooks(Page):
    data: list[_Webhook]
    has_more: bool


class Account(Check, frozen=True):
    """Whether the account can take money and pay it out, and which mode its key is for.

    `charges` and `payouts` are enabled or disabled; `due` counts what Stripe still wants to know of the business before
    a deadline, after which it disables them; where Stripe says nothing of it, it is not measured. `mode` is live or
    test, as Stripe says it of the balance.
    """

    kind: Literal["stripe.account"] = "stripe.account"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"charges": "word", "payouts": "word", "mode": "word", "due": ""}

    async def look(self, estate: Estate) -> Observation:
        """Reads the account and the balance's mode; not the balance."""
        api = estate.api("stripe")
        account, mode = await _read(api, _Account, "/v1/account"), await _mode(api)
        due = None if account.requirements is None else account.requirements.currently_due
        found = (
            Measurement(name="charges", word=_word(able=account.charges_enabled)),
            Measurement(name="payouts", word=_word(able=account.payouts_enabled)),
            Measurement(name="mode", word=mode),
        )
        if due is None:
            return Observation(found=found, where="stripe", because="Stripe does not say what is due")
        return Observation(
            found=(*found, Measurement.number("due", len(due))),
            where="stripe",
            because=f"{len(due)} facts about the business are due" if due else "",
        )


class Key(Check, frozen=True):
    """How far the environment's key reaches: whether it is restricted, and which mode it is for.

    `restricted` is yes for a restricted key (`rk_…`), whose rights somebody chose one by one, and no for a secret key,
    which may do everything. `mode` is live or test, as Stripe says it of the balance, which the key must be allowed to
    read: a key that Stripe does not take is unknown, whatever its name says.
    """

    kind: Literal["stripe.key"] = "stripe.key"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"restricted": "word", "mode": "word"}

    async def look(self, estate: Estate) -> Observation:
        """Asks for the balance's mode with the key."""
        api = estate.api("stripe")
        mode, sort = await _mode(api), (await api.token()).partition("_")[0]
        if sort not in {"rk", "sk"}:
            raise CouldNotObserve("stripe takes the key, but it begins neither with rk_ nor with sk_")
        return Observation(
            found=(
                Measurement(name="restricted", word="yes" if sort == "rk" else "no"),
                Measurement(name="mode", word=mode),
            ),
            where="stripe",
        )


class Webhooks(Check, frozen=True):
    """Whether Stripe sends its events to us, over https.

    Counted are the webhook endpoints whose address has the host of `endpoint`, and its path or one below it; without
    one, all. Those of Connect are left out: they are sent the events of other accounts. `events` counts those of the
    named events that an enabled one of them is sent.

    Attributes:
        endpoint: a name in the environment's `endpoints`.
        path: where our service takes them, added to the endpoint's address.
        events: names of events, such as `payment_intent.succeeded`.
    """

    kind: Literal["stripe.webhooks"] = "stripe.webhooks"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"enabled": "", "https": "", "events": ""}

    endpoint: str | None = None
    path: str = Field(default="", pattern=r"^(/[^?#]*)?$")
    events: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _behind_an_endpoint(self) -> Self:
        if self.path and not self.endpoint:
            raise ValueError("`path` is added to the address of an `endpoint`; name that, too")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Reads the list of webhook endpoints."""
        ours = _place(at(estate.endpoint(self.endpoint).url, self.path)) if self.endpoint else None
        listed = [one for one in await _webhooks(estate.api("stripe")) if not one.application]
        hooks = [one for one in listed if ours is None or _leads_to(one.url, ours)]
        enabled = [one for one in hooks if one.status == "enabled"]
        secure = [one for one in hooks if one.url.startswith("https://")]
        sent = {event for one in enabled for event in one.enabled_events}
        wanted = tuple(dict.fromkeys(self.events))
        unsent = [event for event in wanted if event not in sent and "*" not in sent]
        troubles = [
            *(f"{_host(one.url)}: {one.status[:40]}" for one in hooks if one not in enabled),
            *(f"{_host(one.url)}: not https" for one in hooks if one not in secure),
            *(f"{event}: sent nowhere" for event in unsent),
        ]
        nobody = f"no webhook endpoint leads to {''.join(ours)}" if ours else "there is no webhook endpoint"
        return Observation(
            found=(
                Measurement.number("enabled", len(enabled), of=len(hooks)),
                Measurement.number("https", len(secure), of=len(hooks)),
                Measurement.number("events", len(wanted) - len(unsent), of=len(wanted)),
            ),
            where="stripe webhook endpoints",
            because="; ".join(troubles[:3]) if hooks else nobody,
            details=tuple(troubles[:_SHOWN]),
        )


async def _webhooks(api: VendorApi) -> list[_Webhook]:
    found: list[_Webhook] = []
    params: dict[str, str | int] = {"limit": _PAGE}
    for _ in range(_PAGES):
        page = await _read(api, _Webhooks, "/v1/webhook_endpoints", params)
        found += page.data
        if not page.has_more:
            return found
        if not page.data:
            break
        params["starting_after"] = page.data[-1].id
    raise CouldNotObserve(f"stripe's list of webhook endpoints did not end after {len(found)}")


async def _mode(api: VendorApi) -> str:
    return "live" if (await _read(api, _Balance, "/v1/balance")).livemode else "test"


async def _read(api: VendorApi, model: type[_T], path: str, params: Mapping[str, str | int] | None = None) -> _T:
    headers = {**await api.bearer(), "Stripe-Version": VERSION}
    return await api.read(model, path, params=params, headers=headers)


def _word(*, able: bool) -> str:
    return "enabled" if able else "disabled"


def _leads_to(url: str, ours: tuple[str, str]) -> bool:
    """Whether an address is of that host, and of that path or of one below it."""
    host, path = _place(url)
    return host == ours[0] and f"{path}/".startswith(f"{ours[1]}/")


def _place(url: str) -> tuple[str, str]:
    """The host and the path of an address, this one without a slash at its end; "?" where it is none."""
    try:
        return _host(url), httpx.URL(url).path.rstrip("/")
    except httpx.InvalidURL:
        return "?", ""


def _host(url: str) -> str:
    """The host of an address, without what else may stand in it; "?" where it is none."""
    try:
        return httpx.URL(url).host or "?"
    except httpx.InvalidURL:
        return "?"
