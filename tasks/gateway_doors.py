"""The running gateways, asked at their own doors: with which secret something must be signed that they let in."""

import json
import re
import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from pydantic import SecretStr

from tasks.estate import Estate
from tasks.web_request import Front, Wanted, front
from tminus import pagerduty_signature, slack_signature
from tminus.clock import now
from tminus.credentials import SecretRef
from tminus.errors import CouldNotObserve, NotConfigured, Refused

_SIGNED = re.compile(
    r"(?m)^tminus_(?P<whose>slack|pagerduty)_signed_(?P<what>total|last_seconds)"
    r'\{stage="(?P<stage>\w+)",version="(?P<version>[\w-]*)"\} (?P<value>[\d.]{1,30})$'
)
_SINCE = re.compile(r"(?m)^tminus_(?P<whose>slack|pagerduty)_signed_since_seconds (?P<value>[\d.]{1,30})$")


@dataclass(frozen=True)
class Knock:
    """A harmless request that a vendor sends, too, and how it is signed."""

    path: str
    body: bytes
    headers: Callable[[SecretStr, bytes], Mapping[str, str]]


@dataclass(frozen=True)
class Signed:
    """What a gateway let in that one version of a secret signed.

    Attributes:
        gateway: its name.
        since: from when on it counts: its start.
        last: None where there was nothing.
    """

    gateway: str
    times: int
    last: datetime | None
    since: datetime


def slack_knock() -> Knock:
    """The look at a command's TLS: it changes nothing, and is not counted."""

    def headers(secret: SecretStr, body: bytes) -> Mapping[str, str]:
        sent = str(int(time.time()))
        signature = slack_signature.signature(secret, sent, body)
        return {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": signature}

    return Knock("/slack/commands", b"ssl_check=1&token=", headers)


def pagerduty_knock() -> Knock:
    """The event by which somebody tests a subscription: it changes nothing."""
    event = {
        "id": uuid.uuid4().hex.upper(),
        "event_type": "pagey.ping",
        "resource_type": "pagey",
        "occurred_at": now().isoformat(),
        "agent": None,
        "client": None,
        "data": {"message": "tminus tries a secret", "type": "ping"},
    }
    return Knock(
        "/pagerduty/webhooks",
        json.dumps({"event": event}).encode(),
        lambda secret, body: {"X-PagerDuty-Signature": pagerduty_signature.signature(secret, body)},
    )


class GatewayDoors:
    """All gateways of an environment; every method raises CouldNotObserve where one does not answer.

    Attributes:
        down: what those said that are left out since they do not answer; "" where none is.
    """

    def __init__(self, fronts: Sequence[Front], down: str = "") -> None:
        self._fronts = fronts
        self.down = down

    @classmethod
    async def of(cls, estate: Estate, names: Sequence[str], *, at_once: bool = False) -> "GatewayDoors":
        """Those endpoints; without a name the one that the environment's `gateway` says. Raises NotConfigured.

        Args:
            estate: the environment, opened.
            names: of its `endpoints`.
            at_once: leaves those out that do not answer, so let nobody in; raises CouldNotObserve where none does.
        """
        at = estate.environment.gateway
        fronts = [await front(estate, name) for name in names]
        doors = cls(fronts or [Front("the gateway", f"http://{at.host}:{at.port}", estate.http)])
        return await doors._answering() if at_once else doors

    async def _answering(self) -> "GatewayDoors":
        answer, down = list[Front](), list[str]()
        for one in self._fronts:
            try:
                await one.ask(Wanted("/metrics"))
                answer.append(one)
            except CouldNotObserve as e:
                down.append(str(e))
        if not answer:
            raise CouldNotObserve("; ".join(down))
        return GatewayDoors(answer, "; ".join(down))

    async def overlapping(self, knock: Knock, old: SecretStr | None, new: SecretStr) -> str:
        """Why not every gateway lets in what either secret signed, yet; "" where each does.

        Without an old one, only what the new one signed counts. Raises Refused where one lets in what nobody's secret
        signed, or refuses the old one.
        """
        if careless := await self.open_to_all(knock):
            raise Refused(f"{', '.join(careless)} lets in what nobody's secret signed; no secret is proven by it")
        if refusing := await self.refusing(knock, new):
            return f"{', '.join(refusing)} does not let in yet what the new secret signed"
        if old is not None and (refusing := await self.refusing(knock, old)):
            raise Refused(f"{', '.join(refusing)} refuses what the old secret signed, and it is still needed")
        return ""

    async def refusing(self, knock: Knock, secret: SecretStr) -> list[str]:
        """The names of those that refuse what this secret signed."""
        return [one.name for one in self._fronts if not await self._let_in(one, knock, secret)]

    async def open_to_all(self, knock: Knock) -> list[str]:
        """The names of those that let in what nobody's secret signed."""
        nobodys = SecretStr(secrets.token_hex(16))
        return [one.name for one in self._fronts if await self._let_in(one, knock, nobodys)]

    async def signed(self, whose: str, *, stage: str = "", version: str = "") -> list[Signed]:
        """What each let in of one vendor's, of a stage or a version of the secret."""
        return [await self._signed(one, whose, stage, version[:8]) for one in self._fronts]

    async def _let_in(self, at: Front, knock: Knock, secret: SecretStr) -> bool:
        wanted = Wanted(knock.path, "POST", knock.headers(secret, knock.body), content=knock.body)
        status = (await at.ask(wanted)).status
        if status not in {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.UNAUTHORIZED}:
            raise CouldNotObserve(f"{at.name} ({at.where}): {wanted}: status {status}; that is no gateway")
        return status != HTTPStatus.UNAUTHORIZED

    async def _signed(self, at: Front, whose: str, stage: str, version: str) -> Signed:
        reply = await at.ask(Wanted("/metrics"))
        text = reply.body.decode(errors="replace")
        since = [float(one["value"]) for one in _SINCE.finditer(text) if one["whose"] == whose]
        if not reply.good or not since:
            raise CouldNotObserve(f"{at.name} ({at.where}): its metrics say nothing of what {whose} signed")
        ours = [one for one in _SIGNED.finditer(text) if one["whose"] == whose]
        ours = [one for one in ours if stage in {"", one["stage"]} and version in {"", one["version"]}]
        times = sum(int(float(one["value"])) for one in ours if one["what"] == "total")
        last = max((float(one["value"]) for one in ours if one["what"] == "last_seconds"), default=None)
        return Signed(at.name, times, None if last is None else _moment(last), _moment(since[0]))


def field_in(references: Sequence[SecretRef], secret: str, where: str) -> str:
    """The field of the secret that the gateway verifies with; "" where it is the whole.

    Raises NotConfigured where no reference leads to it: then the gateway would not notice its rotation.
    """
    for reference in references:
        name, _, field = reference.removeprefix("aws:").partition("#")
        if reference.startswith("aws:") and name == secret:
            return field
    given = ", ".join(references) or "nothing"
    raise NotConfigured(f"the environment's {where} is {given}, and not aws:{secret}; the gateway reads it from there")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
