"""The Slack stand-in's Socket Mode, spoken to by a WebSocket client that is not Slack's."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from pydantic import SecretStr
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from deployments.rehearsal import slack_workspace
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.slack_stand_in import SlackStandIn

BOT, APP = "xoxb-test", "xapp-test"


@pytest.fixture
def slack() -> SlackStandIn:
    """A workspace whose app may open connections."""
    return SlackStandIn(SecretStr(BOT), slack_workspace.Directory(), app_token=SecretStr(APP))


@pytest.fixture
def url(slack: SlackStandIn) -> Iterator[str]:
    """Its address."""
    with served(slack.app(), websockets=True) as found:
        yield found


@contextmanager
def connected(url: str) -> Iterator[ClientConnection]:
    """A connection that said hello."""
    opened = WebClient(base_url=f"{url}/api/").apps_connections_open(app_token=APP)
    with connect(str(opened["url"]), proxy=None) as connection:
        assert json.loads(connection.recv(timeout=5))["type"] == "hello"
        yield connection


def deliver(url: str) -> str:
    """Something to deliver."""
    asked = {"type": "interactive", "payload": {"type": "block_actions"}}
    return str(httpx.post(f"{url}/_control/deliveries", json=asked).json()["envelope_id"])


def befall(url: str, **what: object) -> None:
    """Something happens to the connections."""
    httpx.post(f"{url}/_control/socket", json=what).raise_for_status()


class TestSocketMode:
    """As Slack describes it."""

    def test_only_the_app_level_token_opens_one_and_its_address_is_good_once(
        self, slack: SlackStandIn, url: str
    ) -> None:
        """The bot's token is of another kind."""
        client = WebClient(token=BOT, base_url=f"{url}/api/")
        with pytest.raises(SlackApiError, match="not_allowed_token_type"):
            client.apps_connections_open(app_token=BOT)
        with pytest.raises(SlackApiError, match="not_allowed_token_type"):
            WebClient(token=APP, base_url=f"{url}/api/").auth_test()
        address = str(client.apps_connections_open(app_token=APP)["url"])
        with connect(address, proxy=None) as connection:
            connection.recv(timeout=5)
            with pytest.raises(InvalidStatus), connect(address, proxy=None):
                pass
        assert APP not in "".join(call.model_dump_json() for call in slack.record.calls)

    def test_an_envelope_is_sent_until_it_is_acknowledged(self, slack: SlackStandIn, url: str) -> None:
        """Over the next connection where one ended first; once acknowledged, never again."""
        envelope = deliver(url)
        with connected(url) as connection:
            assert json.loads(connection.recv(timeout=5))["envelope_id"] == envelope
        with connected(url) as connection:
            assert json.loads(connection.recv(timeout=5))["envelope_id"] == envelope
            connection.send(json.dumps({"envelope_id": envelope, "payload": {"response_action": "clear"}}))
            befall(url, do="closed")
            with pytest.raises(Exception, match="received 1000"):
                connection.recv(timeout=5)
        assert slack.sockets.acknowledged == {envelope: {"response_action": "clear"}}
        with connected(url) as connection, pytest.raises(TimeoutError):
            connection.recv(timeout=0.2)

    def test_one_that_is_to_end_says_so_and_gets_nothing_more(self, url: str) -> None:
        """What comes meanwhile goes over the other."""
        with connected(url) as old:
            befall(url, do="warning", seconds=0.3)
            told = json.loads(old.recv(timeout=5))
            assert (told["type"], told["reason"]) == ("disconnect", "warning")
            with connected(url) as new:
                envelope = deliver(url)
                assert json.loads(new.recv(timeout=5))["envelope_id"] == envelope
                with pytest.raises(Exception, match="received 1000"):
                    old.recv(timeout=5)

    def test_switched_off_it_gives_no_address(self, url: str) -> None:
        """Until it is switched on again."""
        befall(url, do="link_disabled")
        with pytest.raises(SlackApiError, match="access_denied"), connected(url):
            pass
        befall(url, do="enabled")
        with connected(url):
            pass
        assert httpx.post(f"{url}/_control/socket", json={"do": "explode"}).status_code == 400
