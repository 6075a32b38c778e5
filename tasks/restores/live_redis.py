"""A live Redis as a restore needs it: its databases, with a connection of its own for each. Blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, SecretStr, ValidationError

from tasks.backups.redis_contents import keyspace
from tasks.backups.redis_wire import Command, Wire
from tasks.estate import Estate
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.foreign_text import printable
from tminus.loopback import url_is_local

if TYPE_CHECKING:
    import redis

_CONNECT = 5.0  # seconds
_ANSWER = 120.0  # seconds for one round trip
_SAID = 120  # characters of a refusal


class Mark(BaseModel, frozen=True):
    """What lies in a database that a restore made: whose it is, and which database's name it is to take."""

    restore: str
    database: int
    token: int = 0


@dataclass(frozen=True)
class LiveRedis:
    """The server of one section of the environment."""

    name: str
    url: SecretStr

    @classmethod
    def of(cls, estate: Estate, name: str) -> "LiveRedis":
        """Raises NotConfigured, MissingSecret, CouldNotObserve where a rehearsal would leave this machine."""
        section = estate.environment.redis.get(name)
        if section is None:
            raise NotConfigured(f"redis names no {name!r}; add it to the environment file")
        url = resolve(section.url)
        if estate.environment.clock.compressed and not url_is_local(url.get_secret_value()):
            raise CouldNotObserve(f"redis {name}: {section.url} leads off this machine")
        return cls(name, url)

    @contextmanager
    def database(self, number: int) -> "Iterator[redis.Redis]":
        """A client of one of its databases and of no other; raises CouldNotObserve."""
        import redis

        # A database in the URL would win over one beside it, and what is meant for the copy would hit what is live.
        parse = cast("Callable[[str], Mapping[str, object]]", redis.connection.parse_url)
        try:
            options = {**parse(self.url.get_secret_value()), "db": number}
        except ValueError:  # its message quotes the URL, password and all
            raise CouldNotObserve(f"redis {self.name}: its URL cannot be parsed") from None
        limits = {
            "socket_connect_timeout": _CONNECT,
            "socket_timeout": _ANSWER,
            "decode_responses": False,
            "protocol": 2,
        }
        pool = redis.ConnectionPool(**{**options, **limits})  # type: ignore[arg-type]  # as `from_url` does
        client = redis.Redis(connection_pool=pool)
        try:
            yield client
        except redis.ResponseError as e:
            raise CouldNotObserve(f"redis {self.name}: refused: {printable(str(e))[:_SAID]}") from e
        except redis.RedisError as e:
            raise CouldNotObserve(f"redis {self.name}: {type(e).__name__}; is it up?") from e
        finally:
            pool.disconnect()

    def used(self) -> dict[int, tuple[int, int]]:
        """Database → its keys, and how many of them expire."""
        with self.wire(0) as wire:
            said = wire.ask("INFO", "keyspace")
        return keyspace(said if isinstance(said, bytes) else b"")

    @contextmanager
    def wire(self, number: int) -> Iterator[Wire]:
        """The same client, to be read by what reads a scratch server."""
        with self.database(number) as client:
            client.response_callbacks.clear()  # answers as they come
            yield _LiveWire(self.name, client)


class _LiveWire(Wire):
    """Commands to one database of a live server."""

    def __init__(self, name: str, client: "redis.Redis") -> None:
        self._name = name
        self._client = client

    def many(self, commands: Sequence[Command], *, gone_is_none: bool = False) -> list[object]:
        """See Wire."""
        import redis

        with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]
            replies = pipe.execute(raise_on_error=False)
        for place, reply in enumerate(replies):
            if isinstance(reply, redis.RedisError):
                if not gone_is_none:
                    said = printable(str(reply)).partition(" ")[0]
                    raise CouldNotObserve(f"redis {self._name} refused {commands[place][0]!r}: {said[:20]}")
                replies[place] = None
        return [*replies]


def mark_of(client: "redis.Redis", key: str) -> Mark | None:
    """The mark in a client's database."""
    said = client.get(key)
    try:
        return Mark.model_validate_json(said) if isinstance(said, bytes | str) else None
    except ValidationError:
        return None
