"""A vendor that answers as a test says, and one look of a check at it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.worlds.estates import check_of, known_secrets, look
from bench.worlds.world import Case, Sections
from deployments.rehearsal.in_thread import served
from tminus.outcome import Outcome

SECRET, OTHER = "a-secret-of-this-test", "another-secret-of-this-test"
SID = "AC" + "0f" * 16
SECRETS = {"VENDOR_TOKEN": SECRET, "VENDOR_KEY": OTHER, "VENDOR_SID": SID, "VENDOR_RK": f"rk_test_{SECRET}"}

# One case of each kind that asks a vendor, expecting what only a healthy answer gives.
CASES: Mapping[str, Case] = {
    case.check: case
    for case in (
        Case("datadog.apm", {"service": "api", "env": "production"}, {"spans": ">= 1"}),
        Case("datadog.monitors", {"monitors": ["High error rate"]}, {"present": "= all"}),
        Case("datadog.dashboard", {"title": "Business metrics"}, {"present": "= yes"}),
        Case("datadog.metric", {"query": "avg:x{*}"}, {"value": ">= 0"}),
        Case(
            "sentry.project", {"project": "tradesense"}, {"receiving": "= yes", "unresolved": "= 0", "events": ">= 0"}
        ),
        Case("railway.services", {"services": ["api"]}, {"deployed": "= all"}),
        Case("stripe.account", {}, {"charges": "= enabled"}),
        Case("stripe.key", {}, {"restricted": "= yes"}),
        Case("stripe.webhooks", {}, {"enabled": "= all"}),
        Case("sendgrid.sender", {"domain": "tradesense.io"}, {"verified": "= yes", "beyond": "= 0"}),
        Case("twilio.account", {}, {"status": "= active", "balance": ">= 0"}),
        Case("pagerduty.on_call", {"policy": "vatic"}, {"now": ">= 1"}),
        Case("pagerduty.service", {"service": "vatic"}, {"present": "= yes"}),
        Case("pagerduty.tested_page", {"service": "vatic"}, {"age": "< 90 d"}),
        Case("pagerduty.incidents", {"service": "vatic"}, {"incidents": "= 0", "uptime": ">= 0 %"}),
        Case("slack.channel", {"channel": "#incidents"}, {"present": "= yes"}),
    )
}


def sections(url: str) -> Sections:
    """All vendors at one address."""
    token, key, sid, restricted = (f"env:{name}" for name in SECRETS)
    plain: Sections = {name: {"url": url, "token": token} for name in ("sendgrid",)}
    return {
        **plain,
        "stripe": {"url": url, "token": restricted},
        "datadog": {"url": url, "token": token, "key": key},
        "sentry": {"url": url, "token": token, "account": "org"},
        "railway": {"url": url, "token": token, "account": "a-project"},
        "twilio": {"url": url, "token": token, "key": sid},
        "pagerduty": {"routing_key": token, "token": token, "api": url},
        "slack": {"channel": "C0INCIDENTS", "token": token, "signing_secret": key, "api": f"{url}/api/"},
    }


def seen(case: Case, url: str, folder: Path, **changed: JsonValue) -> Outcome:
    """What a check makes of the vendor at that address."""
    with known_secrets(SECRETS):
        return asyncio.run(look(check_of(case), {**sections(url), **changed}, folder))


@contextmanager
def answering(answer: Callable[[Request, bytes], Response]) -> Iterator[str]:
    """The address of a server that answers every request so."""

    async def endpoint(request: Request) -> Response:
        return answer(request, await request.body())

    routes = [Route("/{path:path}", endpoint, methods=["GET", "POST"])]
    with served(Starlette(routes=routes)) as url:
        yield url


def always(body: JsonValue, status: int = 200) -> Callable[[Request, bytes], Response]:
    """The same document for every request."""
    return lambda _request, _body: JSONResponse(body, status_code=status)
