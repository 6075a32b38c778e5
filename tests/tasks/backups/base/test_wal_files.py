"""Names of WAL files, what is missing among them, and what their pages say."""

import io
import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.backups.wal_pages import ends_whole, examine
from tminus.backups.wal_names import Fork, Segment, is_wal, missing, parse_history, parse_lsn, show_lsn, way
from tminus.backups.wal_plan import plan, short_of
from tminus.errors import CouldNotObserve

SIZE = 1 << 20  # the smallest that initdb offers
PAGE = 8192


def names(timeline: int, *numbers: int) -> list[str]:
    """Of segments of 16 MB."""
    return [Segment(timeline, number).name() for number in numbers]


@given(st.integers(1, 0xFFFFFFFF), st.integers(0, (1 << 40) - 1), st.sampled_from([1 << 20, 1 << 24, 1 << 30]))
def test_a_name_is_read_as_it_was_written(timeline: int, number: int, size: int) -> None:
    """Whatever the size of segments, and names sort as segments do."""
    one = Segment(timeline, number % ((1 << 64) // size))
    assert Segment.parse(one.name(size), size) == one
    assert is_wal(one.name(size))


@given(st.integers(0, (1 << 64) - 1))
def test_a_position_is_read_as_it_was_written(position: int) -> None:
    """As PostgreSQL writes it."""
    assert parse_lsn(show_lsn(position)) == position


@pytest.mark.parametrize("text", ["", "0", "0/", "/0", "x/1", "1/y"])
def test_what_is_no_position_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(CouldNotObserve, match="0/3000028"):
        parse_lsn(text)


@pytest.mark.parametrize(
    "name",
    ["", "x", "0" * 23, "00000001000000000000000g", "../000000010000000000000001", "000000010000000000000001.tmp"],
)
def test_what_is_no_file_of_a_wal(name: str) -> None:
    """So nothing else gets into an archive, and nothing leads out of it."""
    assert not is_wal(name)


def test_after_the_last_segment_of_a_log_comes_the_next_log() -> None:
    """There are 256 of 16 MB in each."""
    assert names(1, 0xFF, 0x100) == ["0000000100000000000000FF", "000000010000000100000000"]


@given(st.sets(st.integers(1, 30)), st.integers(1, 30), st.integers(0, 10))
def test_what_is_not_there_is_missing(there: set[int], start: int, more: int) -> None:
    """Every one between the first and the last, and no other."""
    found = missing(names(1, *there), Segment(1, start), Segment(1, start + more))
    assert {one.number for one in found} == set(range(start, start + more + 1)) - there


def test_the_way_leaves_a_timeline_where_it_forked() -> None:
    """The fork's own segment is read from the newer one."""
    forks = [Fork(1, 5 * (1 << 24) + 7), Fork(2, 7 * (1 << 24))]
    taken = list(way(Segment(1, 3), Segment(3, 8), forks))
    assert taken == [Segment(1, 3), Segment(1, 4), *(Segment(2, n) for n in (5, 6)), *(Segment(3, n) for n in (7, 8))]


def test_a_history_is_read_line_by_line() -> None:
    """Comments and reasons aside; garbage is no history."""
    text = "# a comment\n1\t0/5000098\tno recovery target specified\n\n2\t1/AB\tbefore 2000-01-01\n"
    assert parse_history(text) == (Fork(1, 0x5000098), Fork(2, (1 << 32) + 0xAB))
    assert parse_history("garbage\0") == ()


def test_the_newest_timeline_that_comes_from_the_backup_is_followed() -> None:
    """Not one that left before its point, nor one whose origin is unknown."""
    point = 6 * (1 << 24) + 100
    histories = {
        2: (Fork(1, 8 * (1 << 24)),),
        3: (Fork(1, 5 * (1 << 24)),),
    }
    there = [*names(1, 6, 7, 8), *names(2, 8, 9), *names(3, 5, 6), *names(4, 9)]
    found = plan(there, histories, 1, point, 1 << 24)
    assert (found.timeline, found.last, found.missing, found.strangers) == (2, Segment(2, 9), (), (3, 4))
    assert plan([], {}, 1, point, 1 << 24).last is None
    gap = plan(names(1, 6, 8), {}, 1, point, 1 << 24)
    assert gap.missing == (Segment(1, 7),)


MINUTE = timedelta(minutes=1)
INSTANT = datetime(2026, 11, 22, 9, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ended", "behind", "short"),
    [
        (7, 30 * MINUTE, False),  # the fork is ahead: along one timeline that is all there was
        (8, 3 * MINUTE, False),
        (8, 6 * MINUTE, True),
        (9, 6 * MINUTE, True),
    ],
)
def test_what_was_live_may_be_on_the_timeline_that_was_left(ended: int, behind: timedelta, short: bool) -> None:
    """A standby that was behind was promoted: the new timeline has nothing of the minutes between."""
    size = 1 << 24
    there = [*names(1, 6, 7, 8, 9), *names(2, 8, 9)]
    found = plan(there, {2: (Fork(1, 8 * size),)}, 1, 6 * size + 100, size)
    assert found.forks == (Fork(1, 8 * size),)
    why = short_of(found, ended * size, INSTANT - behind, INSTANT, 5 * MINUTE)
    assert bool(why) == short
    if short:
        assert "of 2026-11-22 09:52:00 UTC, 360 s before" in why
        assert "rpo is 300 s: timeline 1 was left at 0/8000000" in why


def test_a_fork_from_before_the_backup_is_none_of_its_way() -> None:
    """The server was switched over long ago."""
    size = 1 << 24
    assert plan(names(2, 6, 7), {2: (Fork(1, 5 * size),)}, 2, 6 * size + 100, size).forks == ()


def segment(timeline: int, number: int, *, of: int | None = None, system: int = 77) -> bytearray:
    """A segment whose pages say so."""
    content = bytearray(SIZE)
    for at in range(0, SIZE, PAGE):
        place = (of if of is not None else number) * SIZE + at
        struct.pack_into("=HHIQI4x", content, at, 0xD118, 2 if at == 0 else 0, timeline, place, 0)
    struct.pack_into("=QII", content, 24, system, SIZE, PAGE)
    return content


def test_a_segment_says_whose_it_is() -> None:
    """By its first page; what follows a segment that was closed early is zeros."""
    name = Segment(3, 9).name(SIZE)
    content = segment(2, 9)  # the first of a timeline holds pages of the one before
    content[5 * PAGE :] = bytes(SIZE - 5 * PAGE)
    head = examine(name, io.BytesIO(content))
    assert head is not None
    assert (head.system, head.timeline, head.size) == ("77", 2, SIZE)
    assert examine("00000002.history", io.BytesIO(b"anything")) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cut off"),
        (bytes(SIZE), "does not begin"),
        (bytes(segment(1, 9, of=10)), "not what its name says"),
        (bytes(segment(2, 9)), "not what its name says"),
        (bytes(segment(1, 9))[: SIZE // 2], "cut off"),
        (bytes(segment(1, 9)) + b"x", "longer"),
        (bytes(segment(1, 9))[:PAGE] + bytes(segment(1, 9, of=4))[PAGE:], "damaged 8192 bytes in"),
    ],
)
def test_a_segment_that_is_none_or_another_is_refused(content: bytes, says: str) -> None:
    """With what is wrong."""
    with pytest.raises(CouldNotObserve, match=says):
        examine(Segment(1, 9).name(SIZE), io.BytesIO(content))


@given(st.binary(max_size=200))
def test_no_content_breaks_it(content: bytes) -> None:
    """It is refused, or it is a segment."""
    with pytest.raises(CouldNotObserve):
        examine(Segment(1, 9).name(SIZE), io.BytesIO(content))
    assert not ends_whole(Segment(1, 9).name(SIZE), io.BytesIO(content), 9 * SIZE)


def test_recovery_may_end_where_a_record_goes_on_in_the_next_segment() -> None:
    """And at the segment's end; nowhere else."""
    name, content, start = Segment(1, 9).name(SIZE), segment(1, 9), 9 * SIZE
    at = SIZE - 64
    struct.pack_into("=IIQ", content, at, 500, 0, start + at - 40)
    assert ends_whole(name, io.BytesIO(content), start + SIZE)
    assert ends_whole(name, io.BytesIO(content), start + at)
    struct.pack_into("=IIQ", content, at, 40, 0, start + at - 40)  # it would fit: so it is damaged
    assert not ends_whole(name, io.BytesIO(content), start + at)
    assert not ends_whole(name, io.BytesIO(content), start + 3 * PAGE)
