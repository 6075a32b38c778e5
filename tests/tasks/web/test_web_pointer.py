"""What stands at a JSON pointer, and what of it may be judged."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tasks.journey_values import ABSENT
from tasks.web_pointer import age, count, found_at, number, tokens, word
from tminus.errors import CouldNotObserve

# The document and the pointers of RFC 6901, section 5.
OF_THE_RFC: dict[str, JsonValue] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", OF_THE_RFC),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/00", ABSENT),
        ("/foo/-", ABSENT),
        ("/foo/2", ABSENT),
        ("/foo/-1", ABSENT),
        ("/foo/\u0660", ABSENT),
        ("/nothing/0", ABSENT),
        ("/a~1b/0", ABSENT),
    ],
)
def test_the_examples_of_the_standard(pointer: str, value: object) -> None:
    """Each leads to where RFC 6901 says, and what leads nowhere is absent rather than null."""
    assert found_at(OF_THE_RFC, pointer) == value


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_every_name_can_be_pointed_at(names: list[str]) -> None:
    """Whatever a key is called, its escaped pointer leads to it."""
    document: JsonValue = "here"
    for name in reversed(names):
        document = {name: document}
    assert found_at(document, "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)) == "here"


def test_a_pointer_begins_with_a_slash() -> None:
    """A dotted path is refused, with an example."""
    with pytest.raises(ValueError, match="/data/0/status"):
        tokens("data.0.status")


@pytest.mark.parametrize("value", [None, True, "", "many", "1 2", [], {}, float("inf"), float("nan"), "NaN", 10**40])
def test_what_is_no_number_is_not_read_as_one(value: JsonValue) -> None:
    """Not null, not true, not an empty text, nothing infinite."""
    with pytest.raises(CouldNotObserve, match="a number is wanted"):
        number(value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_whatever_stands_there_is_read_or_refused(value: JsonValue) -> None:
    """No reading ends in any other error."""
    for read in (number, count, age, lambda one: word(one, "/a")):
        with suppress(CouldNotObserve):
            read(value)


@pytest.mark.parametrize(
    ("written", "ago"),
    [
        (lambda at: at.isoformat(), timedelta(hours=5)),
        (lambda at: at.timestamp(), timedelta(hours=5)),
        (lambda at: int(at.timestamp() * 1000), timedelta(hours=5)),
        (lambda at: at.isoformat(), timedelta(minutes=-2)),
    ],
    ids=["ISO 8601", "seconds", "milliseconds", "a little ahead"],
)
def test_a_moment_is_as_old_as_it_is(written: Callable[[datetime], JsonValue], ago: timedelta) -> None:
    """ISO 8601, seconds and milliseconds since 1970; a clock a little ahead is forgiven."""
    wanted = max(ago, timedelta(0)) / timedelta(hours=1)
    assert age(written(datetime.now(UTC) - ago)) / timedelta(hours=1) == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-01-01T00:00:00", "time zone"),
        ("2999-01-01T00:00:00Z", "lies ahead"),
        ("yesterday", "none"),
        (True, "none"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(value: JsonValue, said: str) -> None:
    """One without a zone could be hours off, and one in the future is young for ever."""
    with pytest.raises(CouldNotObserve, match=said):
        age(value)


def test_a_secret_is_not_shown() -> None:
    """What stands under a name that speaks of one is redacted, even where a book asks for it."""
    assert word("hunter2", "/data/password") == "[redacted]"
    assert word("live", "/data/mode") == "live"
