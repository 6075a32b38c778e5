"""A list of Redis that an outside client writes: one element a write."""

import redis
from pydantic import SecretStr

from tasks.outside.store import Connection, Unanswered, WritableStore
from tminus.drills.receipts import Key


class RedisConnection(Connection):
    """See Connection."""

    def __init__(self, client: "redis.Redis", key: str) -> None:
        self._client = client
        self._key = key

    def write(self, key: Key) -> None:
        """An element at the list's end."""
        self._ask("RPUSH", self._key, f"{key[0]}-{key[1]}")

    def probe(self) -> None:
        """A key beside it, set."""
        self._ask("SET", f"{self._key}:probe", "1", "EX", "60")

    def close(self) -> None:
        """See Connection."""
        self._client.close()

    def _ask(self, *words: str) -> None:
        try:
            self._client.execute_command(*words)  # type: ignore[no-untyped-call]  # as redis-py has it
        except redis.exceptions.RedisError as e:
            raise Unanswered(type(e).__name__) from e


class RedisStore(WritableStore):
    """See WritableStore."""

    def connect(self) -> RedisConnection:
        """See WritableStore: a server whose role is master."""
        return RedisConnection(self._to_primary(), self.place)

    def prepare(self) -> None:
        """See WritableStore: a list that is not there is empty."""
        self.forget()

    def found(self) -> list[Key]:
        """See WritableStore."""
        client = self._to_primary()
        try:
            listed = [str(one) for one in client.lrange(self.place, 0, -1)]
        except redis.exceptions.RedisError as e:
            raise Unanswered(type(e).__name__) from e
        finally:
            client.close()
        parted = (one.partition("-") for one in listed)
        return [(int(writer), int(number)) for writer, _, number in parted]

    def forget(self) -> None:
        """See WritableStore."""
        client = self._to_primary()
        try:
            client.delete(self.place, f"{self.place}:probe")
        except redis.exceptions.RedisError as e:
            raise Unanswered(type(e).__name__) from e
        finally:
            client.close()

    def _to_primary(self) -> "redis.Redis":
        for address in self.addresses:
            client = self._opened(address)
            if client is not None:
                return client
        raise Unanswered("no server takes writes")

    def _opened(self, address: SecretStr) -> "redis.Redis | None":
        """A client where this one takes writes. It never asks twice: what became of a write would not be known."""
        client = redis.Redis.from_url(
            address.get_secret_value(),
            decode_responses=True,
            socket_timeout=self.patience,
            socket_connect_timeout=self.patience,
            retry=None,
        )
        try:
            if client.execute_command("ROLE")[0] == "master":  # type: ignore[no-untyped-call]  # as redis-py has it
                return client
        except redis.exceptions.RedisError:
            pass
        client.close()
        return None
