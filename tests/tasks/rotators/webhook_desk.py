"""A webhook's signing secret in Secrets Manager, a running gateway that verifies with it, and the rotation of it."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import httpx
from pydantic import SecretStr

from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tasks.estate import Estate
from tasks.rotators.rotator import Done, NotYet, Rotator, Turn
from tests.knocking import Knocking
from tests.staged_secrets import StagedSecret, nobody_overtook
from tminus.clock import now
from tminus.rotations.document import Document

_T = TypeVar("_T")
OLD, NEW = "canary0old0secret0of0slack0and0pd", "canary0new0secret0of0slack0and0pd"
TOKEN = "canary-rest-token"
ROTATION = "20300101T000000.000000Z-0001"
DIRECTORY = {
    "users": [{"id": "PUSER01", "name": "DevOps lead", "email": "lead@example.com"}],
    "on_calls": [{"user": "PUSER01", "start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"}],
}


def subscription(url: str, door: str) -> dict[str, str]:
    """Subscribes a gateway at PagerDuty; what a secret says of it, its signing secret shown this once."""
    wanted = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": f"{door}/pagerduty/webhooks"},
        "events": ["incident.annotated"],
        "filter": {"type": "account_reference"},
        "description": "Notes for launches",
    }
    made = httpx.post(
        f"{url}/webhook_subscriptions",
        json={"webhook_subscription": wanted},
        headers={"Authorization": f"Token token={TOKEN}"},
        trust_env=False,
    ).json()["webhook_subscription"]
    return {"secret": made["delivery_method"]["secret"], "id": made["id"]}


class Desk:
    """A secret in Secrets Manager, a gateway that verifies with it, and the rotation of it."""

    def __init__(self, secret: StagedSecret, knocking: Knocking, make: Callable[..., Estate]) -> None:
        self.secret = secret
        self.knocking = knocking
        self._make = make
        self.version = str(uuid.uuid4())
        self.replaces = secret.versions.versions().current
        self.old = secret.versions.read(self.replaces)
        self.promoted = False
        self.at_once = False
        self.endpoints: dict[str, dict[str, str]] = {"gateway": {"url": knocking.door}}

    def do(self, act: Callable[[Turn], Coroutine[None, None, _T]], given: str | None = None) -> _T:
        """One call, as each visit makes it."""
        brought = None if given is None else Document(SecretStr(given), "given")
        since = now() - timedelta(minutes=1) if self.promoted else None

        async def visit() -> _T:
            async with self._make(endpoints=self.endpoints) as estate:
                turn = Turn(estate, "hooks", ROTATION, self.version, {}, self.old, promoted=since, given=brought)
                return await act(replace(turn, at_once=self.at_once))

        return asyncio.run(visit())

    def until_done(self, act: Callable[[Turn], Coroutine[None, None, Done | NotYet]]) -> Done:
        """Asked until it is done: the gateway looks for a new secret no oftener than it may."""
        for _ in range(50):
            if isinstance(came := self.do(act), Done):
                return came
            time.sleep(0.1)
        raise AssertionError(came.why)

    def pend(self, new: Document) -> None:
        """The new value is AWSPENDING."""
        self.secret.versions.put_pending(self.version, new)

    def promote(self) -> None:
        """It is AWSCURRENT, and the gateway has seen so."""
        self.secret.versions.promote(self.version, self.replaces, nobody_overtook)
        self.promoted = True
        time.sleep(0.25)

    def forget(self) -> None:
        """The old version has no stage, and the gateway has seen so."""
        self.secret.versions.forget(self.replaces, nobody_overtook)
        time.sleep(0.25)


def book(kind: type[Rotator], secret: str, **changed: object) -> Mapping[str, object]:
    """What a book says."""
    said = {"title": "Webhooks", "owner": "devops", "secret": secret, "every": "90d", "gateways": ["gateway"]}
    return {**said, "kind": kind.model_fields["kind"].default, **changed}


class Subscribed(Desk):
    """The same of PagerDuty's, beside its stand-in."""

    account: PagerDutyStandIn
    pagerduty: str

    @property
    def active(self) -> dict[str, bool]:
        """Which subscriptions there are, and whether they send."""
        return {one.id: one.wanted.active for one in self.account.subscriptions.all}
