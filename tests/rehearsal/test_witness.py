"""The witness counts every log-in, every refusal with whose it was and why, and every one that came late."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.rehearsal import witness_servers
from deployments.rehearsal.aws import put_secret
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.witness import OpenLoop, witness
from deployments.rehearsal.witness_count import Count, Refusal, read_testimony
from deployments.rehearsal.witness_doors import PostgresSession, RedisSession, TurnedAway
from deployments.rehearsal.witness_plan import Lived, WitnessPlan
from deployments.rehearsal.witness_secrets import Held
from deployments.rehearsal.witness_tokens import Tokens
from tests.conftest import RedisServer, S3Server


def _refusal(**changed: object) -> Refusal:
    told = {"at": 1.0, "arm": "a", "secret": "s", "user": "u", "version": "v", "kind": "password", "held": 0.1}
    return Refusal(**{**told, "by": "log-in", "said": "no", **changed})  # type: ignore[arg-type]


def test_a_late_log_in_is_counted_as_one_and_as_late(tmp_path: Path) -> None:
    """The limit itself is not late; the latest and the longest held are told."""
    path = tmp_path / "record"
    count = Count(path, late_after=0.25)
    for at, late, held in ((10.0, 0.0, 0.5), (11.0, 0.25, 0.9), (12.0, 0.26, 0.2)):
        count.began("a", at, late, held)
    count.got_in("a", "v1")
    count.close()
    seen = read_testimony([path]).of("a")
    assert (seen.log_ins, seen.late, seen.latest, seen.longest_held, seen.rate) == (3, 1, 0.26, 0.9, 1.5)
    assert seen.versions == {"v1"}


def test_witnesses_are_heard_together_and_arms_apart(tmp_path: Path) -> None:
    """The counts add up; each refusal is the arm's that it was of, the earliest first."""
    paths = [tmp_path / "one", tmp_path / "two"]
    for number, path in enumerate(paths):
        count = Count(path, late_after=1)
        count.began("a", 10.0 + number, 0, 0)
        count.refused(_refusal(at=20.0 - number))
        count.refused(_refusal(arm="b", user="w", kind="cut off"))
        count.close()
    heard = read_testimony(paths)
    assert heard.whole
    assert (heard.of("a").log_ins, heard.of("a").first, heard.of("a").last, heard.of("b").log_ins) == (2, 10.0, 11.0, 0)
    assert [one.at for one in heard.refused("a")] == [19.0, 20.0]
    assert heard.authentication() == Counter({"u": 2})


def test_a_witness_that_was_killed_is_not_whole(tmp_path: Path) -> None:
    """What it wrote by then counts, and that it is not all is told."""
    path = tmp_path / "record"
    count = Count(path, late_after=1)
    count.began("a", 1.0, 0, 0)
    count.refused(_refusal())
    heard = read_testimony([path])
    assert (heard.whole, len(heard.refusals), heard.of("a").log_ins) == (False, 1, 0)
    count.close()


def test_the_loop_leaves_nothing_out_where_it_falls_behind() -> None:
    """All that was due is done, with the lateness that it had: nobody waits for those before."""
    late: list[float] = []

    def slow(due: float) -> None:
        late.append(time.monotonic() - due)
        time.sleep(0.4)

    ended = threading.Event()
    threading.Timer(0.4, ended.set).start()
    OpenLoop([(slow, 150.0)]).run(ended)
    assert len(late) >= 45
    assert max(late) > 0.1


@pytest.fixture(scope="module")
def logging_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL that logs as JSON."""
    folder = tmp_path_factory.mktemp("logging")
    with Processes() as processes:
        at = Postgres.plan(folder, standby=False, settings=witness_servers.JSON_LOG)
        at.start(processes)
        yield at


def _superuser(at: Postgres) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(at.address.dsn("postgres").get_secret_value(), autocommit=True)


def _postgres(at: Postgres, user: str, password: str) -> tuple[Lived, Held]:
    lived = Lived(arm="a", kind="postgres", secret="s", port=at.address.port, database="trading", rate=1)
    return lived, Held("v", {"username": user, "password": password}, time.monotonic())


def test_postgres_counts_what_the_witness_counts(logging_postgres: Postgres) -> None:
    """A wrong password, a login that is switched off and one that is not there; somebody else's try is a difference."""
    with _superuser(logging_postgres) as admin:
        admin.execute("CREATE ROLE there LOGIN PASSWORD 'made-up'; CREATE ROLE off NOLOGIN PASSWORD 'made-up'")
    witnessed: Counter[str] = Counter()
    kinds = []
    for user, password in (("there", "wrong"), ("there", "wrong"), ("off", "made-up"), ("nowhere", "made-up")):
        with pytest.raises(TurnedAway) as refused:
            PostgresSession(*_postgres(logging_postgres, user, password))
        kinds.append(refused.value.kind)
        assert password not in refused.value.said
        witnessed[user] += 1
    assert kinds == ["password", "password", "switched off", "password"]
    counted = _counted(logging_postgres, 4)
    assert witness_servers.differences(witnessed, counted, ["there", "off", "nowhere", "quiet"]) == {}
    with pytest.raises(TurnedAway):
        PostgresSession(*_postgres(logging_postgres, "there", "wrong"))
    assert witness_servers.differences(witnessed, _counted(logging_postgres, 5), ["there", "off"]) == {"there": 1}


