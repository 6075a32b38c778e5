"""Somebody makes a third value current while a rotation is under way: what they put there opens on, whatever comes."""

import json
from collections.abc import Mapping
from contextlib import closing
from time import sleep

import psycopg
import pytest
from pydantic import SecretStr

from flows import rotation_orders
from flows.asking_first import Answer, wait_for_answer
from flows.rotating import Rotating
from flows.rotation_round import opened_secrets
from tasks.aws_errors import NotThere
from tasks.rotators.postgres_user import PostgresUser
from tasks.rotators.postgres_users import PostgresUsers
from tasks.rotators.rotator import Census, Done, Turn
from tasks.secret_versions import SecretVersions
from tests.conftest import Estates, PostgresServer
from tests.flows.rotations.breaking import wait_for
from tests.flows.rotations.door import DoorKey
from tests.flows.rotations.overheard import edit, entry
from tests.flows.rotations.room import FIRST, Room
from tests.flows.rotations.test_leaks import answering, cut
from tests.flows.rotations.test_other_hands import before
from tests.flows.world import Crash
from tests.tasks.rotators.pair import Pair, made_pair
from tminus import events as ev
from tminus.clock import now
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.book import Policy
from tminus.rotations.document import Document
from tminus.rotations.opened import OpenedSecrets

THIRD = "put there by hand, and long enough"


class Logins(Room):
    """The secret is a login's of a real PostgreSQL, in place of the door's."""

    def opened(self, kinds: Mapping[str, type[Policy]] | None = None) -> OpenedSecrets:
        """The files, read with the product's own kinds."""
        del kinds
        return opened_secrets(self.folder / "secrets.yaml", self.folder / "environment.yaml")

    def install(self, pair: Pair, estates: Estates, server: PostgresServer, kind: str) -> None:
        """The pair's first login is current."""
        self.client.put_secret_value(
            SecretId=self.secret, SecretString=json.dumps({"username": pair.a, "password": pair.password})
        )
        rotator = estates.secret(SecretStr(pair.conninfo(pair.rotator, pair.password)))
        edit(
            self.folder / "environment.yaml",
            {"postgres": {"main": {"dsn": estates.secret(server.dsn), "rotator": rotator}}},
        )
        alternating = {"owner_role": pair.owner, "users": [pair.a, pair.b], "census": "sessions"}
        whose = {"user": pair.a} if kind == "postgres.user" else alternating
        rights = {"can": [f"TABLE {pair.name}_orders"], "cannot": [f"TABLE {pair.name}_payroll"]}
        entry(self, kind=kind, server="main", **whose, **rights)

    def by_hand(self, pair: Pair, user: str) -> None:
        """Somebody gives a login another password, and makes that current."""
        pair.sql(f"ALTER ROLE {user} LOGIN PASSWORD '{THIRD}'")
        self.put(username=user, password=THIRD)


def opens(pair: Pair, user: str) -> bool:
    """Whether what was put there by hand lets anybody in."""
    try:
        psycopg.connect(pair.conninfo(user, THIRD)).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def logins(room: Room) -> Logins:
    """Nothing is rotated yet."""
    return Logins(room.folder, room.secret, room.client)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgres.users", "postgres.user"])
def test_turned_back_beside_a_login_changed_by_hand(
    logins: Logins, estates: Estates, postgres_server: PostgresServer, kind: str
) -> None:
    """The new login's password was changed, and is what everybody reads: undoing leaves that login alone."""
    with made_pair(postgres_server, estates) as pair:
        logins.install(pair, estates, postgres_server, kind)
        logins.rotate()
        user = pair.a if kind == "postgres.user" else pair.b
        logins.by_hand(pair, user)
        sleep(0.5)
        came = logins.go_on()
        assert came is not None
        assert came.how == "refused", came.said
        wait_for(logins.undo())
        for _ in range(5):
            if logins.course().open is None:
                break
            wait_for(logins.go_on())
        ended = logins.course().rotations[-1].ended
        assert ended is not None
        assert ended.how == "undone"
        assert "was left as it is, since somebody else put another in its place" in ended.sentence
        assert opens(pair, user)


