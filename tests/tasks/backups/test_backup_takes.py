"""A backup is taken once, and anew where it got too old or the launch was recycled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.action import State
from tasks.actions import backup
from tasks.estate import Estate
from tests.conftest import Estates, PostgresServer, S3Server
from tests.tasks.backups.conftest import BACKUP, keys
from tminus.backups.manifest import BackupManifest
from tminus.clock import now
from tminus.errors import ActionFailed

FRESH = BACKUP.model_copy(update={"good_for": timedelta(minutes=15)})
FIRST_FAILS = (
    '#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\n'
    'echo x >> {folder}/runs\n[ "$(wc -l < {folder}/runs)" -gt 1 ] && exec {real} "$@"\nexit 1\n'
)


def manifests(s3_server: S3Server, estates: Estates) -> dict[str, BackupManifest]:
    """Every manifest there, by the end of its key."""
    client, bucket = s3_server.client(), s3_server.at.address.bucket
    found = {}
    for key in keys(s3_server, estates):
        if key.endswith(".manifest.json"):
            text = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            found[key.rpartition("/")[2]] = BackupManifest.model_validate_json(text)
    return found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass."""
    return lambda passed: monkeypatch.setattr(backup, "now", lambda: now() + passed)


async def test_what_is_too_old_is_taken_anew_under_a_key_of_its_own(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates, later: Callable[[timedelta], None]
) -> None:
    """The old one stays; what is not too old is not taken twice, and without `good_for` nothing gets too old."""
    async with opened() as estate:
        await FRESH.act(estate, 1)
        later(timedelta(minutes=14))
        assert (await FRESH.state(estate)).state is State.DONE
        later(timedelta(hours=5))
        standing = await FRESH.state(estate)
        assert standing.state is State.ABSENT
        assert "good for 15m" in standing.seen.details[0]
        assert (await BACKUP.state(estate)).state is State.DONE
        await FRESH.act(estate, 1)
        later(timedelta(0))
    found = manifests(s3_server, estates)
    assert set(found) == {"restore-point.manifest.json", "restore-point.2.manifest.json"}
    assert FRESH.expires
    assert not BACKUP.expires


async def test_after_a_recycle_it_is_taken_anew(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates
) -> None:
    """However young the one before is: it belongs to a countdown that was taken back."""
    async with opened() as estate:
        await BACKUP.act(estate, 1)
        estate.cycle = 1
        assert (await BACKUP.state(estate)).state is State.ABSENT
        await BACKUP.act(estate, 1)
        assert (await BACKUP.state(estate)).state is State.DONE
        await BACKUP.act(estate, 2)
    assert {name: one.made_for.cycle for name, one in manifests(s3_server, estates).items() if one.made_for} == {
        "restore-point.manifest.json": 0,
        "restore-point.2.manifest.json": 1,
    }


@contextmanager
def log_of(server: PostgresServer) -> Iterator[list[str]]:
    """The restore points that the server makes meanwhile, by its own log."""
    path = next(Path(child.log) for child in server.children if "primary" in str(child.log))
    before, made = len(path.read_text().splitlines()), []
    yield made
    made += [line for line in path.read_text().splitlines()[before:] if "restore point" in line and "created" in line]


async def test_every_attempt_names_a_restore_point_of_its_own(
    opened: Callable[..., Estate],
    tools: Callable[[str], Path],
    s3_server: S3Server,
    estates: Estates,
    trading: PostgresServer,
) -> None:
    """Recovery stops at the first point of a name: the manifest's must not be that of an attempt that failed."""
    with log_of(trading) as made:
        async with opened(tools(FIRST_FAILS)) as estate:
            with pytest.raises(ActionFailed):
                await BACKUP.act(estate, 1)
            await BACKUP.act(estate, 1)
    [found] = manifests(s3_server, estates).values()
    assert found.restore_point is not None
    assert len(made) == 2
    assert [found.restore_point.name in line for line in made] == [False, True]
    assert found.restore_point.lsn in made[1]


async def test_a_long_launch_keeps_its_points_apart(opened: Callable[..., Estate], estates: Estates) -> None:
    """A name that PostgreSQL would not take is cut at its end, never in what makes it unique."""
    async with opened() as estate:
        estate.launch = "tradesense-" + "2" * 60
        seen = [await BACKUP.model_copy(update={"purpose": name}).act(estate, 1) for name in ("before", "after")]
    points = [one.details[1].partition("restore point ")[2] for one in seen]
    assert len(set(points)) == 2
    assert all(len(point) <= 63 for point in points)


async def test_where_wal_is_not_archived_the_outcome_says_so(
    opened: Callable[..., Estate], s3_server: S3Server, estates: Estates
) -> None:
    """A point in a WAL that nobody keeps is no way back: then there is the dump only."""
    async with opened() as estate:
        archived = await BACKUP.act(estate, 1)
        assert [one.name for one in archived.found] == ["size", "tables", "rows"]
        assert [one.origin.archive_mode for one in manifests(s3_server, estates).values()] == ["on"]
        not_archived(s3_server, estates)
        seen = (await BACKUP.state(estate)).seen
    assert "the dump only, since archive_mode is off" in str(seen.found[-1])


def not_archived(s3_server: S3Server, estates: Estates) -> None:
    """The same manifest, of a server that archives nothing."""
    client, bucket = s3_server.client(), s3_server.at.address.bucket
    key = next(key for key in keys(s3_server, estates) if key.endswith(".manifest.json"))
    made = BackupManifest.model_validate_json(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    origin = made.origin.model_copy(update={"archive_mode": "off"})
    client.put_object(Bucket=bucket, Key=key, Body=made.model_copy(update={"origin": origin}).text())
