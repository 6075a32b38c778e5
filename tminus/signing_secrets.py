"""What requests from outside are verified with, read again while the gateway runs, so that it may change under it.

Of a secret in Secrets Manager every stage counts: while it is rotated, who signs may use the old one or the new one.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import anyio
from pydantic import SecretStr

from tminus.clock import show_duration
from tminus.credentials import CURRENT, Staged, accepted
from tminus.errors import MissingSecret

FRESH = 5.0  # seconds for which what was read counts without another look: so long a dropped secret still works
AGAIN = 1.0  # seconds between two looks that a signature brought about which fits nothing
WITHIN = 1.5  # seconds that a request waits for a look; Slack waits three for its answer
KEPT = timedelta(hours=12)
"""How long what was read last counts while it cannot be read: an outage of Secrets Manager locks nobody out."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Read:
    values: tuple[Staged, ...]
    at: float


class SigningSecrets:
    """The secrets behind some references. It is one event loop's, but for `used`, which is safe in any.

    Args:
        references: those that are in Secrets Manager are read again, the others once.
        read: reads every stage of one.

    Raises MissingSecret where one cannot be read at the start.
    """

    def __init__(self, references: Sequence[str], read: Callable[[str], tuple[Staged, ...]] = accepted) -> None:
        self._read = read
        self._changing = [one for one in references if one.startswith("aws:")]
        self._known = {one: _Read(read(one), monotonic()) for one in references}
        self._looked = monotonic()
        self._looking: asyncio.Task[None] | None = None
        self._since = time.time()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, float] = {}

    @classmethod
    def of(cls, *secrets: SecretStr) -> "SigningSecrets":
        """Secrets that do not change."""
        given = {str(number): secret for number, secret in enumerate(secrets)}
        return cls(list(given), lambda name: (Staged(CURRENT, "", given[name]),))

    async def verified(self, why_forged: Callable[[], str | None]) -> str | None:
        """What `why_forged` says, asked with secrets that are fresh, and again where it says no and there are others.

        A look that takes longer goes on, and what is known already counts meanwhile.
        """
        if self._older_than(FRESH):
            await self._look()
        why = why_forged()
        if why is None or not self._older_than(AGAIN):
            return why
        await self._look()
        return why_forged()

    def signer(self, fits: Callable[[SecretStr], bool]) -> Staged | None:
        """The secret that fits; None where none does. Every one is tried, whichever fits."""
        counting = [read.values for one, read in self._known.items() if not self._expired(one)]
        found = [staged for values in counting for staged in values if fits(staged.value)]
        return found[0] if found else None

    def used(self, staged: Staged) -> None:
        """Counts one request that was verified with that secret."""
        labels = f'stage="{staged.stage}",version="{staged.version[:8]}"'
        self._counts[labels] += 1
        self._last[labels] = time.time()

    def trouble(self) -> str:
        """Which secret has not been read for so long that it counts no more; "" where there is none."""
        gone = ", ".join(one for one in self._known if self._expired(one))
        return f"{gone} could not be read for {show_duration(KEPT)} and counts no more" if gone else ""

    def metrics(self, whose: str) -> Iterator[str]:
        """How many requests each version of a secret verified, when it did so last, and since when it is counted."""
        yield f"# TYPE tminus_{whose}_signed_total counter"
        yield from (f"tminus_{whose}_signed_total{{{one}}} {many}" for one, many in self._counts.items())
        yield f"# TYPE tminus_{whose}_signed_last_seconds gauge"
        yield from (f"tminus_{whose}_signed_last_seconds{{{one}}} {at:.3f}" for one, at in self._last.items())
        yield f"# TYPE tminus_{whose}_signed_since_seconds gauge"
        yield f"tminus_{whose}_signed_since_seconds {self._since:.3f}"

    def _older_than(self, seconds: float) -> bool:
        return bool(self._changing) and monotonic() - self._looked >= seconds

    def _expired(self, reference: str) -> bool:
        return reference in self._changing and monotonic() - self._known[reference].at > KEPT.total_seconds()

    async def _look(self) -> None:
        """One look at a time, whoever wants it: one that hangs takes no second thread."""
        self._looked = monotonic()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._read_again())
        await asyncio.wait({self._looking}, timeout=WITHIN)

    async def _read_again(self) -> None:
        for one in self._changing:
            try:
                values = await anyio.to_thread.run_sync(self._read, one, abandon_on_cancel=True)
            except MissingSecret as e:
                _logger.warning("%s; what was read last goes on to count", e)
            else:
                self._known[one] = _Read(values, monotonic())
