"""How AWS is reached: with which credentials, where, and never elsewhere than the environment says."""

from pathlib import Path

import pytest
from pydantic import JsonValue, SecretStr, ValidationError

from tasks.vocabulary import KINDS
from tests.conftest import Estates
from tests.tasks.aws.scripted import always, outcome, scripted
from tminus.outcome import Verdict

FOUND = (
    b'{"SecretList": [{"Name": "a", "ARN": "arn:a", "RotationEnabled": true,'
    b' "SecretVersionsToStages": {"1": ["AWSCURRENT"]}}]}'
)


@pytest.fixture
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that has no credentials of AWS, and cannot ask a machine for any."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


async def of_section(estates: Estates, **section: JsonValue) -> tuple[Verdict, str]:
    """What the check of all secrets comes to with this `aws` section."""
    check = KINDS["aws.secrets"].model_validate({"secrets": "all", "expect": {"rotating": "= all"}})
    async with estates.make(aws=section) if section else estates.make() as estate:
        found = await check.observe(estate)  # type: ignore[attr-defined]  # it is a check
    return found.verdict, found.summary


async def test_without_a_section_it_is_skipped(estates: Estates) -> None:
    """An environment without `aws` is told what to add; that is not a failure."""
    verdict, said = await of_section(estates)
    assert verdict is Verdict.SKIPPED
    assert "the environment names no aws" in said
    bucket = await outcome(estates, "http://127.0.0.1:1", "aws.bucket", {"bucket": "photos"}, versioned="= yes")
    assert bucket.verdict is Verdict.SKIPPED
    assert "'photos' (it has: backups)" in bucket.summary


@pytest.mark.usefixtures("_nobody")
async def test_without_credentials_it_is_unknown(estates: Estates) -> None:
    """No keys in the section and none around: the sentence says how to give them."""
    verdict, said = await of_section(estates, region="eu-central-1", endpoint="http://127.0.0.1:1")
    assert verdict is Verdict.UNKNOWN
    assert "there are no credentials to ask with (NoCredentialsError)" in said


@pytest.mark.usefixtures("_nobody")
@pytest.mark.parametrize(
    ("region", "endpoint", "said"),
    [
        ("", None, "has no region"),
        ("eu central 1", None, "there is no such region"),
        ("eu-central-1", "127.0.0.1", "its endpoint in the environment is no address"),
    ],
)
async def test_a_section_that_leads_nowhere_is_unknown(
    estates: Estates, region: str, endpoint: str | None, said: str
) -> None:
    """A region that is missing or none, an endpoint that is no address: unknown, and in words."""
    keys = {"access_key": estates.secret(SecretStr("a")), "secret_key": estates.secret(SecretStr("b"))}
    verdict, found = await of_section(estates, region=region, endpoint=endpoint, **keys)
    assert verdict is Verdict.UNKNOWN
    assert said in found


async def test_a_secret_that_is_not_there_is_unknown(estates: Estates) -> None:
    """A reference that leads nowhere is named, and nothing is asked."""
    verdict, said = await of_section(
        estates, region="eu-central-1", endpoint="http://127.0.0.1:1", access_key="env:TMINUS_TEST_NOT_SET"
    )
    assert verdict is Verdict.UNKNOWN
    assert "env:TMINUS_TEST_NOT_SET" in said


async def test_a_compressed_clock_stays_on_loopback(estates: Estates) -> None:
    """In a compressed rehearsal a section without an endpoint, which would lead to AWS itself, is not opened."""
    check = KINDS["aws.secrets"].model_validate({"secrets": "all", "expect": {"rotating": "= all"}})
    async with estates.make(aws={"region": "eu-central-1"}, clock={"hour": "5s"}) as estate:
        found = await check.observe(estate)  # type: ignore[attr-defined]  # it is a check
    assert found.verdict is Verdict.UNKNOWN
    assert "opens nothing but loopback" in found.summary


async def test_no_credential_enters_the_evidence(estates: Estates) -> None:
    """Neither the key's id nor the key stands in an outcome, whether it passes or not."""
    for status, body in ((200, FOUND), (403, b'{"__type": "AccessDeniedException"}'), (200, b"garbage")):
        with scripted(always(status, body)) as server:
            found = await outcome(estates, server.url, "aws.secrets", {"secrets": "all"}, rotating="= all")
        assert found.verdict is (Verdict.PASS if body == FOUND else Verdict.UNKNOWN)
        assert not {"AKIATEST", "made-up"} & set(found.model_dump_json().replace('"', " ").split())
        assert "AKIATEST" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("kind", "given", "expect"),
    [
        ("aws.secrets", {"secrets": []}, {"rotating": "= all"}),
        ("aws.secrets", {"secrets": "some"}, {"rotating": "= all"}),
        ("aws.log_groups", {"groups": []}, {"retention": ">= 30 d"}),
        ("aws.log_lines", {"group": ""}, {"unmasked": "= 0"}),
        ("aws.log_lines", {"group": "x", "pii": []}, {"unmasked": "= 0"}),
        ("aws.log_lines", {"group": "x", "pii": ["passport"]}, {"unmasked": "= 0"}),
        ("aws.alarms", {"alarms": []}, {"blind": "= 0"}),
        ("aws.database", {}, {"encrypted": "= yes"}),
        ("aws.database", {"instance": "a", "cluster": "b"}, {"encrypted": "= yes"}),
        ("aws.objects", {"bucket": "backups"}, {"older": "= 0"}),
    ],
)
def test_a_check_that_could_not_fail_is_refused(kind: str, given: dict[str, JsonValue], expect: dict[str, str]) -> None:
    """A book that names nothing to look at, or expects what it does not ask for, is told so when it is read."""
    with pytest.raises(ValidationError):
        KINDS[kind].model_validate({**given, "expect": expect})


@pytest.mark.parametrize("kind", ["aws.secrets", "aws.log_groups", "aws.alarms", "aws.database", "aws.bucket"])
def test_that_it_is_there_is_always_expected(kind: str) -> None:
    """A book that only asks how old or how well kept something is cannot pass where it is missing."""
    given = {"aws.secrets": {"secrets": ["a"]}, "aws.log_groups": {"groups": ["a"]}, "aws.alarms": {"alarms": ["a"]}}
    named = {"aws.database": {"instance": "a"}, "aws.bucket": {"bucket": "a"}}
    measured = {"aws.secrets": "overdue", "aws.log_groups": "retention", "aws.alarms": "blind"}
    expect = {measured[kind]: "= 0"} if kind in measured else {"encrypted": "= yes"}
    if kind == "aws.log_groups":
        expect = {"retention": ">= 30 d"}
    check = KINDS[kind].model_validate({**{**given, **named}[kind], "expect": expect})
    assert "present" in check.expect  # type: ignore[attr-defined]  # it is a check
