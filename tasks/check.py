"""What every check is: a small class that looks at one thing, and is judged by its expectations."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from time import monotonic
from typing import ClassVar

from pydantic import Field, field_validator

from tasks.estate import Estate
from tminus.clock import now
from tminus.environment import Impact
from tminus.errors import CouldNotObserve, MissingSecret, NotConfigured
from tminus.expectation import Expectation, misfits
from tminus.outcome import Observation, Outcome, judge
from tminus.runbook import Spec

_NAME_A_SYSTEM = ("database", "redis", "sentinels", "bucket")


class Check(Spec, ABC, frozen=True):
    """Observes one thing and judges it.

    A subclass names its `kind`, its parameters as fields, its `impact`, what it `measures`
    (measurement → unit, "" for a plain count, "word" for a word), and implements `look`. One that reads written
    documents, and no system and no report, says so by `bound = "document"`.

    Attributes:
        expect: measurement → what it must be; at least one, since a check without any cannot fail.
    """

    verb: ClassVar[str] = "check"
    bound: ClassVar[str] = "observed"
    impact: ClassVar[Impact]
    measures: ClassVar[Mapping[str, str]]

    expect: dict[str, Expectation] = Field(min_length=1)

    @field_validator("expect")
    @classmethod
    def _measured_here(cls, expect: dict[str, Expectation]) -> dict[str, Expectation]:
        if found := misfits(expect, cls.measures):
            raise ValueError("; ".join(found.values()))
        return expect

    @abstractmethod
    async def look(self, estate: Estate) -> Observation:
        """What is there now.

        Raises CouldNotObserve where the system cannot be looked at; never for what it found.
        """

    def asks(self) -> str:
        """Which system it asks, as far as its parameters say: `endpoint api`, `kafka`.

        Whoever looks at many things at once keeps a queue a system, so that one that hangs delays no other.
        """
        endpoint = getattr(self, "endpoint", None)
        if isinstance(endpoint, str):
            return f"endpoint {endpoint}"  # whatever is asked of it: its health, its tokens, its certificate
        named = (getattr(self, name, "") for name in _NAME_A_SYSTEM)
        return " ".join([self.kind.partition(".")[0], *(name for name in named if isinstance(name, str) and name)])

    def after_rollback(self) -> "Check | None":
        """The check that proves a way back: this one, asked about the version that should serve again.

        None, unless a subclass says that it can.
        """
        return None

    async def observe(self, estate: Estate) -> Outcome:
        """Looks, and judges. Always returns an outcome: a check that could not look is `unknown`."""
        if self.impact not in estate.environment.allows:
            allowed = ", ".join(sorted(estate.environment.allows))
            return Outcome.skipped(
                f"its impact is {self.impact}, and {estate.environment.environment} allows {allowed}"
            )
        started, at = monotonic(), now()
        try:
            outcome = judge(self.expect, await self.look(estate))
        except NotConfigured as e:
            outcome = Outcome.skipped(str(e))
        except (CouldNotObserve, MissingSecret) as e:
            outcome = Outcome.unknown(str(e)).model_copy(update={"expected": self.expect})
        return outcome.model_copy(update={"at": at, "took_ms": round((monotonic() - started) * 1000)})
