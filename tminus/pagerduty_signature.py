"""Whether PagerDuty sent a webhook, not long ago, and for the first time.

PagerDuty's scheme (developer.pagerduty.com/docs/verifying-webhook-signatures): the hex HMAC-SHA256 of the raw body,
keyed with the subscription's secret, written `v1=<hex>`; while secrets are exchanged several, with commas between them.
It covers no timestamp but the event's own, which stands in the body.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import SecretStr

from tminus.credentials import Staged
from tminus.signing_secrets import SigningSecrets

WINDOW = timedelta(minutes=10)  # that an event may be off; PagerDuty sends again what was not acknowledged
_MOST = 10  # signatures that are looked at
_VERSION = "v1="


class PagerDutySignatures:
    """Verifies webhooks, and remembers the events of those it saw for as long as they would pass again.

    Args:
        signing: the secrets of the subscriptions, with their stages while they are rotated; any one will do.
    """

    def __init__(self, signing: SigningSecrets) -> None:
        self._signing = signing
        self._seen: dict[str, datetime] = {}

    def why_forged(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why PagerDuty did not send this; None where it did. Every secret is compared with every signature."""
        return None if self.signer(headers, body) else "its signature is not PagerDuty's"

    def signer(self, headers: Mapping[str, str], body: bytes) -> Staged | None:
        """The secret that it was signed with; None where it was signed with none of ours."""
        given = [one.strip() for one in headers.get("x-pagerduty-signature", "").split(",", _MOST)[:_MOST]]
        found = [one.encode() for one in given if one.startswith(_VERSION)]

        def fits(secret: SecretStr) -> bool:
            right = signature(secret, body).encode()
            return any([hmac.compare_digest(right, one) for one in found])  # noqa: C419 - every one, whichever fits

        return self._signing.signer(fits)

    def why_stale(self, occurred: datetime, moment: datetime) -> str | None:
        """Why an event is too old, or ahead of us; None where it is neither."""
        if abs(moment - occurred) <= WINDOW:
            return None
        return f"it is of {occurred:%Y-%m-%d %H:%M:%S} UTC, more than ten minutes from now; say it again"

    def first_time(self, event: str, moment: datetime) -> bool:
        """Whether this process sees a verified event for the first time."""
        for old in [old for old, at in self._seen.items() if moment - at > 2 * WINDOW]:
            del self._seen[old]
        if event in self._seen:
            return False
        self._seen[event] = moment
        return True


def signature(secret: SecretStr, body: bytes) -> str:
    """What PagerDuty signs a webhook with."""
    return _VERSION + hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
