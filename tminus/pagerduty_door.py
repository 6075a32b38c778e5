"""The door for PagerDuty's webhooks: verified, acknowledged at once, then judged, recorded and answered by a note."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TypeVar

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tminus.acknowledged import Acknowledged
from tminus.bounded_body import BodyRefused, bounded_body
from tminus.clock import now
from tminus.environment import PagerDuty
from tminus.errors import InDoubt, LedgerError, LedgerUnreachable, Refused, TminusError
from tminus.launch_pages import LaunchPages
from tminus.ledger.store import Store
from tminus.pagerduty_asked import AskedPagerDuty
from tminus.pagerduty_notes import Notes, NotOurs
from tminus.pagerduty_payload import Event, Malformed, Note, Said, read_event, said_in
from tminus.pagerduty_rest import PagerDutyIncidents
from tminus.pagerduty_signature import PagerDutySignatures
from tminus.runbook import Spec
from tminus.signing_secrets import SigningSecrets

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
_MOST_WAITING = 200  # notes that wait for a slow ledger; more are sent away, and PagerDuty sends them again
_FORGERIES = 10  # a minute that are written into ledgers; the others are counted only
_AGAIN_WITHIN = 30.0  # seconds in which a note is tried again whose ledger does not answer: PagerDuty has its 202
_PAUSE = 0.5  # seconds between two such tries
_NOT_PAGERDUTY = "somebody who is not PagerDuty"
_REPLAYED = "this event was sent before: a second delivery, or a replay"
_UNRECORDED = "This was NOT recorded, the ledger does not answer. Write it again, or use the `tminus` command line."
_IN_DOUBT = (
    "It is NOT KNOWN whether this was recorded: the ledger broke off in the moment of writing. Look with "
    "`tminus status`; to write it again is safe, nothing counts twice."
)
_UNREADABLE = "This was NOT recorded: its launch cannot be read here."
_COUNTED = (
    *("accepted", "refused", "ignored", "failed"),
    *("forged", "stale", "replayed", "malformed", "oversized", "overloaded"),
)


class PagerDutyDoor:
    """Verifies, acknowledges at once, then judges, records, and answers on the incident.

    PagerDuty waits five seconds for an acknowledgement and sends again what got none; it is given before the ledger is
    asked anything. An event that comes twice is acknowledged twice and let in once.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
        signing: the secrets of the webhook subscriptions.
        incidents: the REST API, where the environment has it.

    Attributes:
        counts: how many requests came to what.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, type[Spec]],
        signing: SigningSecrets,
        incidents: PagerDutyIncidents | None = None,
    ) -> None:
        self._notes = Notes(LaunchPages(store, kinds), asked=incidents is not None)
        self._asked = AskedPagerDuty(incidents)
        self._begun = Acknowledged("what came from PagerDuty")
        self._signing = signing
        self._signatures = PagerDutySignatures(signing)
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._waiting = 0
        self._written: deque[datetime] = deque(maxlen=_FORGERIES)
        self.counts: dict[str, int] = dict.fromkeys(_COUNTED, 0)

    def routes(self) -> list[Route]:
        """Where PagerDuty knocks."""
        return [Route("/pagerduty/webhooks", self._bounded, methods=["POST"])]

    def close(self) -> None:
        """Ends the connections."""
        self._asked.close()

    async def finish(self) -> None:
        """Does what was acknowledged; what is not done after a few seconds is let go of."""
        await self._begun.finish()

    def trouble(self) -> str:
        """The secrets'; what is wrong with a note is answered where it was written."""
        return self._signing.trouble()

    def metrics(self) -> Iterator[str]:
        """Webhooks by what they came to, notes that wait for the ledger, and what PagerDuty was asked."""
        yield "# TYPE tminus_pagerduty_webhooks_total counter"
        yield from (
            f'tminus_pagerduty_webhooks_total{{result="{name}"}} {count}' for name, count in self.counts.items()
        )
        yield "# TYPE tminus_pagerduty_waiting gauge"
        yield f"tminus_pagerduty_waiting {self._waiting}"
        yield from self._asked.metrics()
        yield from self._signing.metrics("pagerduty")

    async def _bounded(self, request: Request) -> Response:
        """Takes no more than a webhook may be long, for no longer than it may take."""
        try:
            body = await bounded_body(request)
        except BodyRefused as e:
            self.counts["oversized"] += e.oversized
            return JSONResponse({"error": str(e)}, status_code=e.status)
        if why := await self._signing.verified(partial(self._signatures.why_forged, request.headers, body)):
            return self._forged(body, why, now())
        if staged := self._signatures.signer(request.headers, body):
            self._signing.used(staged)
        return self._webhook(body, now())

    def _webhook(self, body: bytes, moment: datetime) -> Response:
        """The acknowledgement of what is verified, with what is to be done behind it."""
        try:
            event = read_event(body)
            note = event.note
        except Malformed as e:
            self.counts["malformed"] += 1
            return JSONResponse({"error": str(e)}, status_code=400)
        said = said_in(note.content) if note else None
        if note is None or said is None:
            self.counts["ignored"] += 1
            return JSONResponse({"status": "nothing for tminus"})
        return self._note(event, note, said, moment)

    def _note(self, event: Event, note: Note, said: Said, moment: datetime) -> Response:
        if why := self._signatures.why_stale(event.occurred_at, moment):
            return self._stale(event, note, said, why, moment)
        if self._waiting >= _MOST_WAITING:
            self.counts["overloaded"] += 1
            return JSONResponse({"error": "too many notes wait for the ledger"}, status_code=503)
        if not self._signatures.first_time(event.id, moment):
            self.counts["replayed"] += 1
            self._write_down(event, note, said, _REPLAYED, moment)
            return JSONResponse({"status": _REPLAYED})
        self._waiting += 1
        self._begun.begin(self._take(event, note, said))
        return JSONResponse({"status": "taken"}, 202)

    def _stale(self, event: Event, note: Note, said: Said, why: str, moment: datetime) -> Response:
        """Refused; its author, whom its signature proves no less for that, is told so once, however often it comes."""
        self.counts["stale"] += 1
        if self._waiting < _MOST_WAITING and self._signatures.first_time(f"stale {event.id}", moment):
            self._waiting += 1
            self._begun.begin(self._take_back(event, note, said, why))
        else:
            self._write_down(event, note, said, why, moment)
        return JSONResponse({"error": why}, 401)

    def _forged(self, body: bytes, why: str, moment: datetime) -> Response:
        """Refused without believing a word of it; the launch it names gets a line. What gets none is not even read."""
        self.counts["forged"] += 1
        if self._may_record(moment):
            with suppress(Malformed):
                event = read_event(body)
                note = event.note
                if note and (said := said_in(note.content)):
                    key = note.incident.incident_key  # PagerDuty did not send it, and is asked nothing
                    self._begun.begin(self._refuse(event, note, said, why, key, _NOT_PAGERDUTY))
        return JSONResponse({"error": why}, status_code=401)

    def _write_down(self, event: Event, note: Note, said: Said, why: str, moment: datetime) -> None:
        if self._may_record(moment):
            self._begun.begin(self._look_and_refuse(event, note, said, why))

    def _may_record(self, moment: datetime) -> bool:
        """Whether one more of what anyone can send may be written down: a ledger is not filled from outside."""
        if len(self._written) == _FORGERIES and moment - self._written[0] < timedelta(minutes=1):
            return False
        self._written.append(moment)
        return True

    async def _look_and_refuse(self, event: Event, note: Note, said: Said, why: str) -> bool:
        return await self._refuse(event, note, said, why, await self._asked.key(note))

    async def _refuse(self, event: Event, note: Note, said: Said, why: str, key: str | None, who: str = "") -> bool:
        """Whether it may be ours, and so be answered."""
        try:
            return await self._in_turn(partial(self._notes.refuse, event, note, said, why, key, who))
        except TminusError as e:
            _logger.warning("a refusal is not recorded: %s", type(e).__name__)
            return True

    async def _take_back(self, event: Event, note: Note, said: Said, why: str) -> None:
        try:
            tell = await self._look_and_refuse(event, note, said, why) and await self._untold(event)
        finally:
            self._waiting -= 1
        if tell:
            await self._asked.answer(note, f"This does not count: {why}")

    async def _untold(self, event: Event) -> bool:
        """Whether no gateway told the author yet; where that cannot be known, rather twice than never."""
        try:
            return await self._in_turn(partial(self._notes.first_stale, event.id))
        except LedgerError as e:
            _logger.warning("who was told of an old note is not known: %s", type(e).__name__)
            return True

    async def _take(self, event: Event, note: Note, said: Said) -> None:
        """Asks whose incident it is before its turn comes, so that no note waits for what PagerDuty says of another."""
        try:
            key = await self._asked.key(note)
            answer = await self._recorded(event, note, said, key)
        finally:
            self._waiting -= 1
        if answer:
            await self._asked.answer(note, answer)

    async def _recorded(self, event: Event, note: Note, said: Said, key: str | None) -> str:
        """What is answered on the incident; "" where nothing is. A ledger that fails over is asked again meanwhile."""
        until, fresh = monotonic() + _AGAIN_WITHIN, None
        while True:
            try:
                if fresh is None:
                    fresh = await self._in_turn(partial(self._notes.first_time, event.id))
                if fresh:
                    return await self._in_turn(partial(self._decided, event, note, said, key))
                self.counts["replayed"] += 1
                await self._refuse(event, note, said, _REPLAYED, key)
            except InDoubt as e:
                if fresh:
                    return self._lost(e, _IN_DOUBT)
                fresh = True  # the row that may be there is this one's; of the note itself nothing is written yet
            except LedgerUnreachable as e:
                if monotonic() >= until:
                    return self._lost(e, _UNRECORDED)
            except LedgerError as e:
                return self._lost(e, _UNRECORDED)
            else:
                return ""
            await asyncio.sleep(_PAUSE)

    def _decided(self, event: Event, note: Note, said: Said, key: str | None) -> str:
        """As above, of one try; raises LedgerUnreachable."""
        try:
            told = self._notes.decide(event, note, said, key)
        except NotOurs:
            self.counts["ignored"] += 1
            return ""
        except Refused as e:
            self.counts["refused"] += 1
            return f"This does not count: {e}"
        except LedgerUnreachable:
            raise
        except LedgerError as e:
            return self._lost(e, _UNRECORDED)
        except TminusError as e:
            return self._lost(e, _UNREADABLE)
        self.counts["accepted"] += 1
        return told

    def _lost(self, error: TminusError, told: str) -> str:
        self.counts["failed"] += 1
        _logger.error("a note was not recorded: %s", error)
        return told

    async def _in_turn(self, work: Callable[[], _T]) -> _T:
        return await anyio.to_thread.run_sync(work, limiter=self._one_at_a_time)


def open_pagerduty_door(
    settings: PagerDuty | None, kinds: Mapping[str, type[Spec]], ledger: Callable[[], Store]
) -> PagerDutyDoor | None:
    """The door, where the environment names a subscription's secret; None where notes decide nothing.

    Args:
        settings: the environment's section.
        kinds: the vocabulary, to read books.
        ledger: opens a store of the door's own.

    Raises MissingSecret, UsageError, LedgerError.
    """
    if settings is None or not settings.webhook_secrets:
        return None
    incidents = PagerDutyIncidents(settings, settings.rest) if settings.rest is not None else None
    return PagerDutyDoor(ledger(), kinds, SigningSecrets(settings.webhook_secrets), incidents)
