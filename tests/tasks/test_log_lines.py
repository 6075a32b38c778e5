"""Lines of logs: those of common loggers are read, wherever in a file the time asked for begins."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.log_lines import parse, read_since
from tminus.clock import now


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ('{"time": "2026-11-22T02:00:00Z", "level": "ERROR", "message": "x"}', True),
        ('{"@timestamp": "2026-11-22T02:00:00.5+01:00", "log.level": "fatal", "msg": "x"}', True),
        ('{"asctime": "2026-11-22 02:00:00,123", "levelname": "CRITICAL", "event": "x"}', True),
        ('{"time": 1795312800123, "level": 50, "msg": "x", "err": {}}', True),
        ('{"ts": 1795312800.5, "level": "warn", "msg": {"not": "text"}}', False),
        ('{"timestamp": "2026-11-22T02:00:00", "severity": "INFO"}', False),
    ],
)
def test_lines_of_common_loggers_are_understood(line: str, is_error: bool) -> None:
    """Whatever they call time and level; a time without a zone is UTC."""
    entry = parse(line.encode())
    assert entry is not None
    assert entry.is_error is is_error
    assert entry.at.year == 2026
    assert entry.at.utcoffset() is not None


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"level": "error"}', b'{"time": "soon", "level": "error"}', b"\xff"]
)
def test_other_lines_are_no_entries(line: bytes) -> None:
    """They are counted as unstructured, and end nothing."""
    assert parse(line) is None


@given(st.integers(0, 40), st.integers(1, 300))
def test_reading_from_the_end_misses_nothing(tmp_path_factory: pytest.TempPathFactory, wanted: int, block: int) -> None:
    """However the file falls into blocks, every entry since the time asked for is read."""
    file: Path = tmp_path_factory.mktemp("log") / "one.jsonl"
    start = now()
    times = [start + timedelta(seconds=n) for n in range(40)]
    lines = [
        json.dumps({"time": at.isoformat(), "level": "info", "message": "x" * (n % 7)}) for n, at in enumerate(times)
    ]
    file.write_text("\n".join(lines) + "\n")
    since = start + timedelta(seconds=wanted - 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.log_lines._BLOCK", block)
        entries = list(read_since(file, since))
    assert None not in entries
    assert [entry.at for entry in entries if entry and entry.at >= since] == [at for at in times if at >= since]


@given(st.integers(1, 64), st.integers(0, 6))
def test_lines_that_are_none_hide_no_entry_behind_them(
    tmp_path_factory: pytest.TempPathFactory, block: int, between: int
) -> None:
    """However many lines without entries there are, and however they fall into blocks, all is read that should be."""
    file: Path = tmp_path_factory.mktemp("log") / "one.jsonl"
    start = now()
    times = [start + timedelta(seconds=n) for n in range(8)]
    noise = "\n".join(["no entry"] * between)
    lines = [f'{{"time": "{at.isoformat()}", "level": "info"}}\n{noise}' for at in times]
    file.write_text("\n".join([noise, *lines, ""]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.log_lines._BLOCK", block)
        entries = list(read_since(file, times[4]))
    assert [entry.at for entry in entries if entry and entry.at >= times[4]] == times[4:]
    assert entries.count(None) >= between * 4
