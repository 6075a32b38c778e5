"""The readiness sign-off: asked once for a release, ended by the answer that decides it, asked anew when it is over."""

from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
from pydantic import JsonValue

from tasks.vocabulary import KINDS
from tests.tminus.staged_launch import DATA, Stage, slack_section
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.errors import Refused, UsageError
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.messages import telling
from tminus.sign_off import chain_of, open_sign_off
from tminus.yaml_source import Source

_BOOK = Path(__file__).parents[2] / "runbooks" / "tradesense" / "launch.yaml"
ROLES = ("engineering_lead", "devops_lead", "security_lead", "product_manager", "ceo")


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    """The shipped book, and one person a role."""
    data = Source.read(DATA / "environment.yaml").data
    assert isinstance(data, dict)
    people: JsonValue = [
        {"id": role, "name": role.replace("_", " "), "roles": [role], "on_duty": True} for role in ROLES
    ]
    environment: JsonValue = {**data, "ledger": {"sqlite": str(tmp_path / "ledger.sqlite")}, "slack": slack_section()}
    return Documents(
        Source.read(DATA / "release.yaml"),
        Source.read(_BOOK),
        Source.thawed("people", rfc8785.dumps({"people": people}).decode()),
        Source.thawed("environment", rfc8785.dumps(environment).decode()),
        KINDS,
    )


class Desk:
    """The sign-off's chain, and answers to it."""

    def __init__(self, folder: Path, chain: str) -> None:
        self.store = SqliteStore(folder / "ledger.sqlite")
        self.book = Logbook(self.store, chain)
        created = self.book.refresh().created
        assert created is not None
        self.frozen = Frozen(created, KINDS)
        self.book.tell = telling(self.frozen)

    def say(self, role: str, answer: ev.Answer = "approve") -> None:
        """Somebody answers what was asked last."""
        opened = list(self.book.refresh().asks.values())[-1].opened
        said = ev.Answered(ask=opened.ask, person=role, answer=answer, digest=opened.decision_digest, via="slack")
        inbox.answer(self.book, self.frozen, said)


def ask(documents: Documents) -> str:
    """Asks."""
    return open_sign_off(documents, "product_manager", lambda ledger: SqliteStore(ledger.sqlite or Path()))


def test_the_last_answer_ends_it(documents: Documents, tmp_path: Path) -> None:
    """Five roles; then nothing waits any more, and a further answer is told so."""
    desk = Desk(tmp_path, ask(documents))
    for role in ROLES[:-1]:
        desk.say(role)
        assert len(desk.book.record.open_asks()) == 1
    desk.say("ceo")
    assert desk.book.record.open_asks() == []
    (state,) = desk.book.record.asks.values()
    assert state.ended is not None
    assert state.ended.result == "met"
    with pytest.raises(Refused, match=" was decided at"):
        desk.say("ceo", "reject")


def test_one_no_ends_it(documents: Documents, tmp_path: Path) -> None:
    """Whoever else had signed."""
    desk = Desk(tmp_path, ask(documents))
    desk.say("ceo")
    desk.say("devops_lead", "reject")
    (state,) = desk.book.record.asks.values()
    assert state.ended is not None
    assert (state.ended.result, state.ended.reason) == ("rejected", "devops lead said no: no reason given")


def test_it_is_not_asked_twice_while_it_waits_or_holds(documents: Documents, tmp_path: Path) -> None:
    """Refused with whom it waits for, then with how long it is valid; nothing is written."""
    chain = ask(documents)
    with pytest.raises(Refused, match="asked already and waits for 1 ceo"):
        ask(documents)
    desk = Desk(tmp_path, chain)
    for role in ROLES:
        desk.say(role)
    before = desk.book.record.seq
    with pytest.raises(Refused, match="is signed off already, valid until"):
        ask(documents)
    assert desk.book.refresh().seq == before


@pytest.mark.parametrize("over", ["rejected", "expired", "ran out"])
def test_over_it_is_asked_anew_and_no_old_answer_counts(
    documents: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: str
) -> None:
    """After a no, after the deadline, and after its fortnight."""
    chain = ask(documents)
    desk = Desk(tmp_path, chain)
    if over == "rejected":
        desk.say("ceo", "reject")
    else:
        for role in ROLES if over == "ran out" else ROLES[:1]:
            desk.say(role)
        later = now() + timedelta(days=15)
        monkeypatch.setattr("tminus.sign_off.now", lambda: later)
        monkeypatch.setattr("tminus.inbox.now", lambda: later)
    assert ask(documents) == chain
    first, second = desk.book.refresh().asks.values()
    assert first.ended is not None
    assert second.ended is None
    assert second.answers == []
    for role in ROLES:
        desk.say(role)
    assert desk.book.record.open_asks() == []


def test_its_deadline_is_on_the_environments_clock(documents: Documents, tmp_path: Path) -> None:
    """Seven days, at five seconds an hour."""
    desk = Desk(tmp_path, ask(documents))
    (state,) = desk.book.record.asks.values()
    left = state.opened.deadline - state.opened.at
    assert left < timedelta(minutes=15)


def test_slack_shows_the_question_and_no_countdown(documents: Documents, tmp_path: Path) -> None:
    """A sign-off has no T-0 and nothing to scrub."""
    desk = Desk(tmp_path, ask(documents))
    rows = desk.store.look("SELECT key, body FROM outbox WHERE channel = 'slack'", {})
    assert len(rows) == 1
    assert str(rows[0][0]).startswith("ask-")
    assert "tminus.scrub" not in str(rows[0][1])


def test_orders_do_not_fit_a_sign_off(documents: Documents, tmp_path: Path) -> None:
    """There is nothing to hold, scrub or roll back."""
    desk = Desk(tmp_path, ask(documents))
    with pytest.raises(Refused, match="a sign-off is approved or rejected"):
        inbox.order(desk.book, desk.frozen, ev.Ordered(order="scrub", person="ceo", via="slack"))


def test_a_book_without_one_says_so(documents: Documents) -> None:
    """Nothing is opened."""
    plain = Source.thawed("book", _without_sign_off(documents))
    without = Documents(documents.release, plain, documents.people, documents.environment, KINDS)
    with pytest.raises(UsageError, match="has no sign_off step"):
        ask(without)


def _without_sign_off(documents: Documents) -> str:
    data = documents.runbook.data
    assert isinstance(data, dict)
    phases = data["phases"]
    assert isinstance(phases, list)
    kept: list[JsonValue] = []
    for phase in phases:
        assert isinstance(phase, dict)
        steps = phase["steps"]
        assert isinstance(steps, list)
        kept.append({**phase, "steps": [step for step in steps if isinstance(step, dict) and "sign_off" not in step]})
    return rfc8785.dumps({**data, "phases": kept}).decode()


def test_the_same_documents_have_the_same_chain(documents: Documents, tmp_path: Path) -> None:
    """Whoever asks; with another people.yaml it is another chain, which begins with the same release."""
    chain = ask(documents)
    assert chain_of(documents.frozen("tradesense-1", now(), "starter", "title")) == chain
    (tmp_path / "other").mkdir()
    other = chain_of(Stage.set(tmp_path / "other").frozen)
    assert other != chain
    assert other.rpartition("-")[0] == chain.rpartition("-")[0]
