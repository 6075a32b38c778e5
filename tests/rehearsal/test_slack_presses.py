"""What is pressed at the Slack stand-in, driven by Slack's own Python client over loopback."""

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from deployments.rehearsal.slack_stand_in import SlackStandIn
from tests.rehearsal.slack_stood_in import CHANNEL, PERSON, actions, button, section


class TestSlackInteractions:
    """The response URL and trigger of a press."""

    def test_the_payload_is_about_the_button_that_is_shown(self, web: WebClient, slack_url: str) -> None:
        """It carries person, message and the button's value; a button that is gone cannot be pressed."""
        posted = web.chat_postMessage(channel=CHANNEL, text="Go?", blocks=[actions(button(value="opaque"))])
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
        web.chat_update(channel=CHANNEL, ts=posted["ts"], text="Answered", blocks=[section("Answered")])
        assert httpx.post(f"{slack_url}/_control/interactions", json=press).status_code == 409

    def test_an_answer_at_the_response_url_is_private_and_the_url_wears_out(
        self, web: WebClient, slack: SlackStandIn, slack_url: str
    ) -> None:
        """Five answers reach the person who pressed, the sixth is refused, and so is a made-up address."""
        url = self.press(web, slack_url)["response_url"]
        answers = [httpx.post(url, json={"text": "refused: stale", "replace_original": False}) for _ in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [404]
        assert httpx.post(f"{url}x", json={"text": "x"}).status_code == 404
        assert [one.ephemeral_to for one in slack.workspace.changed_since(1)] == [PERSON.id] * 5
        calls = [(call.method, call.error) for call in slack.record.calls if call.method == "response_url"]
        assert calls[-2:] == [("response_url", "used_url"), ("response_url", "expired_url")]

    def test_a_view_opens_once_for_a_fresh_trigger(self, web: WebClient, slack_url: str) -> None:
        """The second use of a trigger is refused, and so is a view that Slack would not take."""
        view = {"type": "modal", "title": {"type": "plain_text", "text": "Why hold?"}, "blocks": [section("Why?")]}
        trigger = self.press(web, slack_url)["trigger_id"]
        assert web.views_open(trigger_id=trigger, view=view)["view"]["id"].startswith("V")
        with pytest.raises(SlackApiError, match="invalid_trigger_id"):
            web.views_open(trigger_id=trigger, view=view)
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            web.views_open(trigger_id=self.press(web, slack_url)["trigger_id"], view={"type": "modal"})

    def test_a_view_is_handed_in_by_whoever_has_it_with_what_it_asks_for(
        self, web: WebClient, slack: SlackStandIn, slack_url: str
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
        opened = web.views_open(trigger_id=self.press(web, slack_url)["trigger_id"], view=view)["view"]["id"]
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

    def test_a_private_message_is_pressed_by_its_reader_alone(self, web: WebClient, slack_url: str) -> None:
        """Nobody else sees it."""
        posted = web.chat_postEphemeral(
            channel=CHANNEL, user=PERSON.id, text="Go?", blocks=[actions(button(value="v"))]
        )
        press = {"channel": CHANNEL, "message_ts": posted["message_ts"], "block_id": "go:devops_lead"}
        press["action_id"] = "tminus.approve"
        pressed = httpx.post(f"{slack_url}/_control/interactions", json={**press, "user": PERSON.id})
        assert pressed.json()["container"]["is_ephemeral"]
        assert httpx.post(f"{slack_url}/_control/interactions", json={**press, "user": "U0OTHER"}).status_code == 409

    def press(self, web: WebClient, slack_url: str) -> dict[str, str]:
        """The payload of a press on a new message."""
        posted = web.chat_postMessage(channel=CHANNEL, text="Go?", blocks=[actions(button())])
        press = {"user": PERSON.id, "channel": CHANNEL, "message_ts": posted["ts"]}
        press |= {"block_id": "go:devops_lead", "action_id": "tminus.approve"}
        payload: dict[str, str] = httpx.post(f"{slack_url}/_control/interactions", json=press).json()
        return payload
