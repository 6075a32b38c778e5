"""Secrets in files of settings: found by the names that lead to them, and never read out."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.artifact_secrecy import names_secret, without_credentials
from tests.conftest import Estates
from tests.tasks.artifacts.looking import looked, put
from tminus.outcome import Verdict

SECRETS = ["/password", "/db/password", "/password/0", "/stripe/key", "/apiKey", "/SIGNING_KEY", "/signing.key/pem"]
SETTINGS = """\
password: hunter2-s3cr3t
keys: {signing: hunter2-s3cr3t}
max: hunter2-s3cr3t
db: {url: "postgres://app:hunter2-s3cr3t@db/x", dsn: "host=db"}
"""


@pytest.mark.parametrize(
    "pointer",
    [
        *(*SECRETS, "/jwt", "/dsn", "/database/connection", "/connectionString", "/x/conn_str", "/tokens/a/b"),
        *("/ConnectionStrings/Default", "/connection/0", "/connections/1/2", "/SLACK_WEBHOOK_URL", "/webhooks/0"),
        *("/passphrase", "/ssh/passPhrases", "/env/STRIPE_SK", "/api-keys", "/creds"),
    ],
)
def test_a_name_that_speaks_of_a_secret_makes_one(pointer: str) -> None:
    """On whatever level it stands, and however it is written."""
    assert names_secret(pointer)


@pytest.mark.parametrize(
    "pointer",
    [
        "",
        "/a",
        "/max_connections",
        "/connection_timeout",
        "/connection/pool",
        "/keepalive",
        "/keyspace",
        "/monkey",
        "/tasks/0",
    ],
)
def test_other_names_make_none(pointer: str) -> None:
    """Words that only begin or end like one."""
    assert not names_secret(pointer)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db/x", "postgres://…@db/x"),
        ("a https://token@host/ b redis://:p@ss@cache:6379", "a https://…@host/ b redis://…@cache:6379"),
        ("host=db password=hunter2 port=1", "host=db password=… port=1"),
        ("https://example.com/a@b", "https://example.com/a@b"),
        ("streaming", "streaming"),
        ("AccountName=a;AccountKey=abc==;EndpointSuffix=b", "AccountName=a;AccountKey=…;EndpointSuffix=b"),
        ("User Id=app; Password = hunter2; Port=1", "User Id=app; Password = …; Port=1"),
        ("host=db password='a b' port=1", "host=db password=… port=1"),
        (r"password='a\' b'c x=1", "password=… x=1"),
        ("Password=a b;x=1", "Password=…;x=1"),
        ("password='a b", "password=…"),
        ('{"db_password": "a b", "port": 1}', '{"db_password": …, "port": 1}'),
        ("postgres://u:p/w@h/db", "postgres://…@h/db"),
        ("jdbc:postgresql://u:p?a@b#w@h/db", "jdbc:postgresql://…@h/db"),
        ("https://u:p/w@h.example/x", "https://…@h.example/x"),
        ("app:hunter2@tcp(db:3306)/x", "…@tcp(db:3306)/x"),
        ("registry/app:1.2@sha256:00ff", "registry/app:1.2@sha256:00ff"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/…"),
        ("sk_live_abc", "sk_live_…"),
        ("Bearer abcdefgh.ijkl", "Bearer …"),
        ("https://example.com/?a=1&sig=abc&b=2", "https://example.com/?a=1&sig=…&b=2"),
        ("a=b=c token=", "a=b=c token="),
    ],
)
def test_addresses_are_shown_without_their_credentials(text: str, shown: str) -> None:
    """The rest stays, since it may be what is judged."""
    assert without_credentials(text) == shown


_INNER = st.text(alphabet="abz019/+=:@?#%.~-", min_size=1, max_size=20)


@given(
    _INNER,
    st.sampled_from(["password", "Password", "db_password", "AccountKey", "STRIPE_SK", "client-secret", "x.token"]),
    st.sampled_from(["=", " = ", ": ", "= "]),
    st.sampled_from(["", "'", '"']),
    st.sampled_from(["", "host=db ", "a;", "postgres://h/x?"]),
)
def test_what_is_assigned_to_a_secrets_name_is_not_shown(
    value: str, name: str, sign: str, quote: str, before: str
) -> None:
    """Whatever it is, whatever stands before it, quoted or not."""
    secret = f"Q{value}Q"
    shown = without_credentials(f"{before}{name}{sign}{quote}{secret}{quote}; port=1")
    assert "Q" not in shown
    assert "port=1" in shown


@example(user=".0/", password="0", scheme="https")
@given(_INNER, _INNER, st.sampled_from(["postgres", "https", "redis", "amqp+ssl"]))
def test_of_an_address_no_password_is_shown(user: str, password: str, scheme: str) -> None:
    """With whatever signs in it."""
    assert "Q" not in without_credentials(f"x {scheme}://u{user}:Q{password}Q@h.example/db y")


@pytest.mark.parametrize(
    "part", ["a", "a=", "a:", "a://", "@", "'", "a.", " ", "password=", "password='", "a@b ", "\\"]
)
def test_a_long_text_is_read_at_once(part: str) -> None:
    """In a time that grows as the text does."""
    text = part * (400_000 // len(part))
    begun = time.process_time()
    without_credentials(f"password={text}")
    without_credentials(text)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("name", "expect"),
    [
        *(("word", "= x"), ("value", "= 1"), ("count", "= 1"), ("seconds", "= 1 s"), ("milliseconds", "= 1 ms")),
        *(("hours", "= 1 h"), ("days", "= 1 d"), ("bytes", "= 1 B"), ("percent", "= 1 %"), ("ratio", "= 1 %")),
        ("age", "< 1 h"),
    ],
)
@pytest.mark.parametrize("pointer", ["/password", "/keys/signing", "/max", "/db/url", "/db/dsn"])
async def test_no_measurement_and_no_error_shows_a_secret(
    estates: Estates, name: str, expect: str, pointer: str
) -> None:
    """Nor a value that merely is not what the book expects; but that there is one can be expected."""
    put(estates.folder, "s.yaml", SETTINGS)
    there = await looked(estates, "artifact.setting", {"present": "= yes"}, file="s.yaml", pointer=pointer)
    assert there.verdict is Verdict.PASS
    if (name, pointer) != ("word", "/max"):  # a word that is judged is shown, and this name speaks of no secret
        outcome = await looked(estates, "artifact.setting", {name: expect}, file="s.yaml", pointer=pointer)
        assert outcome.verdict is not Verdict.PASS
        assert "hunter2" not in outcome.model_dump_json()
