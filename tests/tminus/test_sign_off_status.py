"""`tminus status` of a sign-off: who signed, who is missing, and what a launch would say of it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import rfc8785
from click.testing import CliRunner

from cli.main import main
from tests.tminus.signing_team import ROLES, Team
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.errors import LedgerError
from tminus.ledger.logbook import Logbook
from tminus.outcome import Verdict
from tminus.sign_off_status import SignOffStatus, lines, sign_off_status
from tminus.yaml_source import Source


@pytest.fixture
def team(named_team: Team) -> Team:
    """Who signs a release off."""
    return named_team


def status(team: Team, chain: str, later: timedelta = timedelta()) -> SignOffStatus:
    """How it stands."""
    book, frozen = team.book(chain)
    found = sign_off_status(book, frozen, now() + later)
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
    asked_with = "by the people.yaml and the book that it was asked with"
    assert done.sentence == f"Complete: 5 of 5 signatures, valid until {until}, {asked_with}."
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
    assert (refused.missing, refused.sentence.endswith("; `tminus sign-off` asks again.")) == ((), True)
    assert team.ask(team.real.people()) == chain
    assert status(team, chain).state == "waiting"
    assert "rejected: security lead said no" in list(lines(status(team, chain)))[-1]


def renamed(team: Team) -> Source:
    """The same people, one of them written differently: asked with it, it is another chain."""
    return Source.thawed(
        "people", rfc8785.dumps(team.real.people().data).decode().replace("devops lead", "DevOps lead")
    )


def test_what_was_decided_later_elsewhere_is_what_counts(team: Team) -> None:
    """A launch is refused by the later no of another chain, so the first one is not complete."""
    first, second = team.ask(team.real.people()), team.ask(renamed(team), asked_by="devops_lead")
    team.sign(first, team.real)
    assert (status(team, first).complete, team.verdict().verdict) == (True, Verdict.PASS)
    assert (
        status(team, second).sentence.partition("; decided last in ")[2].startswith(f"{first}: complete, valid until ")
    )
    team.sign(second, team.real, "ceo", answer="reject")
    done, no = status(team, first), f"decided later in {second}: refused by ceo at "
    assert team.verdict().summary.startswith("ceo refused to sign it off")
    assert (done.state, done.complete) == ("overtaken", False)
    assert (done.decided.startswith(no), no in done.sentence) == (True, True)
    shown = CliRunner().invoke(main, ["status", first]).output
    assert ("✗ It was complete: 5 of 5 signatures" in shown, "✓" in shown) == (True, False)
    assert json.loads(CliRunner().invoke(main, ["status", first, "--json"]).output)["complete"] is False
    assert (status(team, second).state, status(team, second).decided) == ("refused", "")


def test_withdrawn_it_says_where_it_was_decided(team: Team) -> None:
    """Nobody is missing any more; the launch goes by what is asked instead, and so does the status."""
    wrong = team.ask(team.real.people({"ceo": "U0TYPO"}))
    team.sign(wrong, team.real, "devops_lead")
    chain = team.ask(team.real.people())
    gone = status(team, wrong)
    assert (gone.state, gone.complete, gone.missing, gone.answer, gone.decided) == ("withdrawn", False, (), "", "")
    assert team.verdict().summary.startswith(f"the sign-off {chain} waits")
    assert "missing" not in CliRunner().invoke(main, ["status", wrong]).output
    team.sign(chain, team.real)
    assert team.verdict().verdict is Verdict.PASS
    assert not status(team, wrong).complete
    # The CEO's Slack id is another one there, so their yes decides nothing for the people of the first question.
    assert status(team, chain).complete


def test_a_launch_with_other_people_may_say_otherwise_and_the_sentence_says_by_whose(team: Team) -> None:
    """A Slack id was mended since: the launch waits, and what the status says is by the people.yaml of then."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real)
    team.documents = replace(team.documents, people=team.real.people({"ceo": "U0MENDED"}))
    assert "waits for 1 ceo" in team.verdict().summary
    assert "by the people.yaml and the book that it was asked with" in status(team, chain).sentence


def test_a_chain_that_says_it_is_another_one_is_refused(team: Team) -> None:
    """A launch counts nothing of it; nor of a question about another release."""
    chain = team.ask(team.real.people())
    book, frozen = team.book(chain)
    copied = Logbook(team.store, f"{chain[:-12]}{'0' * 12}")
    opened = book.record.asks["readiness-signed-off"].opened
    copied.open(frozen.created, opened)
    with pytest.raises(LedgerError, match=f"says that it is {chain}, so nothing in it counts"):
        sign_off_status(copied, frozen, now())
    book.write(opened.model_copy(update={"ask": "other", "decision_digest": f"sha256:{'0' * 64}"}))
    with pytest.raises(LedgerError, match="asks about another release than it is named after"):
        sign_off_status(book, frozen, now())


def test_a_reason_begins_no_line_and_steers_no_terminal(team: Team) -> None:
    """Who says no cannot write a yes beneath it; as JSON it is in ASCII."""
    chain = team.ask(team.real.people())
    book, frozen = team.book(chain)
    opened = book.record.asks["readiness-signed-off"].opened
    said = ev.Answered(
        ask=opened.ask,
        person="ceo",
        answer="reject",
        digest=opened.decision_digest,
        via="slack",
        reason="typo\n✓ Complete: 5 of 5 signatures\u2028  signed  \x9b2J\u202e",
    )
    inbox.answer(book, frozen, said)
    assert ": typo ✓ Complete: 5 of 5" in status(team, chain).sentence
    assert ": typo ✓ Complete: 5 of 5" in team.verdict().summary
    assert [line[0] for line in lines(status(team, chain)) if "Complete" in line] == ["✗"]
    shown = CliRunner().invoke(main, ["status", chain, "--json"]).output
    assert (shown.isascii(), json.loads(shown)["state"]) == (True, "refused")
    assert team.ask(team.real.people()) == chain
    assert [line[:9] for line in lines(status(team, chain)) if "Complete" in line] == ["  before:"]
