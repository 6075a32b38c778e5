"""The power switch of a server that a drill breaks, by the commands that the environment names."""

import asyncio
from typing import Literal

from tasks.command import Finished, run
from tminus.errors import ActionFailed, CouldNotObserve
from tminus.systems.command import Command
from tminus.systems.drills import Machine

_DOWN = 3  # exit status of a probe whose server certainly does not run
_LOOK = 0.05  # seconds between two looks

Power = Literal["on", "off"]


async def power(machine: Machine) -> Power:
    """Whether it runs; raises CouldNotObserve where its probe cannot tell, and ActionFailed where that cannot run."""
    said = await run(machine.probe, {})
    if said.exit not in {0, _DOWN}:
        raise CouldNotObserve(f"nobody can tell whether it runs: {said}")
    return "on" if said.exit == 0 else "off"


async def kill(machine: Machine) -> Finished:
    """Ends it as a power cut would, and waits until it is off; raises ActionFailed, CouldNotObserve."""
    return await _switched(machine, machine.kill, "off")


async def start(machine: Machine) -> Finished:
    """Starts it, where it does not run; raises ActionFailed, CouldNotObserve."""
    return await _switched(machine, machine.start, "on")


async def rejoin(machine: Machine, primary: str) -> Finished:
    """Makes it follow `primary` (`host:port`), and starts it; raises ActionFailed, CouldNotObserve."""
    if machine.rejoin is None:
        raise ActionFailed("the environment names no `rejoin` for it", began=False)
    return await _switched(machine, machine.rejoin, "on", {"primary": primary})


async def _switched(machine: Machine, command: Command, wanted: Power, words: dict[str, str] | None = None) -> Finished:
    said = await run(command, words or {})
    if said.exit != 0:
        raise ActionFailed(f"the command failed: {said}")
    while await power(machine) != wanted:
        await asyncio.sleep(_LOOK)
    return said
