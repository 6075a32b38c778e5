"""Limits: what counts as one, and what as none."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tasks.web_size import parse_size
from tests.tasks.web.conftest import Answering, Look
from tminus.outcome import Verdict


async def test_a_limit_that_was_not_seen_is_none(look: Look) -> None:
    """All requests were let through, so how many is not how many are allowed."""
    outcome = await look("http.rate_limit", {"allowed": "<= 20"}, up_to=20)
    assert outcome.verdict is Verdict.FAIL
    assert "none of 20 requests is answered with 429" in outcome.summary


async def test_the_first_refusal_ends_it(answering: Answering, look: Look) -> None:
    """No more is sent than is needed to know."""
    answering.then = [(200, b""), (401, b""), (500, b"")]
    answering.status = 429
    outcome = await look("http.rate_limit", {"allowed": "= 2", "errors": "= 1", "refused": "= 1"}, up_to=50, at_once=1)
    assert outcome.verdict is Verdict.PASS, outcome
    assert len(answering.asked) == 4


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("30", Verdict.PASS),
        (timedelta(seconds=30), Verdict.PASS),
        (timedelta(days=-30), Verdict.PASS),
        ("3600", Verdict.FAIL),
        ("soon", Verdict.UNKNOWN),
        ("-1", Verdict.UNKNOWN),
        ("9" * 100, Verdict.UNKNOWN),
        ("", Verdict.UNKNOWN),
        ("Mon, 01 Jan 2024 00:00:00 +9999999999999999999", Verdict.UNKNOWN),
    ],
)
async def test_when_to_come_back_is_said_in_seconds_or_by_a_date(
    answering: Answering, look: Look, said: str | timedelta, verdict: Verdict
) -> None:
    """Anything else is not said."""
    if isinstance(said, timedelta):
        said = format_datetime(datetime.now(UTC) + said, usegmt=True)
    answering.status, answering.headers = 429, {"retry-after": said}
    answering.then = [(200, b"")]
    outcome = await look("http.rate_limit", {"retry_after": "<= 60 s"}, up_to=5, at_once=1)
    assert outcome.verdict is verdict, (outcome, answering.asked)
    answering.then = [(200, b"")]
    told = "yes" if verdict is not Verdict.UNKNOWN else "no"
    assert (await look("http.rate_limit", {"told": f"= {told}"}, up_to=5, at_once=1)).verdict is Verdict.PASS


@pytest.mark.parametrize(("text", "size"), [("1 KiB", 1024), ("10MiB", 10 << 20), ("1.5 kB", 1500), (2048, 2048)])
def test_a_size_is_read(text: object, size: int) -> None:
    """In bytes."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["ten", "10 s", "10 %", "", None, True, "10"])
def test_what_is_no_size_is_refused(text: object) -> None:
    """With an example; a number in quotes could be anything."""
    with pytest.raises(ValueError, match="1 KiB"):
        parse_size(text)


async def test_a_body_is_json_of_just_that_size(answering: Answering, look: Look) -> None:
    """So that what refuses it refuses its size."""
    await look("http.request_size", {"small": "= accepted"}, small="20 B", large="200 kB")
    small, large = (body for _, _, _, body in answering.asked)
    assert (len(small), len(large)) == (20, 200_000)
    assert json.loads(large)["padding"] == json.loads(small)["padding"][0] * (200_000 - 14)
    assert answering.asked[0][2]["content-length"] == "20"


@pytest.mark.parametrize(
    ("status", "small", "large"),
    [
        (500, "error", "error"),
        (422, "accepted", "accepted"),
        (401, "refused", "accepted"),
        (413, "refused", "refused"),
    ],
)
async def test_only_413_refuses_a_size(answering: Answering, look: Look, status: int, small: str, large: str) -> None:
    """A body that is wrong in another way was read; one that did not get so far proves nothing."""
    answering.status = status
    outcome = await look("http.request_size", {"small": f"= {small}", "large": f"= {large}"}, large="2 KiB")
    assert outcome.verdict is Verdict.PASS, outcome


async def test_the_large_one_is_larger(look: Look) -> None:
    """Said before anything is sent."""
    with pytest.raises(ValueError, match="must be larger"):
        await look("http.request_size", {"large": "= refused"}, small="2 KiB", large="1 KiB")


@pytest.mark.parametrize("status", [200, 204, 404, 405, 423, 429, 500, 503])
async def test_what_is_no_answer_to_a_wrong_password_is_unknown(answering: Answering, look: Look, status: int) -> None:
    """A login that succeeds, a path that is none, a server that is broken: none of them is locked, or open."""
    answering.status = status
    outcome = await look("http.lockout", {"attempts": "<= 5"}, json={"password": "wrong"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert len(answering.asked) == 1


async def test_an_account_that_is_never_locked_fails(answering: Answering, look: Look) -> None:
    """However few attempts were made."""
    answering.status = 401
    outcome = await look("http.lockout", {"attempts": "<= 5"}, json={"password": "wrong"}, after=5)
    assert outcome.verdict is Verdict.FAIL
    assert "5 wrong passwords do not lock the account" in outcome.summary


@pytest.mark.parametrize(("status", "identity"), [(429, None), (429, "customer"), (401, "customer"), (403, "customer")])
async def test_an_address_that_refuses_everybody_has_no_limit(
    answering: Answering, look: Look, status: int, identity: str | None
) -> None:
    """None is seen, be it that it was asked too often before, or does not know whoever asks."""
    answering.status = status
    expect = {"allowed": "<= 5", "refused": ">= 0"}
    outcome = await look("http.rate_limit", expect, up_to=5, identity=identity)
    assert outcome.verdict is Verdict.UNKNOWN, outcome


@pytest.mark.parametrize(("status", "verdict"), [(503, "fail"), (401, "fail"), (204, "pass"), (404, "pass")])
async def test_a_limit_has_passed_when_requests_are_let_through(
    answering: Answering, look: Look, status: int, verdict: str
) -> None:
    """As before it, or with 2xx; an error, or a refusal for another reason, is no recovery."""
    answering.then = [(404, b""), (404, b""), (429, b"")]
    answering.status = status
    given = {"up_to": 3, "at_once": 1, "recovers_within": "700 ms"}
    outcome = await look("http.rate_limit", {"recovers": "= yes"}, **given)
    assert outcome.verdict.value == verdict, outcome
