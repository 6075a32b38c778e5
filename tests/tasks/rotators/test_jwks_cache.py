"""How long a cache may hand out an answer, by RFC 9111: never less than any cache may."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.jwks_cache import kept
from tminus.errors import Refused

_MADE = datetime(2030, 1, 1, tzinfo=UTC)
_DATE = {"Date": format_datetime(_MADE, usegmt=True)}
_LATER = {"Expires": format_datetime(_MADE + timedelta(seconds=90), usegmt=True)}
_SECONDS = st.integers(0, 10**6)


def _kept(headers: dict[str, str]) -> float:
    return kept(httpx.Headers(headers), "the set").longest.total_seconds()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "public, max-age=300"}, 300),
        ({"Cache-Control": 'MAX-AGE="300"'}, 300),
        ({"Cache-Control": "max-age=60, s-maxage=600"}, 600),
        ({"Cache-Control": "max-age=600, s-maxage=60"}, 600),
        ({"Cache-Control": "private, max-age=60, s-maxage=600"}, 60),
        ({"Cache-Control": "max-age=60, stale-while-revalidate=30, stale-if-error=600"}, 660),
        ({"Cache-Control": "max-age=60, stale-if-error=600, must-revalidate"}, 60),
        ({"Cache-Control": "no-store"}, 0),
        ({"Cache-Control": "no-cache, max-age=60"}, 0),
        ({"Cache-Control": 'no-cache="set-cookie", max-age=60'}, 60),
        ({"Cache-Control": "max-age=60", "Age": "50"}, 60),
        ({"Cache-Control": "max-age=60", "Age": "3600"}, 3600),
        ({"Cache-Control": "max-age=60", "Age": "old"}, 60),
        ({"Cache-Control": "max-age=60", **_DATE, **_LATER}, 60),
        ({**_DATE, **_LATER}, 90),
        ({**_LATER, "Date": _LATER["Expires"]}, 0),
        ({**_DATE, "Expires": "0"}, 0),
        ({"Cache-Control": f"max-age={10**30}"}, 2**31),
    ],
)
def test_what_is_stated(headers: dict[str, str], seconds: float) -> None:
    """Each header counts as far as it makes the answer live longer somewhere."""
    assert _kept(headers) == seconds


@pytest.mark.parametrize(
    "headers",
    [{}, _DATE, {"Cache-Control": "public"}, {"Cache-Control": "s-maxage=60"}, {"Cache-Control": "must-revalidate"}],
)
def test_what_is_not_stated(headers: dict[str, str]) -> None:
    """Where a verifier's own cache may choose for itself, no wait is long enough: the header to set is named."""
    with pytest.raises(Refused, match=r"the set does not say.*`Cache-Control: max-age=SECONDS`"):
        _kept(headers)


@pytest.mark.parametrize("number", ["soon", "-1", "1.5", "", "٣"])
def test_a_number_that_is_none(number: str) -> None:
    """It is not guessed what caches make of it."""
    with pytest.raises(Refused, match="no number of seconds"):
        kept(httpx.Headers([(b"Cache-Control", f"max-age={number}".encode())]), "the set")


@given(alone=_SECONDS, shared=_SECONDS, while_revalidating=_SECONDS, if_error=_SECONDS, age=_SECONDS)
def test_never_less_than_a_cache_may(alone: int, shared: int, while_revalidating: int, if_error: int, age: int) -> None:
    """Whatever is combined: no kind of cache may hand it out for longer than is said."""
    said = f"s-maxage={shared}, max-age={alone}, stale-while-revalidate={while_revalidating}, stale-if-error={if_error}"
    longest = _kept({"Cache-Control": said, "Age": str(age)})
    for fresh in (alone, shared):
        for stale in (0, while_revalidating, if_error):
            assert longest >= fresh + stale
    assert longest >= age
