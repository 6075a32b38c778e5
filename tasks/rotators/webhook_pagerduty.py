"""The secret of PagerDuty's webhook subscription: a second subscription takes over, and the first one is ended."""

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.gateway_doors import GatewayDoors, field_in, pagerduty_knock
from tasks.given_secret import value_of
from tasks.pagerduty_subscriptions import PagerDutySubscriptions, Subscription
from tasks.rotators.rotator import UNSEEN, Census, Done, NotYet, Rotator, Turn, Way, blind, unless_leaked
from tminus.clock import now
from tminus.errors import CouldNotObserve, NotConfigured, Refused
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
        """The old subscription. Raises Refused where a second one could not be like it, and nobody brings one."""
        turn.old.secret(self._field(turn))
        way = {"old subscription": turn.old.name("id")}
        if turn.given is not None:
            return way
        try:
            await self._old(turn)
        except (CouldNotObserve, Refused) as e:
            return {**way, UNSEEN: unless_leaked(turn, e)}
        return way

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "id")

    async def create(self, turn: Turn) -> Document:
        """A second subscription, not switched on yet; one that an earlier try left is ended.

        Where a person brings one that they made, it is that one.
        """
        api = PagerDutySubscriptions.of(turn.estate)
        await _throw_away(api, turn)
        if turn.given is not None:
            return await self._brought(turn, turn.given)
        old = await self._old(turn)
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
        doors, subscription = await self._doors(turn), new.name("id")
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
        where = "PagerDuty's subscriptions, each of which alone uses its secret"
        return Census((), where, turn.promoted or now(), blind(turn))

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Switches the old subscription off; the new one sends the same events.

        Where the old one leaked it goes in any case, and the new one is switched on again where somebody switched it
        off.
        """
        api, subscription = PagerDutySubscriptions.of(turn.estate), new.name("id")
        sending = await api.one(subscription)
        if sending is None or not sending.active:
            unless_leaked(turn, Refused(f"the new subscription {subscription} sends nothing; the old one stays on"))
            await api.switch(subscription, on=True)
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
        if stands is not None and await api.switch(subscription, on=on):
            return Done(said)
        ended = f"PagerDuty has no subscription {subscription} any more; somebody ended it"
        if on:
            raise Refused(ended)
        return Done(ended, already=True)

    async def _old(self, turn: Turn) -> Subscription:
        """The one in use; raises Refused where there is none, or a second one could not be made like it."""
        subscription = turn.old.name("id")
        old = await PagerDutySubscriptions.of(turn.estate).one(subscription)
        if old is None:
            why = f"PagerDuty has no subscription {subscription}, which {turn.old.of} says is the one in use"
        elif old.has_headers:
            why = f"subscription {subscription} sends headers of its own, whose values PagerDuty shows to nobody"
        else:
            return old
        field, at_once = self._field(turn), " --at-once" if turn.at_once else ""
        raise Refused(
            f"{why}: make a second one in PagerDuty that sends incident.annotated to the gateway, "
            f'then `tminus rotate {turn.name}{at_once} --given`, and give {{"id": …, "{field}": …}}'
        )

    async def _brought(self, turn: Turn, given: Document) -> Document:
        """What a person made in PagerDuty; raises Refused where there is no such subscription, or it is the old one."""
        field, made = self._field(turn), given.name("id")
        if made == turn.old.name("id") or given.name(field) == turn.old.name(field):
            raise Refused(f"{turn.name}: that is the old subscription or its secret; give the second one's")
        if await PagerDutySubscriptions.of(turn.estate).one(made) is None:
            raise Refused(f"{turn.name}: PagerDuty has no subscription {made}; give the id of one that it has")
        return turn.old.changed(f"{turn.name} (new)", {field: given.secret(field), "id": made})

    async def _why_not(self, turn: Turn, new: Document) -> str:
        field, doors = self._field(turn), await self._doors(turn)
        old = None if turn.at_once else value_of(turn.old, field)
        return await doors.overlapping(pagerduty_knock(), old, value_of(new, field))

    async def _doors(self, turn: Turn) -> GatewayDoors:
        return await GatewayDoors.of(turn.estate, self.gateways, at_once=turn.at_once)

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
