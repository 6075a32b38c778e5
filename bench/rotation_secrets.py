"""The secrets of bench.rotation: so many of each kind, their book, their environment, and who lives by them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ruamel.yaml import YAML

from bench import rotation_keys, rotation_postgres, rotation_redis
from bench.rotation_place import Place
from deployments.rehearsal.witness_plan import Lived, WitnessPlan
from flows.rotation_round import opened_secrets
from tminus.rotations.opened import OpenedSecrets

OURS, NAIVE = "tminus", "naive"
"""Whose rotations the clients undergo."""


@dataclass(frozen=True)
class Times:
    """Seconds, in the place of days.

    Attributes:
        overlap, cycle, off: what the book says.
        reads_every: for how long a client holds what it read.
        pool_lives: for how long a pool's connection stays open.
        batch_holds: for how long a batch holds what it read.
        naive_every: between two naive rotations.
        settles: in which witnesses log in before the first rotation, and after the last.
    """

    overlap: float = 3.0
    cycle: float = 2.0
    off: float = 1.0
    reads_every: float = 1.0
    pool_lives: float = 3.0
    batch_holds: float = 16.0
    naive_every: float = 2.0
    settles: float = 3.0

    def book(self) -> dict[str, str]:
        """As the book says it."""
        long = {"overlap": self.overlap, "cycle": self.cycle, "switched_off": self.off}
        return {"every": "1d", **{name: f"{seconds:g}s" for name, seconds in long.items()}}


BRIEF = Times(
    overlap=1.0, cycle=0.5, off=0.1, reads_every=0.2, pool_lives=0.5, batch_holds=2.0, naive_every=0.4, settles=0.5
)
"""For a look: nobody measures anything by it."""


@dataclass(frozen=True)
class Mix:
    """How many secrets of each kind, and how many are rotated naively.

    Attributes:
        rate: log-ins a second, of all who live by what tminus rotates.
        batches: of the postgres ones so many are used by a batch, which holds them longer than the overlap.
    """

    postgres: int
    redis: int
    jwt: int
    naive: int
    rate: float
    batches: int

    @classmethod
    def of(cls, secrets: int, rate: float) -> Self:
        """So many in all: six in ten of PostgreSQL, three of Redis, one signing key; a tenth as many naive ones.

        A tenth are a batch's.
        """
        redis, jwt = secrets * 3 // 10, secrets // 10
        return cls(secrets - redis - jwt, redis, jwt, max(1, secrets // 10), rate, max(1, secrets // 10))

    @property
    def ours(self) -> int:
        """Those that tminus rotates."""
        return self.postgres + self.redis + self.jwt

    def names(self, kind: str, count: int) -> list[str]:
        """The secrets of one kind."""
        return [f"{kind}_{number:03}" for number in range(count)]


@dataclass(frozen=True)
class Secrets:
    """All that was made.

    Attributes:
        logins: the postgres secrets' names, which are their owner roles'; `naive` are those rotated naively.
    """

    opened: OpenedSecrets
    logins: Sequence[str]
    users: Sequence[str]
    keys: Sequence[str]
    naive: Sequence[str]
    plan: WitnessPlan

    @property
    def count(self) -> int:
        """How many tminus rotates."""
        return len(self.logins) + len(self.users) + len(self.keys)

    def people(self) -> list[str]:
        """Everybody who ever logs in with them."""
        postgres = [f"{name}_{half}" for name in (*self.logins, *self.naive) for half in "ab"]
        return [*postgres, *self.users]


def told(mix: Mix, times: Times) -> str:
    """In a sentence."""
    return (
        f"{mix.postgres} PostgreSQL pairs ({mix.batches} used by a batch that holds them for {times.batch_holds:g} s), "
        f"{mix.redis} Redis users, {mix.jwt} signing keys; {mix.naive} rotated naively. Overlap {times.overlap:g} s, "
        f"cycle {times.cycle:g} s, switched off for {times.off:g} s; clients read each {times.reads_every:g} s, pools "
        f"replace a connection after {times.pool_lives:g} s; {mix.rate:g} log-ins a second are due"
    )


def make(at: Place, mix: Mix, times: Times) -> Secrets:
    """Makes what they open, their first values, the book and the environment file."""
    logins, naive = mix.names("app", mix.postgres), mix.names("naive", mix.naive)
    users, keys = mix.names("cache", mix.redis), mix.names("key", mix.jwt)
    rotator = rotation_postgres.make_shared(at)
    rotation_postgres.make_applications(at, [*logins, *naive])
    rotation_redis.make_users(at, users)
    rotation_keys.make_keys(at, keys)
    os.environ |= {
        "BENCH_POSTGRES": at.postgres.address.dsn("tminus").get_secret_value(),
        "BENCH_ROTATOR": rotator.get_secret_value(),
        "BENCH_REDIS": at.redis.address.dsn().get_secret_value(),
        "BENCH_KEY": at.aws.address.access_key_id,
        "BENCH_SECRET": at.aws.address.secret_access_key.get_secret_value(),
    }
    policies = {name: rotation_keys.policy(name, times.reads_every) for name in keys}
    policies |= {name: rotation_redis.policy(name) for name in users}
    policies |= {name: rotation_postgres.policy(name) for name in logins}
    common = {"owner": "platform", **times.book()}
    book = {
        "secrets": "bench",
        "title": "What is rotated",
        "leaked": ["on-call"],
        "rotations": {
            name.replace("_", "-"): {"title": name, "secret": name, **common, **policy}
            for name, policy in policies.items()
        },
    }
    opened = opened_secrets(
        _written(at.folder / "secrets.yaml", book), _written(at.folder / "environment.yaml", _environment(at))
    )
    lived = [*_lived(at, mix, times, logins, naive), *_lived_by_others(at, mix, users, keys)]
    plan = WitnessPlan(
        aws=at.aws.address,
        lived=tuple(lived),
        reads_every=times.reads_every,
        pool_lives=times.pool_lives,
        token_lives=rotation_keys.TOKEN_LIVES,
    )
    return Secrets(opened, logins, users, keys, naive, plan)


def _written(path: Path, content: object) -> Path:
    YAML().dump(content, path)
    return path


def _environment(at: Place) -> dict[str, object]:
    keys = {"access_key": "env:BENCH_KEY", "secret_key": "env:BENCH_SECRET"}
    aws = {"endpoint": at.aws.address.url, "region": at.aws.address.region, **keys}
    return {
        "environment": "bench",
        "kind": "rehearsal",
        "ledger": {"sqlite": str(at.folder / "ledger.sqlite")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(at.folder / "state"),
        "postgres": {"trading": {"dsn": "env:BENCH_POSTGRES", "rotator": "env:BENCH_ROTATOR"}},
        "redis": {"cache": {"url": "env:BENCH_REDIS"}},
        "buckets": {"keys": {**aws, "bucket": at.aws.address.bucket}},
        "endpoints": {"site": {"url": at.site}},
        "aws": aws,
    }


def _lived(at: Place, mix: Mix, times: Times, logins: Sequence[str], naive: Sequence[str]) -> list[Lived]:
    address = at.postgres.address
    base = {"kind": "postgres", "port": address.port, "database": address.database, "query": rotation_postgres.QUERY}
    rate = mix.rate / mix.ours
    lived = []
    for number, name in enumerate(logins):
        batch = number < mix.batches
        pools = 2 if batch else number % 3 == 0
        holds = times.batch_holds if batch else 0.0
        lived.append(
            Lived.model_validate({**base, "arm": OURS, "secret": name, "rate": rate, "pools": pools, "holds": holds})
        )
    return lived + [Lived.model_validate({**base, "arm": NAIVE, "secret": name, "rate": rate}) for name in naive]


def _lived_by_others(at: Place, mix: Mix, users: Sequence[str], keys: Sequence[str]) -> list[Lived]:
    rate, port = mix.rate / mix.ours, at.redis.address.port
    found = []
    for number, user in enumerate(users):
        key = rotation_redis.counter(user)
        found.append(
            Lived(arm=OURS, kind="redis", secret=user, port=port, key=key, rate=rate, pools=int(number % 3 == 0))
        )
    found += [
        Lived(arm=OURS, kind="jwt", secret=name, jwks=rotation_keys.published(at, name), rate=rate) for name in keys
    ]
    return found
