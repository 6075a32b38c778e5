"""The power switch of a server that a drill breaks, by the commands that the environment names."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from tasks.command import Finished, run, shown
from tasks.lock_file import HeldLock, hold
from tasks.scenarios.scenario import Site
from tminus.errors import ActionFailed, CouldNotObserve, Refused
from tminus.systems.command import Command
from tminus.systems.drills import Machine

_DOWN = 3  # exit status of a probe whose server certainly does not run
_LOOK = 0.05  # seconds between two looks

Power = Literal["on", "off"]


async def require_on(switches: Mapping[str, "Switch"]) -> None:
    """Raises Refused where a probe says of a server that runs that it does not: it would not tell a kill either.

    Args:
        switches: name → switch, of servers that all are known to run.
    """
    powers = await asyncio.gather(*(one.power() for one in switches.values()))
    if off := [name for name, power in zip(switches, powers, strict=True) if power == "off"]:
        raise Refused(
            f"{', '.join(off)}: answers, and its `probe` says that it is off; mend the command, which must exit 0 "
            "while the server runs. Nothing was broken"
        )


@dataclass(frozen=True)
class Switch:
    """One server's. Every method raises ActionFailed where a command cannot run or fails, and CouldNotObserve.

    A command that cuts or changes something holds a lock as long as it runs, also when tminus is killed meanwhile: so
    whoever undoes waits until what was begun has had its effect, and is not overtaken by it.

    Attributes:
        lock: a file of this machine's own.
        site: whose fence is asked while the lock is held, right before a command.
        name: what the environment calls the server.
    """

    machine: Machine
    lock: Path
    site: Site
    name: str

    @classmethod
    def of(cls, site: Site, group: str, name: str, machine: Machine) -> "Switch":
        """The switch of a server, by the names that the environment gives it."""
        return cls(machine, site.estate.environment.state / "drills" / f"{group}-{name}.lock", site, name)

    async def power(self) -> Power:
        """Whether it runs, once nothing that was begun earlier is under way."""
        async with hold(self.lock, self._longest()):
            pass
        return await self._probed()  # outside, so that nobody who falls asleep over it keeps others from the server

    async def settled(self) -> Power:
        """The same, once what an interrupted stage may have ordered has had its effect: see `drills.settles`."""
        drills, power = self.site.estate.environment.drills, await self.power()
        if drills is None or "inject" not in self.site.began or "detect" in self.site.began:
            return power
        until = monotonic() + drills.settles.total_seconds()
        while power == "on" and monotonic() < until:
            self.site.waits(f"{self.name} runs, and may have been told to end")
            await asyncio.sleep(_LOOK)
            power = await self.power()
        return power

    async def kill(self) -> None:
        """Ends it as a power cut would, and waits until it is off."""
        async with hold(self.lock, self._longest()) as held:
            await self._switched(self.machine.kill, "off", held=held)

    async def start(self) -> None:
        """Starts it, where it does not run."""
        async with hold(self.lock, self._longest()):
            await self._switched(self.machine.start, "on")  # what it starts lives on, and would hold the lock

    async def rejoin(self, primary: str) -> None:
        """Makes it follow `primary` (`host:port`), and starts it."""
        if self.machine.rejoin is None:
            raise ActionFailed("the environment names no `rejoin` for it", began=False)
        async with hold(self.lock, self._longest()) as held:
            await self._switched(self.machine.rejoin, "on", {"primary": primary}, held)

    async def order(self, command: Command) -> None:
        """Runs another of its commands, which neither ends nor starts it; done once the command is."""
        async with hold(self.lock, self._longest()) as held:
            await self._ran(command, {}, held)

    async def does(self, command: Command, words: dict[str, str] | None = None, *, wanted: Power) -> None:
        """Another of the environment's commands for it, and waits until it is on, or off."""
        async with hold(self.lock, self._longest()) as held:
            await self._switched(command, wanted, words, held)

    async def _switched(
        self, command: Command, wanted: Power, words: dict[str, str] | None = None, held: HeldLock | None = None
    ) -> None:
        await self._ran(command, words or {}, held)
        while (power := await self._probed()) != wanted:
            self.site.waits(
                f"{self.name} is {power} by its `probe`, after {shown(command.argv)} ended well; is either of both "
                "another server's?"
            )
            await asyncio.sleep(_LOOK)

    async def _ran(self, command: Command, words: dict[str, str], held: HeldLock | None) -> None:
        await self.site.fence()
        said = await run(command, words, held=held)
        if said.exit != 0:
            raise ActionFailed(f"the command failed: {said}")

    async def _probed(self) -> Power:
        said: Finished = await run(self.machine.probe, {})
        if said.exit not in {0, _DOWN}:
            raise CouldNotObserve(f"nobody can tell whether {self.name} runs: {said}")
        return "on" if said.exit == 0 else "off"

    def _longest(self) -> float:
        """How long a command of before may take, in seconds."""
        return max(one.timeout.total_seconds() for _, one in self.machine if isinstance(one, Command))
