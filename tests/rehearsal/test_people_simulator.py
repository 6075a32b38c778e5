"""The simulated people: whom they answer, how their answer travels, and what they do while Slack is down."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue, SecretStr
from slack_sdk import WebClient

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.people_file import People
from deployments.rehearsal.people_journal import Journal
from deployments.rehearsal.people_simulator import Simulator
from deployments.rehearsal.slack_presses import Presses
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.slack_workspace import Directory, User
from tests.rehearsal.simulated_people import LEAD, SECRET, SECURITY, Gateway, ask, people

CHANNEL = "C0LAUNCHES"
DIRECTORY = Directory(
    users=(
        User(id=LEAD, name="devops-lead-1", real_name="DevOps lead, first shift"),
        User(id=SECURITY, name="security-lead", real_name="Security lead"),
    )
)


@pytest.fixture
def slack() -> SlackStandIn:
    """A workspace with two people."""
    return SlackStandIn(SecretStr("xoxb-test"), DIRECTORY)


@pytest.fixture
def slack_url(slack: SlackStandIn) -> Iterator[str]:
    """Its address."""
    with served(slack.app()) as url:
        yield url


@pytest.fixture
def client(slack_url: str) -> WebClient:
    """The app's own client."""
    return WebClient(token="xoxb-test", base_url=f"{slack_url}/api/")


@pytest.fixture
def gateway() -> Gateway:
    """Where presses arrive."""
    return Gateway()


@pytest.fixture
def gateway_url(gateway: Gateway) -> Iterator[str]:
    """Its address."""
    with served(gateway.app()) as url:
        yield url


