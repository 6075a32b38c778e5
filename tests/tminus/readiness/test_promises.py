"""Promises of one checklist that cannot all be kept are found, and those that can be are left alone."""

from pathlib import Path

import pytest

from tests.tminus.readiness.room import CHECK, checklist
from tminus.readiness.promises import contradictions


def found(folder: Path, *promises: str) -> list[str]:
    """What contradicts what in a checklist whose lines promise these."""
    lines = [f"title: A, {CHECK}, promises: {{{one}}}" for one in promises]
    return [one.why for one in contradictions(checklist(folder, *lines))]


@pytest.mark.parametrize(
    ("promises", "wanted"),
    [
        (("rpo: 1 h", "backup_every: 6 h"), "may lose 6 h, and the RPO is 1 h"),
        (("uptime: 99.9 %", "rto: 1 h"), "leaves 43.8 min a month"),
        (("error_rate: 0.1 %", "error_alert: 1 %"), "the alert fires beyond 1 %"),
        (("p99: 10 ms", "p99_alert: 15 ms"), "the p99 may be at most 10 ms"),
        (("replication: 3", "nodes: 2"), "3 copies do not fit on 2 nodes"),
        (("backup_retention: 30 d", "backup_retention: 7 d"), "another backup retention: 30 d and 7 d"),
        (("rto: 1 h", "rto: 30 min"), "another rto: 1 h and 30 min"),
    ],
)
def test_what_cannot_both_be_kept_is_said_with_its_numbers(
    tmp_path: Path, promises: tuple[str, ...], wanted: str
) -> None:
    """One contradiction, in one sentence with both numbers."""
    said = found(tmp_path, *promises)

    assert len(said) == 1
    assert wanted in said[0]


@pytest.mark.parametrize(
    "promises",
    [
        ("rpo: 1 h", "backup_every: 1 h"),
        ("rpo: 1 h", "backup_every: 6 h", "incremental_every: 15 min"),
        ("uptime: 99.9 %", "rto: 43 min"),
        ("error_rate: 1 %", "error_alert: 0.1 %"),
        ("p99: 10 ms", "p99_alert: 10 ms"),
        ("replication: 3", "nodes: 3"),
        ("rto: 1 h", "rto: 60 min"),
        ("rpo: 1 h",),
    ],
)
def test_what_can_be_kept_is_left_alone(tmp_path: Path, promises: tuple[str, ...]) -> None:
    """Equal limits in other units, an alert that is stricter, incrementals between two backups: nothing is said."""
    assert found(tmp_path, *promises) == []


def test_incrementals_that_are_too_rare_do_not_help(tmp_path: Path) -> None:
    """An increment every two hours still loses more than an RPO of one."""
    assert len(found(tmp_path, "rpo: 1 h", "backup_every: 6 h", "incremental_every: 2 h")) == 1
