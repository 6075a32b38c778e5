"""Ledgers that versions before made: opened by this one they work, and what waits there is carried."""

import pytest

from tests.tminus.ledger.conftest import Ledger
from tests.tminus.ledger.letters import keys, post, written_in
from tminus.outbox import Outbox

_SERIAL = {True: "INTEGER PRIMARY KEY AUTOINCREMENT", False: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}
_FIRST = """
CREATE TABLE chain (
    chain TEXT PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL,
    token BIGINT NOT NULL, holder TEXT, lease_until DOUBLE PRECISION NOT NULL);
CREATE TABLE event (
    chain TEXT NOT NULL, seq BIGINT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (chain, seq));
CREATE TABLE environment_lock (
    environment TEXT PRIMARY KEY, chain TEXT NOT NULL, since DOUBLE PRECISION NOT NULL);
CREATE TABLE outbox (
    id {serial}, chain TEXT NOT NULL, seq BIGINT NOT NULL, channel TEXT NOT NULL, key TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due DOUBLE PRECISION NOT NULL,
    claimed_until DOUBLE PRECISION NOT NULL, made DOUBLE PRECISION NOT NULL, error TEXT, receipt TEXT);
CREATE INDEX outbox_due ON outbox (state, channel, chain, id);
CREATE TABLE seen (
    source TEXT NOT NULL, key TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, PRIMARY KEY (source, key));
"""
_PAUSES = """
CREATE TABLE channel_pause (channel TEXT PRIMARY KEY, paused_until DOUBLE PRECISION NOT NULL);
INSERT INTO channel_pause (channel, paused_until) VALUES ('slack', 0);
"""
_ENVIRONMENTS = """
CREATE TABLE channel_pause (
    environment TEXT NOT NULL, channel TEXT NOT NULL, paused_until DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (environment, channel));
ALTER TABLE outbox ADD COLUMN environment TEXT NOT NULL DEFAULT '';
CREATE INDEX outbox_of ON outbox (state, channel, environment, id);
"""
_LETTER = """
INSERT INTO outbox (chain, seq, channel, key, body, state, attempts, due, claimed_until, made)
VALUES ('{chain}', 1, 'slack', '{key}', '""', 'due', 0, 0, 0, 0);
"""


def made_before(ledger: Ledger, later: str) -> None:
    """Makes the tables as they were then, with one letter that waits."""
    ledger.alter(_FIRST + later, serial=_SERIAL[ledger.place.endswith(".sqlite")])
    ledger.alter(_LETTER, chain="old", key="old")


@pytest.mark.parametrize("later", ["", _PAUSES, _ENVIRONMENTS], ids=["no pauses", "pauses", "environments"])
def test_a_ledger_from_before_works(ledger: Ledger, later: str) -> None:
    """From its first opening: nothing is lost, letters have environments, and whoever asks to be left alone is."""
    made_before(ledger, later)
    store = ledger.open()
    written_in(store, "production", "page")
    post(store, "first", "second", chain="of-no-environment", channel="pagerduty")
    production, staging = (Outbox(store, environment=name) for name in ("production", "staging"))
    assert keys(staging.claim(("slack",))) == ["old"]
    (page,) = production.claim(("slack",))
    assert page.key == "page"
    production.failed(page, "429", 60.0, refused=True)
    assert list(production.paused()) == [("production", "slack")]
    assert keys(Outbox(ledger.open(), environment="staging").claim(("pagerduty",))) == ["first"]


def test_whoever_of_the_version_before_still_runs_goes_on(ledger: Ledger) -> None:
    """Its letters are carried, and it finds the table of pauses that it knows."""
    made_before(ledger, _PAUSES)
    store = ledger.open()
    ledger.alter(_LETTER, chain="launched-before", key="late")
    ledger.alter("UPDATE channel_pause SET paused_until = 1 WHERE channel = 'slack'")
    assert keys([one for _ in range(2) for one in Outbox(store, environment="staging").claim(("slack",))]) == [
        "old",
        "late",
    ]
