"""The inbound door: only what Slack sent, once and in time, from the right person, is let in; the rest is told why."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Event as Flag
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.slack_presses import signed
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.tminus.conftest import SECRETS, SIGNING
from tests.tminus.launch_story import KINDS
from tests.tminus.slack_room import Room, eventually, room
from tests.tminus.staged_launch import LAUNCH, Stage, slack_id
from tests.tminus.told_stories import held
from tminus import asking
from tminus import events as ev
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Parameters, Row
from tminus.slack_payload import Malformed, Pressed, is_slacks
from tminus.slack_signature import WINDOW, SlackSignatures


@pytest.fixture
def stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch that asks for its go, in Slack."""
    stage = Stage.set(tmp_path, slack=slack_settings)
    stage.ask()
    return stage


@pytest.fixture
def channel(stage: Stage, slack: SlackStandIn, slack_door: Door) -> Iterator[Room]:
    """Its channel and the gateway."""
    with room(stage, slack, slack_door.url, SIGNING) as found:
        yield found


class SlowStore(SqliteStore):
    """A ledger that takes as long as the test wants."""

    def __init__(self, path: Path) -> None:
        self.fast = Flag()
        self.fast.set()
        super().__init__(path)

    def run(self, sql: str, parameters: Parameters) -> list[Row]:
        """Waits, then does it."""
        self.fast.wait(60)
        return super().run(sql, parameters)

    def look(self, sql: str, parameters: Parameters) -> list[Row]:
        """Waits, then looks."""
        self.fast.wait(60)
        return super().look(sql, parameters)


class TestPresses:
    """What counts."""

    def test_the_go_is_given_by_three_buttons(self, channel: Room, stage: Stage) -> None:
        """Each is told that it is recorded, the message shows it, and the person in two roles sits where needed."""
        for person in ("both", "devops", "engineering"):
            assert channel.press(person, "approve").startswith("Recorded: ")
            channel.show()
        assert asking.judge(stage.book.refresh().asks["go-no-go"], stage.frozen.people).met
        assert {answer.via for answer in stage.book.record.asks["go-no-go"].answers} == {"slack"}
        assert channel.count("accepted") == 3

    def test_a_no_and_a_hold_by_button(self, channel: Room, stage: Stage) -> None:
        """A veto role has no button of its own and may press any."""
        assert channel.press("product", "reject") == "Recorded: Product manager reject."
        assert channel.press("security", "hold") == "Recorded: Security lead hold."
        record = stage.book.refresh()
        assert record.asks["go-no-go"].answers[-1].answer == "reject"
        assert isinstance(record.held, ev.Ordered)

    def test_the_board_rolls_back_by_those_who_may(self, channel: Room, stage: Stage) -> None:
        """The button appears with the change; the book's roles decide who may press it."""
        stage.begin_change()
        channel.show()
        assert "may not roll back" in channel.press("product", "rollback")
        assert channel.press("devops", "rollback").startswith("Recorded: ")
        assert stage.book.refresh().must_roll_back

    def test_the_board_scrubs_before_a_change_and_an_old_button_does_not_after_it(
        self, channel: Room, stage: Stage
    ) -> None:
        """Whoever looks at a message from before the change is asked to press the other button."""
        old = channel.payload("devops", "scrub")
        stage.begin_change()
        assert channel.send(old).status_code == 200
        eventually(lambda: len(channel.told("devops")) == 1)
        assert "Roll back is the button now" in channel.told("devops")[0]
        assert stage.book.refresh().scrubbed is None

    def test_the_board_scrubs(self, channel: Room, stage: Stage) -> None:
        """Before anything was changed, by anyone who takes part."""
        assert channel.press("product", "scrub").startswith("Recorded: ")
        assert stage.book.refresh().scrubbed is not None


