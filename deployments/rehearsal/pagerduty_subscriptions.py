"""Webhook subscriptions of PagerDuty's REST API: made, listed, changed, pinged, ended.

After developer.pagerduty.com/api-reference (webhook subscriptions): a subscription's secret is in the answer to its
making alone, and null ever after.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError
from starlette.datastructures import QueryParams

from deployments.rehearsal.call_record import JsonObject
from deployments.rehearsal.pagerduty_rest import RestRefusal
from deployments.rehearsal.pagerduty_webhooks import Subscription, ping


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Delivery(_Sent):
    type: Literal["http_delivery_method"]
    url: str
    custom_headers: list[dict[str, str]] = []


class _Filter(_Sent):
    type: Literal["account_reference", "service_reference", "team_reference"]
    id: str | None = None


class _Made(_Sent):
    type: Literal["webhook_subscription"]
    delivery_method: _Delivery
    events: Annotated[list[str], Field(min_length=1)]
    filter: _Filter
    description: str = ""
    active: bool = True


class _NewSubscription(_Sent):
    webhook_subscription: _Made


class _Changes(_Sent):
    events: list[str] | None = None
    filter: _Filter | None = None
    description: str | None = None
    active: bool | None = None


class _ChangedSubscription(_Sent):
    webhook_subscription: _Changes


@dataclass
class Subscribed:
    """One subscription that was made by the API."""

    id: str
    wanted: _Made
    delivery: Subscription

    def shown(self, secret: SecretStr | None = None) -> JsonObject:
        """As the API shows it; its secret only where it is given."""
        said = self.wanted
        return {
            "id": self.id,
            "type": "webhook_subscription",
            "active": said.active,
            "description": said.description,
            "events": list[JsonValue](said.events),
            "filter": {"type": said.filter.type, "id": said.filter.id},
            "delivery_method": {
                "id": f"D{self.id}",
                "type": said.delivery_method.type,
                "url": said.delivery_method.url,
                "secret": secret.get_secret_value() if secret else None,
                "temporarily_disabled": False,
                "custom_headers": [{**one, "value": "-- redacted --"} for one in said.delivery_method.custom_headers],
            },
        }


@dataclass
class Subscriptions:
    """Those of one account.

    Attributes:
        all: in the order in which they were made.
    """

    all: list[Subscribed] = field(default_factory=list)

    def send(self, event: JsonObject) -> None:
        """To whoever wants it."""
        for one in self.all:
            if one.wanted.active and event["event_type"] in one.wanted.events:
                one.delivery.send(event)

    def listed(self, query: QueryParams) -> JsonObject:
        """GET /webhook_subscriptions."""
        limit, offset = int(query.get("limit", "25")), int(query.get("offset", "0"))
        page: Sequence[Subscribed] = self.all[offset : offset + limit]
        shown: list[JsonValue] = [one.shown() for one in page]
        more = offset + limit < len(self.all)
        return {"webhook_subscriptions": shown, "limit": limit, "offset": offset, "more": more, "total": None}

    def make(self, body: bytes) -> JsonObject:
        """POST /webhook_subscriptions."""
        try:
            wanted = _NewSubscription.model_validate_json(body).webhook_subscription
        except ValidationError as error:
            raise _invalid(error) from error
        secret = SecretStr(secrets.token_hex(32))
        made = Subscribed(f"P{secrets.token_hex(5).upper()}", wanted, Subscription(wanted.delivery_method.url, secret))
        self.all.append(made)
        return {"webhook_subscription": made.shown(secret)}

    def one(self, subscription: str) -> Subscribed:
        """By its id; raises RestRefusal where there is none."""
        found = next((one for one in self.all if one.id == subscription), None)
        if found is None:
            raise RestRefusal(404, 2100, "Not Found")
        return found

    def change(self, subscription: str, body: bytes) -> JsonObject:
        """PUT /webhook_subscriptions/{id}: what is not named stays as it is."""
        one = self.one(subscription)
        try:
            changes = _ChangedSubscription.model_validate_json(body).webhook_subscription
        except ValidationError as error:
            raise _invalid(error) from error
        named = {name: getattr(changes, name) for name in changes.model_fields_set}
        one.wanted = one.wanted.model_copy(update=named)
        return {"webhook_subscription": one.shown()}

    def end(self, subscription: str) -> JsonObject:
        """DELETE /webhook_subscriptions/{id}."""
        self.all.remove(self.one(subscription))
        return {}

    def ping(self, subscription: str) -> JsonObject:
        """POST /webhook_subscriptions/{id}/ping: sends a test event."""
        self.one(subscription).delivery.send(ping())
        return {}


def _invalid(error: ValidationError) -> RestRefusal:
    wrong = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
    return RestRefusal(400, 2001, "Invalid Input Provided", *wrong)
