"""How backups look on a terminal."""

from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from tests.tminus.backups.test_catalogue import NOW, STORE, daily, made, taken
from tminus import events as ev
from tminus.backups.book import BackupBook
from tminus.backups.contents import Marker
from tminus.backups.history import History
from tminus.backups.terminal import ago, chart, overview, render_store, short, size
from tminus.outcome import Outcome, Verdict

BOOK = BackupBook(backups="shop", title="t", stores={"cache": STORE, "other": STORE})
HOUR = timedelta(hours=1)


def verified(ago: timedelta, rto: float | None = 60, verdict: Verdict = Verdict.PASS) -> ev.BackupVerified:
    """One verification of the store."""
    return ev.BackupVerified(
        at=NOW - ago,
        verification=str(ago),
        store="cache",
        kind="redis.rdb",
        backup="cache-1",
        outcome=Outcome(verdict=verdict, summary="2 keys differ"),
        rto_seconds=rto,
        rpo_seconds=5,
    )


def drawn(*blocks: RenderableType) -> str:
    """As text."""
    out = StringIO()
    console = Console(file=out, width=140)
    for block in blocks:
        console.print(block)
    return out.getvalue()


def test_each_store_has_its_line() -> None:
    """Its newest backup, and how the last verification came out; one that never was says so."""
    events = [taken(2 * HOUR, 4_200_000), verified(30 * HOUR), verified(HOUR, 7200, Verdict.FAIL)]
    text = drawn(*overview(BOOK, History("c", events), NOW))
    line = next(one for one in text.splitlines() if one.startswith("cache"))
    assert all(part in line for part in ("2.0 h ago", "4.2 MB", "60.0 min ago", "fail", "2.0 h", "▁█"))
    assert "never" in next(one for one in text.splitlines() if one.startswith("other"))
    assert "cache: 2 keys differ" in text


def test_one_store_in_full() -> None:
    """What lies in its bucket, or why that is not known; how it went."""
    events = [verified(30 * HOUR), verified(HOUR, None, Verdict.UNKNOWN)]
    text = drawn(*render_store("cache", STORE, History("c", events), made(daily(3)), NOW))
    assert text.count("recorded") == 3
    assert "verified      +?" in text
    assert "S3 is silent" in drawn(*render_store("cache", STORE, History("c", []), "S3 is silent", NOW))


def test_the_chart_reaches_its_top_at_the_limit() -> None:
    """What is beyond is red; what was not measured is a dot."""
    text = chart([0, 1800, 3600, 7200, None], HOUR)
    assert text.plain == "▁▃▅█·"
    assert [str(span.style) for span in text.spans][3] == "red"
    assert chart([3600], HOUR).plain == "█"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0.0 s"), (119, "119.0 s"), (120, "2.0 min"), (7200, "2.0 h"), (172_800, "2.0 d")]
)
def test_times_are_short(seconds: float, said: str) -> None:
    """In the unit that a person would take."""
    assert short(seconds) == said
    assert ago(timedelta(seconds=seconds)) == f"{said} ago"


def test_sizes_are_short() -> None:
    """By thousands, as S3's bill has them."""
    assert [size(one) for one in (7, 1500, 4_200_000, 10**10, 10**13)] == [
        "7 B",
        "1.5 kB",
        "4.2 MB",
        "10.0 GB",
        "10.0 TB",
    ]


def test_the_common_point_has_its_line() -> None:
    """With its age; and each group of stores says how it came out, or that it never was compared."""
    agree = [{"title": "t", "ids": {"cache": "KEYS a:*", "other": "KEYS a:*"}}]
    group = {"title": "t", "owner": "o", "agree": agree}
    book = BackupBook.model_validate({**BOOK.model_dump(), "together": {"orders": group, "bills": group}})
    mark = Marker(number=9, at=NOW - 3 * HOUR)
    compared = ev.StoresCompared(
        at=NOW - HOUR,
        verification="v",
        group="orders",
        stores=("cache", "other"),
        mark=mark,
        outcome=Outcome(verdict=Verdict.FAIL, summary="cache lacks 3"),
    )
    seen = verified(HOUR).model_copy(update={"verification": "v"})
    ended = ev.VerificationEnded(at=NOW, verification="v", counts={}, common_mark=mark, sentence="s")
    text = drawn(*overview(book, History("c", [seen, compared, ended]), NOW))
    assert "cache can be brought to mark 9 of" in text
    assert "3.0 h ago." in text
    assert "orders: cache lacks 3 (compared 60.0 min ago, 3.0 h ago the common point)" in text
    assert "bills: not compared yet" in text
    other = seen.model_copy(update={"store": "other"})
    assert "All stores can be brought to" in drawn(*overview(book, History("c", [seen, other, ended]), NOW))