class TestRefusals:
    """What Slack sent and what does not count: told to the person, and written down with its reason."""

    @pytest.mark.parametrize(
        ("person", "value", "reason"),
        [
            ("U0STRANGER", None, "Slack's U0STRANGER is nobody in this launch's people.yaml"),
            ("product", None, "Product manager has the roles product_manager; asked are"),
            ("starter", None, "Release manager started this launch, and nobody approves their own"),
            ("devops", f"{LAUNCH}|lunch|devops_lead|sha256:1", "nothing called 'lunch' was asked in this launch"),
            ("devops", f"{LAUNCH}|go-no-go|devops_lead|sha256:old", "what was asked has changed since"),
            ("devops", LAUNCH, "nothing called '' was asked in this launch"),
        ],
        ids=["nobody", "role", "own", "ask", "digest", "value"],
    )
    def test_a_press_that_does_not_count(
        self, channel: Room, stage: Stage, person: str, value: str | None, reason: str
    ) -> None:
        """The same reason in the ledger and in the answer that only this person sees."""
        told = channel.press(person, "approve", value=value)
        assert told.startswith("This does not count: ")
        assert reason in told
        (refusal,) = stage.refusals()
        assert reason in refusal.why
        assert refusal.via == "slack"
        assert stage.book.record.asks["go-no-go"].answers == []

    def test_an_unknown_launch_is_told_and_opens_nothing(self, channel: Room, stage: Stage) -> None:
        """There is no ledger page to write it on."""
        told = channel.press("devops", "approve", value="nowhere|go-no-go|devops_lead|sha256:1")
        assert "no launch is called 'nowhere'" in told
        assert stage.store.chains() == [LAUNCH]

    def test_a_second_click_is_told_so(self, channel: Room, stage: Stage) -> None:
        """Two clicks are two requests to Slack; the second one changes nothing."""
        first, second = (channel.payload("devops", "approve") for _ in range(2))
        for payload in (first, second):
            assert channel.send(payload).status_code == 200
        eventually(lambda: len(channel.told("devops")) == 2)
        assert "already said approve" in channel.told("devops")[1]
        assert len(stage.book.refresh().asks["go-no-go"].answers) == 1

    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            (lambda stage: stage.end_ask(), "this was decided at"),
            (lambda stage: stage.close(), "the launch is over: GO"),
            (lambda stage: stage.ask(deadline=timedelta(seconds=-1)), "the deadline was"),
        ],
        ids=["decided", "closed", "deadline"],
    )
    def test_a_late_click_is_told_why(
        self, channel: Room, stage: Stage, end: Callable[[Stage], object], reason: str
    ) -> None:
        """The message still showed the button when it was pressed."""
        payload = channel.payload("devops", "approve")
        end(stage)
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        assert reason in channel.told("devops")[0]
        assert reason in stage.refusals()[-1].why

    def test_an_approval_of_what_has_changed_since_is_told_to_look_again(self, channel: Room, stage: Stage) -> None:
        """A check that failed in between makes it another question."""
        payload = channel.payload("devops", "approve")
        held(stage)
        stage.ask()
        channel.send(payload)
        eventually(lambda: bool(channel.told("devops")))
        assert "has changed since" in channel.told("devops")[0]

    def test_a_button_that_is_none_of_ours_is_not_repeated(self, channel: Room, stage: Stage) -> None:
        """Refused by a name of ours, whatever it calls itself."""
        payload = channel.payload("devops", "approve")
        payload["actions"][0]["action_id"] = "x" * 200  # type: ignore[index,call-overload]
        channel.send(payload)
        eventually(lambda: bool(stage.refusals()))
        assert "x" * 100 not in stage.refusals()[0].what


