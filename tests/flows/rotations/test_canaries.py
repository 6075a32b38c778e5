"""The values of every secret, planted and then looked for wherever anything is written down: none is found."""

import json
import secrets
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import sleep

import httpx
import pytest
import redis
from pydantic import SecretStr

from deployments.rehearsal import loopback_certificate
from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.vendors.stripe import StripeFake
from tests.conftest import Estates, PostgresServer, RedisServer, S3Server
from tests.flows.rotations import searching
from tests.flows.rotations.overheard import Overheard, edit, entry, overheard
from tests.flows.rotations.room import NAME, Room
from tests.flows.rotations.saying import answer_when_asked
from tests.flows.rotations.searching import in_files, leaks
from tests.sampling import few
from tests.tasks.rotators.jwks_room import JwksRoom
from tests.tasks.rotators.key_vendor import ADMIN, KeyVendor
from tests.tasks.rotators.pair import Pair, made_pair
from tminus.clock import now

AWKWARD = 'canary-"ärger"\\/+&=%20-of-the-first-password'
"""A value that every encoding changes."""
SOME = ("after set", "before test")
STAGES = ("create", "set", "test", "census", "off", "drop")
ALL = tuple(f"{when} {stage}" for stage in STAGES for when in ("before", "after"))
"""How the door fails."""


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that keeps what runs here."""
    server = PrefectServer.plan(tmp_path_factory.mktemp("prefect"))
    with Processes() as processes:
        server.start(processes)
        yield server


@pytest.fixture
def house(room: Room, estates: Estates, prefect: PrefectServer, tmp_path: Path) -> Iterator[Overheard]:
    """The room, overheard; nothing but its door's first password is in it."""
    with overheard(room, estates, prefect, loopback_certificate.make(tmp_path)) as heard:
        yield heard


def signed(room: Room, person: str) -> list[str]:
    """Whose word it is."""
    return ["--key", str(room.folder / person), "--reason", "a test of mine"]


@pytest.mark.parametrize("troubles", few([SOME, ALL], SOME), ids=len)
def test_a_doors_password(house: Overheard, troubles: tuple[str, ...]) -> None:
    """Through a failure at each verb, an undo, a leak with its question, and a secret that is garbage."""
    room = house.room
    room.door.install(AWKWARD)
    house.hold(json.dumps({"password": AWKWARD, "door": "front"}))
    assert house.tminus("secrets") == house.tminus("secrets", "--json") == 0
    assert house.tminus("rotate", NAME, "--dry-run") == 0
    for number, trouble in enumerate(troubles):
        (room.folder / "trouble").write_text(trouble)
        room.policy(every="30d" if number else "401 ms")
        until_it_broke(house)
    assert AWKWARD not in house.current()
    house.until_over()

    assert house.tminus("rotate", NAME) == 0
    assert house.tminus("rotate", NAME, "--undo", *signed(room, "guard")) == 0
    assert house.until_over().rotations[-1].undo is not None

    answering = threading.Thread(target=answer_when_asked, args=(room, "guard", "approve"))
    answering.start()
    assert house.tminus("rotate", NAME, "--at-once", "--yes", *signed(room, "asker")) == 0
    answering.join()
    assert house.tminus("secrets", NAME) == 0

    cut = "canary-cut-off-in-the-middle-of-it"
    house.hold(f'{{"password": "{cut}')
    house.values.add(cut)
    assert house.tminus("rotate", NAME) == 1
    assert "is no JSON" in house.said
    assert len(house.values) >= 5
    spoke(house)
    assert house.leaks() == []


def until_it_broke(house: Overheard) -> None:
    """The flow, until the door's trouble came."""
    trouble = house.room.folder / "trouble"
    for _ in range(40):
        house.flow()
        if not trouble.exists():
            return
        sleep(0.05)
    raise AssertionError(f"{trouble.read_text()}: it never came to that: {house.said[-3000:]}")


def spoke(house: Overheard) -> None:
    """Every place has something in it: else nothing would be found there, whatever was said."""
    found = house.everywhere()
    assert "is rotated: version" in house.said
    assert "Traceback (most recent call last)" in house.said
    assert "does not answer" in found["Prefect's task_runs"].decode()
    assert "does not answer" in found["Prefect's logs"].decode()
    assert "is rotated" in found["Slack's channel"].decode()
    assert "does not answer" in found["PagerDuty's incidents"].decode()
    assert any(place.startswith("cmdline") for place in found)
    assert any(place.endswith("ledger.db, cell by cell") for place in found)
    assert any(place.endswith("prefect.db, cell by cell") for place in found)


def gave(server: PostgresServer, pair: Pair, password: str) -> None:
    """The login in use has a password that nothing else has."""
    with server.connect() as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), pair.a.encode(), b"scram-sha-256")
    pair.sql(f"ALTER ROLE {{a}} PASSWORD '{verifier.decode()}'")


