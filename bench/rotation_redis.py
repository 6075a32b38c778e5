"""Users of Redis for bench.rotation, each with its first password."""

from collections.abc import Iterable

from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST, made_up

_MAY = ["+ping", "+incr", "+incrby", "+get", "+set", "+multi", "+discard", "+client|setinfo"]


def make_users(at: Place, users: Iterable[str]) -> None:
    """Each may count in its own key and no other; its password is in Secrets Manager under its name."""
    with at.redis_admin() as redis:
        for user in users:
            password = made_up().get_secret_value()
            redis.acl_setuser(user, enabled=True, passwords=[f"+{password}"], commands=_MAY, keys=[f"{user}:*"])
            at.put_first(user, {"username": user, "password": password, "host": HOST, "port": at.redis.address.port})


def counter(user: str) -> str:
    """The key that a client counts in."""
    return f"{user}:asked"


def policy(user: str) -> dict[str, object]:
    """What the book says of one besides what it says of all."""
    return {
        "kind": "redis.user",
        "server": "cache",
        "user": user,
        "can": [f"INCR {counter(user)}"],
        "cannot": ["GET of:another", "CONFIG GET maxmemory", "FLUSHALL"],
    }
