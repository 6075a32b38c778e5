"""One secret's rotation with a kill or a failure in its midst, gone on with until it is over, and judged outside."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ruamel.yaml import YAML

from bench.rotation_kill_outside import Fields, Outside, fields_of
from bench.rotation_kill_sabotage import Mechanism
from bench.rotation_kill_victim import Visit, visit
from tests.tminus.readiness.room import person
from tminus.chain_names import secret_chain
from tminus.clock import now
from tminus.ledger.sqlite import SqliteStore
from tminus.people import People
from tminus.rotations.course import Course

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

OVERLAP = 1.0  # seconds, where a case needs no longer one
NAME, _SYSTEM, _PLACE = "the-secret", "killed", "bench"
_POLL = 0.1  # seconds
_VISITS = 14  # after which what is not over never will be
_LONGEST = 90.0  # seconds that a visit may last
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass
class Seen:
    """What somebody saw who read the secret and used it all the time.

    Attributes:
        looks: how often.
        refused: how often what was current was refused, though it was still current afterwards.
        cut_off: how often what was current less than an overlap ago opened nothing any more.
        two_dead: how often neither what is current nor what was before it opened anything.
    """

    looks: int = 0
    refused: int = 0
    cut_off: int = 0
    two_dead: int = 0


@dataclass
class Ended:
    """What became of a history.

    Attributes:
        wrong: why it did not end as it should; "" where it did.
        unknown: credentials at its end that are none of what is current.
        kills: how often a process was killed.
    """

    wrong: str = ""
    unknown: int = 0
    kills: int = 0
    seen: Seen = field(default_factory=Seen)


class Watcher:
    """Reads the secret and uses it, from a thread, as an application does.

    Args:
        read: the id and the value of what has a stage.
        outside: where it opens something.
        overlap: seconds for which what was current must go on working.
    """

    def __init__(
        self, read: Callable[[str], tuple[str, Fields] | None], outside: Outside, overlap: float = OVERLAP
    ) -> None:
        self._read, self._overlap = read, overlap
        self._outside = outside
        self._held: dict[str, tuple[float, Fields]] = {}
        self.seen = Seen()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The block during which it does, and once more at its end."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(_POLL):
                self._look()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._look()

    def _look(self) -> None:
        began = time.monotonic()
        current = self._read("AWSCURRENT")
        if current is None:
            return
        self._held[current[0]] = (began, current[1])
        self.seen.looks += 1
        for version, (last, value) in list(self._held.items()):
            if (
                version != current[0]
                and self._outside.alive(value) is False
                and time.monotonic() - last < self._overlap
            ):
                self.seen.cut_off += 1
        if self._outside.opens(current[1]) is not False:
            return
        again = self._read("AWSCURRENT")
        if again is not None and again[0] == current[0]:
            self.seen.refused += 1
            before = self._read("AWSPREVIOUS")
            self.seen.two_dead += before is None or self._outside.alive(before[1]) is False


class History:
    """One secret, its book, its ledger, and the processes that rotate it.

    Args:
        folder: its own.
        client: Secrets Manager itself.
        aws: what the environment file says of it.
        outside: where the secret opens something.
        sabotage: what is switched off in whoever rotates it.
        overlap: seconds for which what was current goes on working.
    """

    def __init__(
        self,
        folder: Path,
        client: "SecretsManagerClient",
        aws: dict[str, str],
        outside: Outside,
        sabotage: Mechanism | None = None,
        *,
        overlap: float = OVERLAP,
    ) -> None:
        self.folder, self._client, self._outside, self._sabotage = folder, client, outside, sabotage
        self.secret = f"killed/{folder.name}"
        self.ended = Ended()
        folder.mkdir()
        self._write(aws, overlap)
        client.create_secret(Name=self.secret, SecretString=json.dumps(dict(outside.first)))

    def _write(self, aws: dict[str, str], overlap: float) -> None:
        policy = {
            **self._outside.entry,
            "title": "What is rotated",
            "owner": "security_lead",
            "secret": self.secret,
            "every": "30d",
            "overlap": f"{overlap:g} s",
            "cycle": "0 s",
            "switched_off": "200 ms",
        }
        files: dict[str, object] = {
            "environment": {
                "environment": _PLACE,
                "kind": "staging",
                "ledger": {"sqlite": str(self.folder / "ledger.db")},
                "prefect": {"api": "http://127.0.0.1:1/api"},
                "state": str(self.folder / "state"),
                "lease": "10s",
                "aws": aws,
                **self._outside.sections,
            },
            "secrets": {
                "secrets": _SYSTEM,
                "title": "What is killed",
                "leaked": ["security_lead"],
                "rotations": {NAME: policy},
            },
            "people": People(people=(person(self.folder, "guard", "security_lead"),)).model_dump(mode="json"),
        }
        for name, data in files.items():
            with (self.folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
                YAML().dump(data, file)

    # Visits.

    def start(self, point: str = "", does: Literal["end", "wait"] = "end", *, back: bool = False) -> BaseProcess:
        """A process that visits the secret."""
        (self.folder / "reached.once").unlink(missing_ok=True)
        files = ["--runbook", f"{self.folder}/secrets.yaml", "--environment", f"{self.folder}/environment.yaml"]
        word = ["--undo", "--key", f"{self.folder}/guard", "--people", f"{self.folder}/people.yaml", "--reason", "test"]
        arguments = ("rotate", NAME, *files, *(word if back else ()))
        process = _CONTEXT.Process(target=visit, args=(Visit(self.folder, arguments, point, does, self._sabotage),))
        process.start()
        return process

    def visit(self, point: str = "", *, back: bool = False) -> bool:
        """One visit, from its begin to its end; whether it was killed there."""
        return self.joined(self.start(point, back=back))

    def joined(self, process: BaseProcess) -> bool:
        """Whether a visit was killed."""
        process.join(_LONGEST)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutError(f"{self.folder.name}: a visit lasts longer than {_LONGEST:g} s")
        killed = process.exitcode == -signal.SIGKILL
        self.ended.kills += killed
        return killed

    def visit_until(self, point: str, *, back: bool = False) -> None:
        """Visits until one is killed at that point; raises LookupError where none comes there."""
        for number in range(_VISITS):
            if self.visit(point, back=back and number == 0):
                return
            if self.course.open is None:
                break
            self.wait()
        raise LookupError(f"{self.folder.name}: no rotation comes to {point!r}:\n{self.said[-800:]}")

    def kill_after(self, seconds: float, *, back: bool = False) -> None:
        """One visit that is killed so long after it began, where it still lives."""
        process = self.start(back=back)
        process.join(seconds)
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGKILL)
        self.joined(process)

    def wait(self) -> None:
        """Until the open rotation can go on."""
        rotation = self.course.open
        if rotation is not None and rotation.waits is not None:
            time.sleep(max(0.0, (rotation.waits.until - now()).total_seconds()) + 0.01)

    @property
    def course(self) -> Course:
        """What the ledger knows."""
        with closing(SqliteStore(self.folder / "ledger.db")) as store:
            return Course.read(store, secret_chain(_SYSTEM, _PLACE, NAME))

    @property
    def said(self) -> str:
        """What the visits said."""
        path = self.folder / "said.log"
        return path.read_text("utf-8") if path.exists() else ""

    # Its end.

    def to_its_end(self, how: Literal["rotated", "undone"]) -> Ended:
        """Started again until it is over, then judged."""
        for _ in range(_VISITS):
            course = self.course
            if course.rotations and course.open is None:
                break
            self.wait()
            self.visit()
        self.ended.wrong = self._why_wrong(how)
        current = self.read("AWSCURRENT")
        self.ended.unknown = self._outside.unknown([current[1]] if current else [])
        return self.ended

    def _why_wrong(self, how: str) -> str:
        last = self.course.rotations[-1]
        if last.ended is None:
            return f"not over; {last.broke_off.why if last.broke_off else self.said[-300:]}"
        if last.ended.how != how or len(self.course.rotations) != 1:
            return f"{last.ended.how} in {len(self.course.rotations)} rotations, and not {how} in one"
        listed = self._client.describe_secret(SecretId=self.secret)["VersionIdsToStages"].values()
        stages = sorted(stage for one in listed for stage in one)
        if stages not in (["AWSCURRENT"], ["AWSCURRENT", "AWSPREVIOUS"][: 1 + (how == "undone")]):
            return f"the stages are {stages}"
        current = self.read("AWSCURRENT")
        if current is None or self._outside.opens(current[1]) is not True:
            return "what is current does not open"
        if (current[1] == self._outside.first) != (how == "undone"):
            return f"{how}, and the first value is {'' if how == 'rotated' else 'not '}current"
        return ""

    def read(self, stage: str) -> tuple[str, Fields] | None:
        """The version that has a stage, and its value; None where none has it."""
        with suppress(self._client.exceptions.ResourceNotFoundException):
            found = self._client.get_secret_value(SecretId=self.secret, VersionStage=stage)
            return found["VersionId"], fields_of(found["SecretString"])
        return None
