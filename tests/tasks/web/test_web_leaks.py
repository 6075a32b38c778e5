"""What an answer must not show."""

import httpx
import pytest

from tasks.web_leaks import leaks, payloads
from tasks.web_request import Reply, Wanted


def reply(body: str, kind: str = "text/html") -> Reply:
    """An answer."""
    return Reply(200, httpx.Headers({"content-type": kind}), body.encode(), 1.0)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('Traceback (most recent call last):\n  File "/srv/a.py", line 3', "a stack trace"),
        ("\tat com.vatic.Orders.find(Orders.java:41)", "a stack trace"),
        ("    at Object.<anonymous> (/srv/app/index.js:10:5)", "a stack trace"),
        ("goroutine 1 [running]:", "a stack trace"),
        ("thread 'main' panicked at src/main.rs:2:5", "a stack trace"),
        ("<b>Fatal error</b>: Uncaught", "a stack trace"),
        ("   at Vatic.Orders.Find(Int32 id) in C:\\src\\Orders.cs:line 41", "a stack trace"),
        ("app/models/order.rb:41:in `find'", "a stack trace"),
        ('ERROR: syntax error at or near "OR"', "a database's error"),
        ("You have an error in your SQL syntax; check", "a database's error"),
        ("ORA-00933: SQL command not properly ended", "a database's error"),
        ('sqlite3.OperationalError: unrecognized token: "\'"', "a database's error"),
        ("Unclosed quotation mark after the character string", "a database's error"),
        ("org.postgresql.util.PSQLException: ERROR", "a database's error"),
        ("root:x:0:0:root:/root:/bin/sh", "a file's content"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a file's content"),
        ("; for 16-bit app support", "a file's content"),
    ],
)
def test_each_sign_is_seen(body: str, what: str) -> None:
    """In an answer of any kind, with words around it."""
    assert leaks(Wanted("/"), reply(f"<p>before\n{body}\nafter</p>", "application/json")) == (what,)


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"error": "invalid order"}',
        "We are at the office (Main Street 10:30)",
        "The root: of all evil",
        "-----BEGIN PUBLIC KEY-----",
        "Your session has expired. Please log in at https://app.vatic.example:443/login",
    ],
)
def test_an_ordinary_answer_shows_nothing(body: str) -> None:
    """A refusal in plain words is no leak."""
    assert leaks(Wanted("/"), reply(body)) == ()


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("/q?s=<script>alert(1)</script>"),
        Wanted("/q?s=%3Cscript%3Ealert(1)%3C/script%3E"),
        Wanted("/%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        Wanted("/", "POST", document={"a": [{"b": "<script>alert(1)</script>"}]}),
        Wanted("/", "POST", content=b"s=%3Cscript%3Ealert(1)%3C/script%3E"),
        Wanted("/", headers={"Referer": "<script>alert(1)</script>"}),
    ],
)
def test_markup_that_comes_back_is_seen_wherever_it_was_sent(wanted: Wanted) -> None:
    """In a page it runs; escaped, or in JSON, it does not."""
    echo = "<p>nothing found for <script>alert(1)</script>"
    assert leaks(wanted, reply(echo)) == ("the request's markup, unescaped",)
    assert leaks(wanted, reply("nothing found for &lt;script&gt;alert(1)&lt;/script&gt;")) == ()
    assert leaks(wanted, reply(echo, "application/json; charset=utf-8")) == ()


def test_what_is_no_markup_may_come_back() -> None:
    """A name that is searched for stands in the answer, and so do arithmetics."""
    assert payloads(Wanted("/q?s=BTC&t=1<2")) == frozenset()
