"""A launch that is held for a missing signature says in which sign-off, what signs it, and that it is retried then."""

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from flows.what_next import told
from tests.test_printed_commands import why_not_whole
from tests.tminus.signing_team import ROLES, Team
from tminus import events as ev
from tminus.clock import now
from tminus.countdown import render
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.messages import telling
from tminus.messages.pagerduty_page import held_page
from tminus.runbook import SignOff
from tminus.sentence import closing_sentence
from tminus.sign_off_awaited import sign_offs_awaited

LAUNCH, STEP = "tradesense-2-0-0-1", "readiness-signed-off"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """Nobody has asked yet."""
    return Team(tmp_path)


def held(team: Team) -> tuple[Logbook, Frozen]:
    """A launch of theirs whose conductor looked at the sign-off now."""
    frozen = team.documents.frozen(LAUNCH, now(), "product_manager", "tradesense 2.0.0")
    book = Logbook(team.store, LAUNCH, telling(frozen))
    if team.store.head(LAUNCH) is None:
        book.open(frozen.created)
    book.refresh()
    step, outcome = frozen.runbook.step(STEP), team.verdict()
    assert step is not None
    assert isinstance(step.does, SignOff)
    started = ev.StepStarted(step=STEP, attempt=1)
    book.write(started, ev.StepEnded(step=STEP, attempt=1, outcome=outcome))
    book.write(ev.Held(why=told(frozen, book.record, step, outcome), step=STEP))
    return book, frozen


def ways(team: Team, book: Logbook, frozen: Frozen) -> list[tuple[str, str, str]]:
    """Who is awaited at the sign-off, for what, and the command; which can be typed as it stands."""
    found = list(sign_offs_awaited(team.store, frozen, book.record, now()))
    assert [why for one in found if (why := why_not_whole(shlex.split(one.how)[1:]))] == []
    return [(one.who, one.what, one.how) for one in found]


def test_what_is_open_is_named_with_its_command(team: Team) -> None:
    """In status, in the page, and by whom; once it is signed, that the step is to be tried again."""
    chain = team.ask(team.real.people())
    team.sign(chain, team.real, *ROLES[:-1])
    book, frozen = held(team)
    ((who, what, how),) = ways(team, book, frozen)
    assert who == "waits for 1 ceo; next could be ceo"
    assert what.startswith(f"sign {chain} off until ")
    assert how.startswith(f"tminus approve {chain} --ask {STEP} --digest ")
    assert isinstance(book.record.held, ev.Held)
    page = held_page(frozen, book.record, book.record.held).body
    assert f"to sign it: {how}, then tminus retry {LAUNCH} {STEP}" in page
    team.sign(chain, team.real, "ceo")
    assert ways(team, book, frozen) == [("anybody in people.yaml", f"retry {STEP}", f"tminus retry {LAUNCH} {STEP}")]


def test_where_nobody_was_asked_it_says_how_to_ask(team: Team) -> None:
    """With the files that the launch was made of."""
    book, frozen = held(team)
    ((_, what, how),) = ways(team, book, frozen)
    assert (what, how.split()[1]) == ("ask for a sign-off, since none is open", "sign-off")


def test_a_refusal_that_is_asked_anew_is_not_chased(team: Team) -> None:
    """The open question comes first, in what is awaited and in what the step came to."""
    team.sign(team.ask(team.real.people()), team.real, "ceo", answer="reject")
    book, frozen = held(team)
    assert team.verdict().summary == "ceo refused to sign it off: no reason given; `tminus sign-off` asks again"
    chain = team.ask(team.real.people())
    ((_, what, how),) = ways(team, book, frozen)
    assert what.startswith(f"sign {chain} off until ")
    assert f"--ask {STEP}-2 " in how
    said = team.verdict().summary
    assert said.startswith(f"the sign-off {chain} is open and waits for 1 ceo and 1 devops_lead and ")
    assert said.endswith("; decided last: ceo refused to sign it off: no reason given")


def test_status_shows_it_before_what_else_could_be_done(team: Team) -> None:
    """Whole, however narrow; and until when the launch is held before it ends by itself."""
    team.ask(team.real.people())
    book, frozen = held(team)
    moment, console = now(), Console(file=io.StringIO(), width=50)
    first = list(sign_offs_awaited(team.store, frozen, book.record, moment))
    console.print(render(frozen, book.record, moment, first=first), crop=False)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    typed = [line.split()[1] for line in shown.splitlines() if line.strip().startswith("tminus ")]
    assert typed == ["approve", "retry", "waive", "scrub"]
    assert f"{first[0].how}  # then retry {STEP}\n" in shown
    assert "it ends as a no-go." in " ".join(shown.split())


def test_its_end_invites_nobody_to_answer(team: Team) -> None:
    """That is for an open question; in the end it says what was lacking, and who was awaited."""
    team.sign(team.ask(team.real.people()), team.real, *ROLES[:-1])
    book, frozen = held(team)
    assert isinstance(book.record.held, ev.Held)
    said = closing_sentence(frozen, book.record, "no-go", book.record.held.why)
    assert "waits for 1 ceo; awaited: ceo (" in said
    assert "next could be" not in said