def _counted(at: Postgres, expected: int) -> Counter[str]:
    """What the log says, as soon as so many are in it."""
    until = time.monotonic() + 10
    while (counted := witness_servers.refused_by_postgres(at.folder / "primary")).total() < expected:
        assert time.monotonic() < until
        time.sleep(0.02)
    return counted


def test_a_session_that_is_ended_or_may_not_ask_is_turned_away(logging_postgres: Postgres) -> None:
    """Neither is an authentication failure, and neither is forgiven."""
    with _superuser(logging_postgres) as admin:
        admin.execute("CREATE ROLE asker LOGIN PASSWORD 'made-up'")
        lived, held = _postgres(logging_postgres, "asker", "made-up")
        forbidden = PostgresSession(lived.model_copy(update={"query": "SELECT passwd FROM pg_shadow"}), held)
        with pytest.raises(TurnedAway) as refused:
            forbidden.ask()
        assert refused.value.kind == "permission"
        session = PostgresSession(lived, held)
        session.ask()
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'asker'")
        with pytest.raises(TurnedAway) as ended:
            session.ask()
        assert ended.value.kind == "cut off"
        forbidden.close()
        session.close()


def test_redis_counts_what_the_witness_counts(redis_pair: RedisServer) -> None:
    """A wrong password is in ACL LOG as often as it was tried; a command that is not allowed is no such thing."""
    server = redis_pair.at
    url: SecretStr = server.address.dsn()
    witness_servers.prepare_redis(url)
    with witness_servers.redis.Redis.from_url(url.get_secret_value()) as admin:
        admin.acl_setuser("app", enabled=True, passwords=["+made-up"], keys=["app:*"], commands=["+ping", "+incrby"])
        lived = Lived(arm="a", kind="redis", secret="s", port=server.address.port, key="app:1", rate=1)
        for _ in range(3):
            with pytest.raises(TurnedAway, match="invalid username-password pair"):
                RedisSession(lived, Held("v", {"username": "app", "password": "wrong"}, time.monotonic()))
        held = Held("v", {"username": "app", "password": "made-up"}, time.monotonic())
        allowed, elsewhere = RedisSession(lived, held), RedisSession(lived.model_copy(update={"key": "other"}), held)
        allowed.ask()
        with pytest.raises(TurnedAway) as refused:
            elsewhere.ask()
        assert refused.value.kind == "permission"
        allowed.close()
        assert witness_servers.refused_by_redis(url)["app"] == 3
        admin.acl_deluser("app")
        admin.acl_log_reset()


def _key(kid: str) -> tuple[Held, dict[str, object]]:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    held = Held(kid, {"private_key": pem, "kid": kid, "algorithm": "ES256"}, time.monotonic())
    return held, {**public, "kid": kid, "alg": "ES256", "use": "sig"}


def test_a_token_of_a_key_that_is_not_known_yet_is_refused() -> None:
    """Whoever verifies asks again once the keys' time is up, and not before."""
    (old, old_public), (new, new_public) = _key("old"), _key("new")
    published, asked = [old_public], []

    def answer(_request: object) -> JSONResponse:
        asked.append(1)
        return JSONResponse({"keys": published}, headers={"Cache-Control": "public, max-age=1"})

    with served(Starlette(routes=[Route("/keys", answer)])) as url:
        tokens = Tokens(f"{url}/keys", lives=5)
        tokens.sign_and_verify(old)
        published.append(new_public)
        with pytest.raises(TurnedAway) as refused:
            tokens.sign_and_verify(new)
        assert (refused.value.kind, len(asked)) == ("key", 1)
        time.sleep(1.05)
        tokens.sign_and_verify(new)
        published.remove(old_public)
        time.sleep(1.05)
        with pytest.raises(TurnedAway, match="old is none"):  # its token is valid for five seconds
            tokens.sign_and_verify(new)
        tokens.close()


def test_it_lives_by_what_is_current(tmp_path: Path, s3_server: S3Server, logging_postgres: Postgres) -> None:
    """New log-ins and a pool, with what Secrets Manager gives; a password changed under them is seen and attributed."""
    aws = s3_server.at.address
    with _superuser(logging_postgres) as admin:
        admin.execute("CREATE ROLE lives LOGIN PASSWORD 'made-up'")
        put_secret(aws, "lives", SecretStr(json.dumps({"username": "lives", "password": "made-up"})))
        lived, _ = _postgres(logging_postgres, "", "")
        lived = lived.model_copy(update={"secret": "lives", "rate": 40.0, "pools": 1})
        plan = WitnessPlan(aws=aws, lived=(lived,), reads_every=0.2, pool_lives=0.3, pool_asks_every=0.05)
        assert WitnessPlan.model_validate_json(plan.written()) == plan
        ended, path = threading.Event(), tmp_path / "record"
        changed = threading.Timer(0.6, lambda: admin.execute("ALTER ROLE lives PASSWORD 'another'"))
        changed.start()
        threading.Timer(1.2, ended.set).start()
        witness(plan, path, ended)
        changed.join()
    heard = read_testimony([path])
    seen, refused = heard.of("a"), heard.refused("a")
    assert heard.whole
    assert seen.log_ins > 20 > len(seen.versions) == 1
    assert seen.questions > 5
    assert {(one.secret, one.user, one.kind) for one in refused} == {("lives", "lives", "password")}
    assert {one.by for one in refused} == {"log-in", "pool"}
    assert {one.version for one in refused} == seen.versions
    assert "made-up" not in path.read_text("utf-8")
