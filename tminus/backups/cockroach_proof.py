"""What a verification of a CockroachDB's backup proves, as long as no real server is known to have answered it."""

import re
from collections.abc import Sequence

from tminus.outcome import Outcome, Verdict

_VERSION = re.compile(r"\bv(\d+\.\d+)")


def version_of(said: str) -> str:
    """`v24.3` of what a cluster calls itself; "" where that is no version."""
    found = _VERSION.search(said)
    return f"v{found[1]}" if found else ""


def unless_proven(outcome: Outcome, version: str, proven_on: Sequence[str]) -> Outcome:
    """Unknown, with what would have come of it, where nobody has seen these statements work on that version."""
    if outcome.verdict is Verdict.UNKNOWN or version in proven_on:
        return outcome
    said = (
        f"no real CockroachDB {version or 'of an unknown version'} is known to have answered tminus' statements, so "
        f"this proves nothing yet; it would be {outcome.verdict}: {outcome.summary}; once you have held one such "
        f"restore against the live data by hand, name the version under `proven_on`"
    )
    return outcome.model_copy(update={"verdict": Verdict.UNKNOWN, "summary": said})
