"""What a decision binds to, and what it was based on.

The decision digest covers what a yes means: which documents, which steps, what was expected of
them, how they came out, what was waived. A lag of 13 ms instead of 12 does not change it; a pass
that became a fail does. The evidence digest is the chain's head: it covers every event so far.
The failure digest covers one look at one step: a waiver is of what somebody saw fail, and of nothing later.
"""

import json
from collections.abc import Iterable, Mapping

from tminus import events as ev
from tminus.frozen import Frozen, digest_of
from tminus.record import Record, StepState
from tminus.runbook import Step
from tminus.seats import roles_of_seat

_NOT_THERE = "not among what it rests on"


def facts_of(record: Record, steps: Iterable[Step]) -> dict[str, str]:
    """Step → how it stands, in words that change exactly when what a yes means changes."""
    return {step.id: _said_of(step, record) for step in steps}


def decision_digest(frozen: Frozen, facts: Mapping[str, str]) -> str:
    """The digest of what is decided: the launch's documents, and the facts that the decision rests on."""
    said = {"launch": frozen.created.launch, "documents": frozen.created.digests, "facts": dict(facts)}
    return digest_of(json.dumps(said, sort_keys=True))


def bindings_of(
    frozen: Frozen, facts: Mapping[str, str], owners: Mapping[str, str], seats: Iterable[str]
) -> dict[str, str]:
    """Seat → the digest of what concerns it: the steps that its roles own, and those that no seat's role owns.

    Args:
        frozen: the launch.
        facts: step → how it stands.
        owners: step → the role that owns it.
        seats: those that are asked.
    """
    answering = {seat: frozenset(roles_of_seat(seat)) for seat in seats}
    someones = frozenset[str]().union(*answering.values())
    return {
        seat: decision_digest(
            frozen,
            {step: said for step, said in facts.items() if owners[step] in roles or owners[step] not in someones},
        )
        for seat, roles in answering.items()
    }


def what_changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Each fact that is another now, as `step: then → now`."""
    steps = dict.fromkeys((*before, *after))
    pairs = ((step, before.get(step, _NOT_THERE), after.get(step, _NOT_THERE)) for step in steps)
    return tuple(f"{step}: {then} → {now}" for step, then, now in pairs if then != now)


def _said_of(step: Step, record: Record) -> str:
    outcome, waiver = record.step(step.id).outcome, record.waivers.get(step.id)
    verdict = outcome.verdict.value if outcome else "not observed"
    limits = ", ".join(f"{name} {limit}" for name, limit in sorted(outcome.expected.items())) if outcome else ""
    expected = f" ({limits})" if limits else ""
    waived = f", waived by {waiver.person} until {waiver.until:%Y-%m-%d %H:%M:%S%z}" if waiver and waiver.until else ""
    return f"{verdict}{expected}{waived}"


def failure_digest(state: StepState) -> str:
    """What a waiver of this step binds to: the attempt, and how it came out; "" where it has not failed."""
    failed = state.outcome is not None and not state.settled and state.history
    return _digest_of_end(state.history[-1]) if failed else ""


def failure_of(state: StepState, digest: str) -> str:
    """Which of a step's outcomes a digest, or how it begins, is of, in words; "" where it is none's."""
    return next((failure_said(one) for one in reversed(state.history) if _digest_of_end(one).startswith(digest)), "")


def failure_said(ended: ev.StepEnded) -> str:
    """How a step came out, for whoever is asked to accept it."""
    return f"attempt {ended.attempt}, {ended.outcome.verdict.value}: {ended.outcome.summary}"


def _digest_of_end(ended: ev.StepEnded) -> str:
    return digest_of(ev.write(ended))


def evidence_digest(record: Record) -> str:
    """The chain's head, which covers everything written so far."""
    return f"sha256:{record.stored[-1].hash}" if record.stored else "sha256:" + "0" * 64
