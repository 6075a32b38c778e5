"""How long the doctor waits: for one answer, and for a system that asks to be left alone for a while."""

import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import TypeVar

from tminus.bounded_threads import NoPlace, begun
from tminus.errors import TminusError

_T = TypeVar("_T")
WITHIN = 5.0  # seconds for one answer
RATE_LIMITED = 30.0  # seconds that one system's requests to be left alone are heeded, all together
_UNKNOWN = 1.0  # seconds where it does not say how long


class NoAnswer(TminusError):
    """A system did not answer in time, or with nothing that can be read."""


class GivenUp(NoAnswer):
    """It may still answer: whatever waits for that, with its connection, is left to itself."""


def within(call: Callable[[], _T], seconds: float = WITHIN) -> _T:
    """What a call comes to; a client's own timeout begins anew with every byte, and some have none.

    A call that takes longer is left to itself: it only reads. Its connection must not be closed under it, or it reads
    from whatever connection has that number next. Raises GivenUp, and what the call raises.
    """
    try:
        answer = begun(call, "tminus doctor")
    except NoPlace as e:
        raise GivenUp(str(e)) from e
    if not wait([answer], seconds).done:
        raise GivenUp(f"no answer within {seconds:.0f} s")
    return answer.result()


class Patience:
    """Heeds what a system asks for by Retry-After, up to a bound for all its requests together."""

    def __init__(self, seconds: float = RATE_LIMITED) -> None:
        self._left = seconds

    def wait(self, asked: str) -> None:
        """Waits as long as a header asks; raises NoAnswer where that is longer than is left.

        Args:
            asked: Retry-After or the like, in seconds; anything else counts as one second.
        """
        seconds = float(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else _UNKNOWN  # noqa: PLR2004
        seconds = max(seconds, _UNKNOWN)
        if seconds > self._left:
            raise NoAnswer(f"it limits requests and asks to be left alone for {seconds:.0f} s; ask again later")
        self._left -= seconds
        time.sleep(seconds)
