"""Whose word a readiness sign-off is: the people of the launch's own people.yaml, and nobody under their names."""

from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785
from pydantic import JsonValue

from tests.tminus.signing_team import ROLES, Team
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.errors import Refused
from tminus.ledger.logbook import Logbook
from tminus.outcome import Verdict
from tminus.yaml_source import Source


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Nobody has asked yet."""
    return Team(tmp_path)


def test_five_signatures_pass(team: Team) -> None:
    """And four do not; it says who is missing."""
    assert "nobody was asked" in team.verdict().summary
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, *ROLES[:-1])
    assert "waits for 1 ceo" in team.verdict().summary
    team.sign(chain, team.real, "ceo")
    assert team.verdict().verdict is Verdict.PASS


def test_one_who_has_only_the_ledger_signs_nothing_off(team: Team) -> None:
    """The real names with their own keys and Slack ids, by the shipped commands: five answers, and none counts."""
    chain = team.ask(team.strange.people({role: f"U0X{role.upper()}" for role in ROLES}))
    team.sign(chain, team.strange)
    outcome = team.verdict()
    assert outcome.verdict is Verdict.FAIL
    assert "ceo answered with another key or Slack id than people.yaml has now" in outcome.summary


def test_a_forged_one_stands_in_the_way_of_no_real_one(team: Team) -> None:
    """Asked before, or after, or said no to: only what the real people say counts."""
    team.sign(team.ask(team.strange.people()), team.strange)
    chain = team.ask(team.real.people())
    team.sign(chain, team.real)
    assert team.verdict().verdict is Verdict.PASS
    again = team.ask(team.strange.people({"ceo": "U0OTHER"}))
    team.sign(again, team.strange, "ceo", answer="reject")
    assert team.verdict().verdict is Verdict.PASS


def test_a_forger_takes_no_real_question_back(team: Team) -> None:
    """It goes on waiting for the real people, also where somebody else asks under the name of who asked."""
    chain = team.ask(team.real.people())
    team.ask(team.strange.people())
    book, _ = team.book(chain)
    assert len(book.record.open_asks()) == 1
    team.sign(chain, team.real)
    assert team.verdict().verdict is Verdict.PASS


def test_written_straight_into_the_ledger_it_counts_no_more(team: Team) -> None:
    """The real people.yaml frozen, and answers that only name its people."""
    chain = team.ask(team.real.people())
    book, _ = team.book(chain)
    opened = list(book.record.asks.values())[-1].opened
    for role in ROLES:
        said = ev.Answered(
            ask=opened.ask, person=role, answer="approve", digest=opened.decision_digest, via="command line"
        )
        signature = team.strange.keys[role].sign(chain, said)
        book.write(said.model_copy(update={"signature": signature}))
    assert team.verdict().verdict is Verdict.FAIL


def test_a_chain_that_was_copied_under_another_name_decides_nothing(team: Team) -> None:
    """Its signatures were given elsewhere: put last, they would outlive a later no."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real)
    opened = team.book(chain)[0].record.asks["readiness-signed-off"].opened
    again = opened.model_copy(update={"ask": "readiness-signed-off-2", "at": now()})
    book, frozen = team.book(chain)
    book.write(again)
    team.sign(chain, team.real, "ceo", answer="reject")
    assert team.verdict().verdict is Verdict.FAIL
    given = [event for event in book.refresh().events if isinstance(event, ev.Answered) and event.ask == opened.ask]
    later = opened.model_copy(update={"at": now()})
    Logbook(team.store, f"{chain[:-12]}{'0' * 12}").open(frozen.created, later, *given)
    assert team.verdict().verdict is Verdict.FAIL


def test_a_mended_people_yaml_can_be_asked_with(team: Team) -> None:
    """The CEO's Slack id was wrong: asked again, the old question is withdrawn, and the CEO's button counts."""
    wrong = team.ask(team.real.people({"ceo": "U0TYPO"}))
    team.sign(wrong, team.real, *ROLES[:-1])
    chain = team.ask(team.real.people())
    book, frozen = team.book(chain)
    ceo = frozen.people.by_slack("U0CEO")
    assert ceo is not None
    opened = book.record.asks["readiness-signed-off"].opened
    inbox.answer(
        book,
        frozen,
        ev.Answered(ask=opened.ask, person=ceo.id, answer="approve", digest=opened.decision_digest, via="slack"),
    )
    team.sign(chain, team.real, *ROLES[:-1])
    assert team.verdict().verdict is Verdict.PASS
    ended = team.book(wrong)[0].record.asks["readiness-signed-off"].ended
    assert ended is not None
    assert (ended.result, chain in ended.reason) == ("withdrawn", True)


def test_whose_key_was_replaced_signs_anew(team: Team) -> None:
    """An answer under the old key is not theirs any more."""
    team.sign(team.ask(team.real.people()), team.real)
    team.real.keys["ceo"] = team.strange.keys["ceo"]
    team.documents = replace(team.documents, people=team.real.people())
    assert "waits for 1 ceo; awaited: ceo; ceo answered with another key" in team.verdict().summary
    team.sign(team.ask(team.real.people()), team.real)
    assert team.verdict().verdict is Verdict.PASS


def test_a_no_of_theirs_decides_until_they_are_asked_again(team: Team) -> None:
    """It says whose no it was; asked anew, the yes counts, and while that holds nobody is asked once more."""
    team.sign(team.ask(team.real.people()), team.real, "ceo", answer="reject")
    assert team.verdict().summary.startswith("ceo refused to sign it off")
    team.sign(team.ask(team.real.people()), team.real)
    assert team.verdict().verdict is Verdict.PASS
    with pytest.raises(Refused, match="is signed off already"):
        team.ask(team.real.people())


def test_the_last_word_counts_and_not_the_last_question(team: Team) -> None:
    """Two asked with two people.yaml; the later question is approved first, then the CEO says no to the other."""
    first = team.ask(team.real.people())
    text = rfc8785.dumps(team.real.people().data).decode().replace("devops lead", "DevOps lead")
    second = team.ask(Source.thawed("people", text), asked_by="devops_lead")
    team.sign(second, team.real)
    team.sign(first, team.real, "ceo", answer="reject")
    assert team.verdict().summary.startswith("ceo refused to sign it off")


def test_what_else_changes_in_people_yaml_voids_nothing(team: Team) -> None:
    """Days lie between the sign-off and the launch: another shift is on duty, and somebody has joined."""
    team.sign(team.ask(team.real.people()), team.real)
    data = team.real.people().data
    assert isinstance(data, dict)
    listed = data["people"]
    assert isinstance(listed, list)
    changed = [{**one, "on_duty": False, "name": "Someone"} for one in listed if isinstance(one, dict)]
    newcomer: JsonValue = {"id": "second-shift", "name": "Second shift", "roles": ["devops_lead"], "on_duty": True}
    people = Source.thawed("people", rfc8785.dumps({"people": [*changed, newcomer]}).decode())
    team.documents = replace(team.documents, people=people)
    assert team.verdict().verdict is Verdict.PASS
    with pytest.raises(Refused, match="is signed off already"):
        team.ask(people)
