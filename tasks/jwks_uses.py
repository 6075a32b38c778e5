"""When a token of one signing key was verified last, as Prometheus counted them."""

import re
from datetime import timedelta

from tasks.prometheus_api import PrometheusApi
from tasks.rotators.rotator import Use
from tminus.clock import now
from tminus.errors import CouldNotObserve

KID, OVER = "{kid}", "{over}"
"""What stands in the book's query for the key's id and for how far it looks back (`90s`)."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:=+/@-]{1,200}")  # what may stand in a query as it is
_NARROWEST = timedelta(seconds=1)
_PRECISE = 50  # parts of the whole: the last use is told that exactly


class VerifiedTokens:
    """The counts of one system.

    Args:
        prometheus: who counted.
        query: PromQL for how many tokens of key `{kid}` were verified within `{over}`.
    """

    def __init__(self, prometheus: PrometheusApi, query: str) -> None:
        self._prometheus = prometheus
        self._query = query

    async def of(self, kid: str, over: timedelta) -> float:
        """How many within the last so long; raises CouldNotObserve."""
        if not _PLAIN.fullmatch(kid):
            raise CouldNotObserve("the key's id has characters that no query is made with; give the key another id")
        seconds = max(over, _NARROWEST) // timedelta(seconds=1)
        return await self._prometheus.total(self._query.replace(KID, kid).replace(OVER, f"{seconds}s"))

    async def last(self, kid: str, over: timedelta) -> Use | None:
        """The last use within so long; None where there was none.

        It is searched by halving: between the two last looks somebody used it in the longer, and nobody in the
        shorter. The use is dated as late as that allows. Looks shorter than two scrapes see nothing, so what is in
        use is dated two scrapes ago at most.
        """
        if not (times := await self.of(kid, over)) > 0:
            return None
        silent, used = timedelta(0), over
        while used - silent > max(over / _PRECISE, _NARROWEST):
            middle = (silent + used) / 2
            if await self.of(kid, middle) > 0:
                used = middle
            else:
                silent = middle
        return Use(f"whoever shows tokens of key {kid}", max(round(times), 1), now() - silent)
