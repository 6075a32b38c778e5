"""What a header says, part by part."""

import httpx
import pytest

from tasks.web_headers import directives, has, max_age, shown, value_of
from tests.tasks.web.conftest import TOKEN, Answering, Look
from tminus.outcome import Verdict

CSP = "Content-Security-Policy"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("no-store", 0),
        ("no-store, max-age=60", 0),
        ("max-age=60,No-Cache", 0),
        ('no-cache="Set-Cookie", max-age=60', 60),
        ("max-age=60", 60),
        ("public, MAX-AGE=60", 60),
        ('max-age="60"; preload', 60),
        ("s-maxage=9, max-age=60", 60),
        ("xmax-age=60", 0),
        ("max-age=-1", 0),
        ("max-age=" + "9" * 400, 0),
    ],
)
def test_how_long_it_may_be_kept(value: str | None, seconds: int) -> None:
    """Only its own max-age counts, and nothing that is no time."""
    assert max_age(value) == seconds


@pytest.mark.parametrize(
    ("value", "wanted", "found"),
    [
        ("script-src 'self' 'unsafe-inline'", "script-src unsafe-inline", True),
        ("style-src 'unsafe-inline'; script-src 'self'", "script-src unsafe-inline", False),
        ("default-src 'unsafe-inline'", "script-src unsafe-inline", True),
        ("default-src 'unsafe-inline'; script-src 'self'", "script-src unsafe-inline", False),
        ("img-src *", "script-src unsafe-inline", True),
        ("script-src 'self'; script-src 'unsafe-inline'", "script-src unsafe-inline", False),
        ("default-src 'self', script-src 'unsafe-inline'", "script-src unsafe-inline", False),
        ("default-src *", "*", True),
        ("default-src https://*.example.com", "*", False),
        ("DEFAULT-SRC 'Unsafe-Eval'", "unsafe-eval", True),
        ("script-src 'self'; script-src-elem 'self' 'unsafe-inline'", "script-src unsafe-inline", True),
        ("script-src 'self'; script-src-attr 'unsafe-inline'", "script-src unsafe-inline", True),
        ("default-src 'self'; style-src-attr 'unsafe-inline'", "style-src unsafe-inline", True),
        ("script-src 'self'; style-src-elem 'unsafe-inline'", "script-src unsafe-inline", False),
        ("script-src 'unsafe-inline'", "script-src-elem unsafe-inline", True),
    ],
)
def test_a_content_security_policy_is_read_as_browsers_do(value: str, wanted: str, found: bool) -> None:
    """With default-src in a missing directive's place, the first of two, and each of several policies."""
    assert has(CSP, value, wanted) is found


@pytest.mark.parametrize(
    ("value", "wanted", "found"),
    [
        ("frame-ancestors 'none'", "frame-ancestors none", True),
        ("default-src 'none'", "frame-ancestors none", False),
        ("img-src *", "script-src self", False),
        ("default-src 'self'", "script-src self", True),
        ("script-src 'self'; script-src-elem *", "script-src self", False),
        ("default-src 'none', script-src 'self'", "script-src self", True),
    ],
)
def test_what_a_policy_must_say_it_says(value: str, wanted: str, found: bool) -> None:
    """What is allowed because nothing is said is not required by anything."""
    assert has(CSP, value, wanted, surely=True) is found


@pytest.mark.parametrize(("value", "found"), [("camera=(), camera=*", False), ("camera=*, Camera=()", True)])
def test_of_a_feature_that_is_named_twice_the_last_counts(value: str, found: bool) -> None:
    """As browsers read it."""
    assert has("Permissions-Policy", value, "camera=()") is found