def test_a_login_of_postgresql(house: Overheard, estates: Estates, telling_server: PostgresServer) -> None:
    """A whole rotation; the server logs every statement, and no password is in its log either."""
    first = f"canary-{secrets.token_urlsafe(24)}"
    with made_pair(telling_server, estates) as pair:
        gave(telling_server, pair, first)
        house.hold(json.dumps({"username": pair.a, "password": first, "engine": "postgres"}))
        reference = estates.secret(SecretStr(pair.conninfo(pair.rotator, pair.password)))
        where = {"main": {"dsn": estates.secret(telling_server.dsn), "rotator": reference}}
        edit(house.room.folder / "environment.yaml", {"postgres": where})
        rights = {"can": [f"TABLE {pair.name}_orders"], "cannot": [f"TABLE {pair.name}_payroll"]}
        users = {"server": "main", "owner_role": pair.owner, "users": [pair.a, pair.b]}
        entry(house.room, kind="postgres.users", **users, **rights)
        pair.sql("ALTER ROLE {a} SET statement_timeout = 60000")
        rotated(house)
        log = telling_server.at.folder / "primary" / "log"
        house.elsewhere += [log, telling_server.at.folder / "primary.log"]
        assert any(b"ALTER ROLE" in content for content in in_files(log).values())
        assert house.leaks() == []


@pytest.mark.long
def test_a_single_login_of_postgresql(house: Overheard, estates: Estates, telling_server: PostgresServer) -> None:
    """Whose password is changed in place."""
    with made_pair(telling_server, estates) as pair:
        first = f"canary-{secrets.token_urlsafe(24)}"
        gave(telling_server, pair, first)
        house.hold(json.dumps({"username": pair.a, "password": first}))
        reference = estates.secret(SecretStr(pair.conninfo(pair.rotator, pair.password)))
        where = {"main": {"dsn": estates.secret(telling_server.dsn), "rotator": reference}}
        edit(house.room.folder / "environment.yaml", {"postgres": where})
        rights = {"can": [f"TABLE {pair.name}_orders"], "cannot": [f"TABLE {pair.name}_payroll"]}
        entry(house.room, kind="postgres.user", server="main", user=pair.a, **rights)
        rotated(house)
        assert house.leaks() == []


@pytest.mark.long
def test_a_key_that_signs_tokens(house: Overheard, estates: Estates, s3_server: S3Server) -> None:
    """Its private half is a text of many lines; its public half is published."""
    door = Door()
    with served(door) as url:
        keys = JwksRoom(s3_server, estates, url, f"keys-{secrets.token_hex(4)}.json")
        door.behind = keys.site()
        private = keys.old.pem.get_secret_value()
        house.hold(json.dumps({"kid": keys.old.kid, "algorithm": keys.old.algorithm, "private_key": private}))
        where = {"buckets": {"keys": dict(s3_server.section(estates.secret, ""))}, "endpoints": {"site": {"url": url}}}
        edit(house.room.folder / "environment.yaml", where)
        short = {"token_lifetime": "100 ms", "signer_reads_every": "100 ms", "max_cache": "1s"}
        entry(house.room, kind="jwt.keys", bucket="keys", key=keys.name, urls=[{"endpoint": "site"}], **short)
        house.values.add("".join(private.splitlines()[1:-1])[:64])
        rotated(house)
        assert house.leaks() == []


@pytest.mark.long
def test_a_user_of_redis(house: Overheard, estates: Estates, redis_pair: RedisServer) -> None:
    """Its secret holds the password twice: as it is, and in an address."""
    first, user, at = f"canary-{secrets.token_urlsafe(24)}", f"app_{secrets.token_hex(4)}", redis_pair.at.address
    admins = [
        redis.Redis("127.0.0.1", port, password=at.password.get_secret_value())
        for port in (at.port, at.replica_port)
        if port is not None
    ]
    for admin in admins:
        may = ["+get", "+set", "+multi", "+discard", "+client"]
        admin.acl_setuser(user, enabled=True, passwords=[f"+{first}"], commands=may, keys=["*"])
    address = f"redis://{user}:{first}@127.0.0.1:{at.port}/0"
    house.hold(json.dumps({"username": user, "password": first, "url": address}))
    edit(house.room.folder / "environment.yaml", {"redis": {"main": {"url": estates.secret(redis_pair.dsn)}}})
    rights = {"can": ["SET tminus:probe 1"], "cannot": ["FLUSHALL"]}
    entry(house.room, kind="redis.user", server="main", user=user, **rights)
    try:
        rotated(house)
        house.elsewhere += list(redis_pair.at.folder.rglob("*.log"))
        assert house.leaks() == []
    finally:
        for admin in admins:
            admin.acl_deluser(user)
            admin.close()


