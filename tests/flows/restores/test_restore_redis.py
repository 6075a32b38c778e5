"""A flushed Redis brought back: into databases that were empty, and swapped with the live ones in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest
from pydantic import SecretStr

from tests.conftest import Estates, S3Server
from tests.flows.restores.desk import STORE, Desk
from tests.sampling import few
from tests.tasks.backups.redis_room import BOOK, PROGRAMS, LiveRedis, ago, fill, live_redis
from tminus import events as ev
from tminus.clock import now

KEYS = 300


@dataclass(frozen=True)
class Room(Desk):
    """Where a test restores."""

    live: LiveRedis

    def sizes(self) -> dict[int, int]:
        """Database → keys, of those that have any."""
        with self.live.client() as client:
            found = client.info("keyspace")
        return {int(name[2:]): int(value["keys"]) for name, value in found.items()}

    def balance(self, database: int = 0) -> bytes | None:
        """Of one account."""
        with self.live.client(database) as client:
            return client.get("account:7")


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, tmp_path: Path) -> Iterator[Room]:
    """Backed up; then one database was flushed, and another was made."""
    with live_redis(PROGRAMS[0], tmp_path / "live") as live:
        fill(live, KEYS)
        live.mark(7, ago(minutes=5))
        identity = pyrage.x25519.Identity.generate()
        bucket = s3_server.section(estates.secret, f"restored/{tmp_path.name}")
        environment: dict[str, object] = {
            "environment": "test",
            "kind": "rehearsal",
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "allows": ["none", "probe", "synthetic"],
            "redis": {"cache": {"url": estates.secret(live.url)}},
            "buckets": {"backups": {name: str(value) for name, value in bucket.items()}},
            "backups": {
                "recipients": [str(identity.to_public())],
                "identity": estates.secret(SecretStr(str(identity))),
                "scratch": str(tmp_path / "scratch"),
            },
        }
        # In the folder of the environment file: it exits with 0 where there is none of that name.
        idle = {"argv": ["test", "!", "-e", "trading"]}
        halted = {"check": "command.run", "with": idle, "expect": {"exit": "= 0"}}
        made = Room(tmp_path, live)
        made.set({**BOOK, "kind": "redis.rdb", "redis": "cache"}, environment, halted)
        estates._setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.db'}")
        taken = made.say("backup", STORE, *made.files)
        assert taken.exit_code == 0, taken.output
        with live.client(0) as client, client.pipeline() as pipe:
            pipe.flushdb()
            pipe.set("account:7", "nothing")
            pipe.execute()
        with live.client(5) as client:
            client.set("new", "since the backup")
        yield made


def test_the_whole_way(room: Room) -> None:
    """What was flushed is back to the byte, what was made since is away; and all of it can be had again."""
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    done = room.restore("--resume")
    assert done.exit_code == 0, done.output
    verdicts = {one.step: one.outcome.verdict.value for one in room.events(chain) if isinstance(one, ev.StepEnded)}
    assert verdicts == dict.fromkeys(("halted", "save", "beside", "halted-still", "switch"), "pass")
    assert room.balance() == b"balance 49"
    assert room.balance(3) == b"balance 49"
    sizes = room.sizes()
    assert sizes[5] == 1  # the mark alone
    assert sizes[15] == 1  # what was live
    with room.live.client(0) as client:
        assert 0 < client.ttl("session:1") <= 3600 + 40
        assert client.llen("large queue") == 3000

    back = room.restore(STORE, "--undo", "--yes", key="lead")
    assert back.exit_code == 0, back.output
    assert room.balance() == b"nothing"
    with room.live.client(5) as client:
        assert client.get("new") == b"since the backup"


@pytest.mark.parametrize(
    "stage",
    few(
        ["after step.started beside", "copied", "after step.intended switch", "swapped", "before restore.ended"],
        "swapped",
    ),
)
def test_killed_there(room: Room, stage: str) -> None:
    """Until then what is live is one of the two, whole; taken up again it is the copy."""
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    room.killed(chain, stage)
    assert room.balance() in {b"nothing", b"balance 49"}
    done = room.restore("--resume")
    assert done.exit_code == 0, done.output
    assert room.balance() == b"balance 49"
    assert room.holder() is None


@pytest.mark.long
def test_while_anybody_trades_nothing_is_switched(room: Room) -> None:
    """A file says so here."""
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    (room.folder / "trading").touch()
    assert room.restore("--resume").exit_code == 3
    assert room.balance() == b"nothing"


@pytest.mark.long
def test_given_up(room: Room) -> None:
    """The copy goes, and nothing else."""
    before = room.sizes()
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    room.killed(chain, "copied")
    assert room.sizes() != before
    assert room.restore("--give-up", key="asker").exit_code == 0
    assert room.sizes() == before


def test_a_database_that_somebody_uses_is_not_written_to(room: Room) -> None:
    """It was empty when it was planned; what is there now is nobody's to flush."""
    chain = room.asked()
    assert room.approved(chain).exit_code == 0
    with room.live.client(15) as client:
        client.set("theirs", 1)
    found = room.restore("--resume")
    assert found.exit_code == 1, found.output
    assert "database 15 is not empty any more" in found.output
    with room.live.client(15) as client:
        assert client.get("theirs") == b"1"


def test_it_says_first_what_will_be_lost(room: Room) -> None:
    """And changes nothing."""
    before = room.sizes()
    found = room.restore(STORE, now().isoformat(), "--dry-run")
    assert found.exit_code == 0, found.output
    assert "by its newest mark, 7" in found.output
    assert room.sizes() == before