@pytest.mark.long
def test_a_single_login_changed_by_hand_while_it_was_broken_off(
    logins: Logins, estates: Estates, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next visit does not give it the rotation's password."""

    async def down(*_: object) -> Done:
        raise CouldNotObserve("the server does not answer")

    with made_pair(postgres_server, estates) as pair:
        logins.install(pair, estates, postgres_server, "postgres.user")
        with monkeypatch.context() as patched:
            patched.setattr(PostgresUser, "test", down)
            assert logins.rotate().how == "broke off"
        logins.by_hand(pair, pair.a)
        came = logins.go_on()
        assert came is not None
        assert (came.how, "somebody else changed it" in came.said) == ("refused", True)
        assert opens(pair, pair.a)
        assert logins.undo().how == "undone"
        assert opens(pair, pair.a)


@pytest.mark.long
def test_a_leaked_login_changed_by_hand(
    logins: Logins, estates: Estates, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its new password is current, so it is not switched off; given again, the order replaces that one too."""

    async def down(*_: object) -> Done:
        raise CouldNotObserve("the server does not answer")

    with made_pair(postgres_server, estates) as pair:
        logins.install(pair, estates, postgres_server, "postgres.users")
        with monkeypatch.context() as patched, answering(logins):
            patched.setattr(PostgresUsers, "off", down)
            assert cut(logins).how == "broke off"
        logins.by_hand(pair, pair.a)
        came = logins.rotate()
        assert (came.how, "--at-once` replaces" in came.said) == ("refused", True), came.said
        assert opens(pair, pair.a)
        with answering(logins, again=True):
            came = cut(logins)
        assert came.how == "rotated", came.said
        assert not opens(pair, pair.a)
        text = logins.client.get_secret_value(SecretId=logins.secret, VersionStage="AWSCURRENT")["SecretString"]
        assert pair.opens(Document(SecretStr(text), "current"))


@pytest.mark.parametrize("stage", ["set", "test"])
def test_before_anybody_reads_the_new_one(room: Room, stage: str) -> None:
    """Nothing more is set or tried, the third value is left alone, and undoing says what opens still."""
    before(room, stage)
    room.door.install(THIRD)
    third = room.put(password=THIRD)
    knows = room.door.passwords
    came = room.go_on()
    assert came is not None
    assert (came.how, "somebody else changed it" in came.said) == ("refused", True)
    assert room.door.passwords == knows
    room.undo()
    ended = room.until_over().rotations[-1].ended
    assert ended is not None
    assert f"version {third[:8]} is current, and version " in ended.sentence
    assert "was left as it is" in ended.sentence
    assert room.door.opens(THIRD)
    assert room.door.opens(FIRST), "as the sentence says"


def test_the_old_value_put_back_under_another_version(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though Secrets Manager has thrown the old version away, what everybody reads is not switched off."""
    came = room.rotate()
    gone(room, monkeypatch)
    room.put(password=FIRST)
    for _ in range(3):
        wait_for(came)
        came = room.rotate()
        assert came.how == "refused", came.said
    assert room.door.opens(FIRST)
    room.undo()
    room.until_over()
    assert room.door.opens(FIRST)


def test_a_version_that_is_gone_is_not_said_to_be_dead(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows its value, so nobody can end it: the last sentence sends somebody to look."""
    came = room.rotate()
    gone(room, monkeypatch)

    async def nothing(*_: object) -> Done:
        return Done("there is nothing to switch off")

    monkeypatch.setattr(DoorKey, "off", nothing)
    monkeypatch.setattr(DoorKey, "census", census)
    wait_for(came)
    ended = room.until_over().rotations[-1].ended
    assert ended is not None
    assert "whether its value opens anything nobody can tell here: look at its server" in ended.sentence
    assert "opens nothing any more" not in ended.sentence


@pytest.mark.parametrize("stage", ["test", "census"])
def test_a_secret_that_was_made_anew(room: Room, stage: str) -> None:
    """Deleted and made again by hand: the rotation of the one before can be ended, and a leak be cut off."""
    before(room, stage)
    room.client.delete_secret(SecretId=room.secret, ForceDeleteWithoutRecovery=True)
    room.door.install(THIRD)
    room.client.create_secret(Name=room.secret, SecretString=json.dumps({"password": THIRD}))
    came = room.go_on()
    assert came is not None
    assert came.how in {"broke off", "refused"}
    room.undo()
    ended = room.until_over().rotations[-1].ended
    assert ended is not None
    assert ended.how == "undone"
    with answering(room):
        assert cut(room).how == "rotated"
    assert not room.door.opens(THIRD)


def test_killed_between_two_orders(room: Room) -> None:
    """What stands in the way is turned back with the order that needs it, or neither is ordered."""
    before(room, "test")
    room.door.install(THIRD)
    room.put(password=THIRD)
    with answering(room), closing(room.store()) as store:
        store.before = lambda event: isinstance(event, ev.RotationOrdered) and event.order == "undo"
        with pytest.raises(Crash):
            cut(room, store=store)
    assert room.course().rotations[-1].hastened is None
    came = cut(room)
    assert came.how == "rotated", came.said
    assert not room.door.opens(THIRD)


def test_swapped_by_hand_before_the_yes(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told that what leaked is dead: no rotation reaches it, and where it must be ended is said."""

    async def swapped(*asked: object) -> Answer[ev.RotationAsked]:
        answer = await wait_for_answer(*asked)  # type: ignore[arg-type]  # as it was asked
        room.door.install(THIRD)
        room.put(password=THIRD)
        return answer

    monkeypatch.setattr(rotation_orders, "wait_for_answer", swapped)
    with answering(room), pytest.raises(Refused, match="no rotation reaches it: end it at its server"):
        cut(room)
    assert room.door.opens(FIRST)
    assert room.door.opens(THIRD)


def test_owed_and_swapped_by_hand(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each visit says that what leaked was not reached, until somebody rotates what is current."""

    async def killed(*_: object) -> None:
        raise Crash

    room.rotate()
    with answering(room), monkeypatch.context() as patched:
        patched.setattr(Rotating, "begin", killed)
        with pytest.raises(Crash):
            cut(room)
    room.door.install(THIRD)
    room.put(password=THIRD)
    for _ in range(2):
        came = room.go_on()
        assert came is not None
        assert (came.how, "no rotation ends it" in came.said) == ("broke off", True)
    room.rotate()
    ended = room.until_over().rotations[-1].ended
    assert ended is not None
    assert ended.how == "rotated"
    assert room.go_on() is None


def gone(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets Manager has thrown the old version away, as it does with those that have no stage."""
    old, whole = room.course().rotations[-1].began.replaces, SecretVersions.read

    def read(versions: SecretVersions, version: str, called: str = "") -> Document:
        if version == old:
            raise NotThere("ResourceNotFoundException for GetSecretValue")
        return whole(versions, version, called)

    monkeypatch.setattr(SecretVersions, "read", read)


async def census(_self: DoorKey, turn: Turn, _new: Document) -> Census:
    """Nobody used it."""
    return Census((), "the door", turn.promoted or now())
