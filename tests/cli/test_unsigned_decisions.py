"""`tminus ledger verify` also finds what was written under people's names."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus.ledger.directory import DIRECTORY


def test_a_decision_that_nobody_signed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain is whole, and yet it ends with 1, naming who is said to have decided what."""
    stage = Stage.set(tmp_path)
    stage.ask()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    assert CliRunner().invoke(main, ["ledger", "verify", LAUNCH]).exit_code == 0
    stage.book.write(stage.said("devops").model_copy(update={"via": "command line"}))
    done = CliRunner().invoke(main, ["ledger", "verify", LAUNCH])
    assert done.exit_code == 1
    assert (
        f"{LAUNCH} is whole, but holds decisions that are not proven and do not count: devops's approve" in done.stderr
    )


def test_the_directory_holds_no_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is verified all the same."""
    from tests.tminus.told_launches import created

    created(tmp_path).store.close()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    done = CliRunner().invoke(main, ["ledger", "verify", DIRECTORY])
    assert done.exit_code == 0, done.output
