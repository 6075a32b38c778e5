"""Whether every instance runs exactly the build that it should."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.instances import Pool, discover
from tasks.probe import REFUSED
from tasks.served_build import Answers, at_front, at_instances
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation
from tminus.release import Build

_ALL = Expectation("= all")
_DIGEST_SHOWN = len("sha256:") + 12


@dataclass(frozen=True, slots=True)
class _Place:
    """An instance, or an answer through the front door: the build that it reported, or why it is not known."""

    name: str
    build: Build | None
    problem: str = ""

    @property
    def unknown(self) -> bool:
        """Whether something is there and did not say what it runs; where nothing listens, nothing runs."""
        return self.build is None and self.problem != REFUSED

    def difference(self, wanted: Build) -> str:
        """What it reports instead, field by field; "" where it runs this very build."""
        if self.build is None:
            return self.problem
        pairs = (
            ("version", self.build.version, wanted.version),
            ("artifact", self.build.artifact, wanted.artifact),
            ("config", self.build.config, wanted.config),
        )
        odd = [(name, found, expected) for name, found, expected in pairs if found != expected]
        return ", ".join(
            f"{name} {found[:_DIGEST_SHOWN]} instead of {expected[:_DIGEST_SHOWN]}" for name, found, expected in odd
        )


class Sameness(Check, frozen=True):
    """All discovered instances of a service report the same build: version, artifact and configuration digests.

    One of eight servers that kept its old code lost Knight Capital 460 million dollars in 45 minutes (SEC release
    34-70694, 2013). So nobody is asked how many instances there should be, and none is left out. An instance at whose
    address nothing listens does not run the build; one that answers without saying what it runs makes the outcome
    unknown, unless another is known to be wrong. The front door is asked too (`front: "= all"` is expected wherever
    it is): what nginx was told to do and what it does are two things.

    Attributes:
        service: whose instances.
        build: the release's, or the one that a rollback goes back to.
        pool: the instances that serve, or those of the idle pool (a build proven before it gets traffic).
        front_requests: how often the front door is asked which build answers; 0 where it does not show it.
    """

    kind: Literal["fleet.sameness"] = "fleet.sameness"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {"same": "", "versions": "", "instances": "", "front": ""}

    service: str
    build: Literal["release", "rollback_to"] = "release"
    pool: Pool = "serving"
    front_requests: Annotated[int, Field(ge=0, le=1000)] = 6

    @model_validator(mode="after")
    def _front_door_too(self) -> Self:
        if self._asks_front:
            self.expect.setdefault("front", _ALL)
        elif "front" in self.expect:
            raise ValueError("the front door is not asked (pool: idle, or front_requests: 0), so expect no `front`")
        return self

    @property
    def _asks_front(self) -> bool:
        return self.pool == "serving" and self.front_requests > 0

    def after_rollback(self) -> Check | None:
        """This check about the build that a rollback goes back to; nothing is proven by a pool that gets no traffic."""
        return self.model_copy(update={"build": "rollback_to"}) if self.pool == "serving" else None

    async def look(self, estate: Estate) -> Observation:
        """Asks each instance once, and the front door `front_requests` times, each on a connection of its own."""
        service, released = estate.service(self.service), estate.released(self.service)
        wanted = released if self.build == "release" else released.rollback_to
        addresses = (await discover(service.nginx)).of(self.pool)
        answers = await asyncio.gather(*(at_instances(estate.http, [address], service) for address in addresses))
        instances = [
            place for address, answer in zip(addresses, answers, strict=True) for place in _places(address, answer)
        ]
        front: list[_Place] = []
        if self._asks_front:
            front = _places("front door", await at_front(service, self.front_requests))
        _refuse_silence([*instances, *front], wanted)
        return _seen(instances, front, wanted, service.front)


def _places(name: str, answers: Answers) -> list[_Place]:
    builds = [_Place(name, build) for build in answers.builds]
    return [*builds, *(_Place(name, None, problem) for problem in answers.problems)]


def _refuse_silence(places: Sequence[_Place], wanted: Build) -> None:
    """Raises CouldNotObserve where some place did not say what it runs, and none is known to be wrong."""
    silent = sorted({f"{place.name}: {place.problem}" for place in places if place.unknown})
    if silent and not any(place.difference(wanted) for place in places if not place.unknown):
        raise CouldNotObserve(f"not known what runs at {'; '.join(silent)}")


def _seen(instances: Sequence[_Place], front: Sequence[_Place], wanted: Build, where: str) -> Observation:
    same = [not place.difference(wanted) for place in instances]
    builds = {
        (place.build.version, place.build.artifact, place.build.config) for place in (*instances, *front) if place.build
    }
    found = [
        Measurement.number("same", sum(same), of=len(same)),
        Measurement.number("versions", len(builds)),
        Measurement.number("instances", len(instances)),
    ]
    if front:
        found.append(Measurement.number("front", sum(not one.difference(wanted) for one in front), of=len(front)))
    odd = [f"{place.name}: {said}" for place in instances if (said := place.difference(wanted))]
    odd_front = Counter(said for place in front if (said := place.difference(wanted)))
    odd += [f"front door: {said} ({times} of {len(front)} answers)" for said, times in odd_front.items()]
    even = [f"{place.name}: {wanted.version}, as it should be" for place in instances if not place.difference(wanted)]
    return Observation(found=tuple(found), where=where, details=(*odd, *even), because="; ".join(odd[:3]))
