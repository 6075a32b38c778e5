"""A user of a real Redis for bench.rotation_kill, looked at in the server itself: how many passwords it has, and which.

A password is kept as its SHA-256, in the server's memory (ACL LIST) and in its configuration file, which a restart
reads. Source: ACL SETUSER and CONFIG REWRITE of the commands' reference at https://redis.io/docs/latest/commands/.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import redis

from bench import rotation_redis
from bench.rotation_kill_outside import Fields, Outside, Section
from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST

ADMIN = "TMINUS_KILL_REDIS"
"""Where the environment has the address at which users are changed."""
OVERLAP = 2.5  # seconds: Redis tells a connection's age in whole ones, and a young one would be taken for an old one


class Users(Outside):
    """One user.

    Args:
        at: where Redis is.
        name: the user's.
    """

    def __init__(self, at: Place, name: str) -> None:
        self._at, self._name = at, name
        rotation_redis.make_users(at, [name])
        self.first: Fields = at.current(name)
        self.entry: Section = rotation_redis.policy(name)
        self.sections: Section = {"redis": {"cache": {"url": f"env:{ADMIN}"}}}

    def opens(self, fields: Fields) -> bool | None:
        """See Outside: a log-in."""
        user, password = str(fields["username"]), str(fields["password"])
        client = redis.Redis(HOST, self._at.redis.address.port, username=user, password=password, socket_timeout=3)
        try:
            with client:
                client.ping()
        except redis.AuthenticationError:
            return False
        except redis.RedisError:
            return None
        return True

    def alive(self, fields: Fields) -> bool | None:
        """See Outside: the user has that password in memory, and may log in."""
        try:
            with self._at.redis_admin() as admin:
                words = _of(self._name, admin.acl_list())
        except redis.RedisError:
            return None
        return "on" in words and _kept(fields) in words

    def unknown(self, known: Sequence[Fields]) -> int:
        """See Outside: passwords in memory, or in the file, that are none of these."""
        with self._at.redis_admin() as admin:
            words = {*_of(self._name, admin.acl_list()), *self._in_file()}
        return len({one for one in words if one.startswith("#")} - {_kept(one) for one in known})

    def _in_file(self) -> frozenset[str]:
        file = self._at.redis.folder / "primary" / "redis.conf"
        return _of(self._name, file.read_text("utf-8").splitlines())


def _of(user: str, lines: Iterable[str]) -> frozenset[str]:
    """The rules of one user, of lines `user NAME RULE …`."""
    for line in lines:
        word, name, *rules = [*line.split(), "", ""]
        if (word, name) == ("user", user):
            return frozenset(rules)
    return frozenset()


def _kept(fields: Fields) -> str:
    return f"#{sha256(str(fields['password']).encode()).hexdigest()}"
