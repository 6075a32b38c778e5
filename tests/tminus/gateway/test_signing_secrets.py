"""While a secret is rotated the gateway takes what any of its stages signed; what is dropped it takes no more."""

import asyncio
import json
import logging
import time
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal.ports import free_port
from tests.conftest import Estates, S3Server
from tests.knocking import knocked_at
from tests.staged_secrets import StagedSecret, nobody_overtook
from tminus.credentials import Staged, accepted, resolve
from tminus.errors import MissingSecret
from tminus.signing_secrets import KEPT, SigningSecrets

OLD, NEW, FOREIGN = (f"canary-{one}-{one * 8}" for one in ("old", "new", "foreign"))


@pytest.mark.usefixtures("quick_gateway")
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
    with knocked_at(tmp_path, reference) as knocking:

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
        secret.versions.forget(old, nobody_overtook)
        time.sleep(0.25)
        assert answers() == {OLD: {401}, NEW: {200}, FOREIGN: {401}}
        said = httpx.get(f"{knocking.door}/metrics", trust_env=False).text + caplog.text
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
    monkeypatch.setattr("tminus.signing_secrets.monotonic", lambda: clock[0])
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
    monkeypatch.setattr("tminus.signing_secrets.monotonic", lambda: clock[0])
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
        assert resolve(reference).get_secret_value() == NEW

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
