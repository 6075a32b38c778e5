"""The Slack stand-in, driven by Slack's own Python client over loopback."""

import json
from collections.abc import Iterator

import httpx
import pytest
from pydantic import JsonValue, SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deployments.rehearsal import slack_workspace
from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import Door, served
from deployments.rehearsal.message_rate import MessageRate
from deployments.rehearsal.slack_stand_in import SlackStandIn

CHANNEL = "C0LAUNCHES"
PERSON = slack_workspace.User(id="U0DEVOPS1", name="devops-lead-1", real_name="DevOps lead, first shift")


@pytest.fixture(scope="module")
def plain_door() -> Iterator[Door]:
    """A server that speaks http."""
    door = Door()
    with served(door) as door.url:
        yield door


@pytest.fixture
def slack() -> SlackStandIn:
    """A workspace with one channel and one person."""
    return SlackStandIn(SecretStr("xoxb-test"), slack_workspace.Directory(users=(PERSON,)))


@pytest.fixture
def slack_url(slack: SlackStandIn, plain_door: Door) -> str:
    """Its address."""
    plain_door.behind = slack.app()
    return plain_door.url


@pytest.fixture
def client(slack_url: str) -> WebClient:
    """Slack's own client, with the right token."""
    return WebClient(token="xoxb-test", base_url=f"{slack_url}/api/")


def button(action_id: str = "tminus.approve", **more: JsonValue) -> dict[str, JsonValue]:
    """A button that Slack accepts."""
    text: JsonValue = {"type": "plain_text", "text": "Approve"}
    return {"type": "button", "action_id": action_id, "text": text, "value": "v", **more}


def actions(*elements: dict[str, JsonValue], block_id: str = "go:devops_lead") -> dict[str, JsonValue]:
    """An actions block."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def section(text: str) -> dict[str, JsonValue]:
    """A section with markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


class TestSlackMessages:
    """What is stored is what was sent."""

    def test_a_message_is_posted_updated_threaded_and_found_by_its_metadata(self, client: WebClient) -> None:
        """Post, reply, update and read back through Slack's client, metadata only where it is asked for."""
        metadata = {"event_type": "tminus_request", "event_payload": {"request": "go"}}
        posted = client.chat_postMessage(
            channel="#launches", text="Go or no-go?", blocks=[actions(button())], metadata=metadata
        )
        client.chat_postMessage(channel=CHANNEL, text="a reply", thread_ts=posted["ts"])
        client.chat_update(channel=posted["channel"], ts=posted["ts"], text="Go: devops_lead")
        found = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
        assert [(one["text"], one["metadata"], one["reply_count"]) for one in found] == [
            ("Go: devops_lead", metadata, 1)
        ]
        assert "blocks" not in found[0]
        assert "metadata" not in client.conversations_history(channel=CHANNEL)["messages"][0]
        thread = client.conversations_replies(channel=CHANNEL, ts=posted["ts"])["messages"]
        assert [one["text"] for one in thread] == ["Go: devops_lead", "a reply"]

    def test_history_is_read_in_pages_the_newest_first(self, client: WebClient) -> None:
        """Following the cursor shows every message once."""
        for number in range(5):
            client.chat_postMessage(channel=CHANNEL, text=str(number))
        pages = client.conversations_history(channel=CHANNEL, limit=2)
        assert [one["text"] for page in pages for one in page["messages"]] == ["4", "3", "2", "1", "0"]

    def test_the_app_is_told_who_it_is_and_who_people_are(self, client: WebClient) -> None:
        """auth.test and users.info answer from the workspace file."""
        assert client.auth_test()["bot_id"] == "B0TMINUSBOT"
        assert client.users_info(user=PERSON.id)["user"]["real_name"] == PERSON.real_name
        assert [one["id"] for one in client.users_list()["members"]] == [PERSON.id]

    def test_a_message_without_content_is_no_message(self, slack_url: str) -> None:
        """Neither text nor blocks: no_text (Slack's client only warns)."""
        headers = {"Authorization": "Bearer xoxb-test"}
        answer = httpx.post(f"{slack_url}/api/chat.postMessage", json={"channel": CHANNEL, "text": ""}, headers=headers)
        assert answer.json() == {"ok": False, "error": "no_text"}

    def test_an_ephemeral_message_reaches_one_person_and_no_history(self, client: WebClient, slack_url: str) -> None:
        """It is shown to its reader (control route) and cannot be read back by the app."""
        client.chat_postEphemeral(channel=CHANNEL, user=PERSON.id, text="refused: stale")
        assert client.conversations_history(channel=CHANNEL)["messages"] == []
        shown = httpx.get(f"{slack_url}/_control/messages").json()["messages"]
        assert [(one["text"], one["ephemeral_to"]) for one in shown] == [("refused: stale", PERSON.id)]


