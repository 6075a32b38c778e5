"""The door to Slack: only what Slack sent, once and in time, is let in, and only Slack is answered."""

import hashlib
import hmac
import json
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.slack_presses import signed
from tests.tminus.conftest import SECRETS, SIGNING
from tests.tminus.launch_story import KINDS
from tests.tminus.slack_room import Room, eventually
from tests.tminus.staged_launch import LAUNCH, Stage, slack_id
from tminus import events as ev
from tminus.gateway import Gateway
from tminus.ledger.sqlite import SqliteStore
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor
from tminus.slack_payload import Commanded, Malformed, Pressed, interaction_of, is_slacks, read_interaction
from tminus.slack_signature import WINDOW, SlackSignatures

TEXTS = st.text(max_size=12) | st.sampled_from(["\ud800", "\0", "", f"{LAUNCH}|go-no-go|r|d", "{}", '{"launch": 1}'])
ANYTHING = st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2) | st.just({})
USERS = ANYTHING | st.fixed_dictionaries({"id": ANYTHING})
ACTIONS = st.lists(ANYTHING | st.fixed_dictionaries({"action_id": ANYTHING, "value": ANYTHING}), max_size=3)
FIELDS = st.dictionaries(TEXTS, st.fixed_dictionaries({}, optional={"value": ANYTHING, "selected_date": ANYTHING}))
VIEWS = st.fixed_dictionaries(
    {
        "callback_id": ANYTHING,
        "private_metadata": ANYTHING,
        "state": st.fixed_dictionaries({"values": ANYTHING | st.dictionaries(TEXTS, FIELDS, max_size=2)}),
    }
)
PAYLOADS = st.fixed_dictionaries(
    {"type": ANYTHING | st.sampled_from(["block_actions", "view_submission"])},
    optional={"user": USERS, "actions": ANYTHING | ACTIONS, "view": ANYTHING | VIEWS, "channel": USERS},
)


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

    def test_a_forgery_writes_one_line_however_much_it_names(self, channel: Room, stage: Stage) -> None:
        """The budget is of requests, and so must its lines be."""
        payload = channel.payload("devops", "approve")
        assert isinstance(payload["actions"], list)
        payload = {**payload, "actions": payload["actions"] * 10}
        assert channel.send(payload, at=time.time() - WINDOW - 5).status_code == 401
        eventually(lambda: bool(stage.refusals()))
        assert channel.press("product", "hold")  # one at a time: what came before is done
        assert [one.who for one in stage.refusals()] == ["somebody who is not Slack"]

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
        ledger = SqliteStore(tmp_path / "ledger.sqlite")
        other = SlackDoor(ledger, KINDS, SigningSecrets.of(SecretStr(SIGNING)), f"{channel.slack_url}/api/")
        with served(Gateway(ledger, [other], other.routes()).app()) as door:
            channel.client.post(f"{door}/slack/interactions", content=body, headers=headers)
            eventually(lambda: other.counts["replayed"] == 1)
            eventually(lambda: len(channel.told("devops")) == 2)
        assert "a replay" in channel.told("devops")[1]
        assert stage.book.refresh().held is None
        assert "a replay" in stage.refusals()[0].why


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
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("no ")
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
        """Whatever comes, it is a press, a dialog or a command, or it is Malformed."""
        for read in (read_interaction, Pressed.read, Commanded.read):
            for sent in (body, b"payload=" + body, b"user_id=U0&command=/tminus&text=" + body):
                with suppress(Malformed):
                    assert read(sent).member

    @given(payload=PAYLOADS)
    @settings(max_examples=300)
    def test_no_payload_is_more_than_malformed(self, payload: JsonValue) -> None:
        """Shaped like Slack's, with anything in the places of what should stand there, lone surrogates too."""
        try:
            found = interaction_of(payload)
        except Malformed:
            return
        texts = [found.member, *(word for pair in found.about() for word in pair)]
        assert all(text.encode().count(0) == 0 for text in texts)

    @given(st.text(max_size=40), st.text(max_size=80), st.binary(max_size=50))
    def test_no_header_breaks_the_verification(self, timestamp: str, signature: str, body: bytes) -> None:
        """Whatever stands there, it is refused and never an error."""
        headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
        assert SlackSignatures(SigningSecrets.of(SecretStr(SIGNING))).why_forged(headers, body, time.time())


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