class TestForgeries:
    """What Slack did not send, or not just now, or not for the first time."""

    def forged(self, channel: Room, **headers: str) -> httpx.Response:
        """A rightly composed payload with some header exchanged."""
        payload = channel.payload("devops", "approve")
        body, right = signed(SecretStr(SIGNING), payload, str(int(time.time())))
        return channel.client.post(f"{channel.door}/slack/interactions", content=body, headers={**right, **headers})

    @pytest.mark.parametrize(
        ("headers", "reason"),
        [
            ({"X-Slack-Signature": "v0=" + "0" * 64}, "its signature is not Slack's"),
            ({"X-Slack-Signature": "\u00e9"}, "its signature is not Slack's"),
            ({"X-Slack-Signature": ""}, "its signature is not Slack's"),
            ({"X-Slack-Request-Timestamp": "now"}, "its timestamp"),
            ({"X-Slack-Request-Timestamp": "\u00b2"}, "its timestamp"),
            ({"X-Slack-Request-Timestamp": "9" * 5000}, "its timestamp"),
            ({"X-Slack-Request-Timestamp": "-1"}, "its timestamp"),
        ],
        ids=["signature", "not ascii", "none", "word", "superscript", "huge", "negative"],
    )
    def test_a_forged_header_is_refused_and_written_down(
        self, channel: Room, stage: Stage, headers: dict[str, str], reason: str
    ) -> None:
        """401, a line in the launch that it names, attributed to nobody, and no answer to where it asks for one."""
        encoded = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = self.forged(channel, **encoded)  # type: ignore[arg-type]  # bytes go on the wire as they are
        assert answer.status_code == 401
        assert reason in answer.json()["error"]
        eventually(lambda: bool(stage.refusals()))
        (refusal,) = stage.refusals()
        assert (refusal.who, refusal.what) == ("somebody who is not Slack", "tminus.approve")
        assert reason in refusal.why
        assert channel.told("devops") == []
        assert stage.book.record.asks["go-no-go"].answers == []

    @pytest.mark.parametrize("off", [-WINDOW - 5, WINDOW + 5])
    def test_an_old_timestamp_is_refused_though_rightly_signed(self, channel: Room, off: int) -> None:
        """More than five minutes ago, or ahead."""
        answer = channel.send(channel.payload("devops", "approve"), at=time.time() + off)
        assert answer.status_code == 401
        assert channel.count("forged") == 1

    def test_another_secret_and_another_body_are_refused(self, channel: Room) -> None:
        """The signature covers the body, by our secret."""
        body, headers = signed(SecretStr("another"), channel.payload("devops", "approve"), str(int(time.time())))
        assert channel.client.post(f"{channel.door}/slack/interactions", content=body, headers=headers).is_error
        body, headers = signed(SecretStr(SIGNING), channel.payload("devops", "approve"), str(int(time.time())))
        changed = body.replace(b"approve", b"reject")
        assert channel.client.post(f"{channel.door}/slack/interactions", content=changed, headers=headers).is_error
        assert channel.count("forged") == 2

    def test_a_flood_of_forgeries_does_not_fill_the_ledger(self, channel: Room, stage: Stage) -> None:
        """A few a minute are written down, all are counted."""
        for _ in range(50):
            assert self.forged(channel, **{"X-Slack-Signature": "v0=x"}).status_code == 401
        assert channel.count("forged") == 50
        eventually(lambda: len(stage.refusals()) == 10)

    def test_a_replay_is_refused_written_down_and_told(self, channel: Room, stage: Stage) -> None:
        """The same bytes with the same signature, a second time."""
        body, headers = signed(SecretStr(SIGNING), channel.payload("devops", "hold"), str(int(time.time())))
        url = f"{channel.door}/slack/interactions"
        assert channel.client.post(url, content=body, headers=headers).status_code == 200
        eventually(lambda: channel.count("accepted") == 1)
        again = channel.client.post(url, content=body, headers=headers)
        assert (again.status_code, channel.count("replayed")) == (401, 1)
        eventually(lambda: len(channel.told("devops")) == 2)
        assert "a replay" in channel.told("devops")[1]
        assert [(one.who, one.what) for one in stage.refusals()] == [("devops", "tminus.hold")]

    def test_a_replay_to_another_gateway_is_refused_through_the_ledger(
        self, channel: Room, stage: Stage, tmp_path: Path
    ) -> None:
        """Two instances share no memory but the ledger's; the second one acknowledges and lets nothing in."""
        body, headers = signed(SecretStr(SIGNING), channel.payload("devops", "hold"), str(int(time.time())))
        assert channel.client.post(f"{channel.door}/slack/interactions", content=body, headers=headers).is_success
        eventually(lambda: channel.count("accepted") == 1)
        stage.book.write(ev.Ordered(order="resume", person="devops", via="slack"))
        other = Gateway(SqliteStore(tmp_path / "ledger.sqlite"), KINDS, SecretStr(SIGNING), f"{channel.slack_url}/api/")
        with served(other.app()) as door:
            channel.client.post(f"{door}/slack/interactions", content=body, headers=headers)
            eventually(lambda: other.counts["replayed"] == 1)
            eventually(lambda: len(channel.told("devops")) == 2)
        assert "a replay" in channel.told("devops")[1]
        assert stage.book.refresh().held is None
        assert "a replay" in stage.refusals()[0].why


