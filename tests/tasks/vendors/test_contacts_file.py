"""The contacts file: what counts as filled in, and what keeps it from being read."""

import asyncio
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bench.worlds.estates import check_of, look
from bench.worlds.world import Case
from tminus.contacts import Contact, Contacts, full_name, is_placeholder
from tminus.errors import BookError
from tminus.outcome import Outcome, Verdict

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    "value",
    [
        "[Name]",
        "<your account>",
        "{{ phone }}",
        "$(date +%F)",
        "TBD",
        "tbd by ops",
        "To-Do",
        "n/a",
        "N/A",
        "none",
        "-",
        "???",
        "Placeholder",
        "changeme",
        "lorem ipsum dolor",
        "your-account",
        "+1-xxx-xxx-xxxx",
        "...",
        "+1 (202) 555-0143",
        "555-0100",
        "123-456-7890",
        "000-000-0000",
        "+49 1111111",
        "help@example.com",
        "https://support.example.org/x",
        "https://api.local.test",
        "ops@corp.invalid",
    ],
)
def test_what_nobody_filled_in_is_a_placeholder(value: str) -> None:
    """Words and brackets for it, and numbers and names that are set aside for examples."""
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Railway support desk",
        "+49 30 23125 014",
        "+1 888 555 0200",
        "team@railway.app",
        "Anna Berg <anna@tradesense.io>",
        "https://sentry.io/support",
        "enterprise",
        "RW-2026-114",
        "nonesuch GmbH",
        "Unknown Worlds Ltd",
        "acct_1Pgc6yB7WZ01zgkW",
        "latest.exampledata.io",
        "Maxx Xaver",
    ],
)
def test_what_somebody_wrote_is_none(value: str) -> None:
    """Names, numbers and addresses as vendors have them."""
    assert not is_placeholder(value)


@given(st.text(max_size=600).filter(lambda text: "\n" not in text))
def test_brackets_are_one_whatever_they_hold(value: str) -> None:
    """As far as a value is looked at, which is far enough for any contact."""
    assert is_placeholder(f"[{value[:400]}]")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-11-01", date(2026, 11, 1)),
        ("2026-11-22", TODAY),
        ("2026-11-23", TODAY),  # east of UTC it has come
        ("2026-11-24", None),
        ("last week", None),
        ("[DATE]", None),
        ("", None),
        (None, None),
    ],
)
def test_confirmed_is_a_day_that_has_come(written: str | None, day: date | None) -> None:
    """A day in the future would look fresher than any other."""
    assert Contact(id="railway", confirmed=written).confirmed_on(TODAY) == day


@pytest.mark.parametrize(
    ("field", "name"),
    [("phone", "reach.phone"), ("support.plan", "support.plan"), ("what", "what"), ("reach", None), ("fone", None)],
)
def test_the_last_part_of_a_name_will_do(field: str, name: str | None) -> None:
    """And a name that is no field's is none."""
    assert full_name(field) == name


def written(folder: Path, text: str) -> Path:
    """A contacts file."""
    path = folder / "contacts.yaml"
    path.write_text(text, "utf-8")
    return path


def test_numbers_and_dates_are_read_as_they_are_written(tmp_path: Path) -> None:
    """YAML makes numbers of account names; they stay text."""
    text = "contacts:\n- {id: twilio, support: {account: 1234567, plan: 7}, confirmed: 2026-11-01}\n"

    entry = Contacts.read(written(tmp_path, text)).by_id("twilio")

    assert entry is not None
    assert entry.fields()["support.account"] == "1234567"
    assert entry.confirmed_on(TODAY) == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contacts: []\n", "contacts"),
        ("contacts:\n- {id: a}\n- {id: a}\n", "two contacts have the id 'a'"),
        ("contacts:\n- {id: a, reach: {telefon: 1}}\n", "telefon"),
        ("contacts:\n- {what: hosting}\n", "id"),
        ("- id: a\n", "expected `key: value` lines"),
        ("contacts: [", "not valid YAML"),
    ],
)
def test_a_mistake_is_named(text: str, said: str, tmp_path: Path) -> None:
    """Every mistake of the file is told by its place, and the check cannot tell."""
    path = written(tmp_path, text)

    with pytest.raises(BookError, match=said):
        Contacts.read(path)
    assert entry(tmp_path, "contacts.yaml").verdict is Verdict.UNKNOWN


def entry(folder: Path, path: str | None) -> Outcome:
    """The outcome of contacts.entry, in an environment whose file is at that path."""
    case = Case("contacts.entry", {"contact": "railway", "needs": ["phone", "account"]}, {"filled": "= all"})
    return asyncio.run(look(check_of(case), {} if path is None else {"contacts": path}, folder))


def test_a_relative_path_begins_where_the_release_is(tmp_path: Path) -> None:
    """As those of other files do; without a file the check is skipped."""
    written(tmp_path, "contacts:\n- {id: railway, reach: {phone: 030 23125014}, support: {account: tradesense}}\n")

    assert entry(tmp_path, "contacts.yaml").verdict is Verdict.PASS
    assert entry(tmp_path, None).verdict is Verdict.SKIPPED


def test_the_evidence_holds_no_number(tmp_path: Path) -> None:
    """Who reads a report learns which field is wrong, not what stands in it."""
    written(tmp_path, "contacts:\n- {id: railway, reach: {phone: 555-0134}, support: {account: secret-account}}\n")

    said = entry(tmp_path, "contacts.yaml").model_dump_json()

    assert "reach.phone is a placeholder" in said
    assert "555" not in said
    assert "secret-account" not in said


def test_a_field_that_is_none_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValidationError, match=r"fone: no field of a contact; there are what, name"):
        check_of(Case("contacts.entry", {"contact": "railway", "needs": ["fone"]}, {"filled": "= all"}))
