"""Customers of a launched service, who ask for prices through the front door."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx

_USUAL = 60.0  # requests a second, when an answer takes no time
_WITHIN = 1.0  # seconds
_POLL = 0.02  # seconds


class Traffic:
    """One request after another, from a thread.

    Attributes:
        rate: how many a second, at most; none at 0.
    """

    def __init__(self, front: str) -> None:
        self.rate = _USUAL
        self._url = f"{front}/api/prices"
        self._asking = threading.Lock()
        self._ending = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The block in which they ask."""
        thread = threading.Thread(target=self._ask, name="traffic", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            thread.join()

    @contextmanager
    def at(self, rate: float) -> Iterator[None]:
        """The block in which they ask at another rate."""
        before = self.rate
        with self._asking:  # so that no request of before is still under way
            self.rate = rate
        yield
        self.rate = before

    @contextmanager
    def crowd(self, customers: int) -> Iterator[None]:
        """The block in which so many more ask at the same time, each again and again, however long an answer takes."""
        leaving = threading.Event()
        with ThreadPoolExecutor(customers, "crowd") as pool:
            for _ in range(customers):
                pool.submit(self._insist, leaving)
            yield
            leaving.set()

    def _insist(self, leaving: threading.Event) -> None:
        with httpx.Client(timeout=_WITHIN, trust_env=False) as client:
            while not leaving.wait(_POLL):
                with suppress(httpx.HTTPError):
                    client.get(self._url)

    def send(self, requests: int) -> None:
        """So many requests at once, whatever they are answered."""
        with httpx.Client(timeout=_WITHIN, trust_env=False) as client:
            for _ in range(requests):
                client.get(self._url)

    def _ask(self) -> None:
        with httpx.Client(timeout=_WITHIN, trust_env=False) as client:
            while not self._ending.wait(1 / self.rate if self.rate else _POLL):
                with self._asking, suppress(httpx.HTTPError):  # what is broken here is for the checks to say
                    if self.rate:
                        client.get(self._url)
