"""A team's own experiment of Chaos Toolkit is run, and rolled back whatever becomes of it."""

import asyncio
import hashlib
import shutil
import socket
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PrivateAttr, field_validator

from tasks.chaos_experiment import ChaosExperiment
from tasks.chaos_run import ChaosRun, write_whole
from tasks.command import run
from tasks.estate import Estate, named
from tasks.outside.looking import look, serves
from tasks.scenarios.killed import LOOK
from tasks.scenarios.scenario import Clients, Scenario, Site, Steady, Way
from tminus.clock import show_duration
from tminus.environment import Environment, Kind
from tminus.errors import ActionFailed, CouldNotObserve, NotConfigured, NotInstalled, Refused
from tminus.systems.command import Command
from tminus.systems.drill_chaos import ChaosToolkit
from tminus.systems.drills import Drills

_VALIDATE = 'cd "$1" && shift && exec "$@"'
_GOOD = 3  # looks from outside in a row after which it counts as back
_SUFFIXES = (".json", ".yaml", ".yml")
_SAID = 300  # characters of what `chaos validate` says


class ChaosToolkitExperiment(Scenario, frozen=True):
    """`chaos run --rollback-strategy=always` of a file; its journal says whether it went through.

    Attributes:
        system: which of the environment's `drills.chaostoolkit`.
        experiment: the file, from the folder of the book.
        digest: its SHA-256, so that a yes to the book is one to just this file; in production it must be there.
        without_rollbacks: whether one is played that has no rollbacks, since what it does ends by itself.
    """

    sections: ClassVar[Mapping[str, str]] = {"system": "chaostoolkit"}

    kind: Literal["chaostoolkit.experiment"] = "chaostoolkit.experiment"
    system: str
    experiment: Path
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    without_rollbacks: bool = False

    _beside: Path | None = PrivateAttr(default=None)

    @field_validator("experiment")
    @classmethod
    def _inside(cls, value: Path) -> Path:
        if value.is_absolute() or ".." in value.parts:
            raise ValueError("a path that starts from the folder of the book and stays in it")
        if value.suffix not in _SUFFIXES:
            raise ValueError(f"a file of Chaos Toolkit ends in {', '.join(_SUFFIXES)}")
        return value

    def beside(self, folder: Path) -> "ChaosToolkitExperiment":
        """See Scenario."""
        self._beside = folder
        return self

    async def steady(self, site: Site) -> Steady:
        """See Scenario: customers are answered. What else must hold, the experiment's own hypothesis says."""
        if not await serves(self.clients(site.estate)):
            raise Refused(f"{self.system} does not answer at its client's address")
        return {"answers": "yes"}

    async def plan(self, site: Site) -> Way:
        """See Scenario: this file, and no other. Raises NotInstalled where Chaos Toolkit is missing."""
        found = await asyncio.to_thread(self._experiment)
        if not self.digest and site.estate.environment.kind is Kind.PRODUCTION:
            raise Refused(
                f"{self.experiment}: in production whoever says yes does so to one file and no other; say in the book "
                f"`digest: {found.digest}`"
            )
        await self._require_valid(site, found)
        return {
            "experiment": str(self.experiment),
            "digest": found.digest,
            "rollbacks": str(found.rollbacks),
            "host": socket.gethostname(),
        }

    def varying(self) -> frozenset[str]:
        """See Scenario."""
        return frozenset({"host"})

    async def inject(self, site: Site) -> str:
        """See Scenario. Raises Refused where the file is not any more as it was planned."""
        found = await asyncio.to_thread(self._experiment)
        if found.digest != site.way["digest"]:
            raise Refused(f"{found.path} is not as it was planned; nothing was run. Ask again")
        started = self._run(site)
        await asyncio.to_thread(_keep, self._copy(site), found.text)
        command = await asyncio.to_thread(self._command, site.estate)
        await started.start(command, found.path.parent, self._copy(site), site.fence)
        return f"{self.experiment} runs (its log: {started.log})"

    async def detect(self, site: Site) -> str:
        """See Scenario: until customers notice, or it is over: many an experiment is to show that nobody does."""
        clients, started = self.clients(site.estate), self._run(site)
        while started.lives():
            site.waits(f"{self.experiment} runs, and its client is answered")
            if not (await look(clients)).good:
                return f"customers notice {self.experiment}"
            await asyncio.sleep(LOOK)
        return f"{self.experiment} is over, and no customer was seen to notice"

    async def recover(self, site: Site) -> str:
        """See Scenario: until it is over, its rollbacks too. Raises ActionFailed where it deviated or failed."""
        site.waits(f"{self.experiment} still runs; its log is {self._run(site).log}")
        await self._run(site).until_over()
        said = self._went_through(site)
        await self._until_good(site)
        return f"{said}, and customers are answered"

    async def verify(self, site: Site) -> str:
        """See Scenario: it went through, and customers are answered; where the proof of that is."""
        said = self._went_through(site)
        await self.steady(site)
        digest = hashlib.sha256(self._run(site).journal.read_bytes()).hexdigest()
        return f"{said}; its journal is {self._run(site).journal}, of SHA-256 {digest}"

    async def undo(self, site: Site) -> str:
        """See Scenario: one that still runs is interrupted, and rolls back; one that was killed is rolled back alone.

        Raises ActionFailed where a rollback fails.
        """
        did = await self._undone(site)
        await self._until_good(site)
        return f"{did}, and customers are answered"

    def clients(self, estate: Estate) -> Clients:
        """See Scenario."""
        client = self._place(estate).client
        return Clients(client.store, client.references)

    def papers(self, environment: Environment, drill: str, part: str = "") -> Mapping[str, Path]:
        """See Scenario: the journals, of the run and of the rollbacks that were run alone."""
        folder = _folder(environment, drill, part)
        runs = [ChaosRun(folder, "run"), *_rollbacks(folder)]
        return {one.journal.name: one.journal for one in runs if one.journal.exists()}

    async def _undone(self, site: Site) -> str:
        started = self._run(site)
        if not started.begun:
            self._require_here(site)
            return f"{self.experiment} was never begun"
        await started.interrupt(site.fence)
        site.waits(f"{self.experiment} was interrupted and does not end; its log is {started.log}")
        await started.until_over()
        runs = [started, *_rollbacks(started.folder)]
        for one in runs:
            await one.until_over()
        left = sum([await one.end_what_is_left() for one in runs])  # an action that goes on would undo the undoing
        if self._not_rolled_back(site, runs[-1]) or (left and int(site.way["rollbacks"])):
            await self._roll_back(site, runs)
            return f"{self.experiment} was rolled back by a run of its rollbacks alone"
        return f"{self.experiment} had rolled back"

    async def _roll_back(self, site: Site, runs: list[ChaosRun]) -> None:
        planned = ChaosExperiment.of(self._copy(site), await asyncio.to_thread(self._copy(site).read_bytes))
        alone = self._copy(site).with_name("rollbacks.json")
        await asyncio.to_thread(_keep, alone, planned.rollbacks_alone().encode())
        again = ChaosRun(runs[0].folder, f"rollbacks-{len(runs)}")
        command = await asyncio.to_thread(self._command, site.estate)
        await again.start(command, self._file().parent, alone, site.fence)
        site.waits(f"the rollbacks of {self.experiment} run; their log is {again.log}")
        await again.until_over()
        if why := self._not_rolled_back(site, again):
            raise ActionFailed(f"{self.experiment} is not rolled back: {why}; its log is {again.log}")

    def _not_rolled_back(self, site: Site, over: ChaosRun) -> str:
        """Why; "" where it is."""
        rollbacks = int(site.way["rollbacks"])
        if not rollbacks:
            return ""
        journal = over.over()
        return "it left no journal" if journal is None else journal.not_rolled_back(rollbacks)

    def _went_through(self, site: Site) -> str:
        over = self._run(site)
        if (journal := over.over()) is None:
            raise ActionFailed(f"{self.experiment} ended without a journal; its log is {over.log}")
        if why := journal.wrong(int(site.way["rollbacks"])):
            raise ActionFailed(f"{self.experiment}: {why}; its journal is {over.journal}")
        return f"{self.experiment} completed, did not deviate, and was rolled back"

    def _require_here(self, site: Site) -> None:
        """Raises Refused where it was begun elsewhere, if at all, which nobody can see from here."""
        if site.way["host"] != socket.gethostname():
            raise Refused(
                f"whether {self.experiment} runs is known on {site.way['host']} alone, where it was to begin; undo it "
                f"there, or from here with that machine's {self._run(site).folder}"
            )

    async def _require_valid(self, site: Site, found: ChaosExperiment) -> None:
        command = await asyncio.to_thread(self._command, site.estate)
        options = ("--no-version-check", "--no-log-file")
        argv = ("sh", "-c", _VALIDATE, "sh", str(found.path.parent), *command, *options, "validate", str(found.path))
        drills = site.estate.environment.drills
        patience = self.patience or (drills or Drills()).patience
        said = await run(Command(argv=argv, timeout=patience), {})
        if said.exit != 0:
            why = " ".join(one.partition("ERROR] ")[2] for one in said.output.splitlines() if "ERROR] " in one)
            raise Refused(
                f"{found.path}: `chaos validate` says no within {show_duration(patience)}: "
                f"{why[:_SAID] or f'exit status {said.exit}'}"
            )

    async def _until_good(self, site: Site) -> None:
        good = 0
        while good < _GOOD:
            site.waits(f"the client of {self.system} is not answered in time {_GOOD} times in a row")
            good = good + 1 if (await look(self.clients(site.estate))).good else 0
            await asyncio.sleep(LOOK)

    def _experiment(self) -> ChaosExperiment:
        found = ChaosExperiment.read(self._file())
        found.require_undoable(without_rollbacks=self.without_rollbacks)
        if self.digest and found.digest != self.digest:
            raise Refused(f"{found.path} has the SHA-256 {found.digest}, and the book says {self.digest}")
        return found

    def _file(self) -> Path:
        if self._beside is None:
            raise NotConfigured(f"{self.experiment}: nobody knows in which folder its book is")
        return self._beside.resolve() / self.experiment

    def _run(self, site: Site) -> ChaosRun:
        return ChaosRun(_folder(site.estate.environment, site.drill, site.part), "run")

    def _copy(self, site: Site) -> Path:
        """What was planned, whatever becomes of the file."""
        return self._run(site).folder / f"experiment{self.experiment.suffix}"

    def _command(self, estate: Estate) -> tuple[str, ...]:
        """What runs Chaos Toolkit; raises NotInstalled where it is not there."""
        command = self._place(estate).command
        if shutil.which(command[0]) is None:
            raise NotInstalled(
                f"there is no `{command[0]}` here, which plays {self.experiment}: pip install 'tminus[chaos]', and "
                f"what the experiment needs, or name its path as `drills.chaostoolkit.{self.system}.command`"
            )
        return command

    def _place(self, estate: Estate) -> ChaosToolkit:
        drills = estate.environment.drills
        return named(drills.chaostoolkit if drills else {}, self.system, "drills.chaostoolkit")


def _folder(environment: Environment, drill: str, part: str) -> Path:
    return (environment.state / "chaos" / drill / part).resolve()


def _rollbacks(folder: Path) -> Iterator[ChaosRun]:
    """Every time that they were run alone."""
    for number in count(1):
        one = ChaosRun(folder, f"rollbacks-{number}")
        if not one.begun:
            return
        yield one


def _keep(path: Path, text: bytes) -> None:
    """Raises CouldNotObserve where it cannot be kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, text)
    except OSError as e:
        raise CouldNotObserve(f"{path} cannot be written ({e.strerror}), without which nobody could undo it") from e