@pytest.mark.long
def test_a_key_of_an_http_api(house: Overheard, estates: Estates) -> None:
    """Whose API shows it once, in the answer to a call; and it is sent with every proof."""
    vendor = KeyVendor()
    old = vendor.made("in use")
    house.hold(json.dumps({"key": old.value, "id": old.id}))
    with served(vendor.app()) as url:
        edit(house.room.folder / "environment.yaml", {"endpoints": {"vendor": {"url": url}}})
        entry(
            house.room,
            kind="http.key",
            endpoint="vendor",
            admin=estates.secret(SecretStr(ADMIN)),
            header="X-Api-Key: {key}",
            make={"path": "/v1/keys", "body": {"key": {"name": "{mark}"}}, "value": "/data/secret", "id": "/data/id"},
            listing={"path": "/v1/keys", "keys": "/data", "id": "/id", "mark": "/name", "next": "/links/next"},
            revoke={"method": "DELETE", "path": "/v1/keys/{id}"},
            can=[{"path": "/v1/orders?limit=1"}],
            cannot=[{"path": "/v1/payouts"}],
            settles="0s",
        )
        rotated(house)
        assert house.leaks() == []


@pytest.mark.long
def test_a_key_that_a_person_brings(house: Overheard, estates: Estates) -> None:
    """Piped into a command of its own, whose arguments and environment anybody can read meanwhile."""
    old, new = (f"rk_live_canary{secrets.token_hex(12)}" for _ in range(2))
    stripe = StripeFake(old, new)
    stripe.shut = {key: {"/v1/webhook_endpoints"} for key in (old, new)}
    house.hold(old)
    with served(stripe.app()) as url:
        edit(house.room.folder / "environment.yaml", {"stripe": {"url": url, "token": estates.secret(SecretStr("t"))}})
        entry(house.room, kind="stripe.key", can=["/v1/balance"], cannot=["/v1/webhook_endpoints"])
        house.values.add(new)
        assert house.command("rotate", NAME, "--given", typed=new) == 0
        assert house.current() == new
        house.flow()
        assert house.leaks() == []


def rotated(house: Overheard) -> None:
    """A whole rotation, by command and by flow; another value is current then."""
    before = house.current()
    assert house.tminus("rotate", NAME, "--dry-run") == 0
    assert house.tminus("rotate", NAME) == 0
    house.flow()
    course = house.until_over()
    assert course.rotations[-1].ended is not None
    assert course.rotations[-1].ended.how == "rotated"
    assert house.current() != before
    assert len(house.values) >= 2
    assert house.tminus("secrets", NAME) == 0


@pytest.mark.long
def test_what_tminus_keeps_quiet_would_be_heard(house: Overheard) -> None:
    """A control: where it did not, botocore's log at DEBUG would have the values, and the search finds them there."""
    house.talking = ("loud",)
    assert house.tminus("rotate", NAME) == 0
    assert [line for line in house.leaks() if "said.log" in line]


def test_what_is_planted_is_found(house: Overheard) -> None:
    """A control: the same search finds a value that was really put into each of these places, in each spelling."""
    room, value = house.room, AWKWARD
    house.values.add(value)
    with closing(sqlite3.connect(room.folder / "journal.sqlite")) as journal:
        journal.execute("CREATE TABLE t (c)")
        journal.execute("INSERT INTO t VALUES (?)", (f"{'x' * 10_000}{value}{'x' * 10_000}",))
        journal.commit()
    for number, spelling in enumerate(sorted(searching.spellings(value))):
        (room.folder / f"spelled-{number}").write_bytes(b"before " + spelling + b" after")
    api = house.prefect.address.api_url
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as client:
        client.post("/artifacts/", json={"key": "planted", "type": "markdown", "data": value}).raise_for_status()
        client.post("/variables/", json={"name": "planted", "value": value}).raise_for_status()
        log = {"name": "planted", "level": 20, "message": value, "timestamp": now().isoformat()}
        client.post("/logs/", json=[log]).raise_for_status()
    httpx.post(
        f"{house.slack_url}/api/chat.postMessage",
        data={"channel": "C0LAUNCH", "text": value},
        headers={"Authorization": "Bearer xoxb-of-the-house"},
    )
    argv = [sys.executable, "-c", "import time; time.sleep(60)", value]
    child = subprocess.Popen(argv, env={"PLANTED": value})
    try:
        for _ in range(1000):
            if {"cmdline", "environ"} <= {line.split()[0] for line in leaks(house.processes.found, [value])}:
                break
            sleep(0.01)
    finally:
        child.kill()
        child.wait()
    found = leaks(house.everywhere(), [value])

    held = {line.partition(" holds")[0] for line in found}
    wanted = {"Prefect's artifacts", "Prefect's variables", "Prefect's logs", str(room.folder / "slack.jsonl")}
    wanted |= {str(room.folder / f"spelled-{number}") for number in range(len(searching.spellings(value)))}
    databases = (room.folder / "journal.sqlite", house.prefect.address.home / "prefect.db")
    wanted |= {f"{place}, cell by cell" for place in databases}
    assert wanted - held == set()
    assert {"cmdline", "environ"} <= {place.split()[0] for place in held}


def test_a_value_is_known_wherever_in_base64_it_begins() -> None:
    """Each shift has other characters; what is another value is none of it."""
    from base64 import b64encode

    for before in ("", "a", "ab", "abc"):
        place = {"somewhere": b64encode(f"{before}{AWKWARD} and more".encode())}
        assert leaks(place, [AWKWARD])
        assert not leaks(place, ["canary-another-one-of-the-same-length"])
