"""Letters to PagerDuty's Events API v2: change events, and incidents by their dedup key."""

import ssl

from pagerduty import EventsApiV2Client
from pagerduty.errors import Error, HttpError

from tminus.clock import now
from tminus.courier import Unavailable, Undeliverable
from tminus.credentials import resolve
from tminus.environment import PagerDuty
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox, Waiting

_TIMEOUT = 5.0  # seconds
_TOO_MANY = 429
_SERVER_ERROR = 500


class PagerDutyChannel:
    """Sends events; the dedup key makes a second sending harmless.

    Args:
        settings: the addresses, and references to the secrets.
    """

    def __init__(self, settings: PagerDuty) -> None:
        verify = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        key = resolve(settings.routing_key).get_secret_value()
        self._client = EventsApiV2Client(
            key, base_url=settings.events, verify=verify, timeout=_TIMEOUT, trust_env=False
        )
        # Left to itself the client repeats a 429 for ever and sleeps on a 503; the outbox knows when to try again.
        self._client.retry = {_TOO_MANY: 1}
        self._client.max_network_attempts = 1
        self._client.sleep_timer = 0.2

    def deliver(self, letter: Waiting, outbox: Outbox, late: str) -> str:  # noqa: ARG002 - the dedup key is receipt enough
        """Sends one event; the receipt is its dedup key."""
        what = PagerDutyLetter.model_validate_json(letter.body)
        try:
            self._send(letter, what, late)
        except HttpError as e:
            status = e.response.status_code if e.response is not None else _SERVER_ERROR
            if status < _SERVER_ERROR and status != _TOO_MANY:
                raise Undeliverable(f"PagerDuty: {status}") from e
            raise Unavailable(f"PagerDuty: {status}") from e
        except (Error, OSError) as e:
            raise Unavailable(f"PagerDuty: {type(e).__name__}") from e
        return letter.key

    def _send(self, letter: Waiting, what: PagerDutyLetter, late: str) -> None:
        details = {**what.details, **({"late": late} if late else {})}
        links = [{"href": what.link, "text": "Prefect"}] if what.link else []
        summary = f"{what.summary} ({late})"[:1024] if late else what.summary
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
