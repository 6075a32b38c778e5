"""One user's passwords on a Redis and on each of its replicas, which know nothing of each other's users.

Passwords go there and come back as SHA-256 only (`#…` and `!…` of ACL SETUSER), so neither MONITOR nor the slow log
sees one. Source: ACL SETUSER, ACL GETUSER and ACL LOG of the commands' reference at https://redis.io/docs/latest/commands/.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from tasks.estate import CONNECT_WITHIN, Estate
from tasks.redis_replicas import Info
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured, Refused
from tminus.loopback import url_is_local
from tminus.wording import nearest

if TYPE_CHECKING:
    import redis.asyncio


_MOST = 10_000  # entries of ACL LOG; where nobody says how many, Redis tells ten


def hashed(password: SecretStr) -> str:
    """As Redis keeps it."""
    return sha256(password.get_secret_value().encode()).hexdigest()


@dataclass(frozen=True)
class Session:
    """A connection of the user; `age` is in seconds."""

    id: int
    address: str
    name: str
    age: int

    @property
    def who(self) -> str:
        """For people."""
        return f"{self.name or 'a client without a name'}@{self.address.rpartition(':')[0] or self.address}"


class Node:
    """One server, as whoever may change its users. Raises CouldNotObserve where it does not answer."""

    def __init__(self, client: "redis.asyncio.Redis", where: str) -> None:
        self._client = client
        self.where = where

    async def ask(self, *command: str | int) -> object:
        """One command's answer; raises Refused where it is not allowed, CouldNotObserve where it fails."""
        from redis import exceptions

        what = command[0]
        try:
            answer: object = await self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py's own
        except exceptions.NoPermissionError as e:
            raise Refused(f"{self.where}: {what} is not allowed; give the rotator's user that command") from e
        except exceptions.AuthenticationError as e:
            raise CouldNotObserve(f"{self.where}: the rotator's own log-in is refused") from e
        except exceptions.RedisError as e:
            raise CouldNotObserve(f"{self.where}: {what} failed ({type(e).__name__}); is it up?") from e
        return answer

    async def info(self) -> Info:
        """What it says of itself and its replicas."""
        return Info.model_validate(await self.ask("INFO"))

    async def hashes(self, user: str) -> frozenset[str]:
        """The user's passwords; raises Refused where there is no such user, or anybody may log in as it."""
        told = await self.ask("ACL GETUSER", user)
        if not isinstance(told, dict):
            raise Refused(f"{self.where} has no user {user!r}; make it there, with what it may do")
        flags = {_text(flag) for flag in told.get("flags", ())}
        if "nopass" in flags:
            raise Refused(f"{self.where}: {user} logs in with any password (nopass); take that from it first")
        if "on" not in flags:
            raise Refused(f"{self.where}: {user} is switched off as a whole; whoever did that is to say why")
        return frozenset(_text(one) for one in told.get("passwords", ()))

    async def change(self, user: str, *rules: str) -> None:
        """Changes the user, and keeps that over a restart; the rules hold hashes only.

        Without rules it only keeps what is: an earlier try may have ended between the two.
        """
        if rules:
            await self.ask("ACL SETUSER", user, *rules)
        await self.ask(await self.keeps())

    async def keeps(self) -> str:
        """The command that writes users down; raises Refused where a restart would lose them."""
        found = await self.ask("CONFIG GET", "aclfile")
        if isinstance(found, dict) and any(found.values()):
            return "ACL SAVE"
        info = await self.info()
        if not (info.model_extra or {}).get("config_file"):
            raise Refused(
                f"{self.where} has neither an aclfile nor a configuration file, so a restart would bring the old "
                "password back; start it with one of them"
            )
        return "CONFIG REWRITE"

    async def require_followed_by_another(self, user: str) -> None:
        """Raises Refused where it follows its primary as the user: it would be cut off with the old password."""
        found = await self.ask("CONFIG GET", "masteruser")
        if isinstance(found, dict) and user in found.values():
            raise Refused(
                f"{self.where} follows its primary as {user} (masteruser), and would be cut off; give replication a "
                "user of its own"
            )

    async def sessions(self, user: str) -> list[Session]:
        """The user's connections."""
        listed = await self.ask("CLIENT LIST")
        lines = listed if isinstance(listed, list) else []
        return [
            Session(int(one["id"]), str(one["addr"]), str(one.get("name", "")), int(one["age"]))
            for one in lines
            if isinstance(one, dict) and one.get("user") == user
        ]

    async def end(self, session: Session) -> None:
        """Ends a connection; one that is gone already is no matter."""
        await self.ask("CLIENT KILL", "ID", session.id)

    async def refused(self, user: str) -> list[tuple[str, float]]:
        """Log-ins as the user that were refused: from where, and how many seconds ago."""
        found = await self.ask("ACL LOG", _MOST)
        entries = found if isinstance(found, list) else []
        told = [{_text(key): value for key, value in one.items()} for one in entries if isinstance(one, dict)]
        mine = [one for one in told if _text(one.get("reason")) == "auth" and _text(one.get("username")) == user]
        return [(_client(one.get("client-info")), float(_text(one.get("age-seconds")))) for one in mine]


