"""The door to PagerDuty: only what PagerDuty sent, once and in time, is let in, and never for a yes."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_webhooks import ping, signature, signed
from tests.tminus.launch_story import KINDS
from tests.tminus.pagerduty_room import OTHER, SECRET, TOKEN, Room
from tests.tminus.slack_room import eventually
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.environment import PagerDuty
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.pagerduty_door import PagerDutyDoor, open_pagerduty_door
from tminus.pagerduty_payload import Malformed, read_event, said_in
from tminus.pagerduty_signature import PagerDutySignatures
from tminus.signing_secrets import SigningSecrets

NOBODY_PAGERDUTY = "somebody who is not PagerDuty"


def _enveloped(data: JsonValue) -> bytes:
    event = {"id": "1", "event_type": "incident.annotated", "occurred_at": "2026-01-01T00:00:00Z", "data": data}
    return json.dumps({"event": event}).encode()


class TestForgeries:
    """What PagerDuty did not send, or not just now, or sent before."""

    @pytest.mark.parametrize(
        "given",
        ["", "v1=", "v1=" + "0" * 64, "v0=RIGHT", "RIGHT", "v1=RIGHT0", "v1=\u00e9", "v1=x," * 50 + "v1=RIGHT"],
        ids=["none", "empty", "wrong", "version", "bare", "longer", "not ascii", "too many"],
    )
    def test_a_forged_signature_is_refused_and_written_down(self, notes: Room, stage: Stage, given: str) -> None:
        """401, a line in the launch it names attributed to nobody, and not a word on the incident."""
        body, headers = signed(notes.event("devops", f"hold {LAUNCH}"), SecretStr(SECRET))
        right = headers["X-PagerDuty-Signature"].removeprefix("v1=")
        forged = {**headers, "X-PagerDuty-Signature": given.replace("RIGHT", right).encode("latin-1")}
        answer = notes.post(body, forged)  # type: ignore[arg-type]  # bytes go on the wire as they are
        assert (answer.status_code, answer.json()) == (401, {"error": "its signature is not PagerDuty's"})
        eventually(lambda: bool(stage.refusals()))
        assert notes.refused() == [(NOBODY_PAGERDUTY, "hold")]
        assert notes.answers() == []
        assert stage.book.refresh().held is None

    def test_another_secret_and_another_body_are_refused(self, notes: Room) -> None:
        """The signature covers the body, by our secret."""
        assert notes.send(notes.event("devops", "hold"), "another").status_code == 401
        body, headers = signed(notes.event("devops", "hold"), SecretStr(SECRET))
        assert notes.post(body.replace(b"hold", b"held"), headers).status_code == 401
        assert notes.count("forged") == 2

    @pytest.mark.parametrize("secrets", [(SECRET,), (OTHER,), (OTHER, SECRET), ("gone", SECRET)])
    def test_while_secrets_are_exchanged_any_live_one_will_do(
        self, notes: Room, stage: Stage, secrets: Sequence[str]
    ) -> None:
        """PagerDuty signs with both then."""
        assert notes.send(notes.event("devops", "hold"), *secrets).status_code == 202
        eventually(lambda: stage.book.refresh().held is not None)

    @pytest.mark.parametrize("ago", [timedelta(minutes=11), timedelta(minutes=-11)])
    def test_an_old_event_is_refused_though_rightly_signed(self, notes: Room, stage: Stage, ago: timedelta) -> None:
        """More than ten minutes ago, or ahead; that it was is written down."""
        answer = notes.send(notes.event("devops", "hold", ago=ago))
        assert answer.status_code == 401
        assert "more than ten minutes" in answer.json()["error"]
        eventually(lambda: bool(stage.refusals()))
        assert notes.refused() == [("devops", "hold")]
        assert stage.book.refresh().held is None

    def test_the_author_of_an_old_one_is_told_once(self, notes: Room, stage: Stage) -> None:
        """On the incident, however often it is delivered; on somebody else's nothing is said."""
        elsewhere = notes.other_incident()
        on_ours = notes.event("devops", "hold", ago=timedelta(minutes=11))
        on_theirs = notes.event("devops", "hold on", incident=elsewhere, ago=timedelta(minutes=11))
        for event in (on_ours, on_theirs, on_ours, on_theirs):
            assert notes.send(event).status_code == 401
        eventually(lambda: bool(notes.answers()))
        notes.quiet()
        (told,) = notes.answers()
        assert told.startswith("tminus: This does not count: it is of ")
        assert told.endswith("say it again")
        assert notes.answers(elsewhere) == []

    def test_nor_is_told_by_another_gateway_or_by_this_one_after_its_restart(
        self, notes: Room, stage: Stage, tmp_path: Path, settings: dict[str, JsonValue]
    ) -> None:
        """Which remember nothing of it, and find it in the ledger."""
        event = notes.event("devops", "hold", ago=timedelta(minutes=11))
        assert notes.send(event).status_code == 401
        eventually(lambda: len(notes.answers()) == 1)
        ledger = SqliteStore(tmp_path / "ledger.sqlite")
        other = open_pagerduty_door(PagerDuty.model_validate(settings), KINDS, lambda: ledger)
        assert other is not None
        with served(Gateway(ledger, [other], other.routes()).app()) as door:
            body, headers = signed(event, SecretStr(SECRET))
            assert notes.client.post(f"{door}/pagerduty/webhooks", content=body, headers=headers).status_code == 401
            eventually(lambda: len(stage.refusals()) == 2)
            idle = {"tminus_pagerduty_waiting 0", "tminus_pagerduty_answering 0"}
            eventually(lambda: idle <= set(other.metrics()))
        other.close()
        notes.quiet()
        assert len(notes.answers()) == 1

    def test_an_event_ahead_of_our_clock_counts_once_its_time_has_come(
        self, notes: Room, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That it was refused before does not make it a replay."""
        event = notes.event("devops", "hold", ago=timedelta(minutes=-11))
        assert notes.send(event).status_code == 401
        monkeypatch.setattr("tminus.pagerduty_signature.WINDOW", timedelta(minutes=12))
        assert notes.send(event).status_code == 202
        eventually(lambda: stage.book.refresh().held is not None)

    def test_what_gets_no_line_is_not_even_read(self, notes: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        """What anybody can send, as large as it may be, takes the loop that serves everybody a few times a minute."""
        read: list[bytes] = []
        monkeypatch.setattr("tminus.pagerduty_door.read_event", lambda body: read.append(body) or read_event(body))
        for _ in range(50):
            assert notes.send(notes.event("devops", "looking at it"), "another").status_code == 401
        assert len(read) == 10

    def test_a_second_delivery_is_acknowledged_and_let_in_once(self, notes: Room, stage: Stage) -> None:
        """PagerDuty sends again what got no answer; somebody else may send it too."""
        body, headers = signed(notes.event("devops", "hold"), SecretStr(SECRET))
        assert notes.post(body, headers).status_code == 202
        eventually(lambda: stage.book.refresh().held is not None)
        stage.book.write(ev.Ordered(order="resume", person="devops", via="slack"))
        again = notes.post(body, headers)
        assert (again.status_code, notes.count("replayed")) == (200, 1)
        eventually(lambda: bool(stage.refusals()))
        assert "a replay" in stage.refusals()[0].why
        assert stage.book.refresh().held is None

    def test_nor_by_another_gateway(self, notes: Room, stage: Stage, tmp_path: Path) -> None:
        """Two instances share no memory but the ledger's; the same event under another signature is the same."""
        event = notes.event("devops", "hold")
        assert notes.send(event).status_code == 202
        eventually(lambda: stage.book.refresh().held is not None)
        stage.book.write(ev.Ordered(order="resume", person="devops", via="slack"))
        ledger = SqliteStore(tmp_path / "ledger.sqlite")
        other = PagerDutyDoor(ledger, KINDS, SigningSecrets.of(SecretStr(OTHER)))
        with served(Gateway(ledger, [other], other.routes()).app()) as door:
            body, headers = signed(event, SecretStr(OTHER))
            assert notes.client.post(f"{door}/pagerduty/webhooks", content=body, headers=headers).is_success
            eventually(lambda: other.counts["replayed"] == 1)
        assert stage.book.refresh().held is None

    def test_a_flood_of_forgeries_does_not_fill_the_ledger(self, notes: Room, stage: Stage) -> None:
        """A few a minute are written down, all are counted."""
        for _ in range(50):
            assert notes.send(notes.event("devops", f"hold {LAUNCH}"), "another").status_code == 401
        assert notes.count("forged") == 50
        eventually(lambda: len(stage.refusals()) == 10)


class TestMalformed:
    """Rightly signed, and no webhook."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"[" * 100_000,
            b"\xff\xfe",
            b'{"event": null}',
            json.dumps({"event": {"id": "", "event_type": "x", "occurred_at": "2026-01-01T00:00:00Z"}}).encode(),
            json.dumps({"event": {"id": "1", "event_type": "incident.annotated", "occurred_at": "now"}}).encode(),
            json.dumps(
                {"event": {"id": "1", "event_type": "incident.annotated", "occurred_at": "2026-01-01T00:00:00Z"}}
            ).encode(),
            json.dumps(
                {
                    "event": {
                        "id": "1",
                        "event_type": "incident.annotated",
                        "occurred_at": "2026-01-01T00:00:00Z",
                        "data": {"content": "hold", "incident": {"id": "../users"}},
                    }
                }
            ).encode(),
        ],
        ids=["empty", "cut", "list", "deep", "bytes", "null", "no id", "no time", "no note", "no incident"],
    )
    def test_it_is_refused_and_the_gateway_goes_on(self, notes: Room, stage: Stage, body: bytes) -> None:
        """400, nothing in the ledger, and the next note counts."""
        headers = {"X-PagerDuty-Signature": signature([SecretStr(SECRET)], body)}
        assert notes.post(body, headers).status_code == 400
        assert (notes.count("malformed"), stage.refusals()) == (1, [])
        assert notes.write("devops", "hold").startswith("tminus: Recorded")

    def test_a_body_that_is_too_large_is_not_read_to_its_end(self, notes: Room) -> None:
        """413, before anything is verified."""
        assert notes.post(b"x" * 600_000, {}).status_code == 413
        assert (notes.count("oversized"), notes.count("forged")) == (1, 0)

    @pytest.mark.parametrize("kind", ["pagey.ping", "incident.triggered", "service.updated"])
    def test_what_is_no_note_is_acknowledged(self, notes: Room, stage: Stage, kind: str) -> None:
        """A test of the subscription, and events that nobody subscribed to for us."""
        answer = notes.send({**ping(), "event_type": kind})
        assert answer.status_code == 200
        assert (notes.count("ignored"), stage.refusals()) == (1, [])

    @given(st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(_enveloped))
    @profile(max_examples=300)
    def test_no_bytes_are_more_than_malformed(self, body: bytes) -> None:
        """Whatever comes, it is an event or it is Malformed."""
        with suppress(Malformed):
            event = read_event(body)
            assert event.id
            note = event.note
            assert note is None or note.incident.id.isalnum()

    @given(st.text(max_size=200), st.binary(max_size=50))
    def test_no_header_breaks_the_verification(self, given: str, body: bytes) -> None:
        """Whatever stands there, it is refused and never an error."""
        assert PagerDutySignatures(SigningSecrets.of(SecretStr(SECRET))).why_forged(
            {"x-pagerduty-signature": given}, body
        )

    @given(st.text(max_size=300))
    def test_every_note_is_read(self, content: str) -> None:
        """As a hold, a no, something else that is refused, or as only a note; never as a yes, and never an error."""
        said = said_in(content)
        if said is not None:
            assert said.what in {"hold", "reject", "neither"}
            assert len(said.reason("l")) <= 500
            assert said.reason("l").isprintable() or "\n" in said.reason("l") or "\t" in said.reason("l")


def test_no_secret_is_in_what_is_logged_answered_or_written(
    notes: Room, stage: Stage, every_log_line: pytest.LogCaptureFixture
) -> None:
    """The webhooks' secrets and the API's token stay out of logs, ledger, answers and metrics."""
    notes.write("devops", "hold")
    notes.write("devops", "approve")
    notes.send(notes.event("devops", "hold"), "another")
    notes.quiet()
    told = [every_log_line.text, *notes.answers(), *notes.notes.metrics()]
    told += [one.body for one in stage.book.refresh().stored]
    assert not [one for one in told for secret in (SECRET, OTHER, TOKEN) if secret in one]


def test_without_a_secret_there_is_no_door() -> None:
    """Then notes decide nothing."""
    assert open_pagerduty_door(None, KINDS, lambda: pytest.fail("no ledger is needed")) is None


def test_an_event_is_let_in_for_ten_minutes() -> None:
    """PagerDuty sends again what was not acknowledged."""
    signatures, moment = PagerDutySignatures(SigningSecrets.of(SecretStr(SECRET))), datetime.now(UTC)
    assert signatures.why_stale(moment - timedelta(minutes=9, seconds=59), moment) is None
    assert signatures.why_stale(moment - timedelta(minutes=10, seconds=1), moment)
