"""What an answer says, and what no answer may be read as."""

import pytest

from tasks.web_request import LARGEST
from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.outcome import Verdict


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"1" * 10_000,
        b'{"value": ',
        b"null",
        b"NaN",
        b"[]",
        b'"\\ud800"',
    ],
)
@pytest.mark.parametrize("measured", ["value", "count", "age", "word"])
async def test_an_answer_that_says_nothing_is_unknown(
    answering: Answering, look: Look, body: bytes, measured: str
) -> None:
    """Garbage, nothing, and something else than what is asked for."""
    answering.body = body
    outcome = await look("http.json", {measured: "= none" if measured == "word" else _any(measured)}, pointer="/value")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "GET" in outcome.summary


def _any(measured: str) -> str:
    return ">= 0 h" if measured == "age" else ">= 0"


@pytest.mark.parametrize("value", [None, True, "", "many", [], {}, 1e400, "2026-01-01"])
async def test_what_is_no_number_is_unknown(answering: Answering, look: Look, value: object) -> None:
    """And the sentence says what stands there instead, without showing it."""
    answering.says({"value": value})
    outcome = await look("http.json", {"value": ">= 0"}, pointer="/value")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "'/value': a number is wanted" in outcome.summary


@pytest.mark.parametrize(
    ("value", "expect"),
    [
        (0.25, {"ratio": "= 25 %"}),
        ("0.25", {"percent": "= 0.25 %"}),
        (3, {"milliseconds": "= 3 ms"}),
        (1024, {"bytes": "= 1 KiB"}),
        (90, {"seconds": "= 1.5 min"}),
        ([1, 2], {"count": "= 2"}),
        (False, {"word": "= false"}),
        (7, {"word": "!= seven"}),
        ("\ud800", {"word": "!= half"}),
        (None, {"present": "= yes"}),
    ],
)
async def test_a_value_is_what_it_is_expected_as(
    answering: Answering, look: Look, value: object, expect: dict[str, str]
) -> None:
    """The name of the expectation gives it its unit."""
    answering.says({"value": value})
    outcome = await look("http.json", expect, pointer="/value")
    assert outcome.verdict is Verdict.PASS, outcome


async def test_another_status_is_judged_only_where_it_is_expected(answering: Answering, look: Look) -> None:
    """What a page of an error says is not what was asked about."""
    answering.says({"value": 1}, status=503)
    assert (await look("http.json", {"value": "= 1"}, pointer="/value")).verdict is Verdict.UNKNOWN
    assert (await look("http.json", {"value": "= 1", "status": "= 200"}, pointer="/value")).verdict is Verdict.FAIL
    assert (await look("http.json", {"status": "= 503"})).verdict is Verdict.PASS
    assert (await look("http.json", {"value": "= 1"}, pointer="/value", at_status=503)).verdict is Verdict.PASS


async def test_what_is_gone_is_absent_or_unknown(answering: Answering, look: Look) -> None:
    """Its absence can be expected; a number that is not there is no zero."""
    answering.says({})
    assert (await look("http.json", {"present": "= no"}, pointer="/value")).verdict is Verdict.PASS
    assert (await look("http.json", {"present": "= yes"}, pointer="/value")).verdict is Verdict.FAIL
    assert (await look("http.json", {"count": "= 0"}, pointer="/value")).verdict is Verdict.UNKNOWN


async def test_an_answer_that_never_ends_is_unknown(answering: Answering, look: Look) -> None:
    """What is read of it is no document."""
    answering.body = b'{"value": "' + b"x" * LARGEST + b'"}'
    outcome = await look("http.json", {"present": "= no"}, pointer="/gone")
    assert outcome.verdict is Verdict.UNKNOWN
    assert "longer than" in outcome.summary


async def test_a_number_has_one_unit(look: Look) -> None:
    """The same value cannot be seconds and a share."""
    with pytest.raises(ValueError, match="as ratio and as seconds"):
        await look("http.json", {"ratio": "= 1 %", "seconds": "= 1 s"}, path="/")


async def test_the_identitys_token_is_sent_and_not_shown(answering: Answering, look: Look) -> None:
    """An echo of it is not evidence."""
    answering.says({"token": TOKEN})
    outcome = await look("http.json", {"word": "= x"}, pointer="/token", identity="customer")
    assert answering.asked[0][2]["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in outcome.model_dump_json()