def _client(info: object) -> str:
    """Who was refused, of CLIENT LIST's line or what redis-py made of it."""
    if isinstance(info, dict):
        return str(info.get("addr", "somebody")).rpartition(":")[0]
    words = dict(word.partition("=")[::2] for word in _text(info).split())
    return words.get("addr", "somebody").rpartition(":")[0]


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


@asynccontextmanager
async def nodes(estate: Estate, server: str) -> AsyncIterator[Sequence[Node]]:
    """The primary and each of its replicas; raises NotConfigured, MissingSecret, CouldNotObserve."""
    async with AsyncExitStack() as opened:
        primary = await _node(estate, server, opened)
        info = await primary.info()
        if info.role != "master":
            raise CouldNotObserve(f"{primary.where} is a {info.role}, and users are changed on the primary first")
        replicas = [await _node(estate, server, opened, f"{one.ip}:{one.port}") for one in info.replicas()]
        yield [primary, *replicas]


def client_of(url: SecretStr) -> "redis.asyncio.Redis":
    """A client that tries nothing twice: redis-py would try a refused password again and again."""
    import redis.asyncio
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return redis.asyncio.from_url(
        url.get_secret_value(),
        socket_connect_timeout=CONNECT_WITHIN,
        socket_timeout=CONNECT_WITHIN,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
    )


async def _node(estate: Estate, server: str, opened: AsyncExitStack, at: str = "") -> Node:
    client = client_of(address(estate, server, at))
    opened.push_async_callback(client.aclose)
    return Node(client, f"redis {server}{f' (replica {at})' if at else ''}")


def address(estate: Estate, server: str, at: str = "", user: str = "", password: SecretStr | None = None) -> SecretStr:
    """The URL of a Redis of the environment, or of a replica of it, as its rotator or as somebody else.

    Raises NotConfigured, MissingSecret; CouldNotObserve where a compressed clock keeps to loopback.
    """
    from urllib.parse import quote

    sections = estate.environment.redis
    if server not in sections:
        raise NotConfigured(f"the environment has no redis {server!r}{nearest(server, list(sections))}")
    section = sections[server]
    url = resolve(section.rotator or section.url).get_secret_value()
    parts = urlsplit(url)
    whose, _, where = parts.netloc.rpartition("@")
    if password is not None:
        whose = f"{quote(user, safe='')}:{quote(password.get_secret_value(), safe='')}"
    built = urlunsplit(parts._replace(netloc=f"{whose}@{at or where}"))
    if estate.environment.clock.compressed and not url_is_local(built):
        raise CouldNotObserve(f"redis {server}: a compressed clock opens nothing but loopback")
    return SecretStr(built)
