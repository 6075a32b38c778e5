"""The chapter on tools asks each command whether it can do its work, and believes the answer."""

import pytest
from click.testing import CliRunner

from cli.main import main
from deployments.rehearsal.binaries import CHECKOUT
from tasks.checks.command import CommandRun
from tasks.vocabulary import KINDS
from tminus.readiness.book import Line
from tminus.readiness.source import load_checklist

LINES = [
    line
    for line in load_checklist(CHECKOUT / "runbooks" / "tradesense", KINDS).lines()
    if line.ref.startswith("tradesense/tools-scripts/")
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.ref)
def test_it_holds_where_the_command_is_in_this_release(line: Line) -> None:
    """The tminus of this checkout is asked as the book asks it: restore and rotate refuse, so their lines fail."""
    [check] = line.checks
    assert isinstance(check, CommandRun)
    assert (check.argv[0], check.argv[-1]) == ("tminus", "--check")
    code = CliRunner().invoke(main, list(check.argv[1:])).exit_code
    assert code == (3 if check.argv[2] in {"restore", "rotate"} else 0)


def test_there_are_nine() -> None:
    """One line for each of the shell scripts that there used to be."""
    assert len(LINES) == 9