def form(payload: object) -> bytes:
    """A payload as Slack packs it."""
    return urlencode({"payload": json.dumps(payload)}).encode()


class TestMalformed:
    """Rightly signed, and no press."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"payload=",
            b"payload={",
            b"payload=[]",
            b"payload=" + b"[" * 100_000,
            b"\xff\xfe",
            urlencode({"payload": json.dumps({"type": "view_submission", "user": {"id": "U0"}})}).encode(),
            urlencode({"payload": json.dumps({"user": {"id": "U0"}, "actions": []})}).encode(),
            urlencode(
                {"payload": json.dumps({"user": {"id": ""}, "actions": [{"action_id": "a", "value": "v"}]})}
            ).encode(),
        ],
        ids=["empty", "blank", "cut", "list", "deep", "bytes", "view", "no action", "nobody"],
    )
    def test_it_is_refused_and_the_gateway_goes_on(self, channel: Room, stage: Stage, body: bytes) -> None:
        """400, nothing in the ledger, and the next press counts."""
        timestamp = str(int(time.time()))
        told = f"v0:{timestamp}:".encode() + body
        signature = "v0=" + hmac.new(SIGNING.encode(), told, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
        answer = channel.client.post(f"{channel.door}/slack/interactions", content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (400, {"error": "no block_actions payload"})
        assert stage.refusals() == []
        assert channel.press("devops", "approve").startswith("Recorded")

    def test_a_body_that_is_too_large_is_not_read_to_its_end(self, channel: Room) -> None:
        """413, before anything is verified."""
        answer = channel.client.post(f"{channel.door}/slack/interactions", content=b"x" * 600_000)
        assert answer.status_code == 413
        assert (channel.count("oversized"), channel.count("forged")) == (1, 0)

    @given(st.binary(max_size=200))
    @settings(max_examples=200)
    def test_no_bytes_are_more_than_malformed(self, body: bytes) -> None:
        """Whatever comes, it is a press or it is Malformed."""
        with suppress(Malformed):
            assert Pressed.read(b"payload=" + body).actions

    @given(st.text(max_size=40), st.text(max_size=80), st.binary(max_size=50))
    def test_no_header_breaks_the_verification(self, timestamp: str, signature: str, body: bytes) -> None:
        """Whatever stands there, it is refused and never an error."""
        headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
        assert SlackSignatures(SecretStr(SIGNING)).why_forged(headers, body, time.time())


class TestAcknowledgement:
    """Slack waits three seconds, whatever the ledger does."""

    @contextmanager
    def slow(
        self, stage: Stage, slack: SlackStandIn, slack_url: str, tmp_path: Path
    ) -> Iterator[tuple[Room, SlowStore]]:
        """A room whose gateway has a ledger that answers when it is let go."""
        store = SlowStore(tmp_path / "ledger.sqlite")
        with room(stage, slack, slack_url, SIGNING, store) as found:
            try:
                yield found, store
            finally:
                store.fast.set()

    def test_a_press_is_acknowledged_while_the_ledger_does_not_answer(
        self, stage: Stage, slack: SlackStandIn, slack_door: Door, tmp_path: Path
    ) -> None:
        """The acknowledgement comes before the ledger's answer; the press counts once that comes."""
        with self.slow(stage, slack, slack_door.url, tmp_path) as (found, store):
            payload = found.payload("devops", "approve")
            store.fast.clear()
            assert found.send(payload).status_code == 200
            assert found.client.get(f"{found.door}/health").status_code == 200
            assert found.client.get(f"{found.door}/ready").status_code == 503
            assert stage.book.refresh().asks["go-no-go"].answers == []
            store.fast.set()
            eventually(lambda: found.count("accepted") == 1)
        assert len(stage.book.refresh().asks["go-no-go"].answers) == 1

    def test_two_hundred_clicks_at_once_are_all_acknowledged_and_counted_once(
        self, stage: Stage, slack: SlackStandIn, slack_door: Door, tmp_path: Path
    ) -> None:
        """Every one gets its 200 while the ledger stands still; then each person's first click counts, no other."""
        people = ("engineering", "devops", "security", "product")
        with self.slow(stage, slack, slack_door.url, tmp_path) as (found, store):
            payloads = [found.payload(people[number % 4], "approve") for number in range(200)]
            store.fast.clear()
            with ThreadPoolExecutor(40) as pool:
                answers = list(pool.map(found.send, payloads))
            assert [answer.status_code for answer in answers] == [200] * 200
            metrics = found.client.get(f"{found.door}/metrics").text
            assert "tminus_gateway_waiting 200" in metrics
            store.fast.set()
            eventually(lambda: found.count("accepted") + found.count("refused") == 200)
        ask = stage.book.refresh().asks["go-no-go"]
        assert asking.judge(ask, stage.frozen.people).met
        assert len(ask.answers) == 3
        assert len(stage.refusals()) == 197

    def test_a_press_that_the_ledger_refuses_to_take_is_told_so(self, channel: Room, stage: Stage) -> None:
        """Nobody believes that they have decided when nothing was written down."""
        payload = channel.payload("devops", "approve")
        stage.store.close()
        assert channel.send(payload).status_code == 200
        eventually(lambda: bool(channel.told("devops")))
        assert channel.told("devops")[0].startswith("This was NOT recorded, the ledger does not answer.")
        assert channel.count("failed") == 1


