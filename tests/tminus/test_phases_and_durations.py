"""Times as a book writes them: one grammar for reader and editors, and names that Prefect takes."""

import re
from datetime import timedelta

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prefect.client.schemas.actions import ArtifactCreate
from pydantic import TypeAdapter

from tminus.clock import Duration, parse_duration
from tminus.quantity import NUMBER, Quantity
from tminus.runbook import Phase, Runbook

SCHEMA = jsonschema.Draft202012Validator(TypeAdapter(Duration).json_schema())
PARTS = re.compile(rf"{NUMBER}\s*[a-z]+")
MOST = timedelta.max.days
STEP = {"id": "a", "title": "a", "owner": "a", "does": {"kind": "follow_ups"}}
WRITTEN = st.text(alphabet="0123456789.,_ +-eEsmhdun\tx", max_size=10) | st.from_regex(
    r"([0-9]{1,3}(\.[0-9])? ?(us|ms|s|min|m|h|d) ?){1,4}", fullmatch=True
)


def phase(name: str) -> Phase:
    """A phase so named."""
    return Phase.model_validate({"phase": name, "late_by": "1h", "steps": [STEP]})


@settings(deadline=None)
@given(WRITTEN)
@example("4h30m")
@example("1e3s")
@example("1e100s")
@example("9" * 20 + "d")
def test_editors_and_the_reader_take_the_same_durations(text: str) -> None:
    """For all texts: the schema accepts what is read, but for what is too long for any calendar."""
    try:
        parse_duration(text)
    except ValueError:
        assert not SCHEMA.is_valid(text) or sum(Quantity.parse(part).within("d") for part in PARTS.findall(text)) > MOST
    else:
        assert SCHEMA.is_valid(text)


@pytest.mark.parametrize(("text", "minutes"), [("4h30m", 270), ("4h 30m", 270), ("1.5h", 90), ("1 h 30 min", 90)])
def test_a_duration_in_parts_is_read(text: str, minutes: int) -> None:
    """With spaces or without."""
    assert parse_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["1e400000s", "1e100s", "1e-400000h", "1e999999999m"])
def test_an_exponent_has_two_digits_at_most(text: str) -> None:
    """Working out the exact value of a longer one would take seconds, and no time is so long."""
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("T-4h", "t-minus-4h"),
        ("T-15m", "t-minus-15m"),
        ("T-0", "t-zero"),
        ("T+0h", "t-zero"),
        ("T+4h", "t-plus-4h"),
        ("T-1.5h", "t-minus-1h-30m"),
        ("T-4h 30m", "t-minus-4h-30m"),
        ("T-05m", "t-minus-5m"),
        ("T-0.5s", "t-minus-0-5s"),
        ("T-2d", "t-minus-2d"),
    ],
)
def test_a_slug_is_made_of_the_time(name: str, slug: str) -> None:
    """However the time is written."""
    assert phase(name).slug == slug


@settings(deadline=None)
@given(st.lists(st.timedeltas(timedelta(days=-40), timedelta(days=40)), min_size=1, max_size=6, unique=True))
def test_every_phase_of_a_book_has_a_key_of_its_own_that_prefect_takes(offsets: list[timedelta]) -> None:
    """For all times: a slug is a key for Prefect's artifacts, and no other phase of the book has it."""
    names = [f"T{'-' if at < timedelta(0) else '+'}{abs(at) // timedelta(microseconds=1)}us" for at in sorted(offsets)]
    steps = [{**STEP, "id": f"a{number}"} for number in range(len(names))]
    phases = [{"phase": name, "late_by": "1h", "steps": [step]} for name, step in zip(names, steps, strict=True)]
    book = Runbook.model_validate({"runbook": "a", "system": "a", "phases": phases})
    slugs = [one.slug for one in book.phases]
    assert len(set(slugs)) == len(slugs)
    for slug in slugs:
        assert ArtifactCreate(key=f"{slug}-evidence", type="table").key == f"{slug}-evidence"
