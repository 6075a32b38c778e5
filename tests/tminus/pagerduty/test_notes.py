"""What people write on incidents: a hold and a no count, in the launch that is meant; a yes never does."""

import ssl
import threading
from itertools import count
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.pagerduty_webhooks import Subscription, signed
from deployments.rehearsal.stand_in_server import TlsFiles
from tests.sampling import few
from tests.tminus.carrying import DOWN
from tests.tminus.launch_story import KINDS
from tests.tminus.pagerduty_room import SECRET, STRANGER, Room
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage, pagerduty_id
from tminus import events as ev
from tminus.errors import InDoubt, LedgerError, LedgerUnreachable, TminusError
from tminus.frozen import Frozen
from tminus.gateway import Gateway
from tminus.launching import create
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_door import PagerDutyDoor
from tminus.pagerduty_notes import Notes
from tminus.signing_secrets import SigningSecrets


class TestDecisions:
    """What a note may do: hold, or say no."""

    def test_a_hold_holds(self, notes: Room, stage: Stage) -> None:
        """In its author's name, with their reason, and the incident says so."""
        assert notes.write("devops", "hold the queue grows") == (
            f"tminus: Recorded: DevOps lead, first shift holds {LAUNCH}."
        )
        held = stage.book.refresh().held
        assert isinstance(held, ev.Ordered)
        assert (held.person, held.via, held.reason) == ("devops", "pagerduty", "the queue grows")

    def test_a_no_is_a_no_to_what_is_asked_now(self, notes: Room, stage: Stage) -> None:
        """Bound to the question as it stands."""
        assert "says no to go-no-go" in notes.write("devops", "no-go, the queue grows")
        (answer,) = stage.book.refresh().asks["go-no-go"].answers
        assert (answer.answer, answer.person, answer.via) == ("reject", "devops", "pagerduty")
        assert answer.reason == "the queue grows"
        assert answer.digest == stage.book.record.asks["go-no-go"].opened.decision_digest

    @pytest.mark.parametrize("content", ["approve", "yes", "go", "tminus approve", "lgtm", "resume", "rollback"])
    def test_a_yes_is_never_one(self, notes: Room, stage: Stage, content: str) -> None:
        """An API key can write a note in anybody's name; that it was tried is written down and answered."""
        assert "can write a note in anybody's name" in notes.write("devops", content)
        assert stage.book.refresh().asks["go-no-go"].answers == []
        assert [who for who, _what in notes.refused()] == ["devops"]
        assert notes.count("accepted") == 0

    @pytest.mark.parametrize(
        ("content", "write"),
        [
            ("No: the db is broken", "`reject WHY`"),
            ("no, stop", "`reject WHY`"),
            ("Rejected", "`reject WHY`"),
            ("reject it?", "`reject WHY`"),
            ("hold it?", "`hold WHY`"),
        ],
    )
    def test_who_may_believe_to_have_said_it_is_told_how(
        self, notes: Room, stage: Stage, content: str, write: str
    ) -> None:
        """Nothing was done, and that is written down."""
        told = notes.write("devops", content)
        assert "nothing was done" in told
        assert write in told
        assert [who for who, _what in notes.refused()] == ["devops"]
        assert stage.book.refresh().held is None
        assert stage.book.record.asks["go-no-go"].answers == []

    def test_a_stranger_is_refused(self, notes: Room, stage: Stage) -> None:
        """By the id that PagerDuty knows them by, and it is written down."""
        assert "is nobody in this launch's people.yaml" in notes.write(STRANGER, "hold")
        assert notes.refused() == [(STRANGER, "hold")]
        assert stage.book.refresh().held is None

    def test_without_an_author_it_is_nobodys(self, notes: Room, stage: Stage) -> None:
        """An integration wrote it."""
        assert notes.send({**notes.event("devops", "hold"), "agent": None}).status_code == 202
        eventually(lambda: bool(stage.refusals()))
        assert notes.refused() == [("nobody", "hold")]

    def test_a_no_where_nothing_is_asked(self, notes: Room, stage: Stage) -> None:
        """Is told so, and what would count."""
        stage.end_ask()
        assert "no approval waits" in notes.write("devops", "reject")
        assert notes.refused() == [("devops", "reject")]

    def test_only_a_note_is_left_alone(self, notes: Room, stage: Stage) -> None:
        """People talk on incidents; so does tminus, and it does not answer itself."""
        for content in ("nobody knows yet", "hold?", "looking at it", "tminus: Recorded: somebody holds it."):
            assert notes.send(notes.event("devops", content)).status_code == 200
        notes.quiet()
        assert (notes.count("ignored"), stage.refusals(), notes.answers()) == (4, [], [])


