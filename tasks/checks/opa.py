"""Open Policy Agent: whether it has policies, and decides as it should."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from tasks.check import Check
from tasks.estate import Estate
from tasks.opa_decision import Decision, decide, decide_each, loaded
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
DocumentPath = Annotated[str, StringConstraints(pattern=r"^[^/?#\s]+(/[^/?#\s]+)*$", max_length=500)]


class Policies(Check, frozen=True):
    """How many policies the agent has, and what it decides about a request that it knows nothing of.

    `default` is the decision about an empty input: `denies`, `allows`, or `undefined` where no rule gives a result,
    which is no denial; what it comes to is then up to whoever asked.

    Attributes:
        path: of the document that decides, such as `vatic/authz/allow`; its result is true or false, or an object with
            such an `allow`.
    """

    kind: Literal["opa.policies"] = "opa.policies"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"loaded": "", "default": "word"}

    path: DocumentPath

    async def look(self, estate: Estate) -> Observation:
        """Lists the policies, and asks for one decision; raises NotConfigured, CouldNotObserve."""
        api = estate.api("opa")
        names = await loaded(api)
        default = await decide(api, self.path, {})
        return Observation(
            found=(Measurement.number("loaded", len(names)), Measurement(name="default", word=default)),
            where=f"opa {api.section.url}, {self.path}",
            details=tuple(f"policy {name}" for name in names[:_SHOWN]),
            because="" if names else "no policy is loaded",
        )


class Request(BaseModel, frozen=True, extra="forbid"):
    """A request, and whether it should be allowed."""

    name: str = Field(min_length=1, max_length=100)
    input: JsonValue
    allowed: bool


class Decisions(Check, frozen=True):
    """How many requests the agent decides about as it should.

    A request that should be refused and about which no rule says anything (`undefined`) is not decided as it should be;
    `undefined` counts those, whatever was expected of them. Ask for requests of both kinds: an agent that allows, or
    refuses, everything agrees with half of them. Five are asked for at a time; the first that gets no answer ends the
    look, as does a minute.

    Attributes:
        path: of the document that decides, such as `vatic/authz/allow`; its result is true or false, or an object with
            such an `allow`.
        cases: the requests: a name for the evidence, the input, and whether it should be allowed. Inputs are never
            written down.
    """

    kind: Literal["opa.decisions"] = "opa.decisions"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"agreed": "", "undefined": ""}

    path: DocumentPath
    cases: Annotated[tuple[Request, ...], Field(min_length=1, max_length=200)]

    async def look(self, estate: Estate) -> Observation:
        """Asks for each decision, five at a time; raises NotConfigured, CouldNotObserve."""
        api = estate.api("opa")
        decisions = await decide_each(api, self.path, [case.input for case in self.cases])
        decided = list(zip(self.cases, decisions, strict=True))
        wrong = [
            f"{case.name}: {decision}, and should be {'allowed' if case.allowed else 'denied'}"
            for case, decision in decided
            if decision is not (Decision.ALLOWS if case.allowed else Decision.DENIES)
        ]
        return Observation(
            found=(
                Measurement.number("agreed", len(decided) - len(wrong), of=len(decided)),
                Measurement.number("undefined", sum(1 for _, one in decided if one is Decision.UNDEFINED)),
            ),
            where=f"opa {api.section.url}, {self.path}",
            details=tuple(wrong[:_SHOWN]),
            because="; ".join(wrong[:3]),
        )
