"""The commands about backups, over a small shop whose bucket is moto's."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from flows import looking_at_backup, taking
from tasks.backups.asked import Asked, Seen, TakeAsked, Taker
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import CONTENT, GOOD, Room, use, well
from tminus import events as ev
from tminus.backups.manifest import BackupKind, BackupManifest
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.lease import take

Say = Callable[..., Result]


class TakeFake(Taker):
    """Puts a file that holds nothing; a fake of a Redis' taker."""

    kinds: ClassVar[tuple[BackupKind, ...]] = ("redis.rdb",)
    room: ClassVar[Room]
    asked: ClassVar[list[TakeAsked]] = []

    async def take(self, asked: TakeAsked) -> BackupManifest:
        """Its manifest is for the caller to write."""
        self.asked.append(asked)
        assert asked.folder.is_dir()
        if asked.name == "queue":
            raise CouldNotObserve("redis main: ConnectionError; is it up?")
        made = self.room.manifest(asked.name, asked.backup)
        self.room.put_object(made.files[0].key, CONTENT)
        return made


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Two stores, restored and taken by fakes."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    monkeypatch.setattr(taking, "TAKERS", {"redis.rdb": TakeFake})
    section = s3_server.section(estates.secret, f"c/{estates.folder.name}")
    use(well)
    TakeFake.room = Room.set(estates.folder, {name: str(value) for name, value in section.items()}, encrypted=False)
    TakeFake.asked.clear()
    yield TakeFake.room
    use(well)


@pytest.fixture
def say(room: Room) -> Say:
    """`say("backups")` runs the command over the shop."""

    def run(command: str, *words: str, environment: Path | None = None) -> Result:
        files = ["--runbook", str(room.folder), "--environment", str(environment or room.environment)]
        return CliRunner().invoke(main, [command, *words, *files])

    return run


def test_taken_verified_and_shown(room: Room, say: Say) -> None:
    """The way of a backup through the commands; each exits 0."""
    made = say("backup", "cache")
    assert made.exit_code == 0, made.output
    (taken,) = (event for event in room.events() if isinstance(event, ev.BackupTaken))
    assert taken.manifest_digest in made.output
    assert TakeFake.asked[0].key("dump.rdb") == f"{room.bucket['prefix']}/cache/{taken.backup}/dump.rdb"
    assert not list((room.folder / "state").glob("taking-*"))

    verified = say("verify-backup", "cache", "--no-prefect")
    assert verified.exit_code == 0, verified.output
    assert "restored in 1.5 s, lost 60.0 s" in verified.output

    assert taken.backup in say("backups").output
    assert "recorded" in say("backups", "cache").output
    (said,) = json.loads(say("backups", "--json").output)
    assert (said["backup"], said["outcome"]["verdict"]) == (taken.backup, "pass")


def test_what_is_not_proven_exits_1(room: Room, say: Say) -> None:
    """With the sentence that says what is wrong, and its details."""

    async def differs(_asked: Asked) -> Seen:
        return Seen([*GOOD[:-1], Measurement.number("databases_differ", 1)], ("database 0 has 3 keys",), "database 0")

    use(differs)
    room.put()
    found = say("verify-backup", "cache", "--no-prefect")
    assert found.exit_code == 1
    assert "databases_differ 1, expected = 0: database 0" in found.output
    assert "database 0 has 3 keys" in found.output


def test_a_store_that_cannot_be_taken_leaves_the_others(room: Room, say: Say) -> None:
    """The exit code says so, and what was taken is recorded."""
    found = say("backup", "queue", "cache")
    assert found.exit_code == 1
    assert "queue: not taken: redis main" in found.output
    assert [event.store for event in room.events() if isinstance(event, ev.BackupTaken)] == ["cache"]


def test_two_at_once_exit_3(room: Room, say: Say) -> None:
    """The second is refused by name."""
    room.put()
    opened = room.opened()
    store = opened.store()
    token = take(store, opened.chain, 20)
    found = say("verify-backup", "--no-prefect")
    store.give_lease_back(opened.chain, token)
    store.close()
    assert found.exit_code == 3
    assert "conducted by process" in found.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify-backup", "cahce"), "did you mean 'cache'"),
        (("backup", "cahce"), "did you mean 'cache'"),
        (("backups", "cahce"), "did you mean 'cache'"),
    ],
)
def test_a_wrong_name_exits_2(say: Say, words: tuple[str, ...], said: str) -> None:
    """With the nearest right one."""
    found = say(*words)
    assert found.exit_code == 2
    assert said in found.output


def test_without_a_key_nothing_is_taken_in_the_clear(room: Room, say: Say) -> None:
    """A store that is to be encrypted wants a recipient."""
    Room.set(room.folder, room.bucket)
    found = say("backup", "cache")
    assert found.exit_code == 2
    assert "age-keygen" in found.output
    assert not TakeFake.asked


def test_without_a_scratch_nothing_is_restored(room: Room, say: Say) -> None:
    """The environment has to name the folder."""
    Room.set(room.folder, room.bucket, backups=None)
    found = say("verify-backup", "--no-prefect")
    assert found.exit_code == 2
    assert "backups: {scratch: FOLDER}" in found.output


def test_a_mark_that_cannot_be_written_exits_1(say: Say) -> None:
    """The environment names no such Redis."""
    found = say("mark")
    assert found.exit_code == 1
    assert "not through redis main" in found.output


def test_the_ledger_verifies(room: Room, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tminus ledger verify` knows the chain of backups as any other."""
    say("backup", "cache")
    say("verify-backup", "cache", "--no-prefect")
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{room.folder / 'ledger.db'}")
    found = CliRunner().invoke(main, ["ledger", "verify", room.opened().chain])
    assert found.exit_code == 0, found.output