class TestWhichLaunch:
    """By the incident's key, by the note's second word, or the only one under way."""

    def test_by_the_key_of_the_incident(self, notes: Room, stage: Stage) -> None:
        """Which is read from PagerDuty, since its webhook leaves it out."""
        assert "Recorded" in notes.write("devops", "hold")
        assert stage.book.refresh().held is not None
        assert [one.method for one in notes.account.record.calls][:1] == [f"GET /incidents/{notes.incident.id}"]

    def test_by_the_key_in_the_webhook(self, notes: Room, stage: Stage) -> None:
        """Where it has one, PagerDuty is not asked."""
        event = notes.event("devops", "hold")
        data = event["data"]
        assert isinstance(data, dict)
        assert isinstance(data["incident"], dict)
        data["incident"]["incident_key"] = f"{LAUNCH}:held"
        notes.send(event)
        eventually(lambda: stage.book.refresh().held is not None)

    def test_by_the_second_word(self, notes: Room, stage: Stage) -> None:
        """On any incident."""
        assert "Recorded" in notes.write("devops", f"hold {LAUNCH} because", incident=notes.other_incident())
        held = stage.book.refresh().held
        assert isinstance(held, ev.Ordered)
        assert held.reason == "because"

    @pytest.mark.parametrize(
        "content", ["hold on, I am looking", "go look at the disk", "no-go, not that one", "no, stop"]
    )
    def test_a_note_on_somebody_elses_incident_is_none_to_us(self, notes: Room, stage: Stage, content: str) -> None:
        """Who writes about a full disk holds no launch."""
        assert notes.send(notes.event("devops", content, incident=notes.other_incident())).status_code == 202
        notes.quiet()
        assert (notes.count("ignored"), stage.refusals()) == (1, [])
        assert stage.book.refresh().held is None
        assert stage.book.record.asks["go-no-go"].answers == []

    @pytest.mark.parametrize("launches", [0, 1, 2])
    def test_without_the_rest_api_it_is_the_only_one_under_way(
        self, notes: Room, stage: Stage, tmp_path: Path, launches: int
    ) -> None:
        """With none or several the note must name it."""
        if launches == 0:
            stage.book.close("rehearsal-on-loopback", ev.LaunchClosed(result="launched", sentence="GO"))
        if launches > 1:
            _another_launch(stage)
        door = PagerDutyDoor(SqliteStore(tmp_path / "ledger.sqlite"), KINDS, SigningSecrets.of(SecretStr(SECRET)))
        with served(Gateway(stage.store, [door], door.routes()).app()) as url:
            body, headers = signed(notes.event("devops", "hold"), SecretStr(SECRET))
            assert notes.client.post(f"{url}/pagerduty/webhooks", content=body, headers=headers).status_code == 202
            eventually(lambda: door.counts["accepted" if launches == 1 else "refused"] == 1)
        assert (stage.book.refresh().held is not None) == (launches == 1)

    @pytest.mark.long
    def test_while_pagerduty_does_not_answer_a_hold_still_holds(self, notes: Room, stage: Stage) -> None:
        """The only launch under way; nothing is answered."""
        notes.account.faults.set(DOWN)
        notes.send(notes.event("devops", "hold"))
        eventually(lambda: stage.book.refresh().held is not None)

    @pytest.mark.parametrize("content", few(["reject that disk", f"reject {LAUNCH} too risky"], "reject that disk"))
    def test_while_pagerduty_does_not_answer_a_no_must_name_its_launch(
        self, notes: Room, stage: Stage, content: str
    ) -> None:
        """It may be somebody else's incident, and a wrong no costs the launch."""
        notes.account.faults.set(DOWN)
        notes.send(notes.event("devops", content, incident=notes.other_incident()))
        eventually(lambda: notes.count("refused") + notes.count("accepted") == 1)
        answers = len(stage.book.refresh().asks["go-no-go"].answers)
        named = LAUNCH in content
        assert (answers, notes.refused()) == ((1, []) if named else (0, [("devops", "reject")]))
        assert named or f"`reject {LAUNCH}`" in stage.refusals()[0].why

    def test_a_no_on_an_incident_whose_question_is_over_is_none_to_another(self, notes: Room, stage: Stage) -> None:
        """It is refused, and what waits is named."""
        old = notes.other_incident(f"{LAUNCH}:ask-before-that:deputies")
        told = notes.write("devops", "no because the queue grows", incident=old)
        assert "about before-that, which is no approval that waits any more; what waits is go-no-go" in told
        assert notes.refused() == [("devops", "reject")]
        assert stage.book.refresh().asks["go-no-go"].answers == []

    @pytest.mark.parametrize("word", ["hold", "reject"])
    def test_an_incident_of_one_launch_and_a_note_that_names_another(
        self, notes: Room, stage: Stage, word: str
    ) -> None:
        """Which is meant cannot be told."""
        _another_launch(stage)
        assert "the note names another" in notes.write("devops", f"{word} another because")
        assert notes.refused() == [("devops", word)]
        assert stage.book.refresh().held is None


