"""The body of a request from outside: no longer than it may be, and within the time that it may take."""

import asyncio

from starlette.requests import ClientDisconnect, Request

LARGEST = 512 * 1024  # bytes; what Slack and PagerDuty send stays far below
WITHIN = 5.0  # seconds


class BodyRefused(Exception):
    """It was not read to its end.

    Attributes:
        status: the HTTP status that says so.
    """

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status

    @property
    def oversized(self) -> bool:
        """Whether it was too large, and not too slow."""
        return self.status == 413  # noqa: PLR2004 - content too large


async def bounded_body(request: Request, largest: int = LARGEST, within: float = WITHIN) -> bytes:
    """Reads it; raises BodyRefused.

    Args:
        request: whose.
        largest: in bytes; nothing is kept of what is larger.
        within: in seconds, from the first byte to the last.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(within):
            async for chunk in request.stream():
                body += chunk
                if len(body) > largest:
                    raise BodyRefused(f"larger than {largest} bytes", 413)
    except (TimeoutError, ClientDisconnect) as e:
        raise BodyRefused("the body did not come", 408) from e
    return bytes(body)
