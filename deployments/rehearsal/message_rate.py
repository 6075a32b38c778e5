"""Slack's limit of about one message a second in each channel, with short bursts.

Source: docs.slack.dev/apis/web-api/rate-limits.
"""

import math
import time
from collections.abc import Callable


class MessageRate:
    """A token bucket for each channel: `burst` messages at once, one more every second."""

    def __init__(self, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._burst = float(burst)
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, channel: str) -> int:
        """0 where the message may go now (and is counted), else whole seconds after which it may."""
        now = self._now()
        tokens, at = self._buckets.get(channel, (self._burst, now))
        tokens = min(self._burst, tokens + now - at)
        if tokens >= 1:
            self._buckets[channel] = (tokens - 1, now)
            return 0
        self._buckets[channel] = (tokens, now)
        return math.ceil(1 - tokens)
