"""What a server's log says, read as it is written: in pieces of any length, in its own time zone."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rotators.postgres_log_lines import Form, Line, Records, line_of, may_matter
from tminus.errors import CouldNotObserve

NOON = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
SAID = "connection authorized: user=shop_a database=trading application_name=batch run SSL enabled (protocol=TLSv1.3)"
JSON = {
    "timestamp": "2026-03-01 12:00:00.123 UTC",
    "user": "shop_a",
    "dbname": "trading",
    "remote_host": "10.0.0.7",
    "remote_port": 41234,
    "error_severity": "LOG",
    "message": SAID,
}
CSV = (
    '2026-03-01 12:00:00.123 UTC,"shop_a","trading",71,"10.0.0.7:41234",6927.47,2,"authentication",'
    f'2026-03-01 12:00:00 UTC,2/1,0,LOG,00000,"{SAID}",,,,,,,,,"","client backend",,0'
)


def read(form: Form, text: str, zone: str = "UTC") -> Line | None:
    """The line that a text is."""
    return line_of(form, text.encode(), zone)


@pytest.mark.parametrize(("form", "text"), [("jsonlog", json.dumps(JSON)), ("csvlog", CSV)])
def test_a_log_in_is_read_from_either_form(form: Form, text: str) -> None:
    """Who, from where, when, and as what application."""
    line = read(form, text)
    assert line is not None
    assert (line.at, line.user, line.address, line.application) == (NOON, "shop_a", "10.0.0.7", "batch run")
    assert line.is_login
    assert not line.is_switch
    assert may_matter(text.encode())


@pytest.mark.parametrize(("form", "text"), [("jsonlog", json.dumps(JSON)), ("csvlog", CSV)])
def test_half_a_line_is_none(form: Form, text: str) -> None:
    """A server that is killed in the middle of a line leaves one that counts for nothing."""
    assert read(form, text[:60]) is None
    assert read(form, "") is None
    assert read(form, "[1, 2]") is None


@pytest.mark.parametrize(
    ("said", "zone", "hour"),
    [
        ("2026-03-01 12:00:00.123 GMT", "GMT", 12),
        ("2026-03-01 12:00:00.123 CET", "Europe/Berlin", 11),
        ("2026-10-25 02:30:00.000 CEST", "Europe/Berlin", 0),
        ("2026-10-25 02:30:00.000 CET", "Europe/Berlin", 1),
        ("2026-03-01 12:00:00.123 -03", "America/Sao_Paulo", 15),
        ("2026-03-01 12:00:00.123 +0545", "Asia/Kathmandu", 6),
    ],
)
def test_times_are_understood_in_the_servers_zone(said: str, zone: str, hour: int) -> None:
    """Also in the hour that the clocks show twice, which the abbreviation tells apart."""
    line = read("jsonlog", json.dumps({**JSON, "timestamp": said}), zone)
    assert line is not None
    assert line.at.astimezone(UTC).hour == hour


@pytest.mark.parametrize(
    ("said", "zone", "what"),
    [
        ("2026-03-01 12:00:00.123 EST", "Europe/Berlin", "times in EST, not of Europe/Berlin; set log_timezone to UTC"),
        ("2026-03-01 12:00:00.123 XYZ", "Nowhere/Land", "Nowhere/Land, unknown here; set log_timezone to UTC"),
        ("at noon UTC", "UTC", "time cannot be read"),
    ],
)
def test_a_time_that_cannot_be_told_is_not_guessed(said: str, zone: str, what: str) -> None:
    """It is unknown who logged in when, and what would mend it is said."""
    with pytest.raises(CouldNotObserve, match=what):
        read("jsonlog", json.dumps({**JSON, "timestamp": said}), zone)


_Fields = st.text(st.sampled_from('a",\n'), max_size=12)


@given(st.lists(_Fields, min_size=1, max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_a_file_in_pieces_is_the_file(fields: list[str], lengths: list[int]) -> None:
    """Wherever it is cut, the same records come out, statements with line ends and quotes in them among them."""
    quoted = ['"' + field.replace('"', '""') + '"' for field in fields]
    whole = "".join(f"x,{field},y\n" for field in quoted).encode() + b"unfin"
    for form, expected in (
        ("csvlog", [f"x,{field},y".encode() for field in quoted]),
        ("jsonlog", whole.split(b"\n")[:-1]),
    ):
        records, found, at = Records("csvlog" if form == "csvlog" else "jsonlog"), [], 0
        for number in range(len(whole)):
            step = lengths[number % len(lengths)]
            found += list(records.take(whole[at : at + step]))
            at += step
        assert found == expected
        assert list(records.take(b"ished\n")) == [b"unfinished"]
