"""A request that the service refuses, and the answer that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.requests import Request


class Refused(Exception):
    """The request is answered with ``status`` and a JSON body of ``code`` and ``message``."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        """Refuse with an HTTP status, a stable code for programs, a sentence for people, seconds to wait if any."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """Return the answer that the client gets."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse({"error": self.code, "message": self.message}, self.status, headers)


async def answer_refusal(_: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for ``Refused``."""
    if not isinstance(error, Refused):
        raise error
    return error.response()