class TestAnswersGoToSlack:
    """Where a payload asks for an answer is not trusted blindly."""

    @pytest.mark.parametrize(
        ("url", "allowed"),
        [
            ("https://hooks.slack.com/actions/T/1/x", True),
            ("https://hooks.slack-gov.com/actions/T/1/x", True),
            ("http://hooks.slack.com/actions/T/1/x", False),
            ("https://hooks.slack.com.example.com/", False),
            ("https://example.com/?.slack.com", False),
            ("http://169.254.169.254/latest/meta-data", False),
            ("http://127.0.0.1:9/actions/x", True),
            ("http://127.0.0.1:10/actions/x", False),
            ("http://[", False),
        ],
    )
    def test_only_slack_is_answered(self, url: str, allowed: bool) -> None:
        """Slack over TLS, or the server that the environment names."""
        assert is_slacks(url, "http://127.0.0.1:9/api/") == allowed


def test_an_answer_is_sent_nowhere_else(channel: Room) -> None:
    """A rightly signed press that asks for its answer at another server is recorded, and that server hears nothing."""
    heard: list[str] = []

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(scope["path"])
        await PlainTextResponse("ok")(scope, receive, send)

    with served(elsewhere) as url:
        assert channel.send({**channel.payload("devops", "approve"), "response_url": f"{url}/actions/x"}).is_success
        eventually(lambda: channel.count("accepted") == 1)
        channel.press("security", "approve")
    assert heard == []


def test_no_secret_is_in_what_is_logged_answered_or_written(
    channel: Room, stage: Stage, every_log_line: pytest.LogCaptureFixture
) -> None:
    """The signing secret, tokens, and the addresses that answer a press stay out of logs, ledger and answers."""
    channel.press("devops", "approve")
    channel.press("product", "approve")
    payload = channel.payload("devops", "hold")
    body, headers = signed(SecretStr(SIGNING), payload, str(int(time.time())))
    wrong = {**headers, "X-Slack-Signature": "v0=wrong"}
    answers = [
        channel.client.post(f"{channel.door}/slack/interactions", content=body, headers=one).text
        for one in (headers, headers, wrong)
    ]
    eventually(lambda: len(stage.refusals()) == 3)
    ledger = "".join(one.body for one in stage.store.read(LAUNCH))
    ours = "".join(line.getMessage() for line in every_log_line.records if line.name.startswith("tminus"))
    for place in (ledger, ours, "".join(answers), "".join(channel.told("devops"))):
        assert place
        assert not [secret for secret in SECRETS if secret in place]
        assert str(payload["response_url"]) not in place
    assert not [secret for secret in SECRETS if secret in every_log_line.text]
    assert slack_id("devops") not in ledger.replace(stage.frozen.created.people.replace('"', '\\"'), "")
