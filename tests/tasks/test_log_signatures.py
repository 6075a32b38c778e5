"""Error signatures: the pure reduction, for all texts."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.log_signatures import signature

FRAGMENTS = st.sampled_from(
    [
        *"'\"`<>=@-_./:² ½\n",
        "<id>",
        "<text>",
        "<n>",
        "it's",
        "a=b",
        "x@y.z",
        "12 ms",
        "3.5s",
        "bearer ",
        "deadbeef",
        "Err",
    ]
)
EMAILS = st.from_regex(r"[a-z0-9]{1,8}([.+-][a-z0-9]{1,8})?@[a-z]{2,8}\.(com|org)", fullmatch=True)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=6), max_size=12).map("".join)


@given(TEXTS)
@example("'\"'\"")
@example("a='b'c'd'")
@example("x'1'b' c")
def test_a_signature_is_its_own_signature(text: str) -> None:
    """Reducing twice changes nothing more, for all texts."""
    assert signature(signature(text)) == signature(text)


@given(TEXTS | st.text())
def test_no_digit_survives(text: str) -> None:
    """No digit of any script is left, for all texts, nor anything else that counts as a number."""
    assert not [letter for letter in signature(text) if letter.isnumeric()]


@given(st.uuids(), st.uuids(), st.integers(), st.integers(), EMAILS, EMAILS)
def test_what_is_particular_makes_no_difference(
    one: object, other: object, few: int, many: int, a: str, b: str
) -> None:
    """The same error for another order, customer and duration has the same signature."""
    told = [f"order {id_} of {mail} failed after {n} ms" for id_, n, mail in ((one, few, a), (other, many, b))]
    assert signature(told[0]) == signature(told[1])


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("request failed: TimeoutError GET /orders/123/items", "request failed: TimeoutError GET /orders/<n>/items"),
        ("no quote for request 3f2a9c0b1d2e4f56 within 512 ms", "no quote for request <id> within <n>"),
        ("took 3.5s, 12 ms or 150ms", "took <n>, <n> or <n>"),
        ("can't reach 10.0.0.5:5432, don't retry", "can't reach <n>, don't retry"),
        ('duplicate key violates "orders_pkey"', "duplicate key violates <text>"),
        ("account DE89370400440532013000 of jane@example.com", "account <id> of <email>"),
        ("login user=jane password=hunter", "login user=<value> password=<value>"),
        ("Authorization: Bearer abcdef", "<token>"),
        ("key sk_live_abcDEF refused", "key <token> refused"),
        ("secret AbCdEfGhIjKlMnOpQrStUvWxYzabcd", "secret <token>"),
        ("ConnectionRefusedByUpstreamServerError", "ConnectionRefusedByUpstreamServerError"),
        ("token expired", "token expired"),
    ],
)
def test_what_is_kept_and_what_is_not(text: str, reduced: str) -> None:
    """The words that name the error stay; ids, customers' data, credentials and numbers go."""
    assert signature(text) == reduced
