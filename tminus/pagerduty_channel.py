"""Letters to PagerDuty's Events API v2: change events, and incidents by their dedup key."""

import ssl

from pagerduty import EventsApiV2Client
from pagerduty.errors import Error, HttpError, UrlError
from pydantic import ValidationError

from tminus.clock import now
from tminus.courier import Unavailable, Undeliverable
from tminus.credentials import resolve
from tminus.environment import PagerDuty
from tminus.errors import UsageError
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox, Waiting

_TIMEOUT = 5  # seconds
_SUMMARY = 1024  # characters; developer.pagerduty.com/docs/events-api-v2/trigger-events
_QUOTED = 200  # characters of what PagerDuty says
_REFUSED = range(400, 500)
_LATER = frozenset({408, 429})


class PagerDutyChannel:
    """Sends events; the dedup key makes a second sending harmless.

    Args:
        settings: the addresses, and references to the secrets.

    Raises MissingSecret, UsageError where the authority to trust cannot be read.
    """

    def __init__(self, settings: PagerDuty) -> None:
        try:
            verify = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        except OSError as e:
            raise UsageError(f"pagerduty: ca_file {settings.ca_file} cannot be read: {e.strerror or e}") from e
        key = resolve(settings.routing_key).get_secret_value()
        self._client = EventsApiV2Client(key, base_url=settings.events, verify=verify, trust_env=False)
        # The constructor's own timeout is not the one that requests use.
        self._client.timeout = _TIMEOUT
        # Left to itself the client repeats a 429 for ever and sleeps on a 503; the outbox knows when to try again.
        self._client.retry = {429: 1}
        self._client.max_network_attempts = 0  # further ones
        self._client.sleep_timer = 0.2

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:  # noqa: ARG002 - the dedup key is receipt enough
        """Sends one event; the receipt is its dedup key."""
        try:
            self._send(letter, PagerDutyLetter.model_validate_json(letter.body), late)
        except HttpError as e:
            status = e.response.status_code if e.response is not None else 0
            if status in _REFUSED and status not in _LATER:
                raise Undeliverable(f"PagerDuty: {status} {self._said(e)}".strip()) from e
            raise Unavailable(f"PagerDuty: {status}") from e
        except (Error, UrlError, OSError) as e:
            raise Unavailable(f"PagerDuty: {type(e.__cause__ or e).__name__}") from e
        except ValidationError as e:
            raise Undeliverable(f"no letter to PagerDuty: {e.error_count()} fields are wrong") from e
        return letter.key

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _said(self, error: HttpError) -> str:
        """What PagerDuty finds wrong, short, and without the key should it repeat it."""
        try:
            errors = error.response.json().get("errors") if error.response is not None else None
        except (ValueError, AttributeError):
            return ""
        said = "; ".join(str(one) for one in errors) if isinstance(errors, list) else ""
        return said.replace(self._client.auth_method.secret, "***")[:_QUOTED]

    def _send(self, letter: Waiting, what: PagerDutyLetter, late: str) -> None:
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


def _summary(said: str, late: str) -> str:
    """Within PagerDuty's limit, and never without the words that say that it is late."""
    end = f" ({late})" if late else ""
    return said[: _SUMMARY - len(end)] + end
