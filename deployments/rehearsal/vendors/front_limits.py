"""How often the front lets somebody do something, and what whoever asks more often is told."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from deployments.rehearsal.vendors.front import Front


@dataclass
class Limit:
    """So many requests of each in one of the front's windows.

    Attributes:
        rate: requests; None for no limit.
    """

    rate: int | None
    _asked: Counter[str] = field(default_factory=Counter)
    _since: float = field(default_factory=time.monotonic)

    def forget(self) -> None:
        """As if nobody had asked for anything yet."""
        self._asked.clear()
        self._since = time.monotonic()

    def refusal(self, front: "Front", who: str) -> Response | None:
        """What they are told where they asked too often."""
        passed = time.monotonic() - self._since
        if passed > front.window:
            self.forget()
            passed = 0.0
        self._asked[who] += 1
        if self.rate is None or self._asked[who] <= self.rate:
            return None
        left = {"Retry-After": str(round(front.window - passed + 0.5))} if front.tells_when else {}
        return JSONResponse({"error": "too many requests"}, 429, headers=left)
