"""What a decision binds to, and what it was based on.

The decision digest covers what a yes means: which documents, which steps, what was expected of
them, how they came out, what was waived. A lag of 13 ms instead of 12 does not change it; a pass
that became a fail does. The evidence digest is the chain's head: it covers every event so far.
"""

import json
from collections.abc import Iterable

from tminus.frozen import Frozen, digest_of
from tminus.record import Record
from tminus.runbook import Step


def decision_digest(frozen: Frozen, record: Record, steps: Iterable[Step]) -> str:
    """The digest of what is decided: `steps` are those the decision rests on."""
    said = {
        "launch": frozen.created.launch,
        "documents": frozen.created.digests,
        "steps": [_said_of(step, record) for step in steps],
    }
    return digest_of(json.dumps(said, sort_keys=True))


def _said_of(step: Step, record: Record) -> dict[str, str | dict[str, str]]:
    outcome = record.step(step.id).outcome
    expected = {name: str(expectation) for name, expectation in outcome.expected.items()} if outcome else {}
    waiver = record.waivers.get(step.id)
    return {
        "id": step.id,
        "expected": expected,
        "verdict": outcome.verdict.value if outcome else "not observed",
        "waived": f"{waiver.person} until {waiver.until}" if waiver else "",
    }


def evidence_digest(record: Record) -> str:
    """The chain's head, which covers everything written so far."""
    return f"sha256:{record.stored[-1].hash}" if record.stored else "sha256:" + "0" * 64
