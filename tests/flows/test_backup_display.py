"""What a store's task says of its backups in Prefect, and the tables beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.backup_display import _measured, _state, _trend
from tests.flows.backup_room import GOOD
from tminus import events as ev
from tminus.backups.book import RedisRdb
from tminus.expectation import Expectation
from tminus.outcome import Outcome, Verdict

AT = datetime(2026, 3, 2, 3, tzinfo=UTC)
STORE = RedisRdb.model_validate(
    {"kind": "redis.rdb", "title": "Sessions", "owner": "o", "bucket": "b", "every": "1h", "rpo": "1h", "rto": "15m"}
    | {"redis": "main"}
)


def came(verdict: Verdict, backup: str = "cache-1", *, days: int = 0, newest: bool = True) -> ev.BackupVerified:
    """One backup that came out so."""
    expected = {"restored": Expectation("= yes"), "missing": Expectation("= 0")}
    outcome = Outcome(verdict=verdict, summary="database 0 differs", found=GOOD, expected=expected)
    times = {"rto_seconds": 1.5, "rpo_seconds": 300.0} if verdict is Verdict.PASS else {}
    return ev.BackupVerified(
        at=AT + timedelta(days=days),
        verification=f"v{days}",
        store="cache",
        kind="redis.rdb",
        backup=backup,
        newest=newest,
        outcome=outcome,
        stages={"restore": 1.25},
        **times,
    )


@pytest.mark.parametrize(
    ("verdicts", "name", "said"),
    [
        ([Verdict.PASS], "Proven", "proven: cache-0 restored in 1.5 s, 5.0 min lost"),
        ([Verdict.PASS, Verdict.FAIL], "Not proven", "failed because cache-1: database 0 differs"),
        ([Verdict.UNKNOWN], "Unknown", "unknown because cache-0: database 0 differs"),
        (
            [Verdict.UNKNOWN, Verdict.FAIL],
            "Not proven",
            "unknown because cache-0: database 0 differs; failed because cache-1: database 0 differs",
        ),
        ([], "Unknown", ""),
    ],
)
def test_a_task_ends_as_its_backups_came_out(verdicts: list[Verdict], name: str, said: str) -> None:
    """Green where each of them is proven and there was one, else red, with what is wrong alone."""
    state = _state([came(verdict, f"cache-{number}") for number, verdict in enumerate(verdicts)])
    assert (state.name, state.message) == (name, said)
    assert state.is_completed() == (name == "Proven")


def test_no_backup_is_said() -> None:
    """Where there was none to look at."""
    assert "failed because no backup:" in str(_state([came(Verdict.FAIL, "")]).message)


def test_the_trend_is_of_the_newest_backups_the_latest_first() -> None:
    """A month of them, against the book's limits; what was not measured says so."""
    seen = [came(Verdict.PASS, f"cache-{day}", days=day) for day in range(40)]
    rows = _trend(STORE, [*seen, came(Verdict.FAIL, days=40), came(Verdict.PASS, newest=False, days=41)], "cache")
    assert len(rows) == 30
    assert rows[0] == {
        "verified": "2026-04-11 03:00",
        "backup": "cache-1",
        "verdict": "fail",
        "restored in (at most 15m)": "not measured",
        "lost (at most 1h)": "not measured",
    }
    assert rows[1]["restored in (at most 15m)"] == "1.5 s"


def test_what_was_expected_and_not_measured_is_a_row() -> None:
    """Beside what was, and the stages."""
    rows = {row["what"]: (row["found"], row["expected"]) for row in _measured(came(Verdict.PASS))}
    assert rows["restored"] == ("restored yes", "= yes")
    assert rows["missing"] == ("not measured", "= 0")
    assert rows["stage restore"] == ("1.2 s", "")
