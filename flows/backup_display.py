"""What Prefect's UI shows of a verification: each store a task, its measurements and their trend as tables."""

import asyncio
import logging
from collections.abc import Sequence

from prefect import Task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tminus import events as ev
from tminus.backups.book import AnyStore
from tminus.backups.history import History
from tminus.backups.terminal import short
from tminus.clock import show_duration
from tminus.outcome import Verdict

PROVEN, NOT_PROVEN, UNKNOWN = "Proven", "Not proven", "Unknown"
"""The names of the states in which a store's task ends."""
_CELL = 200  # characters of one cell of a table
_TREND = 30  # verifications in one: a month of them

log = logging.getLogger(__name__)


class Display:
    """One verification, shown while it runs. What cannot be shown is in the ledger all the same, so it is only told.

    Args:
        system: whose backups they are.
        earlier: what the ledger told before this verification.
    """

    def __init__(self, system: str, earlier: History) -> None:
        self._system = system
        self._earlier = earlier
        self._showing: list[asyncio.Task[None]] = []
        self._came: list[ev.BackupVerified] = []

    def begin(self, name: str, store: AnyStore, look: "asyncio.Task[list[ev.BackupVerified]]") -> None:
        """Shows a store as a task that runs until its look has ended."""
        self._showing.append(asyncio.create_task(self._show(name, store, look)))

    async def shown(self) -> None:
        """Waits until what was begun last is shown."""
        if self._showing:
            self._tell(await asyncio.gather(self._showing.pop(), return_exceptions=True))

    async def end(self, ended: ev.VerificationEnded) -> None:
        """Leaves the table of all stores, under the sentence with which the verification ended."""
        rows = [_of_store(one) for one in self._came]
        table = acreate_table_artifact(key=_key(f"backups-{self._system}"), table=rows, description=ended.sentence)
        self._tell(await asyncio.gather(table, return_exceptions=True))

    async def _show(self, name: str, store: AnyStore, look: "asyncio.Task[list[ev.BackupVerified]]") -> None:
        async def body() -> State[None]:
            came = await asyncio.shield(look)
            self._came += came
            rows = [row for one in came for row in _measured(one)]
            await acreate_table_artifact(key=_key(f"backup-{name}"), table=rows, description=store.title)
            about = f"{store.title}: the last verifications, the latest first"
            trend = _trend(store, [*self._earlier.verified, *came], name)
            await acreate_table_artifact(key=_key(f"backup-{name}-trend"), table=trend, description=about)
            return _state(came)

        run = f"{name}: {store.title}"
        task = Task(body, name=name, task_run_name=run, cache_policy=NO_CACHE, persist_result=False)
        await task(return_state=True)  # type: ignore[misc]  # a coroutine function, which Prefect's overloads do not know

    def _tell(self, came: Sequence[object]) -> None:
        for one in came:
            if isinstance(one, Exception):
                log.warning("Prefect could not show a verification: %s", type(one).__name__)


def _state(came: Sequence[ev.BackupVerified]) -> State[None]:
    """Green where every backup is proven, else red: failed where one is known to be bad, unknown where none is."""
    bad = [one for one in came if one.outcome.verdict is not Verdict.PASS]
    if came and not bad:
        return Completed(message="; ".join(f"proven: {_figures(one)}" for one in came), name=PROVEN)
    failed = any(one.outcome.verdict is Verdict.FAIL for one in bad)
    said = (f"{_word(one.outcome.verdict)} because {one.backup or 'no backup'}: {one.outcome.summary}" for one in bad)
    return Failed(message="; ".join(said), name=NOT_PROVEN if failed else UNKNOWN)


def _word(verdict: Verdict) -> str:
    return "failed" if verdict is Verdict.FAIL else str(verdict)


def _figures(one: ev.BackupVerified) -> str:
    return f"{one.backup} restored in {_time(one.rto_seconds)}, {_time(one.rpo_seconds)} lost"


def _of_store(one: ev.BackupVerified) -> dict[str, str]:
    return {
        "store": one.store,
        "backup": f"{one.backup or 'none'}{'' if one.newest else ' (older)'}",
        "verdict": str(one.outcome.verdict),
        "restored in": _time(one.rto_seconds),
        "lost": _time(one.rpo_seconds),
        "why": "" if one.outcome.verdict is Verdict.PASS else one.outcome.summary[:_CELL],
    }


def _measured(one: ev.BackupVerified) -> list[dict[str, str]]:
    """What was measured, beside what was expected of it; then how long each stage took."""
    wanted = {name: str(expectation) for name, expectation in one.outcome.expected.items()}
    found = {measured.name: str(measured) for measured in one.outcome.found}
    seen = {name: found.get(name, "not measured") for name in (*found, *wanted)}
    rows = [(name, said, wanted.get(name, "")) for name, said in seen.items()]
    rows += [(f"stage {stage}", f"{seconds:.1f} s", "") for stage, seconds in one.stages.items()]
    columns = ("backup", "what", "found", "expected")
    return [dict(zip(columns, (one.backup, name, said[:_CELL], limit), strict=True)) for name, said, limit in rows]


def _trend(store: AnyStore, seen: Sequence[ev.BackupVerified], name: str) -> list[dict[str, str]]:
    """How restore time and loss went, against what the book allows."""
    rows = [one for one in seen if one.store == name and one.newest][-_TREND:]
    return [
        {
            "verified": f"{one.at:%Y-%m-%d %H:%M}",
            "backup": one.backup or "none",
            "verdict": str(one.outcome.verdict),
            f"restored in (at most {show_duration(store.rto)})": _time(one.rto_seconds),
            f"lost (at most {show_duration(store.rpo)})": _time(one.rpo_seconds),
        }
        for one in reversed(rows)
    ]


def _time(seconds: float | None) -> str:
    return "not measured" if seconds is None else short(seconds)


def _key(place: str) -> str:
    """As Prefect wants it: small letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() else "-" for letter in place.lower())
