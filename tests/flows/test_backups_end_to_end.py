"""The whole way with real stores: marked, taken, encrypted, stored, restored, looked at. S3 is moto's."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import sleep

import psutil
import pytest
import redis
from pydantic import SecretStr
from pyrage import x25519
from ruamel.yaml import YAML

from deployments.rehearsal.trading_schema import create_trading_schema, seed_trading_rows
from flows.backup_verification import proven, verify
from flows.marks import mark_all
from flows.taking import take_backup
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tests.sampling import few
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.outcome import Verdict

ROOT = Path(__file__).parents[2]
_EACH = {"owner": "o", "bucket": "backups", "every": "24h", "rpo": "1h", "rto": "15m"}
STORES = {
    "database": {
        **_EACH,
        "title": "The database",
        "kind": "postgres.dump",
        "database": "main",
        "invariants": [{"title": "There are orders", "sql": "SELECT count(*) FROM orders", "expect": ">= 500"}],
    },
    "cache": {**_EACH, "title": "The cache", "kind": "redis.rdb", "redis": "main"},
    "uploads": {**_EACH, "title": "The uploads", "kind": "s3.objects", "source": "uploads"},
}


@pytest.fixture
def shop(
    estates: Estates, postgres_server: PostgresServer, redis_pair: RedisServer, s3_server: S3Server
) -> Iterator[OpenedBackups]:
    """Three stores with something in each."""
    dsn = postgres_server.at.address.dsn("trading")
    create_trading_schema(dsn.get_secret_value())
    seed_trading_rows(dsn.get_secret_value(), accounts=50)
    client = redis.Redis.from_url(redis_pair.dsn.get_secret_value())
    client.mset({f"session:{number}": number for number in range(100)})
    folder, prefix = estates.folder, f"e/{estates.folder.name}"
    for number in range(5):
        s3_server.client().put_object(Bucket=s3_server.at.address.bucket, Key=f"{prefix}/up/{number}", Body=b"x" * 1000)
    key = x25519.Identity.generate()
    environment = {
        "environment": "here",
        "kind": "rehearsal",
        "ledger": {"sqlite": str(folder / "ledger.db")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder / "state"),
        "postgres": {"main": {"dsn": estates.secret(postgres_server.at.address.dsn("postgres"))}},
        "redis": {"main": {"url": estates.secret(redis_pair.dsn)}},
        "buckets": {
            "backups": dict(s3_server.section(estates.secret, f"{prefix}/b")),
            "uploads": dict(s3_server.section(estates.secret, f"{prefix}/up")),
        },
        "backups": {
            "recipients": [str(key.to_public())],
            "identity": estates.secret(SecretStr(str(key))),
            "scratch": str(folder / "scratch"),
        },
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.dump({"backups": "shop", "title": "t", "stores": STORES}, folder / "backups.yaml")
    yaml.dump(environment, folder / "environment.yaml")
    yield open_backups(folder, folder / "environment.yaml")
    client.flushall()
    client.close()


def events(shop: OpenedBackups) -> list[ev.BackupVerified]:
    """How the last verification's backups came out."""
    store = shop.store()
    try:
        return shop.history(store).verified
    finally:
        store.close()


def test_what_was_taken_is_proven(shop: OpenedBackups, tmp_path: Path) -> None:
    """Every store with its figures; a mark that all have is named; nothing is left on this machine."""
    marked = asyncio.run(mark_all(shop))
    assert not marked.failed
    for name, store in shop.named(()):
        asyncio.run(take_backup(shop, name, store))

    ended = asyncio.run(verify(shop, shown=False))

    said = {one.store: f"{one.outcome.verdict}: {one.outcome.summary} {one.outcome.details}" for one in events(shop)}
    assert proven(ended), said
    assert ended.common_mark == marked.mark
    assert all(one.rto_seconds is not None and one.rpo_seconds is not None for one in events(shop))
    assert list((tmp_path / "scratch").iterdir()) == []


def test_another_key_proves_nothing(shop: OpenedBackups, estates: Estates, tmp_path: Path) -> None:
    """What cannot be decrypted did not come up: that is seen, and no pass."""
    asyncio.run(mark_all(shop))
    for name, store in shop.named(("cache",)):
        asyncio.run(take_backup(shop, name, store))
    yaml = YAML(typ="safe", pure=True)
    path = tmp_path / "environment.yaml"
    text = yaml.load(path.read_text("utf-8"))
    text["backups"]["identity"] = estates.secret(SecretStr(str(x25519.Identity.generate())))
    yaml.dump(text, path)

    asyncio.run(verify(open_backups(tmp_path, path), ("cache",), shown=False))

    assert events(shop)[-1].outcome.verdict is not Verdict.PASS


@pytest.mark.parametrize("name", few(["database", "cache"], "database"))
@pytest.mark.long
def test_a_server_of_a_killed_verification_is_ended(shop: OpenedBackups, tmp_path: Path, name: str) -> None:
    """A kill -9 while a real server runs in the scratch: the next verification ends it, and proves the backup."""
    asyncio.run(mark_all(shop))
    ((_, store),) = shop.named((name,))
    asyncio.run(take_backup(shop, name, store))
    files = ["--runbook", str(tmp_path), "--environment", str(tmp_path / "environment.yaml")]
    victim = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "verify-backup", name, "--no-prefect", *files],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (servers := running(tmp_path / "scratch")) and victim.poll() is None:
        sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert servers

    asyncio.run(verify(shop, (name,), shown=False))

    assert events(shop)[-1].outcome.verdict is Verdict.PASS, events(shop)[-1].outcome
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not [one for one in servers if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def running(scratch: Path) -> list[psutil.Process]:
    """The servers that pid files in the scratch name, as far as they run."""
    found = []
    for path in scratch.rglob("*.pid"):
        with suppress(OSError, ValueError, IndexError, psutil.Error):
            found.append(psutil.Process(int(path.read_text("utf-8").split()[0])))
    return found
