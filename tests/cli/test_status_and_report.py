"""`tminus status` and `tminus report`."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.tminus.staged_launch import Stage
from tests.tminus.told_launches import rolled_back

ROOT = Path(__file__).parents[2]
LAUNCH = "tradesense-2-0-0-1"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ledger with one launch that was rolled back."""
    rolled_back(tmp_path).store.close()
    named = f"sqlite:{tmp_path / 'ledger.sqlite'}"
    monkeypatch.setenv("TMINUS_LEDGER", named)
    return named


def run(*words: str) -> Result:
    """The command's result."""
    return CliRunner().invoke(main, list(words))


def test_status_without_a_launch_lists_them(ledger: str) -> None:
    """Each with its end in one sentence, and the same as data."""
    result = run("status")
    assert result.exit_code == 0
    assert f"{LAUNCH}  rolled back" in result.stdout
    assert "the old version serves again (proven)" in result.stdout
    (line,) = json.loads(run("status", "--json").stdout)
    assert (line["launch"], line["result"]) == (LAUNCH, "rolled back")


def test_status_of_a_launch_is_one_screen(ledger: str) -> None:
    """Phases, what did not pass, and last the verdict; as data it is the report."""
    result = run("status", LAUNCH)
    assert result.exit_code == 0
    assert "✗ fail" in result.stdout
    assert result.stdout.rstrip().endswith("the old version serves again (proven).")
    assert json.loads(run("status", LAUNCH, "--json").stdout)["mark"]["word"] == "rolled back"


def test_status_says_who_is_awaited_and_for_how_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to type, for as long as it would count."""
    stage = Stage.set(tmp_path)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    stage.ask()
    assert f"tminus approve {LAUNCH}" in run("status", LAUNCH).stdout
    stage.ask(deadline=timedelta(seconds=-1))
    assert f"tminus approve {LAUNCH}" not in run("status", LAUNCH).stdout
    stage.store.close()


def test_a_sign_off_is_not_listed_as_a_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand there as under way for ever; `tminus pending` lists it while it waits."""
    stage = Stage.set(tmp_path, launch="sign-off-tradesense-1")
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    stage.ask()
    assert run("status").stdout.startswith("No launch is in this ledger.")
    assert "sign-off-tradesense-1" in run("pending").stdout
    stage.store.close()


def test_report_writes_its_files(ledger: str, tmp_path: Path) -> None:
    """And names them."""
    result = run("report", LAUNCH, "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert [Path(line).name for line in result.stdout.split()] == ["report.html", "report.md", "report.json"]
    assert all(Path(line).is_file() for line in result.stdout.split())


@pytest.mark.parametrize("words", [("status", "nothing"), ("report", "nothing", "--out", "out")])
def test_an_unknown_launch_is_a_clear_error(ledger: str, words: tuple[str, ...]) -> None:
    """Usage, exit code 2, with what lists the launches."""
    result = run(*words)
    assert result.exit_code == 2
    assert "no launch or sign-off is called 'nothing'; `tminus status` lists the launches" in result.stderr


def test_without_a_ledger_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, and what it takes."""
    monkeypatch.delenv("TMINUS_LEDGER", raising=False)
    result = run("status")
    assert result.exit_code == 2
    assert "set TMINUS_LEDGER" in result.stderr


def test_neither_imports_prefect(ledger: str, tmp_path: Path) -> None:
    """On-call does not wait a second for an engine that is only looked past."""
    code = (
        "import sys; from click.testing import CliRunner; from cli.main import main; "
        f"CliRunner().invoke(main, ['status', '{LAUNCH}']); "
        f"CliRunner().invoke(main, ['report', '{LAUNCH}', '--out', r'{tmp_path / 'out'}']); "
        "print('prefect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_sign_off_has_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no T-0, so no page about a launch is made of it; where it is shown is said."""
    chain = "sign-off-tradesense-0123456789abcdef-0123456789ab"
    Stage.set(tmp_path, launch=chain).store.close()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    result = run("report", chain, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert f"`tminus status {chain}` shows who signed" in result.output
    assert not (tmp_path / "out").exists()
