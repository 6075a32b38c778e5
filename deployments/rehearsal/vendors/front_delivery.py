"""The front's files, as a content delivery network in front of it would hand them out: a stand-in for one."""

import gzip
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

_SCRIPT = b"export const greet = () => 'good morning';\n" * 50


@dataclass
class Delivery:
    """What becomes of a file on its way.

    Attributes:
        caches: whether it is kept near its users.
        compresses: whether it is compressed for who can read that.
        max_age: seconds for which a browser may keep it; 0 for not told.
        gone: whether the file is not there.
    """

    caches: bool = True
    compresses: bool = True
    max_age: int = 31_536_000
    gone: bool = False
    _kept: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Nothing is kept any more."""
        self._kept.clear()

    async def answer(self, request: Request) -> Response:
        """One file."""
        if self.gone:
            return Response("no such file", 404)
        name = request.path_params["name"]
        hit = self.caches and name in self._kept
        self._kept.add(name)
        headers = {"X-Cache": "HIT" if hit else "MISS", "Content-Type": "text/javascript"}
        if self.max_age:
            headers["Cache-Control"] = f"public, max-age={self.max_age}, immutable"
        body = _SCRIPT
        if self.compresses and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        return Response(body, headers=headers)
