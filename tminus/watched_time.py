"""How long a watch has really watched: time in which nobody did does not count."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tminus import events as ev


class WatchedTime:
    """When a watch is over, from its samples alone.

    Two whole samples vouch for the time between them, since counters add up, but for no more than `patience`. What is
    longer, because the conductor died or instances could not be read, comes on top.

    Attributes:
        until: when the watch is over, by the samples so far.
    """

    def __init__(self, began: datetime, until: datetime, patience: timedelta) -> None:
        self.until = until
        self._patience, self._last = patience, began

    def feed(self, samples: Iterable[ev.Sample]) -> None:
        """Takes samples in, in order."""
        for sample in samples:
            if not sample.missing:
                self.until += max(sample.at - self._last - self._patience, timedelta(0))
                self._last = sample.at
