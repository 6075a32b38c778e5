"""Personal data in clear is found, what is masked or only looks like it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.personal_data import Sort, sorts_in

EVERY: tuple[Sort, ...] = ("email", "card", "phone", "iban")


def found(text: str) -> set[Sort]:
    """The sorts found in a text."""
    return set(sorts_in([text], EVERY))


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("mail to ada.lovelace+test@example.co.uk failed", "email"),
        ("to=ada@example.com;", "email"),
        ("<ada@example.com>", "email"),
        ("pan 4111111111111111 declined", "card"),
        ("4111-1111-1111-1111", "card"),
        ("3782 822463 10005", "card"),
        ("5555555555554444", "card"),
        ("2223003122003222", "card"),
        ("6011111111111117", "card"),
        ("3530111333300000", "card"),
        ("call +49 30 901820", "phone"),
        ("+1 (415) 555-2671", "phone"),
        ("tel:+442071838750", "phone"),
        ("DE89370400440532013000", "iban"),
        ("GB29 NWBK 6016 1331 9268 19 was debited", "iban"),
        ("NO9386011117947", "iban"),
    ],
)
def test_what_stands_in_clear_is_found(text: str, sort: Sort) -> None:
    """An address, a card, a phone number or an account number, in the forms in which people write them."""
    assert found(text) == {sort}


@pytest.mark.parametrize(
    "text",
    [
        "mail to a***@example.com, ***e@example.com, [redacted]@example.com",
        "<email> took <n>",
        "installed left-pad@1.2.3 from registry",
        "card **** **** **** 1111, 411111******1111",
        "card 4111111111111112",  # the last digit does not check the others
        "order 9999999999999995",  # no card begins so
        "at 1763798400000000000 ns, 1763798400000 ms",
        "2026-11-22T10:00:00.123456+02:00 and +0200",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "id 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "delta +12.5 %, +1234567",
        "GB29 NWBK 6016 1331 9268 18",
        "sha256:4111111111111111aaaabbbbccccdddd",
        "",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    """Masked values, versions, times, ids and hashes are no personal data."""
    assert found(text) == set()


@given(st.text(alphabet="0123456789", min_size=14, max_size=14))
def test_every_visa_is_found_and_no_mistyped_one(digits: str) -> None:
    """Of the ten numbers that begin alike, the one that the last digit checks is found, and the nine others are not."""
    begin = f"4{digits}"
    assert sum("card" in found(f"paid with {begin}{last} today") for last in range(10)) == 1


@given(st.lists(st.text(), max_size=5))
def test_any_text_can_be_looked_at(texts: list[str]) -> None:
    """No text makes it fail."""
    assert sorts_in(texts, EVERY) <= set(EVERY)


@pytest.mark.parametrize("text", ["+" + "1 " * 60_000, "4" * 120_000, "a@" * 60_000, "DE" * 60_000, "1-" * 60_000])
def test_a_long_line_is_looked_at_in_no_time(text: str) -> None:
    """Lines that are made to be slow to search are bounded: this ends."""
    sorts_in([text], EVERY)


def test_only_what_is_wanted_is_looked_for() -> None:
    """Where a book names one sort, the others are not counted."""
    assert sorts_in(["ada@example.com, +49 30 901820"], ["phone"]) == {"phone"}
