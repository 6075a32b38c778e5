"""Whether an endpoint says that it is well, and how soon it answers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.health_report import is_ok, part, read, state
from tasks.probe import percentile
from tasks.web_request import Front, Reply, Wanted, front, token_of
from tminus.clock import Duration, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_WITHIN = timedelta(seconds=5)
_OK = 200
_FEW = Expectation("< 1 %")
_GIVEN_UP = 3  # requests in a row, from the first, that nothing answered
_SHOWN = 5  # complaints

Heard = Reply | str


async def _several(asked: Front, wanted: Wanted, samples: int, within: timedelta) -> list[Heard]:
    """The answers, and the words where there was none; raises CouldNotObserve where nothing answers at all."""
    heard: list[Heard] = []
    for _ in range(samples):
        heard.append(await asked.attempt(wanted, within))
        if len(heard) == min(_GIVEN_UP, samples) and all(isinstance(one, str) for one in heard):
            raise CouldNotObserve(asked.silent(wanted, str(heard[0])))
    return heard


def _took(heard: Heard, within: timedelta) -> float:
    """Milliseconds; without an answer, as long as it would have been waited for."""
    return within / timedelta(milliseconds=1) if isinstance(heard, str) else heard.took_ms


class EndpointHealth(Check, frozen=True):
    """Asks an endpoint for its health, several times, as its users meet it.

    `healthy` is `yes` where every answer has status 200 and says that it is well, and so does each of `components`;
    of what is wrong only known words (`down`, `degraded`) are shown. Where health is no JSON, say by `contains` what
    it holds; a page that says nothing of its health is not healthy. `status` is the worst (highest) of the answers'
    statuses. `components` counts those that every answer names as ok. `p95` is the nearest-rank percentile; a request
    that got no answer counts as long as it would have been waited for.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: that says how it is.
        components: the parts that it must name, and name ok.
        contains: a text that the answer must hold, where it is no JSON.
        samples: how many requests, one after another.
        within: how long an answer is waited for.
    """

    kind: Literal["endpoint.health"] = "endpoint.health"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"status": "", "healthy": "word", "components": "", "p95": "ms"}

    endpoint: str
    path: str = "/health"
    components: tuple[str, ...] = ()
    contains: Annotated[str, Field(pattern=r"\S")] | None = None
    samples: Annotated[int, Field(ge=1, le=1000)] = 5
    within: Duration = _WITHIN

    @model_validator(mode="after")
    def _named(self) -> Self:
        if "components" in self.expect and not self.components:
            raise ValueError("`components` are expected, so name them, such as `components: [database]`")
        if self.contains is not None and self.components:
            raise ValueError("components are named by JSON, and `contains` is for health that is none; give one")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks `samples` times."""
        asked = await front(estate, self.endpoint)
        heard = await _several(asked, Wanted(self.path), self.samples, self.within)
        complaints = list(dict.fromkeys(said for one in heard if (said := self._complaint(one))))
        reports = [read(one.document).components if isinstance(one, Reply) else {} for one in heard]
        well = [name for name in self.components if all(is_ok(report.get(name.lower(), "")) for report in reports)]
        took = [_took(one, self.within) for one in heard]
        found = [
            Measurement.number("status", max(one.status for one in heard if isinstance(one, Reply))),
            Measurement(name="healthy", word="no" if complaints else "yes"),
            Measurement.number("p95", round(percentile(took, 0.95), 3), "ms"),
        ]
        if self.components:
            found.append(Measurement.number("components", len(well), of=len(self.components)))
        return Observation(
            found=tuple(found),
            where=asked.where,
            details=tuple(complaints[:_SHOWN]) or (f"{len(heard)} answers, all well",),
            because="; ".join(complaints[:2]),
        )

    def _complaint(self, heard: Heard) -> str:
        """Why this answer is not a healthy one; "" where it is."""
        if isinstance(heard, str):
            return heard
        said = [] if heard.status == _OK else [f"status {heard.status}"]
        if self.contains is not None:
            if self.contains.encode() not in heard.body:
                said.append(f"does not say {self.contains!r}")
            return ", ".join(said)
        report = read(heard.document)
        if not report.ok:
            said.append(f"says {state(report.word)!r}")
        elif not report.word and not self.components:
            said.append("says nothing of its health")
        parts = {name: report.components.get(name.lower(), "not named") for name in self.components}
        if said and not parts:
            parts = {part(name): word for name, word in report.components.items()}
        said += [f"{name} is {_shown(word)}" for name, word in parts.items() if not is_ok(word)]
        return ", ".join(said)


class Latency(Check, frozen=True):
    """Sends the same request again and again, one after another, and says how long the answers took.

    `p50`, `p95` and `p99` are nearest-rank percentiles of all requests, the first with its connection included; one
    that got no answer counts as long as it would have been waited for. `errors` is the share of those that were not
    answered with 2xx. Errors are answered soon, so where a percentile is expected, `errors: "< 1 %"` is too
    unless the book says otherwise.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: what to ask for.
        identity: whose token is sent, by its name in the environment's `identities`.
        samples: how many requests.
        within: how long an answer is waited for.
    """

    kind: Literal["http.latency"] = "http.latency"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"p50": "ms", "p95": "ms", "p99": "ms", "errors": "%", "requests": ""}

    endpoint: str
    path: str
    identity: str | None = None
    samples: Annotated[int, Field(ge=1, le=1000)] = 50
    within: Duration = _WITHIN

    @model_validator(mode="after")
    def _errors_too(self) -> Self:
        if set(self.expect) & {"p50", "p95", "p99"}:
            self.expect.setdefault("errors", _FEW)
        return self

    async def look(self, estate: Estate) -> Observation:
        """Asks `samples` times."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path, token=await token_of(estate, self.identity))
        heard = await _several(asked, wanted, self.samples, self.within)
        wrong = [said for one in heard if (said := _error(one))]
        took = [_took(one, self.within) for one in heard]
        percentiles = {name: percentile(took, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        return Observation(
            found=(
                *(Measurement.number(name, round(value, 3), "ms") for name, value in percentiles.items()),
                Measurement.number("errors", 100 * len(wrong) / len(heard), "%"),
                Measurement.number("requests", len(heard)),
            ),
            where=asked.where,
            details=(
                f"{wanted}: slowest {max(took):.0f} ms of {len(heard)}, waiting at most {show_duration(self.within)}",
                *(f"{wrong.count(said)} times {said}" for said in dict.fromkeys(wrong)),
            ),
            because=", ".join(dict.fromkeys(wrong)),
        )


def _error(heard: Heard) -> str:
    if isinstance(heard, str):
        return heard
    return "" if heard.good else f"status {heard.status}"


def _shown(word: str) -> str:
    return word if word == "not named" else state(word) if word else "silent"