class TestSlackRefusals:
    """What Slack refuses, the stand-in refuses, with Slack's word for it."""

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
            ({"channel": CHANNEL, "text": "x" * 40_001}, "msg_too_long"),
            ({"channel": CHANNEL, "text": "x", "thread_ts": "1700000000.000000"}, "thread_not_found"),
            ({"channel": CHANNEL, "text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
            ({"channel": CHANNEL, "text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ],
    )
    def test_a_message_that_slack_would_refuse(
        self, client: WebClient, slack: SlackStandIn, arguments: dict[str, str], error: str
    ) -> None:
        """Refused by name, recorded as refused, and nothing is stored."""
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(**arguments)
        assert refused.value.response["error"] == error
        assert [(call.ok, call.error) for call in slack.record.calls] == [(False, error)]
        assert list(slack.workspace.lasting(CHANNEL)) == []

    @pytest.mark.parametrize(
        ("blocks", "complaint"),
        [
            ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text]"),
            ([section("")], "at least 1 character"),
            ([{"type": "section"}], "must define either `text` or `fields`"),
            ([{"type": "divider"}] * 51, "no more than 50 items"),
            ([actions(*(button(f"a{n}") for n in range(26)))], "at most 25 items"),
            ([actions(button(), button())], "action_id `tminus.approve` already exists"),
            ([actions(button()), actions(button())], "block_id `go:devops_lead` already exists"),
            ([actions(button("a" * 256))], "at most 255 characters"),
            ([actions(button(), block_id="b" * 256)], "at most 255 characters"),
            ([actions(button(value="v" * 2001))], "at most 2000 characters"),
            ([actions(button(style="green"))], "'primary' or 'danger'"),
            ([actions(button(disabled=True))], "invalid additional property: disabled"),
            ([actions(button(text={"type": "plain_text", "text": "x" * 76}))], "less than 76 characters"),
            ([actions(button(text={"type": "mrkdwn", "text": "x"}))], "/blocks/0/elements/0/text/type"),
            ([actions(button(confirm={"title": {"type": "plain_text", "text": "Sure?"}}))], "missing required field"),
            ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "'plain_text'"),
            ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "less than 151 characters"),
            ([{"type": "carousel"}], "unsupported type"),
        ],
    )
    def test_blocks_beyond_a_limit(self, client: WebClient, blocks: list[dict[str, JsonValue]], complaint: str) -> None:
        """Refused as invalid_blocks, and the message says which limit and where."""
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)
        answer = refused.value.response
        assert answer["error"] == "invalid_blocks"
        assert complaint in answer["response_metadata"]["messages"][0]

    def test_blocks_at_every_limit_are_accepted(self, client: WebClient) -> None:
        """The limits themselves are allowed."""
        confirm = {
            part: {"type": "plain_text", "text": "x" * length}
            for part, length in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))
        }
        full = button("a" * 255, value="v" * 2000, text={"type": "plain_text", "text": "x" * 75}, confirm=confirm)
        blocks = [
            {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
            actions(full, *(button(f"b{n}", style="danger") for n in range(24)), block_id="b" * 255),
            *[section("x" * 3000)] * 48,
        ]
        assert client.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)["ok"]

    def test_the_token_is_checked_and_never_recorded(self, slack: SlackStandIn, slack_url: str) -> None:
        """No token, a wrong one, and one in a form: not_authed, invalid_auth, accepted."""
        with pytest.raises(SlackApiError, match="invalid_auth"):
            WebClient(token="xoxb-other", base_url=f"{slack_url}/api/").auth_test()
        assert httpx.post(f"{slack_url}/api/auth.test").json()["error"] == "not_authed"
        assert httpx.post(f"{slack_url}/api/auth.test", data={"token": "xoxb-test"}).json()["ok"]
        assert "xoxb" not in json.dumps([call.model_dump() for call in slack.record.calls])

    def test_only_messages_that_exist_are_updated(self, client: WebClient) -> None:
        """An unknown and a deleted timestamp are message_not_found."""
        posted = client.chat_postMessage(channel=CHANNEL, text="x")
        client.chat_delete(channel=CHANNEL, ts=posted["ts"])
        for ts in (posted["ts"], "1700000000.000000"):
            with pytest.raises(SlackApiError, match="message_not_found"):
                client.chat_update(channel=CHANNEL, ts=ts, text="y")

    def test_more_than_a_message_a_second_is_limited_where_that_is_on(self) -> None:
        """A burst passes, the next message waits a second; another channel is not concerned."""
        now = [0.0]
        rate = MessageRate(2, lambda: now[0])
        assert [rate.wait("C1"), rate.wait("C1"), rate.wait("C1"), rate.wait("C2")] == [0, 0, 1, 0]
        now[0] = 1.0
        assert [rate.wait("C1"), rate.wait("C1")] == [0, 1]


