"""While a secret is rotated the gateway takes what any of its stages signed; what is dropped it takes no more."""

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal import pagerduty_webhooks
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.slack_presses import signed, signed_form
from tests.conftest import Estates, S3Server
from tests.staged_secrets import StagedSecret
from tests.tminus.launch_story import KINDS
from tminus.credentials import Staged, accepted
from tminus.errors import MissingSecret
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_door import PagerDutyDoor
from tminus.signing_secrets import KEPT, SigningSecrets
from tminus.slack_door import SlackDoor

OLD, NEW, FOREIGN = (f"canary-{one}-{one * 8}" for one in ("old", "new", "foreign"))
CHECK = {"ssl_check": "1", "token": "unused"}


class Knocking:
    """A gateway with both doors, and a secret of each vendor's that signs at will."""

    def __init__(self, door: str, slack: SlackDoor) -> None:
        self.door = door
        self.slack = slack
        self._presses = itertools.count()

    def ping(self, secret: str) -> int:
        """What PagerDuty's door answers to a ping that is signed so."""
        body, headers = pagerduty_webhooks.signed(pagerduty_webhooks.ping(), SecretStr(secret))
        return httpx.post(f"{self.door}/pagerduty/webhooks", content=body, headers=headers, trust_env=False).status_code

    def check(self, secret: str) -> int:
        """What Slack's door answers to a look at its TLS that is signed so."""
        return self._form(CHECK, secret)

    def press(self, secret: str) -> int:
        """What Slack's door answers to a press that is signed so; whose it is does not matter here."""
        action = {"action_id": "tminus.hold", "value": f"nowhere|go-no-go|{next(self._presses)}|d"}
        payload = {"type": "block_actions", "user": {"id": "U0SOMEBODY"}, "actions": [action]}
        body, headers = signed(SecretStr(secret), payload, str(int(time.time())))
        return self._post("/slack/interactions", body, headers)

    def metric(self, name: str) -> float:
        """What its metrics say under that name; 0 where they say nothing."""
        lines = httpx.get(f"{self.door}/metrics", trust_env=False).text.splitlines()
        return next((float(one.split()[-1]) for one in lines if one.startswith(name)), 0)

    def _form(self, fields: Mapping[str, str], secret: str) -> int:
        body, headers = signed_form(SecretStr(secret), fields, str(int(time.time())))
        return self._post("/slack/commands", body, headers)

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        return httpx.post(f"{self.door}{path}", content=body, headers=dict(headers), trust_env=False).status_code


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway looks again sooner."""
    monkeypatch.setattr("tminus.signing_secrets.FRESH", 0.2)
    monkeypatch.setattr("tminus.signing_secrets.AGAIN", 0.05)


@pytest.mark.usefixtures("quick")
def test_every_stage_counts_and_what_is_dropped_does_not(
    s3_server: S3Server,
    estates: Estates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Through pending, current and previous, to gone, at both doors; no value is in a log or a metric."""
    caplog.set_level(logging.INFO)
    secret = StagedSecret.made(s3_server, estates, monkeypatch, json.dumps({"key": OLD}))
    reference = f"aws:{secret.name}#key"
    store = SqliteStore(tmp_path / "ledger.sqlite")
    slack = SlackDoor(store, KINDS, SigningSecrets([reference]), "http://127.0.0.1:1/api/")
    duty = PagerDutyDoor(store, KINDS, SigningSecrets([reference]))
    with served(Gateway(store, [slack, duty], [*slack.routes(), *duty.routes()]).app()) as door:
        knocking = Knocking(door, slack)

        def answers() -> dict[str, set[int]]:
            return {one: {knocking.ping(one), knocking.check(one), knocking.press(one)} for one in (OLD, NEW, FOREIGN)}

        assert answers() == {OLD: {200}, NEW: {401}, FOREIGN: {401}}
        version = secret.pend(json.dumps({"key": NEW}))
        time.sleep(0.06)  # AGAIN
        assert knocking.ping(NEW) == knocking.check(NEW) == 200, "noticed at once, and not after FRESH"
        assert answers() == {OLD: {200}, NEW: {200}, FOREIGN: {401}}
        old = secret.promote(version)
        time.sleep(0.25)  # FRESH
        before = knocking.metric('tminus_slack_signed_total{stage="previous"')
        assert answers() == {OLD: {200}, NEW: {200}, FOREIGN: {401}}
        assert before == 0
        assert knocking.metric('tminus_slack_signed_total{stage="previous"') == 1, (
            "the press; a look at TLS is nobody's"
        )
        assert knocking.metric('tminus_pagerduty_signed_total{stage="previous"') == 1
        assert time.time() - knocking.metric('tminus_slack_signed_last_seconds{stage="previous"') < 60
        secret.versions.forget(old)
        time.sleep(0.25)
        assert answers() == {OLD: {401}, NEW: {200}, FOREIGN: {401}}
        said = httpx.get(f"{door}/metrics", trust_env=False).text + caplog.text
    store.close()
    assert [one for one in (OLD, NEW) if one in said] == []


