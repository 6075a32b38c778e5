"""Whose word a readiness sign-off is: the people of the launch's own people.yaml, and nobody under their names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import JsonValue

from tasks.vocabulary import KINDS
from tests.tminus.staged_launch import DATA
from tminus import events as ev
from tminus import inbox
from tminus.clock import now
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.messages import telling
from tminus.outcome import Outcome, Verdict
from tminus.personal_key import PersonalKey
from tminus.runbook import SignOff
from tminus.sign_off import all_asked, judge_sign_off, open_sign_off
from tminus.yaml_source import Source

_BOOK = Path(__file__).parents[2] / "runbooks" / "tradesense" / "launch.yaml"
ROLES = ("engineering_lead", "devops_lead", "security_lead", "product_manager", "ceo")


class Ring:
    """A key for each role, made by one hand."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.keys: dict[str, PersonalKey] = {}
        for role in ROLES:
            made = Ed25519PrivateKey.generate()
            (folder / role).write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            self.keys[role] = PersonalKey(folder / role)

    def people(self, slack: Mapping[str, str] | None = None) -> Source:
        """people.yaml with these keys; `slack` replaces some Slack ids."""
        listed: JsonValue = [
            {
                "id": role,
                "name": role.replace("_", " "),
                "roles": [role],
                "key": f"{self.keys[role].public} {role}@example",
                "slack": (slack or {}).get(role, f"U0{role.upper()}"),
                "on_duty": True,
            }
            for role in ROLES
        ]
        return Source.thawed("people", rfc8785.dumps({"people": listed}).decode())


class Team:
    """The real people, somebody who is none of them, and the ledger that all of them can write to."""

    def __init__(self, folder: Path) -> None:
        self.real, self.strange = Ring(folder / "real"), Ring(folder / "strange")
        data = Source.read(DATA / "environment.yaml").data
        assert isinstance(data, dict)
        environment = {**data, "ledger": {"sqlite": str(folder / "ledger.sqlite")}}
        self.documents = Documents(
            Source.read(DATA / "release.yaml"),
            Source.read(_BOOK),
            self.real.people(),
            Source.thawed("environment", rfc8785.dumps(environment).decode()),
            KINDS,
        )
        self.store = SqliteStore(folder / "ledger.sqlite")

    def ask(self, people: Source, asked_by: str = "product_manager") -> str:
        """Somebody asks, with the people.yaml that they have."""
        documents = replace(self.documents, people=people)
        return open_sign_off(documents, asked_by, lambda ledger: SqliteStore(ledger.sqlite or Path()))

    def book(self, chain: str) -> tuple[Logbook, Frozen]:
        """A chain's page, and what it froze."""
        book = Logbook(self.store, chain)
        created = book.refresh().created
        assert created is not None
        frozen = Frozen(created, KINDS)
        book.tell = telling(frozen)
        return book, frozen

    def sign(self, chain: str, ring: Ring, *roles: str, answer: ev.Answer = "approve") -> None:
        """By the command line's own way, with the keys of this ring."""
        book, frozen = self.book(chain)
        for role in roles or ROLES:
            opened = list(book.refresh().asks.values())[-1].opened
            said = ev.Answered(
                ask=opened.ask, person=role, answer=answer, digest=opened.decision_digest, via="command line"
            )
            signature = ring.keys[role].sign(chain, said)
            inbox.answer(book, frozen, said.model_copy(update={"signature": signature}))

    def verdict(self) -> Outcome:
        """How the sign-off stands for a launch with the real people.yaml."""
        frozen = self.documents.frozen("tradesense-1", now(), "product_manager", "title")
        question = next(step.does for step in frozen.runbook.steps() if isinstance(step.does, SignOff))
        return judge_sign_off(all_asked(self.store, frozen), question)


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
    assert "waits for 1 ceo; next could be ceo; ceo answered with another key" in team.verdict().summary
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
