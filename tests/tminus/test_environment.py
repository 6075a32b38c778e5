"""An environment is what it says: anchors lead somewhere, and what is compressed stays on loopback."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from pydantic import SecretStr, ValidationError

from tasks.estate import Estate
from tests.conftest import Estates
from tests.tminus.staged_launch import pagerduty_section, slack_section
from tminus.environment import Environment
from tminus.errors import CouldNotObserve
from tminus.loopback import dsn_is_local, url_is_local

PLAIN: dict[str, object] = {
    "environment": "e",
    "kind": "rehearsal",
    "ledger": {"sqlite": "ledger.sqlite"},
    "prefect": {"api": "http://127.0.0.1:1/api"},
    "state": "state",
}


@pytest.mark.parametrize(
    ("where", "lacks", "section"),
    [
        ("slack", "a slack section", {"slack": slack_section()}),
        ("pagerduty", "a pagerduty section", {"pagerduty": pagerduty_section()}),
        ("s3", "a bucket called anchors", {"buckets": {"anchors": {"bucket": "b"}}}),
    ],
)
def test_an_anchor_wants_somewhere_to_be_written(where: str, lacks: str, section: dict[str, object]) -> None:
    """Else the report would say that the record's tail is anchored, and nobody outside had seen it."""
    with pytest.raises(ValidationError, match=f"anchors: {where} wants {lacks}"):
        Environment.model_validate({**PLAIN, "anchors": [where], "buckets": {"backups": {"bucket": "b"}}})
    assert Environment.model_validate({**PLAIN, "anchors": [where], **section}).anchors == (where,)


@pytest.mark.parametrize("key", ["api_key", "webhooks"])
def test_a_setting_that_nothing_reads_is_a_mistake(key: str) -> None:
    """Whoever sets it would believe that it does something."""
    with pytest.raises(ValidationError, match="Extra inputs"):
        Environment.model_validate({**PLAIN, "pagerduty": {**pagerduty_section(), key: "env:X"}})


@pytest.mark.parametrize(
    ("dsn", "local"),
    [
        ("postgresql://app:pw@127.0.0.1:5432/main", True),
        ("postgresql://app@localhost/main", True),
        ("postgresql://app@[::1]/main", True),
        ("postgresql:///main?host=/run/postgresql", True),
        ("dbname=main", True),
        ("host=127.0.0.1,127.0.0.2 dbname=main", True),
        ("postgresql://app@db.example.com/main", False),
        ("host=127.0.0.1,db.example.com dbname=main", False),
        ("host=127.0.0.1 hostaddr=10.0.0.1", False),
        ("service=production", False),
        ("no connection string", False),
    ],
)
def test_where_a_connection_string_leads(monkeypatch: pytest.MonkeyPatch, dsn: str, *, local: bool) -> None:
    """Every host that libpq would try; what cannot be told counts as elsewhere."""
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert dsn_is_local(dsn) == local


def test_libpqs_own_variables_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the string names no host, they do."""
    monkeypatch.setenv("PGHOST", "db.example.com")
    assert not dsn_is_local("dbname=main")
    assert dsn_is_local("host=127.0.0.1 dbname=main")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("redis://:pw@127.0.0.1:6379/0", True),
        ("unix:///run/redis.sock", True),
        ("rediss://cache.example.com", False),
        ("redis://[", False),
    ],
)
def test_where_an_url_leads(url: str, *, local: bool) -> None:
    """Its host, or a socket file of this machine."""
    assert url_is_local(url) == local


@pytest.mark.parametrize(
    ("section", "secret", "opened"),
    [
        ("postgres", "postgresql://app:pw@db.example.com/main", lambda estate: estate.postgres("main")),
        ("redis", "redis://:pw@cache.example.com", lambda estate: estate.redis("main")),
    ],
)
async def test_a_compressed_rehearsal_opens_nothing_elsewhere(
    estates: Estates,
    section: str,
    secret: str,
    opened: Callable[[Estate], AbstractAsyncContextManager[object]],
) -> None:
    """The address stands in a secret, so it is looked at when that is read; it is not repeated."""
    key = {"postgres": "dsn", "redis": "url"}[section]
    named = {section: {"main": {key: estates.secret(SecretStr(secret))}}}
    async with estates.make(clock={"hour": "5s"}, **named) as estate:
        with pytest.raises(CouldNotObserve, match="does not lead to loopback") as told:
            async with opened(estate):
                pass
    assert "example.com" not in str(told.value)
