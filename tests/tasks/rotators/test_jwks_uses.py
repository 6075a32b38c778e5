"""When a token was verified last, searched in a Prometheus that answers from a list of moments."""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.rehearsal.in_thread import served
from tasks.estate import Estate
from tasks.jwks_uses import VerifiedTokens
from tasks.prometheus_api import PrometheusApi
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.rotator import Turn
from tests.conftest import Estates
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.rotations.document import Document

QUERY = 'sum(increase(tokens_verified_total{kid="{kid}"}[{over}]))'
_BOOK = {
    "title": "Tokens",
    "owner": "security",
    "secret": "trading/tokens",
    "every": "30d",
    "bucket": "keys",
    "key": "keys.json",
    "urls": [{"endpoint": "site"}],
    "token_lifetime": "15m",
    "signer_reads_every": "1m",
    "max_cache": "10m",
    "counts": QUERY,
}
_ASKED = re.compile(r'sum\(increase\(tokens_verified_total\{kid="([^"]+)"\}\[(\d+)s\]\)\)')


class Counted:
    """A FAKE of Prometheus that counted tokens by their kid.

    Attributes:
        moments: kid → when its tokens were verified.
    """

    def __init__(self) -> None:
        self.moments: dict[str, list[datetime]] = {}

    async def answer(self, request: Request) -> JSONResponse:
        """One instant query."""
        asked = _ASKED.fullmatch(request.query_params["query"])
        assert asked is not None
        since = now() - timedelta(seconds=int(asked[2]))
        times = [one for one in self.moments.get(asked[1], []) if one >= since]
        result = [{"metric": {}, "value": [now().timestamp(), str(len(times))]}] if times else []
        return JSONResponse({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
async def counted(estates: Estates) -> AsyncIterator[tuple[Counted, Estate]]:
    """The counts, and an estate that asks for them."""
    counts = Counted()
    with served(Starlette(routes=[Route("/api/v1/query", counts.answer)])) as url:
        async with estates.make(prometheus={"url": url}) as estate:
            yield counts, estate


def _tokens(estate: Estate) -> VerifiedTokens:
    return VerifiedTokens(PrometheusApi(estate.api("prometheus")), QUERY)


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(minutes=3), timedelta(hours=20), timedelta(days=6)])
async def test_the_last_use_is_found(counted: tuple[Counted, Estate], ago: timedelta) -> None:
    """Never dated earlier than it was, and later by no more than a fiftieth of the whole."""
    counts, estate = counted
    last = now() - ago
    counts.moments = {"a": [last - timedelta(hours=1), last], "b": [now()]}
    use = await _tokens(estate).last("a", timedelta(days=7))
    assert use is not None
    assert last <= use.last <= last + timedelta(days=7) / 50 + timedelta(seconds=10)
    assert use.times == 2


async def test_no_use(counted: tuple[Counted, Estate]) -> None:
    """None where none was counted within the time; a key's id that would be a query of its own is not asked."""
    counts, estate = counted
    counts.moments = {"a": [now() - timedelta(days=8)]}
    assert await _tokens(estate).last("a", timedelta(days=7)) is None
    with pytest.raises(CouldNotObserve, match="characters"):
        await _tokens(estate).of('a"} or vector(1) #', timedelta(days=1))


async def test_the_census_of_a_key(counted: tuple[Counted, Estate]) -> None:
    """Who shows tokens of the old key is told; where not even the new one's are counted, it says that it is blind."""
    counts, estate = counted
    policy = JwtKeys.model_validate(_BOOK)
    old, new = (Document(SecretStr(json.dumps({"kid": kid})), kid) for kid in ("old", "new"))
    turn = Turn(estate, "tokens", "20270104-tokens", "v" * 36, {}, old, now() - timedelta(hours=1))
    assert "no token of the new key" in (await policy.census(turn, new)).blind
    counts.moments = {"new": [now()]}
    quiet = await policy.census(turn, new)
    assert (quiet.uses, quiet.blind, quiet.since) == ((), "", turn.promoted)
    counts.moments["old"] = [now()]
    (use,) = (await policy.census(turn, new)).uses
    assert (use.who, use.times) == ("whoever shows tokens of key old", 1)