@contextlib.asynccontextmanager
async def simulated(everyone: People, slack: str, gateway: str) -> AsyncIterator[None]:
    """Run a simulator for as long as the block lasts."""
    async with httpx.AsyncClient() as web:
        presses = Presses(web, slack, gateway, SecretStr(SECRET))
        task = asyncio.create_task(Simulator(everyone, slack, presses, web, Journal()).run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something; an assertion error where it does not come."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def post(client: WebClient, blocks: list[dict[str, JsonValue]], event: str = "tminus_request") -> str:
    """Post a request and return its timestamp."""
    metadata = {"event_type": event, "event_payload": {}}
    posted = await asyncio.to_thread(
        client.chat_postMessage, channel=CHANNEL, text="Go?", blocks=blocks, metadata=metadata
    )
    return str(posted["ts"])


async def update(client: WebClient, ts: str, blocks: list[dict[str, JsonValue]]) -> None:
    """Replace what a message shows."""
    await asyncio.to_thread(client.chat_update, channel=CHANNEL, ts=ts, text="Go?", blocks=blocks)


class TestBySlack:
    """Presses through the signed HTTP path."""

    async def test_each_role_is_answered_by_its_person_with_the_value_as_it_was(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str
    ) -> None:
        """The signature satisfies Slack's own verifier; the payload names person, message, block and response URL."""
        async with simulated(people({}, {"behaviour": "reject"}), slack_url, gateway_url):
            ts = await post(client, ask("devops_lead", "security_lead", "product_owner"))
            await until(lambda: len(gateway.payloads) == 2)
        assert sorted(gateway.answers()) == [
            (LEAD, "tminus.approve", "approve/devops_lead/1"),
            (SECURITY, "tminus.reject", "reject/security_lead/1"),
        ]
        payload = gateway.payloads[0]
        assert payload["type"] == "block_actions"
        assert payload["container"]["message_ts"] == ts
        assert payload["message"]["metadata"]["event_type"] == "tminus_request"
        async with httpx.AsyncClient() as web:
            assert (await web.post(str(payload["response_url"]), json={"text": "counted"})).status_code == 200

    async def test_asked_again_they_answer_again_and_otherwise_only_once(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str
    ) -> None:
        """The same value shown again is not pressed again; a new value for the same role is."""
        async with simulated(people({}, {"delay": [0.3, 0.3]}), slack_url, gateway_url):
            ts = await post(client, ask("devops_lead"))
            await until(lambda: len(gateway.payloads) == 1)
            await update(client, ts, ask("devops_lead", "security_lead"))
            await until(lambda: len(gateway.payloads) >= 2)  # the slower one: a second press of the lead came before
            await update(client, ts, ask("devops_lead", nonce="2"))
            await until(lambda: len(gateway.payloads) >= 3)
        assert [value for _, _, value in gateway.answers()] == [
            "approve/devops_lead/1",
            "approve/security_lead/1",
            "approve/devops_lead/2",
        ]

    async def test_a_button_that_is_gone_before_they_get_to_it_is_not_pressed(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str
    ) -> None:
        """Answered meanwhile, nobody presses; replaced meanwhile, only the new button is pressed, and once."""
        everyone = people({"delay": [0.5, 0.5]}, {"delay": [1.0, 1.0]})
        async with simulated(everyone, slack_url, gateway_url):
            answered = await post(client, ask("devops_lead"))
            replaced = await post(client, ask("devops_lead", "security_lead"))
            await asyncio.sleep(0.1)
            await update(client, answered, ask("product_owner"))
            await update(client, replaced, ask("devops_lead", "security_lead", nonce="2"))
            await until(lambda: any(user == SECURITY for user, _, _ in gateway.answers()))
        assert [value for _, _, value in gateway.answers()] == ["approve/devops_lead/2", "approve/security_lead/2"]

    async def test_silence_and_other_messages(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str
    ) -> None:
        """A silent person never presses, and nobody presses in a message that is no request of tminus."""
        async with simulated(people({"behaviour": "silent"}), slack_url, gateway_url):
            await post(client, ask("devops_lead", "security_lead"), event="somebody_else")
            await post(client, ask("devops_lead"))
            await post(client, ask("security_lead", request="briefing", kind="acknowledgement"))
            await until(lambda: len(gateway.payloads) == 1)
        assert [(user, action) for user, action, _ in gateway.answers()] == [(SECURITY, "tminus.acknowledge")]

    async def test_a_gateway_that_fails_is_tried_again_and_a_refusal_is_not(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str
    ) -> None:
        """After a 503 the person presses once more; after a 403 they leave it."""
        gateway.statuses = [503, 200, 403, 200]
        async with simulated(people(), slack_url, gateway_url):
            await post(client, ask("devops_lead", nonce="first"))
            await until(lambda: len(gateway.payloads) == 1)
            await post(client, ask("devops_lead", nonce="refused"))
            await until(lambda: len(gateway.statuses) == 1)
            await post(client, ask("devops_lead", nonce="third"))
            await until(lambda: len(gateway.payloads) == 2)
        assert [value.rpartition("/")[2] for _, _, value in gateway.answers()] == ["first", "third"]


class TestByCommandLine:
    """Answers while Slack is down."""

    async def test_each_pending_role_is_answered_once_with_the_persons_own_key(
        self, slack: SlackStandIn, slack_url: str, gateway_url: str, tmp_path: Path
    ) -> None:
        """The decision's template is filled, the person's environment is set, an open role is not answered twice."""
        answers = tmp_path / "answers"
        pending = [{"request": "go-no-go", "roles": ["devops_lead", "security_lead"], "launch": "L1"}]
        write = "import os,sys; open(sys.argv[1],'a').write(' '.join(sys.argv[2:])+' '+os.environ['KEY']+'\\n')"
        words = ["{decision}", "{request}", "{role}", "{person}", "{launch}", "{untouched}"]
        everyone = people(
            {"environment": {"KEY": "lead.key"}},
            {"environment": {"KEY": "security.key"}, "behaviour": "hold"},
            pending_command=[sys.executable, "-c", f"print({json.dumps(pending)!r})"],
            answer_command=[sys.executable, "-c", write, str(answers), *words],
            answer_commands={"hold": [sys.executable, "-c", write, str(answers), "{decision}", "{launch}", "reason"]},
            command_poll=0.2,
        )
        slack.faults.set(Fault(mode="down"))
        async with simulated(everyone, slack_url, gateway_url):
            await until(lambda: answers.exists() and answers.read_text().count("\n") == 2)
            await asyncio.sleep(0.6)  # two more looks at the same open request
        assert sorted(answers.read_text().splitlines()) == [
            "approve go-no-go devops_lead lead L1 {untouched} lead.key",
            "hold L1 reason security.key",
        ]

    async def test_commands_are_left_alone_while_slack_is_up(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str, tmp_path: Path
    ) -> None:
        """With Slack up the pending command is never run, also not while people press."""
        touched = tmp_path / "touched"
        command = [sys.executable, "-c", "import sys; open(sys.argv[1],'w'); print('[]')", str(touched)]
        everyone = people(pending_command=command, answer_command=command, command_poll=0.2)
        async with simulated(everyone, slack_url, gateway_url):
            await post(client, ask("devops_lead"))
            await until(lambda: len(gateway.payloads) == 1)
            await asyncio.sleep(0.4)
        assert not touched.exists()


class TestProcess:
    """The simulator as the rehearsal starts it."""

    async def test_it_presses_records_and_ends_on_sigterm(
        self, client: WebClient, slack_url: str, gateway: Gateway, gateway_url: str, tmp_path: Path
    ) -> None:
        """Started from a YAML file; its journal says who answered what; it ends with status 0."""
        path, record = tmp_path / "people-simulated.yaml", tmp_path / "people.jsonl"
        path.write_text(f"people: [{{id: lead, slack_id: {LEAD}, roles: [devops_lead], delay: [0, 0]}}]")
        process = start(path, slack_url, gateway_url, "--record", str(record))
        try:
            await post(client, ask("devops_lead"))
            await until(lambda: record.exists() and record.read_text().endswith("\n"))
        finally:
            process.terminate()
            status = await asyncio.to_thread(process.wait, 20)
        assert status == 0
        line = json.loads(record.read_text())
        assert (line["person"], line["decision"], line["way"], line["result"]) == (
            "lead",
            "approve",
            "slack",
            "HTTP 200",
        )
        assert gateway.answers() == [(LEAD, "tminus.approve", "approve/devops_lead/1")]

    def test_it_refuses_an_address_that_is_not_on_this_machine(self, tmp_path: Path) -> None:
        """Simulated people never answer a real launch."""
        process = start(tmp_path / "none.yaml", "http://127.0.0.1:1", "https://gateway.example.com")
        assert process.wait(20) == 2


def start(path: Path, slack: str, gateway: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a simulator."""
    options = ["--people", str(path), "--slack", slack, "--gateway", gateway, *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "deployments.rehearsal.people_simulator", *options],
        env={**os.environ, "SLACK_SIGNING_SECRET": SECRET},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