class Vault:
    """A Secrets Manager of a test's own: what it holds, whether it answers, and how often it was asked."""

    def __init__(self) -> None:
        self.values = (Staged("current", "v1", SecretStr(OLD)),)
        self.up = True
        self.asked = 0

    def read(self, reference: str) -> tuple[Staged, ...]:
        """Every stage."""
        self.asked += 1
        if not self.up:
            raise MissingSecret(f"the secret {reference} could not be read")
        return self.values


def signs(secrets: SigningSecrets, value: str) -> bool:
    """Whether something that this value signed counts."""

    async def ask() -> str | None:
        fits = secrets.signer
        return await secrets.verified(lambda: None if fits(lambda one: one.get_secret_value() == value) else "forged")

    return asyncio.run(ask()) is None


def test_an_outage_locks_nobody_out_for_half_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read last counts for as long as KEPT, and is said to count no more after that."""
    vault, clock = Vault(), [1000.0]
    monkeypatch.setattr("tminus.signing_secrets.time.monotonic", lambda: clock[0])
    secrets = SigningSecrets(["aws:slack"], vault.read)
    vault.up = False
    clock[0] += KEPT.total_seconds() - 1
    assert signs(secrets, OLD)
    assert not signs(secrets, FOREIGN)
    assert secrets.trouble() == ""
    clock[0] += 2
    assert not signs(secrets, OLD)
    assert "aws:slack could not be read for 12h" in secrets.trouble()
    vault.up = True
    clock[0] += 6
    assert signs(secrets, OLD)
    assert secrets.trouble() == ""


def test_a_flood_of_forgeries_asks_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come; and what is signed rightly asks every five seconds at most."""
    vault, clock = Vault(), [1000.0]
    monkeypatch.setattr("tminus.signing_secrets.time.monotonic", lambda: clock[0])
    secrets = SigningSecrets(["aws:slack"], vault.read)
    for _ in range(500):
        clock[0] += 0.01
        assert not signs(secrets, FOREIGN)
    assert 4 <= vault.asked - 1 <= 5
    before = vault.asked
    for _ in range(100):
        clock[0] += 0.1
        assert signs(secrets, OLD)
    assert 1 <= vault.asked - before <= 2


def test_a_secret_manager_that_hangs_delays_a_request_by_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is let in by what is known, within WITHIN; one look hangs, and no second one is begun."""
    vault = Vault()
    monkeypatch.setattr("tminus.signing_secrets.WITHIN", 0.05)
    monkeypatch.setattr("tminus.signing_secrets.FRESH", 0.0)

    def hangs(reference: str) -> tuple[Staged, ...]:
        if vault.asked:
            time.sleep(0.5)
        return vault.read(reference)

    secrets = SigningSecrets(["aws:slack"], hangs)

    async def several() -> list[str | None]:
        fits = secrets.signer
        judge = lambda: None if fits(lambda one: one.get_secret_value() == OLD) else "forged"  # noqa: E731
        return list(await asyncio.gather(*(secrets.verified(judge) for _ in range(20))))

    begun = time.monotonic()
    assert asyncio.run(several()) == [None] * 20
    assert time.monotonic() - begun < 5
    assert vault.asked <= 2


def test_what_is_not_in_secrets_manager_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable does not change under a process."""
    monkeypatch.setattr("tminus.signing_secrets.FRESH", 0.0)
    vault = Vault()
    secrets = SigningSecrets(["env:SLACK_SIGNING"], vault.read)
    assert [signs(secrets, OLD), signs(secrets, FOREIGN), vault.asked] == [True, False, 1]


class TestAccepted:
    """What a reference has by its stages."""

    def test_every_stage_that_has_a_value(
        self, s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A pending version without the key is left out: half a rotation locks nobody out."""
        secret = StagedSecret.made(s3_server, estates, monkeypatch, json.dumps({"key": OLD}))
        reference = f"aws:{secret.name}#key"
        assert {one.stage: one.value.get_secret_value() for one in accepted(reference)} == {"current": OLD}
        secret.promote(secret.pend(json.dumps({"key": NEW})))
        secret.pend(json.dumps({"other": FOREIGN}))
        staged = {one.stage: one.value.get_secret_value() for one in accepted(reference)}
        assert staged == {"current": NEW, "previous": OLD}

    def test_other_references_have_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As `resolve` reads it."""
        monkeypatch.setenv("SIGNING", OLD)
        assert {one.stage: one.value.get_secret_value() for one in accepted("env:SIGNING")} == {"current": OLD}

    @pytest.mark.parametrize("name", ["tradesense/none-such", "tradesense/none-such#key"])
    def test_what_is_not_there_is_missing(
        self, s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """Named by its reference."""
        StagedSecret.made(s3_server, estates, monkeypatch, OLD)
        with pytest.raises(MissingSecret, match=f"aws:{name} could not be read"):
            accepted(f"aws:{name}")

    def test_a_secrets_manager_that_is_down_is_missing(
        self, s3_server: S3Server, estates: Estates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may be back later."""
        secret = StagedSecret.made(s3_server, estates, monkeypatch, OLD)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(MissingSecret, match=f"aws:{secret.name} could not be read"):
            accepted(f"aws:{secret.name}")
