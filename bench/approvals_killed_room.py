"""The launch of one history, the process that is killed in its midst, and people who press until they are told."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from threading import Timer

import httpx
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.approval_history import History, Request
from bench.approvals_launch import ASK, Keys, chain_of, created
from bench.approvals_victim import Place, serve
from bench.approvals_ways_in import answered, let_in, on_command_line, press
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.ports import free_port
from tminus import asking
from tminus.digests import decision_digest
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore

_KILLED = 0.4  # of what happens
_WITHIN = 0.05  # seconds from the beginning of what happens in which the process is killed
_PATIENCE = 0.5  # seconds without a word after which somebody presses again
_POLL = 0.004  # seconds
_LONGEST = 20.0  # seconds in which what must come has come
_RECORDED = "Recorded: "


class _Told(BaseModel):
    text: str


@dataclass
class Ears:
    """What everybody was told in Slack, by the address it came to."""

    url: str = ""
    heard: dict[str, str] = field(default_factory=dict)

    async def hear(self, request: HttpRequest) -> Response:
        """Somebody is told something."""
        self.heard[request.url.path] = _Told.model_validate_json(await request.body()).text
        return PlainTextResponse("ok")


@contextmanager
def ears() -> Iterator[Ears]:
    """Where Slack would be, while the block lasts."""
    found = Ears()
    with served(Starlette(routes=[Route("/told/{number}", found.hear, methods=["POST"])])) as found.url:
        yield found


class Room:
    """One history's launch.

    Attributes:
        kills: how often the process was killed.
        presses: how many it answered.
        gone: how many of them were answered 200, and nobody was told anything.
    """

    def __init__(self, history: History, folder: Path, heard: Ears, chance: Random) -> None:
        self.kills = self.presses = self.gone = 0
        self._history, self._ears, self._chance = history, heard, chance
        self._keys = Keys(folder)
        chain = chain_of(history.question, 0)
        self._place = Place(folder, chain, history.question, free_port(), f"{heard.url}/api/")
        self.show(0)
        self.store = SqliteStore(self._place.ledger)
        self.frozen = Frozen(created(history, chain, self._keys), {})
        self.book = Logbook(self.store, chain)
        self.book.open(self.frozen.created)
        self._client = httpx.Client(timeout=2, trust_env=False)
        self._anew: set[int] = set()
        self._process = self._started()

    def close(self) -> None:
        """Ends the process."""
        self._kill()
        self._process.join()
        self._client.close()
        self.store.close()

    def show(self, version: int) -> None:
        """The evidence is this from now on."""
        self._shown = self._history.versions[version]
        self._place.show(self._shown)

    def send(self, one: Request) -> bool:
        """Whether whoever sent it was told that it was recorded."""
        digest = decision_digest(self.frozen, self._history.versions[one.seen]) if one.seen >= 0 else "sha256:f"
        if one.via == "command line":
            return let_in(self.book, self.frozen, on_command_line(one, self._keys, self.frozen, digest))
        if one.via == "pagerduty":
            return let_in(self.book, self.frozen, answered(one, one.who, digest))
        with self._perhaps_killed():
            return self._pressed(one, digest)

    def settle(self) -> None:
        """Waits until the conductor has done what it must."""
        with self._perhaps_killed():
            until = time.monotonic() + _LONGEST
            while not self._is_settled():
                if time.monotonic() > until:
                    raise TimeoutError(f"the conductor of {self.book.launch} does nothing")
                self._revive()
                time.sleep(_POLL)

    def _is_settled(self) -> bool:
        ask = self.book.refresh().asks.get(ASK)
        if ask is None or ask.voided:
            return False
        if ask.ended is not None:
            return True
        judged = asking.judge(ask, self.frozen.people)
        now = decision_digest(self.frozen, self._shown) == ask.opened.decision_digest
        return now and not judged.met and judged.rejected is None

    # Pressing.

    def _pressed(self, one: Request, digest: str) -> bool:
        """Sends it; again where it was not answered; presses anew where nobody was told anything.

        A press that was pressed anew is not replayed later: nothing says whether its first bytes were ever looked at.
        """
        if one.id in self._anew:
            return False
        for turn in range(100):
            number = one.id * 1000 + turn
            path = f"/told/{number}"
            body, headers = press(
                replace(one, id=number if turn else one.id), self.book.launch, digest, f"{self._ears.url}{path}"
            )
            self._anew |= {one.id} if turn else set()
            self._ears.heard.pop(path, None)  # of a replay, what was told the first time
            status = self._answered(body, headers)
            if status not in {200, 401} or (status == 401 and one.proof != "right"):
                return False
            if (said := self._told(path)) is not None:
                return said.startswith(_RECORDED)
            if status == 401:
                return False  # a replay that nobody is told of
            self.gone += 1
        raise TimeoutError("pressed a hundred times, and nobody was told anything")

    def _answered(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of a press, which is sent until there is one."""
        until = time.monotonic() + _LONGEST
        while True:
            self._revive()
            try:
                url = f"http://127.0.0.1:{self._place.port}/slack/interactions"
                status = self._client.post(url, content=body, headers=headers).status_code
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL)
            else:
                self.presses += 1
                return status

    def _told(self, path: str) -> str | None:
        until = time.monotonic() + _PATIENCE
        while path not in self._ears.heard and time.monotonic() < until:
            time.sleep(_POLL)
        return self._ears.heard.get(path)

    # Killing.

    @contextmanager
    def _perhaps_killed(self) -> Iterator[None]:
        if self._chance.random() > _KILLED:
            yield
            return
        timer = Timer(_WITHIN * self._chance.random() ** 2, self._kill)  # most of it is over in a few milliseconds
        timer.start()
        try:
            yield
        finally:
            timer.join()
            self._revive()

    def _kill(self) -> None:
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self.kills += 1

    def _revive(self) -> None:
        if not self._process.is_alive():
            self._process.join()
            self._process = self._started()

    def _started(self) -> BaseProcess:
        context = get_context("forkserver")
        context.set_forkserver_preload(["bench.approvals_victim"])
        process = context.Process(target=serve, args=(self._place,), daemon=True)
        process.start()
        return process
