"""A rehearsal that is left up says what another terminal must type, and what comes only at its end."""

import sys
import time
from pathlib import Path

import pytest

from cli.rehearse import stay_up
from deployments.rehearsal.out_folder import OutFolder
from deployments.rehearsal.play import read_first


def test_it_says_how_to_look_around_and_what_is_still_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The venv that has `tminus`, the variables, and that the logs come after Ctrl-C."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    stay_up(tmp_path, [read_first(tmp_path / "variables.sh"), "tminus status"], OutFolder(Path("out")))
    assert capsys.readouterr().out.splitlines() == [
        f"Everything stays up, in {tmp_path}. In another terminal, line by line:",
        f"  . {Path(sys.executable).parent / 'activate'} && . {tmp_path / 'variables.sh'}",
        "  tminus status",
        "Ctrl-C ends it; only then every server's log is copied to out/logs.",
        "Ending everything.",
    ]
