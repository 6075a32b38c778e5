"""What an outside client saw of a drill, as it is written down, and whether it is what was promised."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tasks.estate import Estate
from tasks.outside.plan import ClientPlan
from tasks.scenarios.scenario import Scenario
from tminus import events as ev
from tminus.drills.course import Played
from tminus.drills.outage import Outage, parts
from tminus.drills.receipts import Loss

_FOLDER = "drills"


def client_of(scenario: Scenario, estate: Estate, drill: str) -> ClientPlan:
    """What the client of a drill is told: a place of its own, by the drill's name. Raises NotConfigured."""
    reached = scenario.clients(estate)
    return ClientPlan(
        store=reached.store,
        references=reached.references,
        place=reached.place or f"drill_{''.join(one if one.isalnum() else '_' for one in drill).lower()}",
        rate=scenario.rate,
        folder=estate.environment.state / _FOLDER / drill,
    )


def measured(drill: Played, loss: Loss, seen: Outage) -> ev.DrillMeasured:
    """For the ledger: the loss in writes and seconds, or why nobody counted it, and the outage in its parts."""
    marks: dict[str, float] = {stage: done.at.timestamp() for stage, done in drill.done.items()}
    decided = drill.moments.get("recover")
    if decided is not None:
        marks["decide"] = decided.timestamp()
    return ev.DrillMeasured(
        drill=drill.name,
        kept=len(loss.kept),
        lost=len(loss.lost),
        unknown=len(loss.unknown),
        unknown_there=len(loss.unknown_there),
        strange=len(loss.strange),
        duplicates=loss.duplicates,
        reordered=loss.reordered,
        lost_s=_exact(loss.lost_s),
        first_failed=_moment(seen.first_failed),
        back=_moment(seen.back),
        flaps=seen.flaps,
        rto_s=None if seen.seconds is None else _exact(seen.seconds),
        parts=parts(seen, marks),
        resolution_s=_exact(seen.resolution),
        uncounted=loss.uncounted,
    )


def why_missed(drill: Played, may_lose: int | None) -> str:
    """Which promise was not held; "" where all were.

    Args:
        drill: it was measured, or was not.
        may_lose: how many acknowledged writes may be lost; None where nobody bound that.
    """
    found = drill.measured
    if found is None:
        return "it was not measured"
    missed = []
    if found.rto_s is None:
        missed.append("it did not come back while somebody looked")
    elif found.rto_s + found.resolution_s > drill.began.rto_s:
        missed.append(
            f"it was gone for {found.rto_s:.2f} s, or up to {found.resolution_s:.2f} s longer between two requests, "
            f"and {drill.began.rto_s:g} s are promised"
        )
    if found.lost_s > drill.began.rpo_s:
        missed.append(f"writes of {found.lost_s:.2f} s are lost, and {drill.began.rpo_s:g} s are promised")
    if may_lose is not None and found.uncounted:
        missed.append(f"{may_lose} lost writes were signed for, and nobody counted any: {found.uncounted}")
    if may_lose is not None and found.lost > may_lose:
        missed.append(f"{found.lost} acknowledged writes are lost, and {may_lose} were signed for")
    if found.strange:
        missed.append(f"{found.strange} writes are there that nobody made")
    return "; ".join(missed)


def sentence(found: ev.DrillMeasured) -> str:
    """What was measured, for people."""
    split = ", ".join(f"{name} {seconds:.2f}" for name, seconds in found.parts.items())
    gone = (
        "never gone" if found.rto_s == 0 else f"gone for {found.rto_s:.2f} s ({split})" if found.rto_s else "not back"
    )
    exact = f"to {found.resolution_s:.2f} s"
    if found.uncounted:
        return f"no writes were counted ({found.uncounted}), so nothing is said about loss; {gone}, {exact}"
    odd = {"there twice": found.duplicates, "out of order": found.reordered}
    return (
        f"{found.kept + found.lost:,} writes acknowledged, {found.lost:,} lost ({found.lost_s:.2f} s), "
        f"{found.unknown:,} never answered ({found.unknown_there:,} of them there)"
        f"{_told(odd)}; {gone}, {exact}"
    )


def _told(odd: Mapping[str, int]) -> str:
    return "".join(f", {times} {how}" for how, times in odd.items() if times)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _exact(seconds: float) -> Decimal:
    return Decimal(str(round(seconds, 6)))
