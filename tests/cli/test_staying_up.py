"""A rehearsal that is left up: judged first, and then what another terminal must type, and what comes at its end."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.rehearse import stay_up
from deployments.rehearsal import play, whole_estate
from deployments.rehearsal.fault_ending import Ending
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.out_folder import MARK, OutFolder


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Each wait that was begun; Ctrl-C ends it at once."""
    begun: list[float] = []

    def interrupted(seconds: float) -> None:
        begun.append(seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    return begun


def test_it_says_how_to_look_around_and_what_is_still_to_come(
    tmp_path: Path, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """What to type, and that the logs come after Ctrl-C."""
    stay_up(tmp_path, [". variables.sh", "tminus status"], OutFolder(Path("out")))
    assert capsys.readouterr().out.splitlines() == [
        f"Everything stays up, in {tmp_path}. In another terminal, line by line:",
        "  . variables.sh",
        "  tminus status",
        "Ctrl-C ends it; only then every server's log is copied to out/logs.",
        "Ending everything.",
    ]
    assert len(waits) == 1


@pytest.mark.parametrize(("venv", "read"), [(True, "venv rehearsal"), (False, "- rehearsal")])
def test_what_a_terminal_reads_first_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, venv: bool, read: str
) -> None:
    """By a shell: the venv that has `tminus`, and the variables; where Python is no venv's, these all the same."""
    python = tmp_path / "a folder" / "python"
    python.parent.mkdir()
    if venv:
        (python.parent / "activate").write_text("VENV=venv\n", "utf-8")
    (tmp_path / "variables.sh").write_text("LEDGER=rehearsal\n", "utf-8")
    monkeypatch.setattr(sys, "executable", str(python))
    line = play.read_first(tmp_path / "variables.sh")
    done = subprocess.run(
        ["/bin/sh", "-c", f'{line}\necho "${{VENV:--}} $LEDGER"'], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == (read, "")


@pytest.mark.parametrize("kept", [["--keep"], []], ids=["kept", "not kept"])
def test_it_is_judged_before_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float], kept: list[str]
) -> None:
    """Whoever leaves it up sees at once how it ended, and so does the file that is left; the exit code is the same."""
    ended = Ending("held", "the old version")

    @contextmanager
    def estate(folder: Path, *_: object) -> Iterator[SimpleNamespace]:
        prefect = SimpleNamespace(url="http://127.0.0.1", environment=dict)
        servers = SimpleNamespace(addresses=SimpleNamespace(prefect=prefect))
        yield SimpleNamespace(folder=folder, servers=servers, environment=dict)

    monkeypatch.setattr(whole_estate, "WholeEstate", estate)
    monkeypatch.setattr(play, "play", lambda *_: play.Played(3, "shop-1", 1.0, "HELD shop", ended))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    judged: list[str] = []
    real = time.sleep

    def looked(seconds: float) -> None:
        judged.append((tmp_path / "out" / MARK).read_text("utf-8"))
        real(seconds)

    monkeypatch.setattr(time, "sleep", looked)
    done = CliRunner().invoke(main, ["rehearse", "--out", str(tmp_path / "out"), *kept])
    assert (done.exit_code, len(waits)) == (1, len(kept)), done.output
    shown = done.output.partition("Everything stays up")[0] if kept else done.output
    assert ("NOT as promised" in shown, str(FAULTS["none"].ending) in shown) == (True, True)
    assert all('"otherwise": [\n' in one for one in judged)
