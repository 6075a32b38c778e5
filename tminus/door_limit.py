"""How many requests may be under way behind the gateway's doors; the process's own pages are answered in any case."""

from collections.abc import Collection, Iterator

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

AT_ONCE = 500  # requests; each is there for as long as its body comes, five seconds at most
_FULL = "too many requests are under way; send it again"
_AGAIN = 1  # seconds


class DoorLimit:
    """Answers 503 at once for each request too many. `/health` is no door: whoever restarts this process asks there.

    Args:
        doors: the paths that count.
    """

    def __init__(self, doors: Collection[str]) -> None:
        self._doors = frozenset(doors)
        self._under_way = 0

    def before(self, app: ASGIApp) -> ASGIApp:
        """The application, behind the limit."""

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] not in self._doors:
                await app(scope, receive, send)
                return
            if self._under_way >= AT_ONCE:
                full = JSONResponse({"error": _FULL}, status_code=503, headers={"Retry-After": str(_AGAIN)})
                await full(scope, receive, send)
                return
            self._under_way += 1
            try:
                await app(scope, receive, send)
            finally:
                self._under_way -= 1

        return limited

    def trouble(self) -> str:
        """Being full is none: it ends by itself."""
        return ""

    def metrics(self) -> Iterator[str]:
        """Requests under way, in Prometheus' text format."""
        yield "# TYPE tminus_gateway_under_way gauge"
        yield f"tminus_gateway_under_way {self._under_way}"
