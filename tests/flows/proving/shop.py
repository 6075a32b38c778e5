"""A shop with a store of each kind that can be had here, one good backup of each, and a way to see what was touched."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import redis
from pydantic import SecretStr
from pyrage import x25519
from ruamel.yaml import YAML

from deployments.rehearsal.trading_schema import create_trading_schema, seed_trading_rows
from flows.backup_verification import verify
from flows.marks import mark_all
from flows.taking import take_backup
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.record_parts import read_event

_EACH = {"owner": "o", "bucket": "backups", "every": "24h", "rpo": "2h", "rto": "15m"}
STORES = {
    "dump": {**_EACH, "title": "The database, dumped", "kind": "postgres.dump", "database": "main"},
    "base": {**_EACH, "title": "The database, copied", "kind": "postgres.base", "database": "main"},
    "cache": {**_EACH, "title": "The cache", "kind": "redis.rdb", "redis": "main"},
    "uploads": {**_EACH, "title": "The uploads", "kind": "s3.objects", "source": "uploads"},
}
CONTENT = {"dump": r"/dump$", "base": r"/base\.tar$", "cache": r"/dump\.rdb$", "uploads": r"/uploads\.objects/"}
"""Where the content of each store's backups lies, as a pattern."""


@dataclass
class ProvenShop:
    """The files of it, and its live stores.

    Attributes:
        secrets: every secret value that its environment refers to, by name; none may be seen anywhere.
    """

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    s3: S3Server
    prefix: str
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Path:
        """The environment file."""
        return self.folder / "environment.yaml"

    @property
    def scratch(self) -> Path:
        """Where backups are restored."""
        return self.folder / "scratch"

    def opened(self) -> OpenedBackups:
        """As a command opens it."""
        return open_backups(self.folder, self.environment)

    def verify(self, store: str) -> ev.BackupVerified:
        """Verifies a store's newest backup here; how it came out."""
        asyncio.run(verify(self.opened(), (store,), shown=False))
        return self.last(store)

    def last(self, store: str) -> ev.BackupVerified:
        """How a store's last verification came out."""
        return [one for one in self.events() if isinstance(one, ev.BackupVerified) and one.store == store][-1]

    def events(self) -> list[ev.Event]:
        """What the ledger holds."""
        opened = self.opened()
        with closing(opened.store()) as store:
            return [read_event(one) for one in store.read(opened.chain)]

    def change(self, **sections: object) -> None:
        """Writes sections of the environment anew: `{name: {key: value}}`, merged into what is there."""
        yaml = YAML(typ="safe", pure=True)
        text = yaml.load(self.environment.read_text("utf-8"))
        for name, values in sections.items():
            _merge(text[name], values)
        yaml.dump(text, self.environment)

    def live(self) -> dict[str, object]:
        """What the live stores and the bucket of backups hold; the same before and after a verification."""
        with psycopg.connect(self.postgres.at.address.dsn("postgres").get_secret_value()) as connection:
            asked = "SELECT count(*), sum(hashtextextended(o::text, 0)) FROM orders o"
            orders = connection.execute(asked).fetchone()
            roles = connection.execute("SELECT array_agg(rolname ORDER BY 1) FROM pg_roles").fetchone()
        with closing(redis.Redis.from_url(self.redis.dsn.get_secret_value())) as client:
            keys = {key: client.get(key) for key in sorted(client.scan_iter("session:*"))}
        pages = self.s3.client().get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.s3.at.address.bucket, Prefix=self.prefix)
        objects = sorted((one["Key"], one["ETag"]) for page in found for one in page.get("Contents", []))
        keys_digest = hashlib.sha256(repr(keys).encode()).hexdigest()
        return {"orders": orders, "roles": roles, "keys": keys_digest, "objects": objects}

    def processes(self) -> list[psutil.Process]:
        """What runs in a scratch of this shop's."""
        inside = f"{self.scratch}/"
        return [
            one
            for one in psutil.process_iter(["cmdline", "cwd"])
            if inside in " ".join(one.info["cmdline"] or ()) or str(one.info["cwd"] or "").startswith(inside)
        ]

    def servers(self) -> list[psutil.Process]:
        """The servers that pid files in the scratch name, as far as they run."""
        found = []
        for path in self.scratch.rglob("*.pid"):
            with suppress(OSError, ValueError, IndexError, psutil.Error):
                found.append(psutil.Process(int(path.read_text("utf-8").split()[0])))
        return found


def _merge(into: dict[str, object], values: object) -> None:
    assert isinstance(values, dict)
    for name, value in values.items():
        there = into.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            _merge(there, value)
        else:
            into[name] = value


def make_shop(
    estates: Estates, postgres: PostgresServer, redis_pair: RedisServer, s3: S3Server, name: str
) -> Iterator[ProvenShop]:
    """Fills the stores, and takes a backup of each."""
    folder, prefix = estates.folder, f"proving-{name}"
    shop = ProvenShop(folder, postgres, redis_pair, s3, f"{prefix}/")
    dsn = postgres.at.address.dsn("postgres")
    create_trading_schema(postgres.at.address.dsn("trading").get_secret_value())
    seed_trading_rows(postgres.at.address.dsn("trading").get_secret_value(), accounts=50)
    client = redis.Redis.from_url(redis_pair.dsn.get_secret_value())
    client.mset({f"session:{number}": number for number in range(1000)})
    for number in range(5):
        s3.client().put_object(Bucket=s3.at.address.bucket, Key=f"{prefix}/up/{number}", Body=bytes([number]) * 5000)
    key = x25519.Identity.generate()
    shop.secrets = {
        "identity": str(key),
        "password": dsn.get_secret_value().partition("@")[0].rpartition(":")[2],
        "s3": s3.at.address.secret_access_key.get_secret_value(),
    }
    environment = {
        "environment": "here",
        "kind": "rehearsal",
        "ledger": {"sqlite": str(folder / "ledger.db")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder / "state"),
        "postgres": {"main": {"dsn": estates.secret(dsn)}},
        "redis": {"main": {"url": estates.secret(redis_pair.dsn)}},
        "buckets": {
            "backups": dict(s3.section(estates.secret, f"{prefix}/b")),
            "uploads": dict(s3.section(estates.secret, f"{prefix}/up")),
        },
        "backups": {
            "recipients": [str(key.to_public())],
            "identity": estates.secret(SecretStr(str(key))),
            "scratch": str(shop.scratch),
        },
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.dump({"backups": "shop", "title": "t", "stores": STORES}, folder / "backups.yaml")
    yaml.dump(environment, shop.environment)
    opened = shop.opened()
    assert not asyncio.run(mark_all(opened)).failed
    for store, book in opened.named(()):
        asyncio.run(take_backup(opened, store, book))
    yield shop
    client.flushall()
    client.close()
