"""Letters to PagerDuty: change events, and incidents by their dedup key; to roles' own policies by its REST API."""

import logging

from pagerduty import EventsApiV2Client
from pagerduty.errors import HttpError, UrlError
from pydantic import BaseModel, ValidationError

from tminus.answer_status import refuses
from tminus.clock import now
from tminus.courier import Unavailable, Undeliverable, still_wanted
from tminus.credentials import resolve
from tminus.environment import PagerDuty
from tminus.errors import MissingSecret, UsageError
from tminus.foreign_text import printable
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox, Waiting
from tminus.pagerduty_rest import TROUBLES, PagerDutyIncidents, trusted

_logger = logging.getLogger(__name__)
_TIMEOUT = 5  # seconds
_SUMMARY = 1024  # characters; developer.pagerduty.com/docs/events-api-v2/trigger-events
_QUOTED = 200  # characters of what PagerDuty says
_WRONG = frozenset({400, 413})  # an event that is invalid, or too large
_OF_KEY = "routing_key"  # what they say of it may be mended; the event may be fine
_BY_REST = 4  # tries of the REST API alone; what comes behind waits as long, and the Events API may be well


class _Refusal(BaseModel):
    """The Events API's own words; whatever stands between us and it has others."""

    status: str
    message: str
    errors: list[str] = []


class PagerDutyChannel:
    """Sends events; the dedup key makes a second sending harmless.

    Args:
        settings: the addresses, and references to the secrets.

    Raises MissingSecret, UsageError where the authority to trust cannot be read.
    """

    def __init__(self, settings: PagerDuty) -> None:
        key, verify = resolve(settings.routing_key).get_secret_value(), trusted(settings)
        self._settings = settings
        self._incidents: PagerDutyIncidents | None = None
        try:
            self._client = EventsApiV2Client(key, base_url=settings.events, verify=verify, trust_env=False)
        except UrlError as e:
            raise UsageError("pagerduty: events does not begin with https://") from e
        # The constructor's own timeout is not the one that requests use.
        self._client.timeout = _TIMEOUT
        # Left to itself the client repeats a 429 for ever and sleeps on a 503; the outbox knows when to try again.
        self._client.retry = {429: 1}
        self._client.max_network_attempts = 0  # further ones
        self._client.sleep_timer = 0.2

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:
        """Sends one; the receipt is its dedup key, or the incident and whom it pages."""
        try:
            what = PagerDutyLetter.model_validate_json(letter.body)
            if what.by_rest and self._settings.rest is not None:
                return self._first_by_rest(letter, what, late, outbox)
            self._send(letter, what, late)
        except HttpError as e:
            status, said = e.response.status_code if e.response is not None else 0, self._said(e)
            why = f"PagerDuty: {status} {said}".strip()
            if status in _WRONG and said and _OF_KEY not in said:
                raise Undeliverable(why) from e
            raise Unavailable(why, refused=refuses(status)) from e
        except TROUBLES as e:
            raise Unavailable(f"PagerDuty: {type(e.__cause__ or e).__name__}") from e
        except ValidationError as e:
            raise Undeliverable(f"no letter to PagerDuty: {e.error_count()} fields are wrong") from e
        except (ValueError, RecursionError) as e:  # its words may hold the key
            raise Unavailable(f"PagerDuty: {type(e).__name__}; the routing key may be none", refused=True) from None
        return letter.key

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
        if self._incidents is not None:
            self._incidents.close()

    def _first_by_rest(self, letter: Waiting, what: PagerDutyLetter, late: str, outbox: Outbox) -> str:
        """To whom it is for; where that cannot be had now, by an event. Each letter, and each try of it, asks anew."""
        try:
            return self._by_rest(self._opened(), letter, what, late)
        except (Undeliverable, MissingSecret, UsageError) as e:
            why = str(e)
        except Unavailable as e:
            if letter.attempts < _BY_REST:
                raise
            why = f"it did not answer {letter.attempts} times, last with {e}"
        return self._instead(letter, what, late, why, outbox)

    def _opened(self) -> PagerDutyIncidents:
        """The REST API, opened once its token can be read. Raises MissingSecret, UsageError, Unavailable."""
        if self._settings.rest is None:
            raise Unavailable("there is no REST API")
        if self._incidents is None:
            self._incidents = PagerDutyIncidents(self._settings, self._settings.rest)
        return self._incidents

    def _by_rest(self, incidents: PagerDutyIncidents, letter: Waiting, what: PagerDutyLetter, late: str) -> str:
        """Makes or ends the incident; a resolving event goes too, since an event may have triggered it."""
        if what.op == "resolve":
            incidents.resolve(letter.key)
            self._send(letter, what, late)
            return letter.key
        details = {**what.details, **({"late": late} if late else {})}
        return incidents.page(letter.key, _summary(what.summary, late), details, what.policy, what.users)

    def _instead(self, letter: Waiting, what: PagerDutyLetter, late: str, why: str, outbox: Outbox) -> str:
        """What the REST API will not have must wake somebody all the same: on-call of the default service.

        An incident that the REST API made it alone can end, so that is tried again; unless it holds up a page.
        """
        _logger.warning("PagerDuty's REST API does not take %s of %s: %s", letter.key, letter.chain, why)
        instead = {**what.details, "paged instead": f"on-call of the default service, since {why}"}
        self._send(letter, what.model_copy(update={"details": instead}), late)
        if what.op == "resolve" and outbox.receipt(letter.chain, "pagerduty", letter.key) != letter.key:
            by_hand = f"{why}; resolve {letter.key} in PagerDuty by hand"
            if letter.attempts >= _BY_REST and any(_wakes(body) for body in outbox.behind(letter)):
                raise Undeliverable(by_hand)
            raise Unavailable(f"{by_hand}, or it is tried again", refused=True)
        return letter.key

    def _said(self, error: HttpError) -> str:
        """What PagerDuty finds wrong, short, and without the key should it repeat it; "" where it was not PagerDuty."""
        try:
            refusal = _Refusal.model_validate_json(error.response.content if error.response is not None else b"")
        except ValidationError:
            return ""
        said = "; ".join(refusal.errors) or f"{refusal.status}: {refusal.message}"
        return printable(said.replace(self._client.auth_method.secret, "***")[:_QUOTED])

    def _send(self, letter: Waiting, what: PagerDutyLetter, late: str) -> None:
        still_wanted()
        details = {**what.details, **({"late": late} if late else {})}
        links = [{"href": what.link, "text": "Prefect"}] if what.link else []
        summary = _summary(what.summary, late)
        if what.op == "change":
            timestamp = now().isoformat()
            payload = {"summary": summary, "source": what.source, "timestamp": timestamp, "custom_details": details}
            self._client.send_change_event(payload=payload, links=links)
        elif what.op == "resolve":
            self._client.send_event("resolve", dedup_key=letter.key)
        else:
            payload = {
                "summary": summary,
                "source": what.source,
                "severity": what.severity,
                "custom_details": details,
            }
            self._client.send_event("trigger", dedup_key=letter.key, payload=payload, links=links)


def _wakes(body: str) -> bool:
    """Whether a letter is a page."""
    try:
        return PagerDutyLetter.model_validate_json(body).op == "trigger"
    except ValidationError:
        return False


def _summary(said: str, late: str) -> str:
    """Within PagerDuty's limit, and never without the words that say that it is late."""
    end = f" ({late})" if late else ""
    return said[: _SUMMARY - len(end)] + end
