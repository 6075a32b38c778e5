"""A vendor's answer in which one value is not what it should be."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.worlds.datadog import Datadog
from bench.worlds.estates import check_of, known_secrets, look
from bench.worlds.pagerduty import PagerDuty
from bench.worlds.pagerduty_history import PagerDutyHistory
from bench.worlds.railway import Railway
from bench.worlds.sendgrid import SendGrid
from bench.worlds.sentry import Sentry
from bench.worlds.slack import Slack
from bench.worlds.stripe import Stripe
from bench.worlds.twilio import Twilio
from bench.worlds.vendor_world import VendorWorld
from tminus.outcome import Outcome

WORLDS = (Datadog, PagerDuty, PagerDutyHistory, Railway, SendGrid, Sentry, Slack, Stripe, Twilio)
WRONG: tuple[JsonValue, ...] = (
    None, -1, 10**400, 1e308, True, "", "💥" * 200, "\x1b[2J", "../../etc", "2026-13-45", [], {}, [None], {"a": []}
)  # fmt: skip


class Bent:
    """An application whose JSON answers have one value exchanged: the `which`-th, counted round."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self.which = 0
        self.value: JsonValue = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")

        await self._inner(scope, receive, hold)
        document = json.loads(body)
        places = list(_places(document))
        container, key = places[self.which % len(places)]
        container[key] = self.value
        bent = json.dumps(document).encode()
        headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(len(bent)).encode())]})
        await send({"type": "http.response.body", "body": bent})


def _places(document: JsonValue) -> Iterator[tuple[dict | list, str | int]]:
    """Every value inside a document, by what holds it; of a list the first two."""
    if isinstance(document, dict):
        inside: list[tuple[str | int, JsonValue]] = list(document.items())
    else:
        inside = list(enumerate(document[:2])) if isinstance(document, list) else []
    for key, value in inside:
        yield document, key
        yield from _places(value)


@contextmanager
def bent(world: VendorWorld) -> Iterator[Bent]:
    """The world's stand-in, running, with one value of its answers to be exchanged."""
    app = Bent(world.app())
    world.app = lambda: app  # the world serves what it is given
    with world.running():
        yield app


@pytest.mark.parametrize("kind", WORLDS, ids=lambda world: world.system)
def test_it_is_an_outcome_all_the_same(kind: type[VendorWorld], tmp_path: Path) -> None:
    """Whatever stands in a place of the answer, the check comes to an outcome of a bounded length."""
    world = kind(tmp_path)
    with bent(world) as app, known_secrets(world.secrets()):

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.integers(0, 10_000), st.sampled_from(WRONG), st.sampled_from(world.cases))
        def any_value(which: int, value: JsonValue, case: object) -> None:
            app.which, app.value = which, value
            outcome = asyncio.run(look(check_of(case), world.sections(), tmp_path))
            assert isinstance(outcome, Outcome)
            assert len(outcome.summary) < 1000
            assert len(outcome.details) <= 20

        any_value()
