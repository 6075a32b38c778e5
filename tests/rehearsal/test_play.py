"""A rehearsal's launch is created in time, or says why not."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from deployments.rehearsal import play
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.whole_estate import WholeEstate

REFUSED = "T-4h would have been at 12:33:32 UTC, and it is 12:33:33 UTC; choose a later T-0"


def estate(folder: Path) -> WholeEstate:
    """As much of one as a launch command is given."""
    files = SimpleNamespace(
        **{name: folder / name for name in ("release", "people", "environment")},
        ledger=folder / "ledger.sqlite",
        key=lambda role: folder / role,
    )
    return cast("WholeEstate", SimpleNamespace(documents=files, fault=FAULTS["none"]))


@pytest.mark.parametrize(
    ("too_early", "said", "tried", "ended"),
    [
        ((), REFUSED, ["+5h"], (0, False)),
        (("+5h",), REFUSED, ["+5h", "+7h"], (0, False)),
        (("+5h", "+7h"), REFUSED, ["+5h", "+7h"], (2, True)),
        (("+5h",), "nobody may approve it", ["+5h"], (2, False)),
    ],
)
def test_a_launch_that_was_created_too_late_is_tried_once_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    too_early: tuple[str, ...],
    said: str,
    tried: list[str],
    ended: tuple[int, bool],
) -> None:
    """With more time, where the clock alone was the reason and nothing was created; and what it refuses is heard."""
    script = tmp_path / "slow.py"
    script.write_text(
        "import sys\n"
        "t0 = sys.argv[sys.argv.index('--t0') + 1]\n"
        "print('tried', t0)\n"
        f"if t0 in {too_early!r}:\n"
        f"    print({said!r}, file=sys.stderr)\n"
        "    sys.exit(2)\n",
        "utf-8",
    )
    monkeypatch.setattr(play, "_TMINUS", (sys.executable, str(script)))
    monkeypatch.setattr(play, "environment_of", lambda _: {})
    monkeypatch.setattr(play, "launches", lambda _: {})
    heard: list[str] = []

    assert play._launch_in_time(estate(tmp_path), tmp_path, heard.append, tmp_path / "book") == ended

    assert [line.removeprefix("tried ") for line in heard if line.startswith("tried")] == tried
    assert capsys.readouterr().err == f"{said}\n" * sum(t0 in too_early for t0 in tried)
