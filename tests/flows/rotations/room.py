"""A door whose password lies in Secrets Manager, and everything that rotates it."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from ruamel.yaml import YAML

from flows.rotation_orders import Word, turn_back
from flows.rotation_round import go_on_if_due, rotate
from flows.rotation_visit import Visited, Wish
from tests.flows.ledgers import BreakableStore
from tests.flows.rotations.door import Door, DoorKey
from tests.tminus.readiness.room import person
from tminus import events as ev
from tminus.clock import now
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.record_parts import read_event
from tminus.rotations.book import Policy
from tminus.rotations.course import Course
from tminus.rotations.opened import OpenedSecrets, open_secrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_Came = TypeVar("_Came")
NAME = "front-door"
FIRST = "canary-first"
_ROUNDS = 40  # visits, after which a rotation that is not over never will be


@dataclass(frozen=True)
class Room:
    """The door, its secret, and a ledger of its own."""

    folder: Path
    secret: str
    client: "SecretsManagerClient"

    @property
    def door(self) -> Door:
        """The door."""
        return Door(self.folder / "door.json")

    def write(self, aws: dict[str, object], **policy: object) -> None:
        """The files, the door's first password, and the secret that holds it."""
        environment = {
            "environment": "test",
            "kind": "staging",
            "ledger": {"sqlite": str(self.folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(self.folder / "state"),
            "lease": "3s",
            "aws": aws,
        }
        entry = {
            "kind": "test.door",
            "title": "The front door's password",
            "owner": "security_lead",
            "secret": self.secret,
            "every": "30d",
            "door": str(self.door.path),
            "overlap": "200 ms",
            "cycle": "200 ms",
            "switched_off": "200 ms",
            **policy,
        }
        book = {
            "secrets": "house",
            "title": "The house's secrets",
            "leaked": ["security_lead"],
            "rotations": {NAME: entry},
        }
        people = People(
            people=(
                person(self.folder, "asker", "devops_lead"),
                person(self.folder, "guard", "security_lead"),
            )
        )
        files = {"environment": environment, "secrets": book, "people": people.model_dump(mode="json")}
        for name, data in files.items():
            with (self.folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
                YAML().dump(data, file)
        self.door.install(FIRST)
        self.client.create_secret(Name=self.secret, SecretString=json.dumps({"password": FIRST, "door": "front"}))

    def policy(self, **changed: object) -> None:
        """The book says something else of the door's password from now on."""
        file, yaml = self.folder / "secrets.yaml", YAML()
        book = yaml.load(file)
        book["rotations"][NAME].update(changed)
        yaml.dump(book, file)

    def put(self, **fields: str) -> str:
        """Somebody makes another value current by hand; its version."""
        listed = self.client.describe_secret(SecretId=self.secret)["VersionIdsToStages"]
        [current] = [version for version, stages in listed.items() if "AWSCURRENT" in stages]
        text = json.dumps(fields)
        # Put straight under AWSCURRENT, moto would leave that stage on a version that got it by a move.
        new = self.client.put_secret_value(SecretId=self.secret, SecretString=text, VersionStages=["BY-HAND"])
        self.client.update_secret_version_stage(
            SecretId=self.secret,
            VersionStage="AWSCURRENT",
            RemoveFromVersionId=current,
            MoveToVersionId=new["VersionId"],
        )
        return new["VersionId"]

    def opened(self, kinds: Mapping[str, type[Policy]] | None = None) -> OpenedSecrets:
        """The files, read; with another vocabulary, where it is given."""
        known = kinds or {"test.door": DoorKey}
        return open_secrets(self.folder / "secrets.yaml", self.folder / "environment.yaml", known)

    def store(self) -> BreakableStore:
        """The ledger, which breaks as told."""
        return BreakableStore(self.folder / "ledger.db")

    def rotate(self, store: BreakableStore | None = None, wish: Wish | None = None) -> Visited:
        """What `tminus rotate front-door` does."""
        return self._with(
            store,
            lambda one: rotate(one, self.opened(), NAME, wish or Wish(), print, self.folder / "people.yaml"),
        )

    def go_on(
        self, store: BreakableStore | None = None, kinds: Mapping[str, type[Policy]] | None = None
    ) -> Visited | None:
        """What `tminus rotate --due` does."""
        return self._with(
            store, lambda one: go_on_if_due(one, self.opened(kinds), NAME, print, self.folder / "people.yaml")
        )

    def undo(self, store: BreakableStore | None = None) -> Visited:
        """What `tminus rotate --undo front-door` does."""
        return self._with(store, lambda one: turn_back(one, self.opened(), NAME, self.word("guard"), print))

    def word(self, person_id: str) -> Word:
        """Somebody's word."""
        return Word(PersonalKey(self.folder / person_id), self.folder / "people.yaml", "it leaked into a log")

    def _with(
        self, store: BreakableStore | None, act: Callable[[BreakableStore], Coroutine[object, object, _Came]]
    ) -> _Came:
        if store is not None:
            return asyncio.run(act(store))
        with closing(self.store()) as own:
            return asyncio.run(act(own))

    def until_over(self) -> Course:
        """Goes on until no rotation is open, waiting as long as each visit says."""
        for _ in range(_ROUNDS):
            course = self.course()
            if course.open is None and course.owed is None:
                return course
            visited = self.go_on()
            if visited is not None and visited.until is not None:
                sleep(max(0.0, (visited.until - now()).total_seconds()) + 0.01)
        raise AssertionError(f"no end after {_ROUNDS} visits: {self.course().rotations[-1]}")

    def course(self) -> Course:
        """What the ledger knows."""
        with closing(self.store()) as store:
            return self.opened().course(store, NAME)

    def told(self) -> list[ev.Event]:
        """All that the ledger holds of it."""
        with closing(self.store()) as store:
            return [read_event(one) for one in store.read(self.opened().chain(NAME))]

    def value(self, stage: str = "AWSCURRENT") -> str:
        """The password that an application reads now."""
        text = self.client.get_secret_value(SecretId=self.secret, VersionStage=stage)["SecretString"]
        password: str = json.loads(text)["password"]
        return password

    def stages(self) -> dict[str, int]:
        """Stage → how many versions have it."""
        listed = self.client.describe_secret(SecretId=self.secret)["VersionIdsToStages"].values()
        found = [stage for stages in listed for stage in stages]
        return {stage: found.count(stage) for stage in found}
