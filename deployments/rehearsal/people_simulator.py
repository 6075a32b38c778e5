"""Simulated people who answer tminus: by Slack's buttons, or by command line while Slack is down.

    SLACK_SIGNING_SECRET=… python -m deployments.rehearsal.people_simulator \
        --people people-simulated.yaml --slack http://127.0.0.1:8700 --gateway http://127.0.0.1:8702

It talks to loopback addresses only, watches by long poll, and ends on SIGTERM.
"""

import argparse
import asyncio
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr, ValidationError

from deployments.rehearsal.people_by_command import CommandLine
from deployments.rehearsal.people_file import People, PeopleFileError, Person, load
from deployments.rehearsal.people_journal import Journal
from deployments.rehearsal.slack_board import Question, Shown, look
from deployments.rehearsal.slack_presses import NotPressed, Presses
from deployments.rehearsal.stand_in_server import secret_from_environment

PREFIX = "tminus."  # action ids are this and the decision
TRIES = 30
PAUSE = 0.5  # seconds before looking again at a Slack that does not answer, and before a second try of a press


class Simulator:
    """Everyone in a people file, at one Slack and one gateway."""

    def __init__(
        self, people: People, slack: str, presses: Presses, client: httpx.AsyncClient, journal: Journal
    ) -> None:
        self._people = people
        self._slack = slack
        self._presses = presses
        self._client = client
        self._journal = journal
        self._command_line = CommandLine(people, journal)
        self._shown: dict[tuple[str, str], Shown] = {}
        self._begun: set[tuple[str, ...]] = set()
        self._up, self._down = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Watch and answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._people.pending_command:
                tasks.create_task(self._answer_by_command(tasks))
            await self._watch(tasks)

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        revision = 0
        while True:
            try:
                board = await look(self._client, self._slack, revision)
            except (httpx.HTTPError, ValidationError):
                self._say(up=False)
                await asyncio.sleep(PAUSE)
                continue
            if board.revision < revision:  # a new stand-in counts from the beginning
                revision = 0
                self._shown.clear()
                continue
            revision = board.revision
            self._say(up=board.fault != "down")
            for message in board.messages:
                self._shown[message.channel, message.ts] = message
                for question in message.questions():
                    self._ask(tasks, question)

    def _say(self, *, up: bool) -> None:
        for event, is_so in ((self._up, up), (self._down, not up)):
            if is_so:
                event.set()
            else:
                event.clear()

    def _ask(self, tasks: asyncio.TaskGroup, question: Question) -> None:
        offered = {action.removeprefix(PREFIX) for action in question.buttons if action.startswith(PREFIX)}
        for person in self._people.with_role(question.role):
            decision = person.decision(question.request, offered)
            if decision is None:
                continue
            value = question.buttons[PREFIX + decision]
            key = (question.channel, question.ts, question.role, value, person.id)
            if key not in self._begun:
                self._begun.add(key)
                tasks.create_task(self._answer(person, question, decision))

    async def _answer(self, person: Person, question: Question, decision: str) -> None:
        """Press after the person's delay, if the same button is still there; again where the press was not heard."""
        action_id = PREFIX + decision
        about = (question.request, question.role, decision)
        await asyncio.sleep(self._people.delay(person, f"{question.block_id}:{question.buttons[action_id]}"))
        for _ in range(TRIES):
            await self._up.wait()
            if not self._still_there(question, action_id):
                return
            began = time.time()
            try:
                status = await self._presses.press(person.slack_id, question, action_id)
            except NotPressed as error:
                self._journal.add(began, person, "slack", about, str(error))
                if not error.again:
                    return
                await asyncio.sleep(PAUSE)
            else:
                self._journal.add(began, person, "slack", about, f"HTTP {status}")
                return

    def _still_there(self, question: Question, action_id: str) -> bool:
        message = self._shown.get((question.channel, question.ts))
        return message is not None and any(
            now.block_id == question.block_id and now.buttons.get(action_id) == question.buttons[action_id]
            for now in message.questions()
        )

    async def _answer_by_command(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._down.wait()
            await self._command_line.poll(tasks)
            await asyncio.sleep(self._people.command_poll)


async def simulate(people: People, slack: str, gateway: str, secret: SecretStr, record: Path | None) -> None:
    """Run a simulator until SIGTERM or Ctrl-C."""
    task = asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with httpx.AsyncClient(trust_env=False) as client:
        presses = Presses(client, slack, gateway, secret)
        try:
            await Simulator(people, slack, presses, client, Journal(record)).run()
        except asyncio.CancelledError:
            return


def loopback(url: str) -> str:
    """The address without a slash at its end; raises argparse's error where it is not on this machine."""
    if urlsplit(url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise argparse.ArgumentTypeError(f"{url} is not a loopback address; simulated people answer rehearsals only")
    return url.rstrip("/")


def main() -> None:
    """Read the arguments, then simulate."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=Path, required=True, help="YAML file: who they are and how they answer")
    parser.add_argument("--slack", type=loopback, required=True, help="the Slack stand-in's address")
    parser.add_argument("--gateway", type=loopback, required=True, help="where /slack/interactions is served")
    parser.add_argument("--record", type=Path, help="file that gets one JSON line for each answer")
    given = parser.parse_args()
    secret = SecretStr(secret_from_environment("SLACK_SIGNING_SECRET"))
    try:
        people = load(given.people)
    except PeopleFileError as error:
        parser.error(str(error))
    asyncio.run(simulate(people, given.slack, given.gateway, secret, given.record))


if __name__ == "__main__":
    main()
