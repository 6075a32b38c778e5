"""The process that is killed: the real `tminus rotate`, which ends itself by SIGKILL at one named point of its way.

Points, in the order in which a rotation passes them: `begun VERB` is right after the ledger was told that the verb
begins, `made VERB` right after the outside system was changed, `sent …` right after Secrets Manager was, `unrecorded
VERB` right before the ledger is told that it is done, and `recorded VERB` right after. `sent … in VERB` is inside a
verb, right after one call of those that change Redis or S3.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, TypeVar

import psycopg
import redis.asyncio
from pydantic import BaseModel

from bench.rotation_kill_sabotage import Mechanism, recorded, without
from cli import rotate
from cli.main import main
from flows import rotation_orders, rotation_round, secret_rotation
from tasks import redis_acl
from tasks.aws_client import AwsService, Parameter, _client
from tasks.rotators.vocabulary import ROTATORS
from tminus import events as ev
from tminus.ledger.chain import Head
from tminus.ledger.locks import Listing
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Entry

_T = TypeVar("_T", bound=BaseModel)
READY = (psycopg, redis, rotate, rotation_orders, rotation_round, secret_rotation)
"""What the command imports when it runs: it is there already where this process is forked from another."""
_client("secretsmanager", "eu-central-1", "http://127.0.0.1:1", None, None)  # and has read AWS's descriptions
_VERBS = ("create", "set", "test", "off", "on", "drop", "undo")
_POLL = 0.005  # seconds


@dataclass(frozen=True)
class Visit:
    """One visit to a secret.

    Attributes:
        folder: where what it says goes, and the files by which it waits.
        arguments: of the command.
        point: where it is killed, or waits; "" where it is not.
        does: whether it ends there, or says that it is there and goes on when it is told to.
    """

    folder: Path
    arguments: Sequence[str]
    point: str = ""
    does: Literal["end", "wait"] = "end"
    sabotage: Mechanism | None = None

    @property
    def reached(self) -> Path:
        """There once it waits; it goes on when this is gone."""
        return self.folder / "reached"

    def pass_by(self, point: str) -> None:
        """Where the process is now."""
        if point != self.point or self.reached.with_suffix(".once").exists():
            return
        self.reached.with_suffix(".once").touch()
        if self.does == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        self.reached.touch()
        while self.reached.exists():
            time.sleep(_POLL)


@dataclass
class _Doing:
    """What the rotator does now: the innermost of its verbs."""

    verb: str = ""


def visit(one: Visit) -> None:
    """Runs the command in this process; its exit status is the process's."""
    output = os.open(one.folder / "said.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    doing = _Doing()
    _watch_ledger(one)
    _watch_aws(one, doing)
    _watch_redis(one, doing)
    for kind, verb in product(ROTATORS.values(), _VERBS):
        _watch_verb(kind, verb, one, doing)
    with without(one.sabotage, one.folder):
        sys.argv = ["tminus", *one.arguments]
        main()


def _watch_ledger(one: Visit) -> None:
    append, unlock = SqliteStore.append, SqliteStore.append_and_unlock

    def around(writes: Callable[[], list[Head]], entries: Sequence[Entry]) -> list[Head]:
        events = [ev.read(entry.body) for entry in entries]
        for event in events:
            if isinstance(event, ev.RotationStageDone):
                one.pass_by(f"unrecorded {event.stage}")
        heads = writes()
        for event in events:
            recorded(one.sabotage, event)
            match event:
                case ev.RotationStageBegan():
                    one.pass_by(f"begun {event.stage}")
                case ev.RotationStageDone():
                    one.pass_by(f"recorded {event.stage}")
                case ev.RotationBegan() | ev.RotationOrdered() | ev.RotationEnded():
                    one.pass_by(event.type)
                case _:
                    pass
        return heads

    def appends(store: SqliteStore, *entries: Entry) -> list[Head]:
        return around(lambda: append(store, *entries), entries)

    def unlocks(store: SqliteStore, environment: str, *entries: Entry, listing: Listing | None = None) -> list[Head]:
        return around(lambda: unlock(store, environment, *entries, listing=listing), entries)

    setattr(SqliteStore, "append", appends)  # noqa: B010 - it is watched from here on
    setattr(SqliteStore, "append_and_unlock", unlocks)  # noqa: B010 - it is watched from here on


def _watch_aws(one: Visit, doing: _Doing) -> None:
    whole = AwsService.read

    def read(service: AwsService, model: type[_T], operation: str, **parameters: Parameter) -> _T:
        answer = whole(service, model, operation, **parameters)
        stage = str(parameters.get("VersionStage", ""))
        sent = f"sent {operation} {stage}".strip()
        one.pass_by(sent)
        one.pass_by(f"{sent} in {doing.verb}")
        return answer

    setattr(AwsService, "read", read)  # noqa: B010 - it is watched from here on


def _watch_redis(one: Visit, doing: _Doing) -> None:
    whole = redis_acl.Node.ask

    async def ask(node: redis_acl.Node, *command: str | int) -> object:
        answer = await whole(node, *command)
        one.pass_by(f"sent {command[0]} in {doing.verb}")
        return answer

    setattr(redis_acl.Node, "ask", ask)  # noqa: B010 - it is watched from here on


def _watch_verb(kind: type[BaseModel], verb: str, one: Visit, doing: _Doing) -> None:
    whole: Callable[..., Awaitable[object]] = getattr(kind, verb)

    async def passes(*arguments: object) -> object:
        before, doing.verb = doing.verb, verb
        came = await whole(*arguments)
        doing.verb = before
        one.pass_by(f"made {verb}")
        return came

    setattr(kind, verb, passes)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        folder, point, *rest = sys.argv[1:]
        visit(Visit(Path(folder), rest, point))
