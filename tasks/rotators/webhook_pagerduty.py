"""The secret of PagerDuty's webhook subscription: a second subscription takes over, and the first one is ended."""

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.gateway_doors import GatewayDoors, field_in, pagerduty_knock
from tasks.given_secret import value_of
from tasks.pagerduty_subscriptions import PagerDutySubscriptions, Subscription
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Way
from tminus.clock import now
from tminus.errors import NotConfigured, Refused
from tminus.rotations.document import Document

_SOON, _AGAIN = timedelta(seconds=5), timedelta(minutes=1)
_ARRIVES = 40  # looks, a quarter of a second apart, for a ping to arrive
_PAUSE = 0.25  # seconds
_MARK = re.compile(r" ?\[tminus-[^\]]*\]")


class WebhookPagerduty(Rotator, frozen=True):
    """PagerDuty shows a subscription's secret once, when it is made, and never changes it: so a second one is made.

    Both send every event then, each signed by its own secret; the gateway lets each event in once. The secret in
    Secrets Manager is JSON, with the field that `pagerduty.webhook_secrets` names and the subscription's `id`.

    Attributes:
        gateways: names in the environment's `endpoints`: each gateway, where it can be reached itself and not through
            what balances them; without one, the environment's own `gateway`.
    """

    sections: ClassVar[Mapping[str, str]] = {"gateways": "endpoints"}

    kind: Literal["webhook.pagerduty"] = "webhook.pagerduty"
    gateways: tuple[str, ...] = ()

    async def plan(self, turn: Turn) -> Way:
        """The old subscription. Raises Refused where a second one could not be like it."""
        turn.old.secret(self._field(turn))
        old = await self._old(turn)
        if old.has_headers:
            raise Refused(f"subscription {old.id} sends headers of its own, whose values PagerDuty shows to nobody")
        return {"old subscription": old.id}

    async def create(self, turn: Turn) -> Document:
        """A second subscription, not switched on yet; one that an earlier try left is ended."""
        api, old = PagerDutySubscriptions.of(turn.estate), await self._old(turn)
        await _throw_away(api, turn)
        description = f"{_MARK.sub('', old.description or '')} {_mark(turn)}".strip()
        made, secret = await api.make(old, description)
        return turn.old.changed(f"{turn.name} (new)", {self._field(turn): secret, "id": made})

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Switches it on, once every gateway takes what either secret signed."""
        if why := await self._why_not(turn, new):
            return NotYet(now() + _SOON, why)
        return await self._switch(turn, new.name("id"), on=True)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Proves it by a test event that PagerDuty itself sends over the new subscription."""
        if why := await self._why_not(turn, new):
            return NotYet(now() + _SOON, why)
        doors, subscription = await GatewayDoors.of(turn.estate, self.gateways), new.name("id")
        before = await _times(doors, turn)
        if not await PagerDutySubscriptions.of(turn.estate).ping(subscription):
            raise Refused(f"PagerDuty has no subscription {subscription} any more; somebody ended it")
        for _ in range(_ARRIVES):
            if await _times(doors, turn) > before:
                return Done(f"PagerDuty's test event over subscription {subscription} was let in")
            await asyncio.sleep(_PAUSE)
        return NotYet(now() + _AGAIN, f"PagerDuty's test event over subscription {subscription} did not arrive yet")

    async def census(self, turn: Turn, new: Document) -> Census:
        """Nobody: the old secret's one user is the old subscription, which is switched off here."""
        del new
        return Census((), "PagerDuty's subscriptions, each of which alone uses its secret", turn.promoted or now())

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Switches the old subscription off; the new one sends the same events."""
        api, subscription = PagerDutySubscriptions.of(turn.estate), new.name("id")
        sending = await api.one(subscription)
        if sending is None or not sending.active:
            raise Refused(f"the new subscription {subscription} sends nothing; the old one stays on")
        return await self._switch(turn, turn.old.name("id"), on=False)

    async def on(self, turn: Turn, new: Document) -> Done:
        """Switches it on; raises Refused where it has been ended."""
        del new
        return await self._switch(turn, turn.old.name("id"), on=True)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Ends the old subscription, and looks whether it is gone."""
        api, subscription = PagerDutySubscriptions.of(turn.estate), turn.old.name("id")
        if subscription == new.name("id"):
            raise Refused(f"{turn.name}: the old subscription is the new one; nothing was ended")
        already = not await api.end(subscription)
        if await api.one(subscription) is not None:
            return NotYet(now() + _AGAIN, f"PagerDuty still lists subscription {subscription}")
        return Done(f"subscription {subscription} is ended", already=already)

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """Ends the new subscription, and whatever else bears this rotation's mark."""
        api = PagerDutySubscriptions.of(turn.estate)
        gone = await _throw_away(api, turn)
        if (
            new is not None
            and new.has("id")
            and new.name("id") != turn.old.name("id")
            and await api.end(new.name("id"))
        ):
            gone.append(new.name("id"))
        return Done(f"ended: {', '.join(gone) or 'none was left'}", already=not gone)

    async def _switch(self, turn: Turn, subscription: str, *, on: bool) -> Done:
        api, said = PagerDutySubscriptions.of(turn.estate), f"subscription {subscription} is {'on' if on else 'off'}"
        stands = await api.one(subscription)
        if stands is not None and stands.active is on:
            return Done(said, already=True)
        if stands is None or not await api.switch(subscription, on=on):
            raise Refused(f"PagerDuty has no subscription {subscription} any more; somebody ended it")
        return Done(said)

    async def _old(self, turn: Turn) -> Subscription:
        subscription = turn.old.name("id")
        old = await PagerDutySubscriptions.of(turn.estate).one(subscription)
        if old is None:
            raise Refused(f"PagerDuty has no subscription {subscription}, which {turn.old.of} says is the one in use")
        return old

    async def _why_not(self, turn: Turn, new: Document) -> str:
        field, doors = self._field(turn), await GatewayDoors.of(turn.estate, self.gateways)
        return await doors.overlapping(pagerduty_knock(), value_of(turn.old, field), value_of(new, field))

    def _field(self, turn: Turn) -> str:
        section = turn.estate.environment.pagerduty
        if section is None:
            raise NotConfigured("the environment has no pagerduty; add it to the environment file")
        field = field_in(section.webhook_secrets, self.secret, "pagerduty.webhook_secrets")
        if not field:
            raise NotConfigured(f"pagerduty.webhook_secrets: write aws:{self.secret}#secret; its `id` stands beside it")
        return field


async def _times(doors: GatewayDoors, turn: Turn) -> int:
    return sum(one.times for one in await doors.signed("pagerduty", version=turn.version))


async def _throw_away(api: PagerDutySubscriptions, turn: Turn) -> list[str]:
    """Ends what an earlier try of this rotation made; returns the ids."""
    ours = [one.id for one in await api.all() if _mark(turn) in (one.description or "")]
    for subscription in ours:
        await api.end(subscription)
    return ours


def _mark(turn: Turn) -> str:
    return f"[tminus-{turn.name}-{turn.rotation}]"
