"""What an outside client saw of a drill, as it is written down, and whether it is what was promised."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from tasks.estate import Estate
from tasks.outside.plan import ClientPlan
from tasks.outside.together import Seen
from tasks.scenarios.scenario import Scenario
from tminus import events as ev
from tminus.drills.course import Played
from tminus.drills.outage import Outage, longest, parts
from tminus.drills.receipts import Loss, all_losses

How = Literal["held", "missed", "undone", "not undone"]
_FOLDER = "drills"


def clients_of(scenario: Scenario, estate: Estate, drill: str) -> dict[str, ClientPlan]:
    """What the clients of a drill are told: a place of their own each, by the drill's name. Raises NotConfigured."""
    own = f"drill_{''.join(one if one.isalnum() else '_' for one in drill).lower()}"
    return {
        part: ClientPlan(
            store=reached.store,
            references=reached.references,
            place=reached.place or (f"{own}_{number}" if part else own),
            rate=scenario.rate,
            folder=estate.environment.state / _FOLDER / drill / part,
        )
        for number, (part, reached) in enumerate(scenario.clients_of_parts(estate).items())
    }


def measured(drill: Played, found: Seen) -> ev.DrillMeasured:
    """For the ledger: the losses in writes and seconds, or why nobody counted them, and the longest outage's parts."""
    loss = all_losses([loss for loss, _ in found.values()])
    seen = longest([outage for _, outage in found.values()])
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
        clients={part: _one_saw(*saw) for part, saw in found.items() if part},
    )


def ended_as(drill: str, how: How, sentence: str, after: dict[str, str], writes: Loss | None) -> ev.DrillEnded:
    """How it ended, with what became of its writes where it was not measured."""
    if writes is None:
        return ev.DrillEnded(drill=drill, how=how, sentence=sentence, after=after)
    return ev.DrillEnded(
        drill=drill,
        how=how,
        sentence=sentence,
        after=after,
        acknowledged=len(writes.kept) + len(writes.lost),
        lost=len(writes.lost),
        lost_s=_exact(writes.lost_s),
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
    each = "".join(f"; {part}: {saw}" for part, saw in found.clients.items())
    return (
        f"{found.kept + found.lost:,} writes acknowledged, {found.lost:,} lost ({found.lost_s:.2f} s), "
        f"{found.unknown:,} never answered ({found.unknown_there:,} of them there)"
        f"{_told(odd)}; {gone}, {exact}{each}"
    )


def _one_saw(loss: Loss, seen: Outage) -> str:
    """What the client of one part saw."""
    gone = "not back" if seen.seconds is None else f"gone for {seen.seconds:.2f} s" if seen.seconds else "never gone"
    if loss.uncounted:
        return f"writes not counted ({loss.uncounted}), {gone}"
    return f"{len(loss.lost):,} of {len(loss.kept) + len(loss.lost):,} lost ({loss.lost_s:.2f} s), {gone}"


def _told(odd: Mapping[str, int]) -> str:
    return "".join(f", {times} {how}" for how, times in odd.items() if times)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _exact(seconds: float) -> Decimal:
    return Decimal(str(round(seconds, 6)))
