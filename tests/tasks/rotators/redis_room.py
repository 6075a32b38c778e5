"""A user of Redis on a real primary and its replica, its secret, and how it is rotated."""

import json
from pathlib import Path
from uuid import uuid4

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.rotators.redis_user import RedisUser
from tasks.rotators.rotator import Done, Turn
from tests.conftest import Estates, RedisServer
from tminus.rotations.document import Document

OLD = "canary-old-password"
HOST = "127.0.0.1"
MAY = ["+get", "+set", "+multi", "+discard", "+client"]
ONCE = Retry(NoBackoff(), 0)


class RedisRoom:
    """A user on both nodes, its secret, and how it is rotated."""

    def __init__(self, server: RedisServer, estates: Estates) -> None:
        self.user = f"app_{uuid4().hex[:6]}"
        self.estate = estates.make(redis={"cache": {"url": estates.secret(server.dsn)}})
        at = server.at.address
        assert at.replica_port is not None
        self.ports = (at.port, at.replica_port)
        self.admin = [
            redis.Redis(HOST, port, password=at.password.get_secret_value(), decode_responses=True)
            for port in self.ports
        ]
        for admin in self.admin:
            admin.acl_setuser(self.user, enabled=True, passwords=[f"+{OLD}"], commands=MAY, keys=["*"])
        url = f"redis://{self.user}:{OLD}@{HOST}:{at.port}/0"
        document = json.dumps({"username": self.user, "password": OLD, "url": url, "pool": 5})
        self.old = Document(SecretStr(document), "shop/cache (AWSCURRENT)")
        self.turn = Turn(self.estate, "cache", "20261123T060000.000000Z-ab12", str(uuid4()), {}, self.old)

    def policy(self, **changed: object) -> RedisUser:
        """Its entry in the book."""
        entry = {"title": "Cache", "owner": "ops", "secret": "shop/cache", "every": "90d", "server": "cache"}
        rules = {"user": self.user, "can": ["SET tminus:probe 1"], "cannot": ["FLUSHALL", "CONFIG GET maxmemory"]}
        return RedisUser.model_validate({**entry, **rules, **changed})

    def opens(self, password: str) -> list[bool]:
        """Whether it opens each node."""
        return [self._opens(port, password) for port in self.ports]

    def _opens(self, port: int, password: str) -> bool:
        with redis.Redis(HOST, port, username=self.user, password=password, retry=ONCE) as client:
            try:
                client.get("nothing")
            except redis.AuthenticationError:
                return False
        return True

    def pool(self, password: str) -> redis.Redis:
        """A connection that stays open."""
        client = redis.Redis(HOST, self.ports[0], username=self.user, password=password, client_name="pool", retry=ONCE)
        client.get("nothing")
        return client

    def left(self) -> None:
        """Nobody of it stays behind."""
        for admin in self.admin:
            admin.acl_deluser(self.user)
            admin.close()


def password(document: Document) -> str:
    """What it opens with."""
    return document.secret("password").get_secret_value()


def kept_by(admin: "redis.Redis") -> str:
    """The server's own configuration file."""
    return Path(str(admin.info("server")["config_file"])).read_text("utf-8")


async def set_beside(room: RedisRoom) -> Document:
    """The new password, beside the old one."""
    policy = room.policy()
    way = await policy.plan(room.turn)
    assert way["user"] == room.user
    new = await policy.create(room.turn)
    assert isinstance(await policy.set(room.turn, new), Done)
    return new
