"""People who answer on the command line, as they do while Slack is down."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from deployments.rehearsal.people_file import Decision, People, Person
from deployments.rehearsal.people_journal import Journal

TRIES = 3
COMMAND_TIMEOUT = 60.0  # seconds

_OFFERED = {
    "approval": ("approve", "reject", "hold"),
    "sign_off": ("approve", "reject"),
    "acknowledgement": ("acknowledge",),
    "attestation": ("attest",),
}


class Pending(BaseModel):
    """One open request, as the pending command prints it."""

    request: str
    roles: list[str]
    kind: Literal["approval", "sign_off", "acknowledgement", "attestation"] = "approval"
    launch: str = ""
    digest: str = ""


_PENDING = TypeAdapter(list[Pending])


@dataclass
class _Asked:
    """How often somebody tried to answer; `answered` where it worked."""

    tries: int = 0
    running: bool = False
    answered: bool = False


class CommandLine:
    """Looks at what is pending and answers it, once for each person, request and role, until it is asked anew."""

    def __init__(self, people: People, journal: Journal) -> None:
        self._people = people
        self._journal = journal
        self._asked: dict[tuple[str, str, str], _Asked] = {}

    async def poll(self, tasks: asyncio.TaskGroup) -> None:
        """Look once, and start the answers that are due; they wait for their person's delay on their own."""
        status, output = await run(self._people.pending_command, {})
        try:
            pending = _PENDING.validate_json(output) if status == 0 else None
        except ValidationError as error:
            print(f"pending_command printed something else than the open requests: {error}", flush=True)
            return
        if pending is None:
            print(f"pending_command ended with status {status}", flush=True)
            return
        self._forget({(one.request, role) for one in pending for role in one.roles})
        for one in pending:
            for role in one.roles:
                for person in self._people.with_role(role):
                    self._ask(tasks, one, role, person)

    def _ask(self, tasks: asyncio.TaskGroup, pending: Pending, role: str, person: Person) -> None:
        decision = person.decision(pending.request, _OFFERED[pending.kind])
        asked = self._asked.setdefault((person.id, pending.request, role), _Asked())
        if decision is None or asked.running or asked.answered or asked.tries >= TRIES:
            return
        asked.running = True
        tasks.create_task(self._answer(asked, pending, role, person, decision))

    async def _answer(self, asked: _Asked, pending: Pending, role: str, person: Person, decision: Decision) -> None:
        await asyncio.sleep(self._people.delay(person, f"{pending.request}:{role}"))
        words = {
            "{request}": pending.request,
            "{role}": role,
            "{person}": person.id,
            "{decision}": decision,
            "{launch}": pending.launch,
            "{digest}": pending.digest,
        }
        began = time.time()
        command = [filled(part, words) for part in self._people.command_for(decision)]
        status, _ = await run(command, person.environment)
        asked.tries, asked.running, asked.answered = asked.tries + 1, False, status == 0
        self._journal.add(began, person, "command", (pending.request, role, decision), f"exit {status}")

    def _forget(self, open_now: set[tuple[str, str]]) -> None:
        """What is no longer open and comes up again later is a new question."""
        for key in [key for key, asked in self._asked.items() if key[1:] not in open_now and not asked.running]:
            del self._asked[key]


def filled(part: str, words: Mapping[str, str]) -> str:
    """One argument with its placeholders filled; other braces stay as they are."""
    for placeholder, word in words.items():
        part = part.replace(placeholder, word)
    return part


async def run(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Run a command: exit status and standard output; 127 where it cannot be started, 124 after 60 s.

    Cancelled, it kills the command first.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        print(f"{argv[0]} cannot be started: {error}", flush=True)
        return 127, b""
    try:
        async with asyncio.timeout(COMMAND_TIMEOUT):
            output, _ = await process.communicate()
    except TimeoutError:
        return 124, b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output
