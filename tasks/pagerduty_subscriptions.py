"""PagerDuty's webhook subscriptions by its REST API: found, made, switched on and off, pinged, ended.

Source: developer.pagerduty.com/api-reference, webhook subscriptions. A subscription's secret is in the answer to its
making alone; the values of custom headers are never shown.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError

from tasks.estate import Estate
from tasks.vendor_api import VendorApi
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.web import Api

_ACCEPT = "application/vnd.pagerduty+json;version=2"
_PAGE, _PAGES = 100, 20
_ALL = "/webhook_subscriptions"


class _Said(BaseModel):
    """A part of an answer; no mistake in one repeats it, since it may hold a secret."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Delivery(_Said):
    type: str
    url: str
    secret: SecretStr | None = None
    custom_headers: list[JsonValue] | None = None


class Subscription(_Said):
    """One subscription."""

    id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    active: bool = True
    description: str | None = None
    events: list[str]
    filter: dict[str, JsonValue]
    delivery_method: _Delivery

    @property
    def has_headers(self) -> bool:
        """Whether it sends headers of its own, whose values nobody is shown."""
        return bool(self.delivery_method.custom_headers)


class _One(_Said):
    webhook_subscription: Subscription


class _Several(_Said):
    webhook_subscriptions: list[Subscription]
    more: bool


_S = TypeVar("_S", bound=_Said)


class PagerDutySubscriptions:
    """Every method raises CouldNotObserve, MissingSecret.

    Args:
        api: PagerDuty's, with the token of a key that may write.
    """

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    @classmethod
    def of(cls, estate: Estate) -> "PagerDutySubscriptions":
        """Those of the environment; raises NotConfigured."""
        section = estate.environment.pagerduty
        if section is None or section.rest is None:
            raise NotConfigured("the environment has no pagerduty.rest; webhook subscriptions are made by it")
        api = Api(url=section.rest.api, token=section.rest.token, ca_file=section.ca_file)
        return cls(VendorApi("pagerduty", api, estate.clients.trusting(section.ca_file)))

    async def all(self) -> list[Subscription]:
        """Every one."""
        found: list[Subscription] = []
        for _ in range(_PAGES):
            params: dict[str, str | int | list[str]] = {"limit": _PAGE, "offset": len(found)}
            reply = await self._api.ask("GET", _ALL, params=params, headers=await self._headers())
            page = self._parsed(_Several, reply.body, "GET")
            found += page.webhook_subscriptions
            if not page.more:
                return found
        raise CouldNotObserve(f"pagerduty: more than {_PAGE * _PAGES} webhook subscriptions")

    async def one(self, subscription: str) -> Subscription | None:
        """By its id; None where there is none."""
        reply = await self._api.ask("GET", f"{_ALL}/{subscription}", headers=await self._headers())
        return None if reply.absent else self._parsed(_One, reply.body, "GET").webhook_subscription

    async def make(self, like: Subscription, description: str) -> tuple[str, SecretStr]:
        """A second one that sends the same to the same address, not switched on yet; its id and its secret."""
        made: JsonValue = {
            "webhook_subscription": {
                "type": "webhook_subscription",
                "delivery_method": {"type": like.delivery_method.type, "url": like.delivery_method.url},
                "description": description,
                "events": list[JsonValue](like.events),
                "filter": {name: value for name, value in like.filter.items() if value is not None},
                "active": False,
            }
        }
        reply = await self._api.ask("POST", _ALL, json=made, headers=await self._headers())
        subscription = self._parsed(_One, reply.body, "POST").webhook_subscription
        if subscription.delivery_method.secret is None:
            raise CouldNotObserve(f"pagerduty POST {_ALL}: the new subscription {subscription.id} came without secret")
        return subscription.id, subscription.delivery_method.secret

    async def switch(self, subscription: str, *, on: bool) -> bool:
        """Has it send or not; False where there is none of that id."""
        change: JsonValue = {"webhook_subscription": {"active": on}}
        path = f"{_ALL}/{subscription}"
        return not (await self._api.ask("PUT", path, json=change, headers=await self._headers())).absent

    async def ping(self, subscription: str) -> bool:
        """Has PagerDuty send a test event over it; False where there is none of that id."""
        path = f"{_ALL}/{subscription}/ping"
        return not (await self._api.ask("POST", path, headers=await self._headers())).absent

    async def end(self, subscription: str) -> bool:
        """Ends it; False where there was none of that id any more."""
        path = f"{_ALL}/{subscription}"
        return not (await self._api.ask("DELETE", path, headers=await self._headers())).absent

    def _parsed(self, model: type[_S], body: bytes, method: str) -> _S:
        try:
            return model.model_validate_json(body)
        except ValidationError:  # it knows the body, which may hold a secret
            raise CouldNotObserve(f"pagerduty {method} {_ALL}: an unexpected answer; is this a pagerduty?") from None

    async def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token token={await self._api.token()}", "Accept": _ACCEPT}