class TestSlackInteractions:
    """The response URL and trigger of a press."""

    def test_the_payload_is_about_the_button_that_is_shown(self, client: WebClient, slack_url: str) -> None:
        """It carries person, message and the button's value; a button that is gone cannot be pressed."""
        posted = client.chat_postMessage(channel=CHANNEL, text="Go?", blocks=[actions(button(value="opaque"))])
        press = {
            "user": PERSON.id,
            "channel": CHANNEL,
            "message_ts": posted["ts"],
            "block_id": "go:devops_lead",
            "action_id": "tminus.approve",
        }
        payload = httpx.post(f"{slack_url}/_control/interactions", json=press).json()
        assert payload["user"]["username"] == PERSON.name
        assert payload["container"]["message_ts"] == posted["ts"]
        assert [(one["value"], one["block_id"], one["type"]) for one in payload["actions"]] == [
            ("opaque", "go:devops_lead", "button")
        ]
        client.chat_update(channel=CHANNEL, ts=posted["ts"], text="Answered", blocks=[section("Answered")])
        assert httpx.post(f"{slack_url}/_control/interactions", json=press).status_code == 409

    def test_an_answer_at_the_response_url_is_private_and_the_url_wears_out(
        self, client: WebClient, slack: SlackStandIn, slack_url: str
    ) -> None:
        """Five answers reach the person who pressed, the sixth is refused, and so is a made-up address."""
        url = self.press(client, slack_url)["response_url"]
        answers = [httpx.post(url, json={"text": "refused: stale", "replace_original": False}) for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [404]
        assert httpx.post(f"{url}x", json={"text": "x"}).status_code == 404
        assert [one.ephemeral_to for one in slack.workspace.changed_since(1)] == [PERSON.id] * 5
        calls = [(call.method, call.error) for call in slack.record.calls if call.method == "response_url"]
        assert calls[-2:] == [("response_url", "used_url"), ("response_url", "expired_url")]

    def test_a_view_opens_once_for_a_fresh_trigger(self, client: WebClient, slack_url: str) -> None:
        """The second use of a trigger is refused, and so is a view that Slack would not take."""
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Why hold?"}, "blocks": [section("Why?")]}
        trigger = self.press(client, slack_url)["trigger_id"]
        assert client.views_open(trigger_id=trigger, view=view)["view"]["id"].startswith("V")
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            client.views_open(trigger_id=trigger, view=view)
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            client.views_open(trigger_id=self.press(client, slack_url)["trigger_id"], view={"type": "modal"})

    def test_a_view_is_handed_in_by_whoever_has_it_with_what_it_asks_for(
        self, client: WebClient, slack: SlackStandIn, slack_url: str
    ) -> None:
        """Slack's own window lets nobody leave out what is wanted, or choose what is no day."""
        field = {"type": "plain_text_input", "action_id": "text", "max_length": 10}
        day = {"type": "datepicker", "action_id": "date", "initial_date": "2026-12-01"}
        label = {"type": "plain_text", "text": "?"}
        blocks = [
            {"type": "input", "block_id": name, "label": label, "element": element}
            for name, element in (("reason", field), ("until", day))
        ]
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Why?"}, "blocks": blocks}
        opened = client.views_open(trigger_id=self.press(client, slack_url)["trigger_id"], view=view)["view"]["id"]
        assert [one["id"] for one in httpx.get(f"{slack_url}/_control/views?user={PERSON.id}").json()] == [opened]
        handed_in = {"user": PERSON.id, "view": opened}
        for wrong in ({}, {"reason": "x" * 11}, {"reason": "x", "until": "today"}):
            answer = httpx.post(f"{slack_url}/_control/submissions", json={**handed_in, "values": wrong})
            assert answer.status_code == 409
        other = {"user": "U0OTHER", "view": opened, "values": {"reason": "x"}}
        assert httpx.post(f"{slack_url}/_control/submissions", json=other).status_code == 409
        right = httpx.post(f"{slack_url}/_control/submissions", json={**handed_in, "values": {"reason": "x"}}).json()
        assert right["view"]["state"]["values"] == {
            "reason": {"text": {"type": "plain_text_input", "value": "x"}},
            "until": {"date": {"type": "datepicker", "selected_date": "2026-12-01"}},
        }

    def test_a_private_message_is_pressed_by_its_reader_alone(self, client: WebClient, slack_url: str) -> None:
        """Nobody else sees it."""
        posted = client.chat_postEphemeral(
            channel=CHANNEL, user=PERSON.id, text="Go?", blocks=[actions(button(value="v"))]
        )
        press = {"channel": CHANNEL, "message_ts": posted["message_ts"], "block_id": "go:devops_lead"}
        press["action_id"] = "tminus.approve"
        pressed = httpx.post(f"{slack_url}/_control/interactions", json={**press, "user": PERSON.id})
        assert pressed.json()["container"]["is_ephemeral"]
        assert httpx.post(f"{slack_url}/_control/interactions", json={**press, "user": "U0OTHER"}).status_code == 409

    def press(self, client: WebClient, slack_url: str) -> dict[str, str]:
        """The payload of a press on a new message."""
        posted = client.chat_postMessage(channel=CHANNEL, text="Go?", blocks=[actions(button())])
        press = {"user": PERSON.id, "channel": CHANNEL, "message_ts": posted["ts"]}
        press |= {"block_id": "go:devops_lead", "action_id": "tminus.approve"}
        payload: dict[str, str] = httpx.post(f"{slack_url}/_control/interactions", json=press).json()
        return payload


class TestFaults:
    """Faults meet the API's callers, and are switched while the stand-in runs."""

    def test_down_means_503_and_nothing_stored_until_it_is_over(
        self, client: WebClient, slack: SlackStandIn, slack_url: str
    ) -> None:
        """Everything under /api fails, the control routes answer, and afterwards all is as before."""
        httpx.post(f"{slack_url}/_control/fault", json={"mode": "down"}).raise_for_status()
        with pytest.raises(SlackApiError) as refused:
            client.chat_postMessage(channel=CHANNEL, text="x")
        assert refused.value.response.status_code == 503
        assert httpx.get(f"{slack_url}/_control/messages").json()["messages"] == []
        httpx.post(f"{slack_url}/_control/fault", json={"mode": "none"}).raise_for_status()
        assert client.chat_postMessage(channel=CHANNEL, text="x")["ok"]
        assert [call.error for call in slack.record.calls] == ["fault: down", None]

    def test_slow_takes_effect_though_the_caller_gave_up(self, slack: SlackStandIn, slack_url: str) -> None:
        """A client that times out cannot know, and the message is there."""
        slack.faults.set(Fault(mode="slow", seconds=5, times=1))
        impatient = WebClient(token="xoxb-test", base_url=f"{slack_url}/api/", timeout=1)
        with pytest.raises(TimeoutError):
            impatient.chat_postMessage(channel=CHANNEL, text="x")
        assert [one.text for one in slack.workspace.lasting(CHANNEL)] == ["x"]

    def test_rate_limited_says_when_to_come_back_and_ends_after_its_calls(
        self, client: WebClient, slack_url: str
    ) -> None:
        """429 with Retry-After, as often as was asked for."""
        fault = {"mode": "rate_limited", "retry_after": 7, "times": 1}
        httpx.post(f"{slack_url}/_control/fault", json=fault).raise_for_status()
        with pytest.raises(SlackApiError) as refused:
            client.auth_test()
        assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (429, "7")
        assert client.auth_test()["ok"]

    def test_an_unknown_fault_is_refused(self, slack_url: str) -> None:
        """A typing slip does not switch anything."""
        assert httpx.post(f"{slack_url}/_control/fault", json={"mode": "dwon"}).status_code == 400
        assert httpx.get(f"{slack_url}/_control/fault").json()["mode"] == "none"
