"""Slack's signing secret: a person regenerates it, and the gateway takes what either secret signed meanwhile."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.gateway_doors import GatewayDoors, field_in, slack_knock
from tasks.given_secret import given_value, value_of, with_value
from tasks.rotators.rotator import Census, Done, NotYet, Rotator, Turn, Use, Way, blind, unless_leaked
from tminus.clock import now
from tminus.errors import CouldNotObserve, NotConfigured, Refused
from tminus.rotations.document import Document

_SOON, _TYPED = timedelta(seconds=5), timedelta(seconds=20)
_SHORTEST = 16  # characters; Slack's have 32
_MAKE = "regenerate the signing secret at api.slack.com/apps (Basic Information, App Credentials)"


class WebhookSlack(Rotator, frozen=True):
    """An app of Slack's has one signing secret, and signs with the new one as soon as a person regenerates it.

    What it signs between that moment and the one in which the new one is given is refused, so give it at once, and
    regenerate while nothing is asked. Over Socket Mode nothing is signed, and nothing refused. What was signed before
    counts all through the overlap. Slack brings no old secret back.

    Attributes:
        gateways: names in the environment's `endpoints`: each gateway, where it can be reached itself and not through
            what balances them; without one, the environment's own `gateway`.
    """

    sections: ClassVar[Mapping[str, str]] = {"gateways": "endpoints"}

    kind: Literal["webhook.slack"] = "webhook.slack"
    by_hand: ClassVar[bool] = True
    gateways: tuple[str, ...] = ()

    async def plan(self, turn: Turn) -> Way:
        """Where the gateway reads it; raises NotConfigured where that is elsewhere."""
        value_of(turn.old, self._field(turn))
        return {"at": "slack.signing_secret"}

    async def create(self, turn: Turn) -> Document:
        """What a person brought; raises Refused where that is no signing secret."""
        field = self._field(turn)
        value = given_value(turn, field, _MAKE)
        plain = value.get_secret_value()
        if not (len(plain) >= _SHORTEST and plain.isascii() and plain.isalnum()):
            raise Refused(f"{turn.name}: that is no signing secret of Slack's; was it pasted whole? Now {_MAKE}")
        return with_value(turn.old, field, value, f"{turn.name} (new)")

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Waits until every gateway takes what either secret signed."""
        if why := await self._why_not(turn, new):
            return NotYet(now() + _SOON, why)
        return Done("the gateway takes what either secret signed")

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Proves by a request that Slack itself signed that the given secret is the one it signs with.

        Waits until somebody types a command or presses a button.
        """
        if why := await self._why_not(turn, new):
            return NotYet(now() + _SOON, why)
        signed = await (await self._doors(turn)).signed("slack", version=turn.version)
        if not any(one.times for one in signed):
            why = "Slack has sent nothing that the given secret signed: type `/tminus status` in Slack, once"
            return NotYet(now() + _TYPED, f"{why}. Where that is refused there, the secret was not pasted right")
        return Done(f"Slack signs with the new secret: {sum(one.times for one in signed)} requests came so")

    async def census(self, turn: Turn, new: Document) -> Census:
        """What came that the old secret signed, as the gateways count it."""
        del new
        since, where = turn.promoted or now() - self.cycle, "the gateway's metrics"
        stage = "previous" if turn.promoted else "current"
        try:
            doors = await self._doors(turn)
            signed = await doors.signed("slack", stage=stage)
        except CouldNotObserve as e:
            return Census((), where, since, blind(turn, unless_leaked(turn, e)))
        began = max(one.since for one in signed)
        late = f"what came before {began:%Y-%m-%d %H:%M} UTC, when a gateway was started" if began > since else ""
        uses = [
            Use(f"Slack, at {one.gateway}", one.times, one.last) for one in signed if one.last and one.last >= since
        ]
        return Census(uses, where, max(since, began), blind(turn, late, doors.down))

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Nothing: Slack stopped to sign with it when it was regenerated."""
        del turn, new
        return Done("Slack signs with the new secret since it was regenerated", already=True)

    async def on(self, turn: Turn, new: Document) -> Done:
        """Raises Refused: Slack signs with the new one."""
        del new
        raise Refused(
            f"{turn.name}: Slack signs with the new secret and brings no old one back; go on with the new one"
        )

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Nothing in Slack; the gateway takes it no more once its version has no stage."""
        field = self._field(turn)
        if value_of(turn.old, field).get_secret_value() == value_of(new, field).get_secret_value():
            raise Refused(f"{turn.name}: the old secret is the new one; nothing was dropped")
        return Done("Slack signs nothing with the old secret, and the gateway forgets it now", already=True)

    async def undo(self, turn: Turn, new: Document | None) -> Done:
        """Nothing was made in Slack; says what a person must do."""
        del new
        said = (
            "the gateway forgets the given secret. If it was regenerated in Slack, begin again and give the right one"
        )
        return Done(f"{turn.name}: {said}: until then nothing that Slack signs is let in", already=True)

    async def _why_not(self, turn: Turn, new: Document) -> str:
        field, doors = self._field(turn), await self._doors(turn)
        old = None if turn.at_once else value_of(turn.old, field)
        return await doors.overlapping(slack_knock(), old, value_of(new, field))

    async def _doors(self, turn: Turn) -> GatewayDoors:
        return await GatewayDoors.of(turn.estate, self.gateways, at_once=turn.at_once)

    def _field(self, turn: Turn) -> str:
        section = turn.estate.environment.slack
        if section is None or section.signing_secret is None:
            raise NotConfigured("the environment has no slack.signing_secret; over Socket Mode there is none to rotate")
        return field_in([section.signing_secret], self.secret, "slack.signing_secret")
