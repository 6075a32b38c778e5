"""Whether every instance answers, and so does what it leans on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

import httpx
from pydantic import Field, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.health_report import is_ok, part, read, state
from tasks.instances import Pool, discover
from tasks.probe import Answer, at, get, percentile
from tminus.clock import Duration
from tminus.environment import Impact, Service
from tminus.errors import NotConfigured
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation

_ALL = Expectation("= all")
_NAMED_IN_SUMMARY = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """An instance or a front door, and what it said.

    Attributes:
        components: name of a required sub-check → whether it was named and ok.
        complaint: why it is not healthy; "" where it is.
        ready: whether it takes requests; None where it was not asked.
    """

    name: str
    front: bool
    took_ms: tuple[float, ...]
    components: dict[str, bool]
    complaint: str
    ready: bool | None = None

    def __str__(self) -> str:
        said = self.complaint or ", ".join(["ok", *(f"{name} ok" for name in self.components)])
        waits = "" if self.ready in {None, True} else "; not ready"
        return f"{self.name}: {said}{waits} (slowest {max(self.took_ms):.0f} ms of {len(self.took_ms)})"


class Health(Check, frozen=True):
    """Asks every discovered instance, and the front door, for its health.

    An instance is healthy when each of `samples` requests is answered with status 200 and JSON that says that it is
    well and names every one of `components` as ok. The front door must be healthy too: `front: "= all"` is expected
    wherever instances that serve are asked, also where the book does not say so. A page that says nothing of its
    health, such as that of a maintenance, is not healthy, whatever its status: where health is no JSON, say by `body`
    what it is. Of what is wrong only known words (`down`, `degraded`) are shown; any other is `not ok`. `p95` is the
    nearest-rank percentile of all these requests; one that got no answer counts as long as it would have been waited
    for.

    Attributes:
        services: the services asked; `all` of the environment's.
        components: the sub-checks that each instance must name, and name ok.
        body: what the whole answer must be, but for space around it, where health is no JSON: `OK`.
        samples: requests to each instance, one after another.
        readiness: the path that says whether an instance takes requests; measures `ready`.
        within: how long an answer is waited for.
        pool: the instances that serve, or those of the idle pool (before they get traffic).
    """

    kind: Literal["http.health"] = "http.health"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "healthy": "",
        "front": "",
        "ready": "",
        "components": "",
        "p95": "ms",
        "instances": "",
    }

    services: Literal["all"] | tuple[str, ...] = "all"
    components: tuple[str, ...] = ()
    body: Annotated[str, Field(pattern=r"\S")] | None = None
    samples: Annotated[int, Field(ge=1, le=100)] = 5
    readiness: str | None = None
    within: Duration = timedelta(seconds=3)
    pool: Pool = "serving"

    @model_validator(mode="after")
    def _front_door_too(self) -> Self:
        if "ready" in self.expect and self.readiness is None:
            raise ValueError("`ready` is expected, so say where to ask, such as `readiness: /ready`")
        if "components" in self.expect and not self.components:
            raise ValueError("`components` are expected, so name them, such as `components: [database]`")
        if self.body is not None and self.components:
            raise ValueError("components are named by JSON, and `body` is for health that is none; give one of them")
        if self.pool == "serving":
            self.expect.setdefault("front", _ALL)
        elif "front" in self.expect:
            raise ValueError("nothing reaches the idle pool through the front door, so `front` cannot be expected")
        return self

    def after_rollback(self) -> Check | None:
        """This very check, about whatever serves then; nothing is proven by a pool that gets no traffic."""
        return self if self.pool == "serving" else None

    async def look(self, estate: Estate) -> Observation:
        """Asks all places at once, and each `samples` times in a row."""
        names = list(estate.environment.services) if self.services == "all" else self.services
        if not names:
            raise NotConfigured("the environment names no services; add them to the environment file")
        async with httpx.AsyncClient(trust_env=False) as client:  # kept connections may lead to nginx's old workers
            groups = await asyncio.gather(*(self._ask_service(client, name, estate.service(name)) for name in names))
        places = [place for group in groups for place in group]
        return self._seen(places, [estate.service(name).front for name in names])

    async def _ask_service(self, client: httpx.AsyncClient, name: str, service: Service) -> list[_Place]:
        instances = (await discover(service.nginx)).of(self.pool)
        asked = [
            self._ask(client, f"{name} {address}", f"http://{address}", service.health, front=False)
            for address in instances
        ]
        if self.pool == "serving":
            asked.append(self._ask(client, f"{name} front door", service.front, service.health, front=True))
        return await asyncio.gather(*asked)

    async def _ask(self, client: httpx.AsyncClient, name: str, base: str, path: str, *, front: bool) -> _Place:
        answers = [await get(client, at(base, path), self.within) for _ in range(self.samples)]
        complaint = next((said for answer in answers if (said := self._complaint(answer, front=front))), "")
        reports = [read(answer.document).components for answer in answers]
        components = {
            name: all(is_ok(report.get(name.lower(), "")) for report in reports)
            for name in (() if front else self.components)
        }
        ready = None
        if self.readiness is not None and not front:
            ready = not (await get(client, at(base, self.readiness), self.within)).trouble
        return _Place(name, front, tuple(answer.took_ms for answer in answers), components, complaint, ready)

    def _complaint(self, answer: Answer, *, front: bool) -> str:
        """Why this answer is not a healthy one; "" where it is."""
        if answer.problem:
            return answer.problem
        if self.body is not None:
            as_expected = answer.body.strip() == self.body.strip().encode()
            return answer.trouble or ("" if as_expected else f"does not say {self.body.strip()!r}")
        report = read(answer.document)
        required = () if front and report.word else self.components
        said = [answer.trouble] if answer.trouble else []
        if not report.ok:
            said.append(f"says {state(report.word)!r}")
        elif not report.word and not required:
            said.append("says nothing of its health")
        parts = {name: report.components.get(name.lower(), "not named") for name in required}
        if said and not required:
            parts = {part(name): word for name, word in report.components.items()}
        wrong = (f"{name} is {_shown(word)}" for name, word in parts.items() if not is_ok(word))
        return ", ".join([*said, *wrong])

    def _seen(self, places: list[_Place], fronts: list[str]) -> Observation:
        instances = [place for place in places if not place.front]
        doors = [place for place in places if place.front]
        took = [took_ms for place in places for took_ms in place.took_ms]
        parts = [ok for place in instances for ok in place.components.values()]
        found = [
            _count("healthy", [not place.complaint for place in instances]),
            Measurement.number("p95", round(percentile(took, 0.95), 3), "ms"),
            Measurement.number("instances", len(instances)),
        ]
        if doors:
            found.append(_count("front", [not place.complaint for place in doors]))
        if parts:
            found.append(_count("components", parts))
        if self.readiness is not None:
            found.append(_count("ready", [place.ready is True for place in instances]))
        wrong = [f"{place.name} {place.complaint or 'not ready'}" for place in places if _is_wrong(place)]
        return Observation(
            found=tuple(found),
            where=", ".join(fronts),
            details=tuple(str(place) for place in sorted(places, key=lambda place: not _is_wrong(place))),
            because="; ".join(wrong[:_NAMED_IN_SUMMARY]) + (" and others" if len(wrong) > _NAMED_IN_SUMMARY else ""),
        )


def _is_wrong(place: _Place) -> bool:
    return bool(place.complaint) or place.ready is False


def _count(name: str, these: list[bool]) -> Measurement:
    return Measurement.number(name, sum(these), of=len(these))


def _shown(word: str) -> str:
    return word if word == "not named" else state(word) if word else "silent"
