"""Who restores: files, people with keys, and the commands they give; what is live is a room's own."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from cli.main import main
from flows.restore_asking import ask
from flows.restore_back import order_back
from flows.restore_planning import plan
from tests.tminus.readiness.room import person
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.clock import now
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.record_parts import read_event
from tminus.restores.papers import Papers

ROOT = Path(__file__).parents[3]
STORE = "database"
_WITHIN = 60.0  # seconds for a victim to get to its stage


@dataclass(frozen=True)
class Desk:
    """A folder with a book of backups, an environment, people and their keys."""

    folder: Path

    def set(self, book: object, environment: dict[str, object], halted: object) -> None:
        """Writes the files; the book has one store."""
        people = People(
            people=(
                person(self.folder, "asker", "engineering_lead"),
                person(self.folder, "lead", "devops_lead"),
                person(self.folder, "other", "product_manager"),
            )
        )
        own = {"ledger": {"sqlite": str(self.folder / "ledger.db")}, "state": str(self.folder / "state"), "lease": "3s"}
        self._write("environment", {**environment, **own})
        self._write("people", people.model_dump(mode="json"))
        self._write(
            "backups",
            {
                "backups": "shop",
                "title": "The shop's backups",
                "may_restore": ["devops_lead", "engineering_lead"],
                "halted": halted,
                "stores": {STORE: book},
            },
        )

    @property
    def files(self) -> list[str]:
        """The book and the environment, as options."""
        return ["--runbook", str(self.folder / "backups.yaml"), "--environment", str(self.folder / "environment.yaml")]

    def opened(self) -> OpenedBackups:
        """As a command opens it."""
        return open_backups(self.folder / "backups.yaml", self.folder / "environment.yaml")

    def say(self, *words: str, key: str = "", typed: str | None = None) -> Result:
        """`tminus …` in this process."""
        keys = ["--key", str(self.folder / key)] if key else []
        return CliRunner().invoke(main, [*words, *keys], input=typed)

    def restore(self, *words: str, key: str = "") -> Result:
        """`tminus restore …`."""
        people = ["--people", str(self.folder / "people.yaml")]
        return self.say("restore", *self.files, *people, "--reason", "orders are gone", *words, key=key)

    def asked(self, *, unsaved: str = "", by: str = "asker", instant: datetime | None = None) -> str:
        """A restore to that instant, else to now, asked for; returns its chain."""
        opened, folder = self.opened(), self.folder
        papers = Papers.read(folder / "backups.yaml", folder / "people.yaml", folder / "environment.yaml")
        found = asyncio.run(plan(opened, STORE, instant or now(), unsaved))
        with closing(opened.store()) as store:
            return ask(store, papers, found, PersonalKey(folder / by), "orders are gone", unsaved)

    def ordered_back(self, chain: str, by: str = "lead") -> str:
        """A switch that is to be taken back; returns that one's chain."""
        with closing(self.opened().store()) as store:
            return order_back(store, chain, PersonalKey(self.folder / by), "it was the wrong one")

    def approved(self, chain: str, by: str = "lead") -> Result:
        """`tminus approve` of what is asked now."""
        [asked] = [event for event in self.events(chain) if isinstance(event, ev.AskOpened)]
        return self.say("approve", chain, "--digest", asked.decision_digest, key=by)

    def events(self, chain: str) -> list[ev.Event]:
        """What the ledger holds of it."""
        with closing(self.opened().store()) as store:
            return [read_event(one) for one in store.read(chain)]

    def holder(self) -> str | None:
        """What holds the environment."""
        with closing(self.opened().store()) as store:
            return store.locked_by("test")

    def killed(self, chain: str, stage: str) -> None:
        """Carries a restore out to that stage in a process of its own, and kills it there."""
        (self.folder / "reached").unlink(missing_ok=True)
        argv = [sys.executable, "-m", "tests.flows.restores.victim", str(self.folder), chain, stage]
        said = self.folder / "said"
        with said.open("wb") as file:
            victim = subprocess.Popen(argv, cwd=ROOT, stdout=file, stderr=file, env={**os.environ})
        until = monotonic() + _WITHIN
        while not (self.folder / "reached").exists() and victim.poll() is None and monotonic() < until:
            sleep(0.02)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        assert (self.folder / "reached").exists(), said.read_text("utf-8", "replace")

    def _write(self, name: str, data: object) -> None:
        YAML(typ="safe", pure=True).dump(data, self.folder / f"{name}.yaml")
