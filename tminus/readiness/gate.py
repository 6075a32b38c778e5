"""Whether a system is ready for a launch: the checklist that it froze, judged anew by what the ledger holds."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tminus.clock import now
from tminus.frozen import Frozen
from tminus.ledger.store import Store
from tminus.outcome import Outcome, Verdict
from tminus.readiness.judging import Judged, judge_lines
from tminus.readiness.launched import Whose, evidence_of_people_and_launches
from tminus.readiness.score import score, sentence
from tminus.readiness.seen import last_seen
from tminus.readiness.standing import CLOCKS_DIFFER, Standing
from tminus.runbook import Readiness

_NAMED = 3  # lines named in the sentence


def judge_readiness(store: Store, frozen: Frozen, question: Readiness) -> Outcome:
    """Passes where nothing of the checklist blocks, by evidence no older than the step allows.

    Checklist and people are those that the launch froze, so nobody's other files make it pass; without `environment` in
    the step, evidence counts only if it was gathered with the launch's own environment file; and what was read of the
    release, or of files beside it, only if that was the launch's own release. Whatever was seen last counts, whole
    sweep or part of one. Raises LedgerError.
    """
    at, created = now(), frozen.created
    if not created.readiness:
        return Outcome.failed("this launch froze no readiness checklist: none stood beside its book; start it anew")
    checklist = frozen.checklist
    environment = question.environment or created.environment_name
    file = "" if question.environment else created.digests["environment"]
    standing = Standing.read(store, checklist.system, environment, frozen.people)
    seen = last_seen(store, standing, checklist, file, created.digests["release"])
    look = f"`tminus readiness {checklist.system} --environment FILE`"
    if not seen:
        return Outcome.failed(f"the checklist of {checklist.system} was not gone through in {environment}; {look} does")
    whose = Whose(environment, frozen.people, created.digests["release"], frozen.kinds)
    evidence = {**_fresh(seen, at, question.fresh_for), **evidence_of_people_and_launches(store, checklist, whose, at)}
    judged = judge_lines(checklist, evidence, standing, at)
    found = score(judged)
    said = sentence(checklist.system, found)
    if found.ready:
        return Outcome.passed(said)
    first = f"`tminus next {checklist.system} --environment FILE` says what first"
    return Outcome.failed(f"{said}: {_worst(judged)}; {look} looks again, {first}")


def _fresh(
    seen: Mapping[str, tuple[Outcome, ...]], at: datetime, fresh_for: timedelta
) -> dict[str, tuple[Outcome, ...]]:
    """What is too old for the launch, or said to be of the future, is as if it had not been seen."""
    return {
        ref: outcomes
        for ref, outcomes in seen.items()
        if all(one.at is not None and at - fresh_for <= one.at <= at + CLOCKS_DIFFER for one in outcomes)
    }


def _worst(judged: list[Judged]) -> str:
    blocking = [one for one in judged if one.blocks]
    blocking.sort(key=lambda one: one.verdict is not Verdict.FAIL)
    named = "; ".join(f"{one.line.ref} {one.summary}" for one in blocking[:_NAMED])
    return f"{named} and {len(blocking) - _NAMED} more" if len(blocking) > _NAMED else named
