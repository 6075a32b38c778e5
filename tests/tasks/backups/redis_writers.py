"""Somebody who writes into a Redis all the time, while it is backed up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from tests.tasks.backups.redis_room import LiveRedis


@contextmanager
def writing(live: LiveRedis, *, rewriting: bool = False) -> Iterator[None]:
    """Sets, deletes and lets expire; with `rewriting` the append-only files are rewritten all the time besides."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        with live.client(3) as client:
            while not stop.is_set():
                number += 1
                client.set(f"busy:{number % 500}", "v" * (number % 3000))
                client.set(f"brief:{number}", number, px=20)
                with client.pipeline(transaction=True) as pipe:
                    pipe.lpush("busy queue", number)
                    pipe.incr("busy count")
                    pipe.execute()
                if not number % 7:
                    client.delete(f"busy:{(number * 13) % 500}")
            client.delete("busy queue", "busy count", *(f"busy:{one}" for one in range(500)))

    def rewrite() -> None:
        with live.client() as client:
            while not stop.wait(0.05):
                with suppress(redis.ResponseError):  # one is under way
                    client.bgrewriteaof()

    threads = [threading.Thread(target=one) for one in (write, *([rewrite] if rewriting else []))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
