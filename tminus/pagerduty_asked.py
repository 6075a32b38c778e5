"""What PagerDuty's REST API is asked for the sake of one note, in no more time than it gets for it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import TypeVar

from tminus.bounded_threads import BoundedThreads
from tminus.courier import Unavailable, Undeliverable
from tminus.pagerduty_payload import Note
from tminus.pagerduty_rest import PagerDutyIncidents

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
_KEY_WITHIN = 4.0  # seconds to say whose incident a note is on, all tries together; a hold waits for it
_ANSWER_WITHIN = 20.0  # seconds to take an answer, all tries together
_TRY = 4.0  # seconds of one try
_PAUSE = 0.25  # seconds before the second try, twice as many before each further one
_AT_ONCE = 8  # requests
_MOST_ANSWERS = 100  # that are under way or wait for those; more are not given


class AskedPagerDuty:
    """Asks again until the time is over, and no longer: however many requests, however slowly an answer comes.

    Args:
        incidents: the REST API; None where there is none, and then nothing is known and nothing is answered.
    """

    def __init__(self, incidents: PagerDutyIncidents | None) -> None:
        self._incidents = incidents
        self._threads = BoundedThreads(_AT_ONCE, "pagerduty is asked")
        self._answering = self._unanswered = self._unknown = 0

    def metrics(self) -> Iterator[str]:
        """Answers under way and not given, and incidents of which PagerDuty did not say whose they are."""
        yield "# TYPE tminus_pagerduty_answering gauge"
        yield f"tminus_pagerduty_answering {self._answering}"
        yield "# TYPE tminus_pagerduty_unanswered_total counter"
        yield f"tminus_pagerduty_unanswered_total {self._unanswered}"
        yield "# TYPE tminus_pagerduty_unknown_incidents_total counter"
        yield f"tminus_pagerduty_unknown_incidents_total {self._unknown}"

    async def key(self, note: Note) -> str | None:
        """The dedup key of the note's incident; None where it is not known."""
        given = note.incident.incident_key
        if given is not None or self._incidents is None:
            return given
        try:
            return await self._tried(partial(self._incidents.key_of, note.incident.id), _KEY_WITHIN)
        except (Unavailable, Undeliverable) as e:
            self._unknown += 1
            _logger.warning("it cannot be read whose incident %s is: %s", note.incident.id, e)
            return None

    async def answer(self, note: Note, said: str) -> None:
        """Tells whoever looks at the incident; where there is no REST API the ledger alone knows."""
        if self._incidents is None:
            return
        if self._answering >= _MOST_ANSWERS:
            self._not_given("too many wait")
            return
        self._answering += 1
        # What begins so is no word to tminus when PagerDuty sends this note here in its turn.
        write = partial(self._incidents.note, note.incident.id, f"tminus: {said}")
        try:
            await self._tried(write, _ANSWER_WITHIN)
        except (Unavailable, Undeliverable) as e:
            self._not_given(str(e))
        finally:
            self._answering -= 1

    def close(self) -> None:
        """Ends the connections."""
        if self._incidents is not None:
            self._incidents.close()

    async def _tried(self, request: Callable[[], _T], within: float) -> _T:
        """Raises Undeliverable where it is refused, Unavailable once the time is over."""
        why = "it was not asked"
        try:
            async with asyncio.timeout(within):
                for number in count():
                    try:
                        return await self._threads.run(request, _TRY, patience=within)
                    except Unavailable as e:
                        why = str(e)
                    except TimeoutError:
                        why = f"PagerDuty: no answer in {_TRY:g} s"
                    await asyncio.sleep(_PAUSE * 2**number)
        except TimeoutError:
            why = f"{why}; given up after {within:g} s"
        raise Unavailable(why)

    def _not_given(self, why: str) -> None:
        self._unanswered += 1
        _logger.warning("the answer to a note could not be given: %s", why)
