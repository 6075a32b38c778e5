"""A live Redis with keys of every type, and keys that are drawn."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import ClassVar

import redis

from bench.backups_gauntlet.damage import AOF, RDB
from bench.backups_gauntlet.live import Live
from bench.backups_gauntlet.lives.writers import beside
from tests.tasks.backups.redis_room import PROGRAMS, LiveRedis, fill, live_redis

_KEYS = ("session:{}", "Größe:{}", "日本:{}", "with space {}", "\x00\xff{}", "{}", "a:b:c:{}", "k" * 200 + "{}")
_COUNTS = (0, 1, 3, 20, 100, 400)


class LiveRdb(Live):
    """Its snapshot's."""

    kind: ClassVar[str] = RDB

    def start(self) -> None:
        """See Live."""
        self._serve()

    def _serve(self) -> None:
        self.live: LiveRedis = self.stack.enter_context(live_redis(PROGRAMS[0], self.place.new_folder("redis")))
        self._url = self.place.secret(self.live.url.get_secret_value())

    def fill(self) -> None:
        """See Live."""
        fill(self.live, keys=100)
        with self.live.client() as client:
            client.bgrewriteaof()
            while client.info("persistence")["aof_rewrite_in_progress"]:
                pass
            for number in range(50):
                client.set(f"later:{number}", f"value-{number:05}")

    def grow(self) -> None:
        """See Live."""
        with self.live.client() as client:
            for number in range(30):
                client.set(f"today:{number}", f"value-{number:05}")

    def entry(self) -> Mapping[str, object]:
        """See Live."""
        return {"redis": "live"}

    def sections(self) -> Mapping[str, object]:
        """See Live."""
        return {"redis": {"live": {"url": self._url}}}

    @contextmanager
    def varied(self, drawn: random.Random) -> Iterator[str]:
        """Whatever was there is gone; what is drawn is there instead."""
        with self.live.client() as client:
            client.flushall()
        databases = drawn.sample(range(16), drawn.choice((0, 1, 1, 1, 2, 4)))
        keys = sum(self._fill(drawn, database) for database in databases)
        said = f"{keys} keys in {len(databases)} databases"
        if drawn.random() < 0.4:
            with beside(self._write):
                yield f"{said} under writes"
        else:
            yield said

    def _fill(self, drawn: random.Random, database: int) -> int:
        count = drawn.choice(_COUNTS)
        with self.live.client(database) as client, client.pipeline(transaction=False) as pipe:
            for number in range(count):
                name = drawn.choice(_KEYS).format(number).encode("latin-1" if number % 2 else "utf-8", "replace")
                _put(pipe, drawn, name, number)
                if drawn.random() < 0.3:
                    pipe.pexpire(name, drawn.choice((300, 2_000, 60_000, 3_600_000, 10**10)))
            pipe.execute()
        return count

    def _write(self, stop: threading.Event) -> None:
        with self.live.client(9) as client:
            number = 0
            while not stop.wait(0.001):
                number += 1
                client.set(f"busy:{number % 200}", "v" * (number % 900))
                client.set(f"brief:{number % 50}", number, px=20)
                client.lpush("busy queue", number)
                if not number % 7:
                    client.delete(f"busy:{(number * 13) % 200}", "busy queue")


class LiveAof(LiveRdb):
    """Its append-only files'."""

    kind: ClassVar[str] = AOF

    def entry(self) -> Mapping[str, object]:
        """See Live."""
        return {"redis": "live", "folder": str(self.live.folder)}

    @contextmanager
    def varied(self, drawn: random.Random) -> Iterator[str]:
        """See LiveRdb. Now and then the files are rewritten, and the server gives way to another."""
        if drawn.random() < 0.05:
            self._serve()
        with super().varied(drawn) as said:
            if drawn.random() < 0.3:
                with self.live.client() as client, suppress(redis.ResponseError):  # one is under way
                    client.bgrewriteaof()
                yield f"{said}, rewritten"
            else:
                yield said


def _put(pipe: "redis.client.Pipeline", drawn: random.Random, name: bytes, number: int) -> None:
    size = drawn.choice((0, 1, 5, 60, 300))
    match drawn.randrange(7):
        case 0:
            pipe.set(name, drawn.randbytes(size * 10))
        case 1:
            pipe.set(name, number * 7)
        case 2:
            pipe.rpush(name, *(f"é{one}" for one in range(size + 1)))
        case 3:
            pipe.sadd(name, *(range(size + 1) if number % 2 else (f"m {one}" for one in range(size + 1))))
        case 4:
            pipe.hset(name, mapping={f"f{one}": drawn.randrange(10**9) for one in range(size + 1)})
        case 5:
            pipe.zadd(name, {f"p{one}": one / 3 - 7 for one in range(size + 1)})
        case _:
            for one in range(min(size, 20) + 1):
                pipe.xadd(name, {"what": f"e{one}", "ü": "ö"})
