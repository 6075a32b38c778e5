"""`tminus status` without a launch: sign-offs stand below the launches, also once they are decided."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from tasks.vocabulary import KINDS
from tests.tminus.signing_team import Team
from tminus import events as ev
from tminus.clock import now
from tminus.ledger.store import Entry
from tminus.recent_sign_offs import recent_sign_offs


@pytest.fixture
def team(named_team: Team) -> Team:
    """Who signs a release off."""
    return named_team


def test_each_with_how_it_stands(team: Team) -> None:
    """Open until when, then signed until when; the launches alone are data."""
    chain = team.ask(team.real.people())
    shown = CliRunner().invoke(main, ["status"]).stdout
    assert f"  {chain}  open\n" in shown
    assert "Not complete: 0 of 5 signatures; it can be signed until " in shown
    team.sign(chain, team.real)
    shown = CliRunner().invoke(main, ["status"]).stdout
    assert f"  {chain}  signed\n" in shown
    assert "Complete: 5 of 5 signatures, valid until " in shown
    assert CliRunner().invoke(main, ["status", "--json"]).stdout == "[]\n"


def test_one_that_is_over_leaves_the_list_after_a_month(team: Team) -> None:
    """A refused one says by whom and why for 30 days; and so does one that nobody signed in time."""
    chain = team.ask(team.real.people())
    then = now()
    ((late,), gone) = (list(recent_sign_offs(team.store, KINDS, then + timedelta(days=days))) for days in (29, 31))
    assert f"  {chain}  expired\n" in late
    assert gone == []


def test_one_that_cannot_be_read_hides_no_other(team: Team) -> None:
    """It is named with the reason."""
    chain = team.ask(team.real.people())
    false = "sign-off-tradesense-0-0"
    team.store.open_chain(false, Entry(false, ev.write(team.book(chain)[1].created)))
    real, other = recent_sign_offs(team.store, KINDS, now())
    assert f"  {chain}  open\n" in real
    assert other.startswith(f"{false}  cannot be read\n    {false} says that it is {chain}, so nothing in it counts")
