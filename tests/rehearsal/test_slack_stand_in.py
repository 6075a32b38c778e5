"""The Slack stand-in, driven by Slack's own Python client over loopback."""

import json

import httpx
import pytest
from pydantic import JsonValue
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.message_rate import MessageRate
from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.rehearsal.slack_stood_in import CHANNEL, PERSON, actions, button, section


class TestSlackMessages:
    """What is stored is what was sent."""

    def test_a_message_is_posted_updated_threaded_and_found_by_its_metadata(self, web: WebClient) -> None:
        """Post, reply, update and read back through Slack's client, metadata only where it is asked for."""
        metadata = {"event_type": "tminus_request", "event_payload": {"request": "go"}}
        posted = web.chat_postMessage(
            channel="#launches", text="Go or no-go?", blocks=[actions(button())], metadata=metadata
        )
        web.chat_postMessage(channel=CHANNEL, text="a reply", thread_ts=posted["ts"])
        web.chat_update(channel=posted["channel"], ts=posted["ts"], text="Go: devops_lead")
        found = web.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
        assert [(one["text"], one["metadata"], one["reply_count"]) for one in found] == [
            ("Go: devops_lead", metadata, 1)
        ]
        assert "blocks" not in found[0]
        assert "metadata" not in web.conversations_history(channel=CHANNEL)["messages"][0]
        thread = web.conversations_replies(channel=CHANNEL, ts=posted["ts"])["messages"]
        assert [one["text"] for one in thread] == ["Go: devops_lead", "a reply"]

    def test_history_is_read_in_pages_the_newest_first(self, web: WebClient) -> None:
        """Following the cursor shows every message once."""
        for number in range(5):
            web.chat_postMessage(channel=CHANNEL, text=str(number))
        pages = web.conversations_history(channel=CHANNEL, limit=2)
        assert [one["text"] for page in pages for one in page["messages"]] == ["4", "3", "2", "1", "0"]

    def test_the_app_is_told_who_it_is_and_who_people_are(self, web: WebClient) -> None:
        """auth.test and users.info answer from the workspace file."""
        assert web.auth_test()["bot_id"] == "B0TMINUSBOT"
        assert web.users_info(user=PERSON.id)["user"]["real_name"] == PERSON.real_name
        assert [one["id"] for one in web.users_list()["members"]] == [PERSON.id]

    def test_a_message_without_content_is_no_message(self, slack_url: str) -> None:
        """Neither text nor blocks: no_text (Slack's client only warns)."""
        headers = {"Authorization": "Bearer xoxb-test"}
        answer = httpx.post(f"{slack_url}/api/chat.postMessage", json={"channel": CHANNEL, "text": ""}, headers=headers)
        assert answer.json() == {"ok": False, "error": "no_text"}

    def test_an_ephemeral_message_reaches_one_person_and_no_history(self, web: WebClient, slack_url: str) -> None:
        """It is shown to its reader (control route) and cannot be read back by the app."""
        web.chat_postEphemeral(channel=CHANNEL, user=PERSON.id, text="refused: stale")
        assert web.conversations_history(channel=CHANNEL)["messages"] == []
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
        self, web: WebClient, slack: SlackStandIn, arguments: dict[str, str], error: str
    ) -> None:
        """Refused by name, recorded as refused, and nothing is stored."""
        with pytest.raises(SlackApiError) as refused:
            web.chat_postMessage(**arguments)
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
    def test_blocks_beyond_a_limit(self, web: WebClient, blocks: list[dict[str, JsonValue]], complaint: str) -> None:
        """Refused as invalid_blocks, and the message says which limit and where."""
        with pytest.raises(SlackApiError) as refused:
            web.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)
        answer = refused.value.response
        assert answer["error"] == "invalid_blocks"
        assert complaint in answer["response_metadata"]["messages"][0]

    def test_blocks_at_every_limit_are_accepted(self, web: WebClient) -> None:
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
        assert web.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)["ok"]

    def test_the_token_is_checked_and_never_recorded(self, slack: SlackStandIn, slack_url: str) -> None:
        """No token, a wrong one, and one in a form: not_authed, invalid_auth, accepted."""
        with pytest.raises(SlackApiError, match="invalid_auth"):
            WebClient(token="xoxb-other", base_url=f"{slack_url}/api/").auth_test()
        assert httpx.post(f"{slack_url}/api/auth.test").json()["error"] == "not_authed"
        assert httpx.post(f"{slack_url}/api/auth.test", data={"token": "xoxb-test"}).json()["ok"]
        assert "xoxb" not in json.dumps([call.model_dump() for call in slack.record.calls])

    def test_only_messages_that_exist_are_updated(self, web: WebClient) -> None:
        """An unknown and a deleted timestamp are message_not_found."""
        posted = web.chat_postMessage(channel=CHANNEL, text="x")
        web.chat_delete(channel=CHANNEL, ts=posted["ts"])
        for ts in (posted["ts"], "1700000000.000000"):
            with pytest.raises(SlackApiError, match="message_not_found"):
                web.chat_update(channel=CHANNEL, ts=ts, text="y")

    def test_more_than_a_message_a_second_is_limited_where_that_is_on(self) -> None:
        """A burst passes, the next message waits a second; another channel is not concerned."""
        now = [0.0]
        rate = MessageRate(2, lambda: now[0])
        assert [rate.wait("C1"), rate.wait("C1"), rate.wait("C1"), rate.wait("C2")] == [0, 0, 1, 0]
        now[0] = 1.0
        assert [rate.wait("C1"), rate.wait("C1")] == [0, 1]


