"""`tminus status` of a sign-off: who signed, who is missing, whether it is complete, until when it is valid."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.tminus.signing_team import ROLES, Team
from tminus.clock import now
from tminus.sign_off_status import SignOffStatus, lines, sign_off_status


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """The people who sign a release off."""
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    team = Team(tmp_path)
    yield team
    team.store.close()


def status(team: Team, chain: str, later: timedelta = timedelta()) -> SignOffStatus:
    """How it stands."""
    book, frozen = team.book(chain)
    found = sign_off_status(frozen, book.record, now() + later)
    assert found is not None
    return found


def test_who_signed_and_who_is_missing(team: Team) -> None:
    """By name, with how many of how many and how to sign; no countdown, since a sign-off has no T-0."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, "devops_lead", "ceo")
    shown = CliRunner().invoke(main, ["status", chain]).output
    assert "◇ Not complete: 2 of 5 signatures; it can be signed until " in shown
    assert "  signed   DevOps lead: devops lead, at " in shown
    assert "  missing  1 security lead: security lead\n" in shown
    assert f"tminus approve {chain} --ask " in shown
    assert "T-" not in shown.replace(chain, "")
    told = json.loads(CliRunner().invoke(main, ["status", chain, "--json"]).output)
    assert (told["state"], told["complete"], told["valid_until"], len(told["missing"])) == ("waiting", False, None, 3)


def test_complete_and_until_when(team: Team) -> None:
    """It is valid from its last answer for as long as the book says, and then it ran out."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real)
    done = status(team, chain)
    assert done.valid_until is not None
    assert (done.state, len(done.signed), done.missing, done.answer) == ("complete", len(ROLES), (), "")
    until = f"{done.valid_until:%Y-%m-%d %H:%M:%S} UTC"
    assert done.sentence == f"Complete: 5 of 5 signatures, valid until {until}."
    late = status(team, chain, done.valid_until - now() + timedelta(seconds=1))
    assert (late.state, late.complete) == ("ran out", False)
    assert f"valid until {until}, and has run out" in late.sentence


def test_a_no_and_a_deadline_end_it(team: Team) -> None:
    """Who refused and why, or who was missing at the deadline; asked again, the new question, and how the old ended."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, "ceo")
    over = status(team, chain, timedelta(days=400))
    assert (over.state, over.answer, "1 of 5 signatures by the deadline" in over.sentence) == ("expired", "", True)
    assert "1 security lead" in over.missing
    team.sign(chain, team.real, "security_lead", answer="reject")
    refused = status(team, chain)
    assert (refused.state, "Refused by security lead at " in refused.sentence) == ("refused", True)
    assert team.ask(team.real.people()) == chain
    assert status(team, chain).state == "waiting"
    assert "rejected: security lead said no" in list(lines(status(team, chain)))[-1]
