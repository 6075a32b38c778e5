"""What counts as refused, and what proves nothing."""

import pytest

from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.outcome import Verdict

_ONE = [{"path": "/a"}]


@pytest.mark.parametrize(
    ("status", "refused", "accepted", "errors"),
    [(400, 1, 0, 0), (200, 0, 1, 0), (302, 0, 1, 0), (451, 0, 1, 0), (500, 0, 0, 1)],
)
async def test_each_answer_counts_once(
    answering: Answering, look: Look, status: int, refused: int, accepted: int, errors: int
) -> None:
    """As refused, accepted or broken."""
    answering.status = status
    expect = {"refused": f"= {refused}", "accepted": f"= {accepted}", "errors": f"= {errors}"}
    outcome = await look("http.refuses", expect, requests=_ONE)
    assert outcome.verdict is Verdict.PASS, outcome


async def test_a_control_must_be_let_in(answering: Answering, look: Look) -> None:
    """A path that is not there refuses every attack."""
    answering.status = 404
    given = {"requests": _ONE, "control": {"path": "/b"}}
    outcome = await look("http.refuses", {"refused": "= all"}, **given)
    assert outcome.verdict is Verdict.FAIL
    assert "the control, GET /b, is answered with status 404" in outcome.summary


async def test_the_control_comes_last(answering: Answering, look: Look) -> None:
    """So that who was shut out by the attacks themselves is noticed."""
    await look("http.refuses", {"accepted": ">= 0"}, requests=[{"path": "/a"}] * 7, control={"path": "/b"})
    assert [path for _, path, _, _ in answering.asked] == ["/a"] * 7 + ["/b"]


async def test_what_is_sent_is_what_is_written(answering: Answering, look: Look) -> None:
    """Method, headers, body and token, and none of it is evidence."""
    request = {
        "name": "an attack",
        "method": "PUT",
        "path": "/a",
        "headers": {"X-Of-Ours": "header-secret"},
        "json": {"password": "hunter2"},
        "identity": "customer",
    }
    answering.body = b"hunter2 header-secret"
    raw = {**request, "json": None, "body": "raw"}
    outcome = await look("http.refuses", {"refused": "= all"}, requests=[request], control=raw)
    (method, _, headers, body), (_, _, _, second) = answering.asked
    assert (method, headers["x-of-ours"], headers["authorization"]) == ("PUT", "header-secret", f"Bearer {TOKEN}")
    assert (body, second) == (b'{"password":"hunter2"}', b"raw")
    said = outcome.model_dump_json()
    assert "an attack: status 200" in said
    assert not [one for one in ("hunter2", "header-secret", TOKEN) if one in said]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"requests": []}, "at least 1"),
        ({"requests": [{"path": "/a", "json": {}, "body": ""}]}, "one body"),
        ({"requests": [{"path": "/a", "method": "get it"}]}, "pattern"),
    ],
)
async def test_what_cannot_be_sent_is_refused_at_once(look: Look, given: dict[str, object], said: str) -> None:
    """By the book, not by the server."""
    with pytest.raises(ValueError, match=said):
        await look("http.refuses", {"refused": "= all"}, **given)


async def test_a_control_that_is_expected_is_given(look: Look) -> None:
    """Else it could not be judged."""
    with pytest.raises(ValueError, match="give the request that must be accepted"):
        await look("http.refuses", {"control": "= accepted"}, requests=_ONE)


@pytest.mark.parametrize("status", [301, 302, 404])
async def test_a_control_that_leads_elsewhere_is_not_let_in(answering: Answering, look: Look, status: int) -> None:
    """A login's page is where everybody is sent."""
    answering.then, answering.status = [(403, b"")], status
    given = {"requests": _ONE, "control": {"path": "/b"}}
    outcome = await look("http.refuses", {"refused": "= all"}, **given)
    assert outcome.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "request_",
    [
        {"path": "/orders/1;%20DROP%20TABLE%20orders"},
        {"path": "/a?q=1;drop/**/table+orders"},
        {"path": "/a", "json": {"a": ["1; DELETE\tFROM orders"]}},
        {"path": "/a", "json": {"truncate orders": 1}},
        {"path": "/a", "body": "1; update accounts\n set balance = 0"},
        {"path": "/a", "headers": {"X": "'; TRUNCATE orders"}},
        {"path": "/%2564rop%2520table%2520a"},
    ],
)
async def test_an_attack_does_no_harm_where_it_works(look: Look, request_: dict[str, object]) -> None:
    """A server that runs what it is sent is found out by what only reads."""
    with pytest.raises(ValueError, match="would do harm"):
        await look("http.refuses", {"refused": "= all"}, requests=[{"method": "POST", **request_}])


@pytest.mark.parametrize("path", ["/orders/1;%20SELECT%201", "/raindrop table", "/updates", "/offset?update=1"])
async def test_what_only_reads_is_sent(look: Look, path: str) -> None:
    """Words that only look alike are too."""
    outcome = await look("http.refuses", {"accepted": "= 1"}, requests=[{"path": path}])
    assert outcome.verdict is Verdict.PASS, outcome
