"""The process that is killed: the real door behind HTTP on a ledger in a file, and a conductor beside it.

Its clock stands still, as that of whoever kills it does.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette

from bench.approval_history import Question
from bench.approvals_clock import set_clock
from bench.approvals_launch import Conductor
from bench.approvals_ways_in import SECRET
from deployments.rehearsal.stand_in_server import configuration, listen
from tminus.errors import LedgerUnreachable
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.sqlite import SqliteStore
from tminus.signing_secrets import SigningSecrets
from tminus.slack_door import SlackDoor

_LOOK = 0.03  # seconds; what the world is like is a file, whose change wakes nobody
_EVIDENCE = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class Place:
    """Where everything of one history is.

    Attributes:
        port: of the gateway.
        api: the environment's Slack, where whoever pressed is told.
    """

    folder: Path
    chain: str
    question: Question
    port: int
    api: str

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / f"{self.chain}.sqlite"

    def show(self, evidence: Mapping[str, str]) -> None:
        """The evidence is this from now on."""
        draft = self.folder / "evidence.new"
        draft.write_text(json.dumps(dict(evidence)), "utf-8")
        draft.replace(self.folder / "evidence")

    def evidence(self) -> Mapping[str, str]:
        """What it is."""
        return _EVIDENCE.validate_json((self.folder / "evidence").read_bytes())


def serve(place: Place) -> None:
    """Runs until it is killed."""
    logging.disable(logging.CRITICAL)  # what it refuses is counted where it is sent
    with set_clock(), listen(place.port) as listening:
        threading.Thread(target=_conduct, args=(place,), daemon=True).start()
        door = SlackDoor(SqliteStore(place.ledger), {}, SigningSecrets.of(SECRET), place.api)
        uvicorn.Server(configuration(Starlette(routes=door.routes()), None)).run(sockets=[listening])


def _conduct(place: Place) -> None:
    with closing(SqliteStore(place.ledger)) as store, closing(store.changes()) as changes:
        book = Logbook(store, place.chain)
        created = book.refresh().created
        if created is None:
            raise LookupError(f"there is no launch {place.chain}")
        conductor = Conductor(Frozen(created, {}), place.question, book)
        while True:
            try:
                conductor.look(place.evidence())
                changes.wait(_LOOK)
            except LedgerUnreachable:
                time.sleep(_LOOK)