class TestFromEndToEnd:
    """From PagerDuty's app through its webhook to the ledger, and back as a note."""

    def test_a_note_in_the_app_holds_the_launch_and_is_answered_once(
        self, notes: Room, stage: Stage, pagerduty_door: Door, loopback_tls: TlsFiles
    ) -> None:
        """The answer is a note, and comes back by the webhook, too; it is no word to tminus."""
        notes.account.subscription = Subscription(f"{notes.door}/pagerduty/webhooks", SecretStr(SECRET))
        written = {"incident": notes.incident.id, "user": pagerduty_id("devops"), "content": "hold it"}
        trust = ssl.create_default_context(cafile=str(loopback_tls.authority))
        httpx.post(f"{pagerduty_door.url}/_control/notes", json=written, verify=trust).raise_for_status()
        sent = notes.account.subscription.statuses
        eventually(lambda: len(sent) == 2)
        assert sent == [202, 200]
        assert len(notes.answers()) == 1
        assert (notes.count("accepted"), notes.count("refused")) == (1, 0)
        held = stage.book.refresh().held
        assert isinstance(held, ev.Ordered)
        assert held.reason == "it"


class TestTheLedgerIsSlow:
    """PagerDuty is acknowledged before it is asked."""

    def test_acknowledged_before_the_ledger_answers(
        self, notes: Room, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And recorded when it does."""
        gate = threading.Event()
        monkeypatch.setattr("tminus.pagerduty_notes.Notes.first_time", lambda _self, _event: gate.wait(10))
        assert notes.send(notes.event("devops", "hold")).status_code == 202
        assert stage.book.refresh().held is None
        assert "tminus_pagerduty_waiting 1" in list(notes.notes.metrics())
        gate.set()
        eventually(lambda: stage.book.refresh().held is not None)

    @pytest.mark.parametrize("error", [LedgerUnreachable("down"), LedgerError("the server refuses it")])
    def test_what_is_not_recorded_is_said(
        self, notes: Room, monkeypatch: pytest.MonkeyPatch, error: LedgerError
    ) -> None:
        """On the incident, with what to do, once it was tried for long enough, or at once where it is refused."""

        def broken(_self: object, _event: str) -> bool:
            raise error

        monkeypatch.setattr("tminus.pagerduty_notes.Notes.first_time", broken)
        monkeypatch.setattr("tminus.pagerduty_door._AGAIN_WITHIN", 0.3)
        monkeypatch.setattr("tminus.pagerduty_door._PAUSE", 0.05)
        assert "NOT recorded" in notes.write("devops", "hold")
        assert notes.count("failed") == 1

    @pytest.mark.parametrize(
        ("where", "broken", "after"),
        [
            ("first_time", LedgerUnreachable("failing over"), False),
            ("first_time", InDoubt("failing over"), True),
            ("decide", LedgerUnreachable("failing over"), False),
        ],
    )
    def test_a_ledger_that_fails_over_loses_no_hold(
        self, notes: Room, stage: Stage, monkeypatch: pytest.MonkeyPatch, where: str, broken: TminusError, after: bool
    ) -> None:
        """PagerDuty has its 202 and sends nothing again, so the gateway tries again; what it did counts as done."""
        right, tries = getattr(Notes, where), count()

        def fails_over(found: Notes, *words: object) -> object:
            first = next(tries) == 0
            if first and not after:
                raise broken
            told: object = right(found, *words)
            if first:
                raise broken
            return told

        monkeypatch.setattr(Notes, where, fails_over)
        monkeypatch.setattr("tminus.pagerduty_door._PAUSE", 0.05)
        assert notes.write("devops", "hold the queue grows").startswith("tminus: Recorded")
        assert stage.book.refresh().held is not None
        assert (notes.count("replayed"), notes.count("failed")) == (0, 0)


def _another_launch(stage: Stage) -> None:
    created = stage.frozen.created.model_copy(update={"launch": "another", "environment_name": "elsewhere"})
    create(stage.store, Frozen(created, KINDS))
