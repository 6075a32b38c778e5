"""What a drill depends on: looked at before it begins, and as long as something may be broken."""

import asyncio
from collections.abc import Mapping

from flows.looking import look_once
from tasks.check import Check
from tasks.estate import Estate
from tminus.drills.guards import Guard
from tminus.errors import Refused
from tminus.outcome import Verdict
from tminus.runbook import Spec


def known_checks() -> Mapping[str, type[Spec]]:
    """The vocabulary of guards; found where it is needed, since that takes a second."""
    from tasks.vocabulary import KINDS

    return {name: kind for name, kind in KINDS.items() if issubclass(kind, Check)}


class Guards:
    """Those of one scenario."""

    def __init__(self, guards: Mapping[str, Guard], estate: Estate) -> None:
        self._guards = guards
        self._estate = estate

    async def require(self) -> None:
        """Raises Refused where one does not pass, or cannot be looked at."""
        found = await asyncio.gather(*(self._look(name, guard) for name, guard in self._guards.items()))
        if wrong := [why for why in found if why]:
            raise Refused(f"nothing was broken: {'; '.join(wrong)}")

    async def broken(self) -> str:
        """Which one does not pass any more, once that is so; comes back no earlier."""
        watched = [(name, guard) for name, guard in self._guards.items() if guard.every]
        if not watched:
            await asyncio.Event().wait()
        tasks = [asyncio.create_task(self._missed(name, guard)) for name, guard in watched]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _missed(self, name: str, guard: Guard) -> str:
        missed = 0
        while True:
            await asyncio.sleep(guard.every.total_seconds())
            why = await self._look(name, guard)
            missed = missed + 1 if why else 0
            if missed == guard.misses:
                return f"{why}, {missed} times in a row"

    async def _look(self, name: str, guard: Guard) -> str:
        """Why it does not pass; "" where it does."""
        if not isinstance(guard.does, Check):
            return f"the guard {name} ({guard.title}) is no check"
        outcome = await look_once(self._estate, guard.does, guard.timeout)
        if outcome.verdict is Verdict.PASS:
            return ""
        return f"the guard {name} ({guard.title}) does not hold: {outcome.summary}"
