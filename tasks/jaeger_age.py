"""How old the oldest trace is, by halving the time in which it could be."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

FARTHEST = timedelta(days=730)
_CLOSE = timedelta(hours=1)

Search = Callable[[timedelta, timedelta], Awaitable[timedelta | None]]


async def oldest_trace(search: Search) -> timedelta | None:
    """The age of the oldest trace, or at most an hour less; None where there is none within two years.

    Args:
        search: the age of some trace between two ages, the nearer first; None where there is none between them.
    """
    known = await search(timedelta(), FARTHEST)
    beyond = FARTHEST
    while known is not None and beyond - known > _CLOSE:
        middle = known + (beyond - known) / 2
        older = await search(middle, beyond)
        known, beyond = (known, middle) if older is None else (max(older, middle), beyond)
    return known