@pytest.mark.parametrize("header", [CSP, "Referrer-Policy"])
async def test_an_empty_header_is_none(answering: Answering, look: Look, header: str) -> None:
    """Nothing forbidden stands in it, and nothing else."""
    answering.headers = {header: ""}
    outcome = await look("http.headers", {"forbidden": "= 0"}, header=header, forbids=["unsafe-url"])
    assert outcome.verdict is Verdict.FAIL
    assert f"sends no {header}" in outcome.summary


@pytest.mark.parametrize("status", [401, 403, 302])
async def test_a_refusal_says_nothing_of_who_may_read_an_answer(answering: Answering, look: Look, status: int) -> None:
    """Only what a customer is answered does; so one asks."""
    answering.status = status
    assert (await look("http.cors", {"allowed": "= no"})).verdict is Verdict.UNKNOWN
    answering.status, answering.headers = 200, {"Access-Control-Allow-Origin": "https://not-ours.example"}
    outcome = await look("http.cors", {"allowed": "= no"}, identity="customer")
    assert outcome.verdict is Verdict.FAIL
    asked = [(method, headers.get("authorization")) for method, _, headers, _ in answering.asked[-2:]]
    assert asked == [("GET", f"Bearer {TOKEN}"), ("OPTIONS", None)]


def test_parts_are_separated_as_the_header_separates_them() -> None:
    """Policies by semicolons, caching by commas."""
    assert directives(CSP, "default-src 'self'; img-src a, b;") == ("default-src 'self'", "img-src a, b")
    assert directives("Cache-Control", "public, max-age=1") == ("public", "max-age=1")


def test_a_cookies_value_is_never_read() -> None:
    """It may open somebody's session."""
    headers = httpx.Headers([("set-cookie", "session=secret; HttpOnly"), ("set-cookie", "other=secret2")])
    assert value_of(headers, "Set-Cookie") == "HttpOnly, no attributes"


def test_a_long_value_is_cut() -> None:
    """Evidence is read by people."""
    assert len(shown("x" * 10_000)) == 300


async def test_one_careless_cookie_is_enough(answering: Answering, look: Look) -> None:
    """What is required, every cookie must have."""
    answering.headers = {"set-cookie": "a=1; HttpOnly"}
    kept = await look("http.headers", {"required": "= all"}, header="Set-Cookie", requires=["HttpOnly"])
    assert kept.verdict is Verdict.PASS
    answering.headers = {"set-cookie": "a=1"}
    assert (await look("http.headers", {"required": "= all"}, header="Set-Cookie", requires=["HttpOnly"])).verdict is (
        Verdict.FAIL
    )


async def test_a_header_that_is_not_there_forbids_nothing(look: Look) -> None:
    """So that nothing forbidden stands in it is no pass."""
    outcome = await look("http.headers", {"forbidden": "= 0"}, header=CSP, forbids=["unsafe-eval"])
    assert outcome.verdict is Verdict.FAIL
    assert "sends no Content-Security-Policy" in outcome.summary


@pytest.mark.parametrize("kind", ["http.headers", "http.cors"])
async def test_a_page_of_an_error_says_nothing_of_headers(answering: Answering, look: Look, kind: str) -> None:
    """A gateway's own page has none of the system's."""
    answering.status = 502
    expect, given = ({"present": "= no"}, {"header": CSP}) if kind == "http.headers" else ({"allowed": "= no"}, {})
    assert (await look(kind, expect, **given)).verdict is Verdict.UNKNOWN


async def test_a_path_that_is_not_there_allows_nothing_and_forbids_nothing(answering: Answering, look: Look) -> None:
    """A mistyped path would otherwise pass for ever."""
    answering.status = 404
    outcome = await look("http.cors", {"allowed": "= no"})
    assert outcome.verdict is Verdict.UNKNOWN
    assert "is the path right?" in outcome.summary


async def test_an_origin_has_no_path(look: Look) -> None:
    """A browser sends none, so a server that compares would never see it."""
    with pytest.raises(ValueError, match="is no origin"):
        await look("http.cors", {"allowed": "= no"}, origin="https://example.com/")
