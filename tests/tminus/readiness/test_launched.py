"""What sign-offs say about a checklist's lines: those of this very release, by these very people."""

from pathlib import Path

import pytest

from tasks.vocabulary import KINDS
from tests.tminus.readiness.room import checklist
from tests.tminus.signing_team import ROLES, Team
from tminus.clock import now
from tminus.outcome import Outcome, Verdict
from tminus.people import People
from tminus.readiness.launched import Whose, evidence_of_people_and_launches


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Nobody has asked yet."""
    (tmp_path / "team").mkdir()
    return Team(tmp_path / "team")


def of_role(team: Team, folder: Path, role: str, *, release: str = "", people: People | None = None) -> Outcome:
    """What a line that wants this role's sign-off comes to."""
    book = checklist(folder, f"title: A, sign_off: {{role: {role}}}").model_copy(update={"system": "tradesense"})
    frozen = team.documents.frozen("tradesense-1", now(), "product_manager", "title")
    digest = release or frozen.created.digests["release"]
    whose = Whose("anywhere", people or frozen.people, digest, KINDS)
    (outcome,) = evidence_of_people_and_launches(team.store, book, whose, now())["shop/testing/unit/1"]
    return outcome


def test_each_role_holds_by_its_own_signature(team: Team, tmp_path: Path) -> None:
    """Who has signed passes while the others are still awaited."""
    assert "was not asked" in of_role(team, tmp_path, "ceo").summary
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, "ceo")

    assert of_role(team, tmp_path, "ceo").verdict is Verdict.PASS
    waits = of_role(team, tmp_path, "devops_lead")
    assert waits.verdict is Verdict.FAIL
    assert "has not signed" in waits.summary


def test_a_refusal_is_everybodys(team: Team, tmp_path: Path) -> None:
    """One no, and the release is signed off by nobody, whoever said yes before."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, *ROLES[:2])
    team.sign(chain, team.real, "ceo", answer="reject")

    for role in ROLES:
        assert "ceo refused" in of_role(team, tmp_path, role).summary


def test_nobody_signs_under_the_others_names(team: Team, tmp_path: Path) -> None:
    """With keys of one's own, by the shipped commands: no role holds."""
    team.sign(team.ask(team.strange.people({role: f"U0X{role.upper()}" for role in ROLES})), team.strange)

    assert {of_role(team, tmp_path, role).verdict for role in ROLES} == {Verdict.FAIL}


def test_another_release_is_not_signed_off_by_it(team: Team, tmp_path: Path) -> None:
    """A sign-off is of one release; without a release or people nothing can be said, and that is no pass."""
    team.sign(team.ask(team.real.people()), team.real)

    assert of_role(team, tmp_path, "ceo").verdict is Verdict.PASS
    assert of_role(team, tmp_path, "ceo", release="sha256:" + "e" * 64).verdict is Verdict.FAIL
    book = checklist(tmp_path, "title: A, sign_off: {role: ceo}")
    nobody = evidence_of_people_and_launches(team.store, book, Whose("anywhere", None, "", KINDS), now())
    assert [one.verdict for one in nobody["shop/testing/unit/1"]] == [Verdict.SKIPPED]
