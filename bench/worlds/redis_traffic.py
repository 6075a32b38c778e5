"""A service that looks things up in a cache all the time, and finds so many of them."""

import contextlib
import threading
from collections.abc import Iterator

import redis

_AT_ONCE = 100  # lookups, which count all together or not at all
_PAUSE = 0.02  # seconds
FOUND, NOT_FOUND = "session:0", "session:gone"


class Traffic:
    """Lookups in the background.

    Attributes:
        rate: the share of them that are found; whoever changes it holds `still`.
        still: while it is held, nothing is looked up.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.still = threading.Lock()

    @contextlib.contextmanager
    def running(self, url: str) -> Iterator[None]:
        """The block in which it looks up."""
        over = threading.Event()
        thread = threading.Thread(target=self._run, args=(url, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    @contextlib.contextmanager
    def stopped(self, client: "redis.Redis") -> Iterator[None]:
        """The block in which the service is gone, and its connection with it."""
        with self.still:
            for one in client.client_list(_type="normal"):
                if one["name"] == "traffic":
                    client.client_kill_filter(_id=one["id"])
            yield

    def _run(self, url: str, over: threading.Event) -> None:
        with redis.Redis.from_url(url, client_name="traffic") as client:
            while not over.wait(_PAUSE):
                with self.still, contextlib.suppress(redis.RedisError):
                    look_up(client, self.rate)


def look_up(client: "redis.Redis", rate: float) -> None:
    """Of a hundred lookups at once, so many are found."""
    with client.pipeline(transaction=True) as batch:
        for number in range(_AT_ONCE):
            batch.get(FOUND if number < _AT_ONCE * rate else NOT_FOUND)
        batch.execute()