class TestFaults:
    """Faults meet the API's callers, and are switched while the stand-in runs."""

    def test_down_means_503_and_nothing_stored_until_it_is_over(
        self, web: WebClient, slack: SlackStandIn, slack_url: str
    ) -> None:
        """Everything under /api fails, the control routes answer, and afterwards all is as before."""
        httpx.post(f"{slack_url}/_control/fault", json={"mode": "down"}).raise_for_status()
        with pytest.raises(SlackApiError) as refused:
            web.chat_postMessage(channel=CHANNEL, text="x")
        assert refused.value.response.status_code == 503
        assert httpx.get(f"{slack_url}/_control/messages").json()["messages"] == []
        httpx.post(f"{slack_url}/_control/fault", json={"mode": "none"}).raise_for_status()
        assert web.chat_postMessage(channel=CHANNEL, text="x")["ok"]
        assert [call.error for call in slack.record.calls] == ["fault: down", None]

    def test_slow_takes_effect_though_the_caller_gave_up(self, slack: SlackStandIn, slack_url: str) -> None:
        """A client that times out cannot know, and the message is there."""
        slack.faults.set(Fault(mode="slow", seconds=5, times=1))
        impatient = WebClient(token="xoxb-test", base_url=f"{slack_url}/api/", timeout=1)
        with pytest.raises(TimeoutError):
            impatient.chat_postMessage(channel=CHANNEL, text="x")
        assert [one.text for one in slack.workspace.lasting(CHANNEL)] == ["x"]

    def test_rate_limited_says_when_to_come_back_and_ends_after_its_calls(self, web: WebClient, slack_url: str) -> None:
        """429 with Retry-After, as often as was asked for."""
        fault = {"mode": "rate_limited", "retry_after": 7, "times": 1}
        httpx.post(f"{slack_url}/_control/fault", json=fault).raise_for_status()
        with pytest.raises(SlackApiError) as refused:
            web.auth_test()
        assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (429, "7")
        assert web.auth_test()["ok"]

    def test_an_unknown_fault_is_refused(self, slack_url: str) -> None:
        """A typing slip does not switch anything."""
        assert httpx.post(f"{slack_url}/_control/fault", json={"mode": "dwon"}).status_code == 400
        assert httpx.get(f"{slack_url}/_control/fault").json()["mode"] == "none"
