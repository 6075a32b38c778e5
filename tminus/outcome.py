"""What a step came to, with its evidence. Numbers, counts and hashes; never customers' data.

Whatever another system wrote is printable here, so nothing that shows an outcome has to think of it.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from tminus.errors import UsageError
from tminus.expectation import Expected, Measurement
from tminus.foreign_text import Printable


class Verdict(StrEnum):
    """`unknown` means could not look: it never counts as a pass. `skipped` is not configured."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    WAIVED = "waived"

    @property
    def final(self) -> bool:
        """Whether the step is settled: only pass and waived are; the others may be tried again."""
        return self in {Verdict.PASS, Verdict.WAIVED}


class Observation(BaseModel, frozen=True):
    """What a check saw, before it is judged.

    Attributes:
        found: the measurements, by the names the check declares.
        where: what was looked at (`http://127.0.0.1:8080`, `postgres main`), without credentials.
        details: one line for each part worth naming (an instance, a table, a finding), redacted.
        because: the part that is wrong, in a few words, for the sentence that says that the check failed; redacted.
    """

    found: tuple[Measurement, ...] = ()
    where: Printable = ""
    details: tuple[Printable, ...] = ()
    because: Printable = ""


class Outcome(BaseModel, frozen=True):
    """A verdict with its evidence: what was expected, what was found, where, when, how long it took."""

    verdict: Verdict
    summary: Printable
    expected: Expected = {}
    found: tuple[Measurement, ...] = ()
    where: Printable = ""
    details: tuple[Printable, ...] = ()
    at: AwareDatetime | None = None
    took_ms: int = 0

    @classmethod
    def unknown(cls, reason: str) -> "Outcome":
        """Could not look, and why."""
        return cls(verdict=Verdict.UNKNOWN, summary=reason)

    @classmethod
    def skipped(cls, reason: str) -> "Outcome":
        """Not configured, and what would configure it."""
        return cls(verdict=Verdict.SKIPPED, summary=reason)

    @classmethod
    def passed(cls, summary: str) -> "Outcome":
        """A statement rather than a measurement: someone answered, something was recorded."""
        return cls(verdict=Verdict.PASS, summary=summary)

    @classmethod
    def failed(cls, summary: str) -> "Outcome":
        """A statement that something does not hold."""
        return cls(verdict=Verdict.FAIL, summary=summary)


def judge(expect: Expected, seen: Observation) -> Outcome:
    """Compares what was seen with what was expected.

    Fails when any expectation does not hold, and says which. Where none fails but an expected
    measurement was not taken it is `unknown`, since an unlooked-at number proves nothing.
    """
    by_name = {measurement.name: measurement for measurement in seen.found}
    missing = [name for name in expect if name not in by_name]
    try:
        broken = [name for name in expect if name in by_name and not expect[name].holds(by_name[name])]
    except UsageError as e:
        return _outcome(Verdict.UNKNOWN, str(e), expect, seen)
    if missing and not broken:
        return _outcome(Verdict.UNKNOWN, f"not measured: {', '.join(missing)}", expect, seen)
    if broken:
        said = "; ".join(f"{by_name[name]}, expected {expect[name]}" for name in broken)
        return _outcome(Verdict.FAIL, f"{said}: {seen.because}" if seen.because else said, expect, seen)
    return _outcome(Verdict.PASS, _list([by_name[name] for name in expect]), expect, seen)


def _list(measurements: Sequence[Measurement]) -> str:
    return ", ".join(str(measurement) for measurement in measurements)


def _outcome(verdict: Verdict, summary: str, expect: Expected, seen: Observation) -> Outcome:
    return Outcome(
        verdict=verdict, summary=summary, expected=expect, found=seen.found, where=seen.where, details=seen.details
    )
