"""Looking at a running system by its launch book's own checks, outside a launch; nothing is written down."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta

from flows.looking import look_once
from tasks.action import Action
from tasks.check import Check
from tasks.estate import Estate
from tminus.errors import LedgerError, UsageError
from tminus.launches import list_launches
from tminus.operation_files import Operated, open_known_ledger
from tminus.outcome import Outcome
from tminus.runbook import Runbook, Step

_MONITORED = {"health", "metrics", "metric"}
_SCANS = {"artifact.scan", "artifact.vulnerabilities"}
Seen = tuple[Step, Outcome]


def after_deployment(book: Runbook) -> list[Step]:
    """The checks that stand behind the deployment: at T-0 behind its last action, and in every later phase."""
    found = []
    for phase in book.phases:
        if phase.offset < timedelta(0):
            continue
        steps = list(phase.steps)
        if phase.turns_back:
            last = max((place for place, step in enumerate(steps) if isinstance(step.does, Action)), default=-1)
            steps = steps[last + 1 :]
        found += [step for step in steps if isinstance(step.does, Check)]
    return found


def worth_monitoring(book: Runbook) -> list[Step]:
    """The checks of health and metrics that ask what serves, each question once.

    Told by the kind's name. A pool that serves nobody is not asked: it is only there in the middle of a launch.
    """
    asked: dict[str, Step] = {}
    for step in book.steps():
        serves = getattr(step.does, "pool", None) != "idle"
        if isinstance(step.does, Check) and _MONITORED & set(step.does.kind.split(".")) and serves:
            asked.setdefault(step.does.model_dump_json(), step)
    return list(asked.values())


def of_scans(steps: Iterable[Step]) -> list[Step]:
    """The steps that judge scanners' reports."""
    return [step for step in steps if step.does.kind in _SCANS]


def opened_estate(found: Operated) -> Estate:
    """The systems, as the last launch of this release left them; a look of its own where the ledger knows of none."""
    return Estate(found.environment, found.release, _last_launch(found), found.base)


def _last_launch(found: Operated) -> str:
    """The launch whose backups, switches and logs the book's checks ask about."""
    title = f"{found.release.system} {found.release.release}"
    try:
        with closing(open_known_ledger(found.environment)) as store:
            mine = (one.launch for one in list_launches(store) if one.title == title)
            return next(mine, f"{found.release.system}-outside-a-launch")
    except (LedgerError, UsageError):  # a look needs no ledger
        return f"{found.release.system}-outside-a-launch"


async def look_at(estate: Estate, steps: Sequence[Step]) -> list[Seen]:
    """Each looked at once, all at the same time, in the book's order."""
    checks = [(step, step.does) for step in steps if isinstance(step.does, Check)]
    outcomes = await asyncio.gather(*(look_once(estate, check, step.timeout) for step, check in checks))
    return [(step, outcome) for (step, _), outcome in zip(checks, outcomes, strict=True)]


def blocking(seen: Sequence[Seen]) -> list[Step]:
    """What would stop a launch."""
    return [step for step, outcome in seen if step.blocking and not outcome.verdict.final]
