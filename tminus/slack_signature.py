"""Whether Slack sent a request, just now, and for the first time.

Slack's scheme (docs.slack.dev/authentication/verifying-requests-from-slack): the hex HMAC-SHA256, keyed with the
app's signing secret, of `v0:<timestamp>:<body>`, written `v0=<hex>`.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime

from pydantic import SecretStr

from tminus.credentials import Staged
from tminus.signing_secrets import SigningSecrets

WINDOW = 300  # seconds that a request's timestamp may be off, as Slack advises
_DIGITS = 12  # of a timestamp in seconds, at most


class SlackSignatures:
    """Verifies requests, and remembers those it saw for as long as they would pass again.

    Args:
        signing: the app's signing secret, with its stages while it is rotated.
    """

    def __init__(self, signing: SigningSecrets) -> None:
        self._signing = signing
        self._seen = Seen()

    def why_forged(self, headers: Mapping[str, str], body: bytes, moment: float) -> str | None:
        """Why Slack did not send this, or not just now; None where it did. `moment` is in seconds since 1970."""
        timestamp = headers.get("x-slack-request-timestamp", "")
        whole = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _DIGITS
        if not whole or abs(moment - int(timestamp)) > WINDOW:
            return "its timestamp is missing or more than five minutes off"
        return None if self.signer(headers, body) else "its signature is not Slack's"

    def signer(self, headers: Mapping[str, str], body: bytes) -> Staged | None:
        """The secret that it was signed with; None where it was signed with none of ours."""
        timestamp, given = headers.get("x-slack-request-timestamp", ""), signature_of(headers).encode()
        return self._signing.signer(lambda one: hmac.compare_digest(signature(one, timestamp, body).encode(), given))

    def first_time(self, signature: str, moment: float) -> bool:
        """Whether this process sees a verified request's signature for the first time."""
        return self._seen.first_time(signature, moment)


def signature(secret: SecretStr, timestamp: str, body: bytes) -> str:
    """What Slack signs a request with that it sends at `timestamp`, in seconds since 1970."""
    told = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.get_secret_value().encode(), told, hashlib.sha256).hexdigest()


class Seen:
    """What this process saw, for as long as it could be sent again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def first_time(self, key: str, moment: float) -> bool:
        """Whether it is new; `moment` is in seconds since 1970."""
        while self._seen and moment - next(iter(self._seen.values())) > 2 * WINDOW:
            self._seen.popitem(last=False)
        if key in self._seen:
            return False
        self._seen[key] = moment
        return True


def said_by(headers: Mapping[str, str], moment: float) -> datetime:
    """By when whoever a verified request is of had said it, at the latest: Slack sent it then, in whole seconds.

    `moment` is when it came, in seconds since 1970.
    """
    sent = int(headers.get("x-slack-request-timestamp", "0")) + 1
    return datetime.fromtimestamp(min(moment, sent), UTC)


def signature_of(headers: Mapping[str, str]) -> str:
    """The signature a request carries; "" where it carries none."""
    return headers.get("x-slack-signature", "")
