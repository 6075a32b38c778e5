"""A service over HTTP, as an outside client sees it: it is asked, and nothing is written."""

import ssl
from functools import lru_cache
from typing import ClassVar

import httpx

from tasks.outside.store import Connection, Unanswered, WritableStore
from tminus.drills.receipts import Key


class HttpConnection(Connection):
    """See Connection: one answer, read to its end."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self._client = client
        self._address = address

    def write(self, key: Key) -> None:
        """See Connection; nobody may ask for it."""
        raise Unanswered(f"{key}: nothing is written over HTTP")

    def probe(self) -> None:
        """GET, and 2xx; a redirect is none."""
        try:
            answer = self._client.get(self._address)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as e:  # ValueError: a host that cannot be encoded
            raise Unanswered(type(e).__name__) from e
        if not answer.is_success:
            raise Unanswered(f"status {answer.status_code}")

    def close(self) -> None:
        """See Connection."""
        self._client.close()


class HttpStore(WritableStore):
    """See WritableStore: the first of its addresses is asked, since whatever stands before a service chooses."""

    uncounted: ClassVar[str] = "the client of an HTTP address makes none"

    def connect(self) -> HttpConnection:
        """See WritableStore: each connection is a new one, opened with its first question."""
        transport = httpx.HTTPTransport(verify=_trust())
        client = httpx.Client(transport=transport, timeout=self.patience, trust_env=False)
        return HttpConnection(client, self.addresses[0].get_secret_value())

    def prepare(self) -> None:
        """See WritableStore: there is nothing to make."""

    def found(self) -> list[Key]:
        """See WritableStore: nothing."""
        return []

    def forget(self) -> None:
        """See WritableStore: there is nothing to take away."""


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Read once: it costs more than a probe."""
    return ssl.create_default_context()
