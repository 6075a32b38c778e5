"""The chapter on tools asks each command whether it can do its work, and believes the answer."""

import pytest
from click.testing import CliRunner

from cli.main import main
from deployments.rehearsal.binaries import CHECKOUT
from tasks.checks.command import CommandRun
from tasks.vocabulary import KINDS
from tminus.readiness.book import Line
from tminus.readiness.source import load_checklist


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """The chapter's lines."""
    checklist = load_checklist(CHECKOUT / "runbooks" / "tradesense", KINDS)
    return [line for line in checklist.lines() if line.ref.startswith("tradesense/tools-scripts/")]


def test_each_holds_where_the_command_is_in_this_release(lines: list[Line]) -> None:
    """The tminus of this checkout is asked as the book asks it: rotate refuses, so its line fails."""
    assert len(lines) == 9  # one for each of the shell scripts that there used to be
    for line in lines:
        [check] = line.checks
        assert isinstance(check, CommandRun)
        assert (check.argv[0], check.argv[-1]) == ("tminus", "--check")
        code = CliRunner().invoke(main, list(check.argv[1:])).exit_code
        assert code == (3 if check.argv[2] == "rotate" else 0), line.ref
