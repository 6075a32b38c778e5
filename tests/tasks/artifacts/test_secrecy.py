"""Secrets in files of settings: found by the names that lead to them, and never read out."""

import pytest

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
    "pointer", [*SECRETS, "/jwt", "/dsn", "/database/connection", "/connectionString", "/x/conn_str", "/tokens/a/b"]
)
def test_a_name_that_speaks_of_a_secret_makes_one(pointer: str) -> None:
    """On whatever level it stands, and however it is written."""
    assert names_secret(pointer)


@pytest.mark.parametrize(
    "pointer",
    ["", "/a", "/max_connections", "/connection_timeout", "/connection/pool", "/keepalive", "/keyspace", "/monkey"],
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
    ],
)
def test_addresses_are_shown_without_their_credentials(text: str, shown: str) -> None:
    """The rest stays, since it may be what is judged."""
    assert without_credentials(text) == shown


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
