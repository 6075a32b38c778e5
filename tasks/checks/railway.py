"""Railway: whether services are deployed, run, and are started again when they end."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tasks.check import Check
from tasks.estate import Estate
from tasks.railway_reading import RailwayReader, RailwayService
from tminus.clock import now
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation

_WEAKEST_FIRST = ("NEVER", "ON_FAILURE", "ALWAYS")


class Services(Check, frozen=True):
    """Whether services are deployed, run, and are started again when they end.

    `deployed` are those whose newest deployment succeeded and was not stopped, `stopped` those whose newest was stopped
    or removed, with no other one active. `running` is the fewest instances of one of them that run now, of those that
    it is set up with; where that is all, each of them has all. `crashed` counts those whose newest deployment crashed,
    or an instance of what runs, also one that is being started again. `replicas` are the fewest that one of them is set
    up with, whether they run or not. `restart` is the weakest of their restart policies: never, on_failure or always.
    `newest` is how long ago the newest deployment of any of them was made. Where a service is not there, or was
    deleted, `replicas` and `running` are 0; `crashed` and `restart` are not measured.

    Attributes:
        services: their names in Railway.
        environment: the environment of the project; the project's id is the environment file's `account`.
    """

    kind: Literal["railway.services"] = "railway.services"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "deployed": "",
        "stopped": "",
        "running": "",
        "crashed": "",
        "replicas": "",
        "restart": "word",
        "newest": "h",
    }

    services: tuple[str, ...] = Field(min_length=1)
    environment: str = "production"

    async def look(self, estate: Estate) -> Observation:
        """Reads the environments of the project, then the services of the one."""
        there = {one.serviceName: one for one in await RailwayReader(estate.api("railway")).services(self.environment)}
        wanted = tuple(dict.fromkeys(self.services))
        known = [there[name] for name in wanted if name in there]
        troubles = [trouble for name in wanted if (trouble := _trouble(name, there.get(name)))]
        found = [
            Measurement.number("deployed", sum(one.deployed for one in known), of=len(wanted)),
            Measurement.number("stopped", sum(one.stopped for one in known), of=len(wanted)),
            *_of_all(known, complete=len(known) == len(wanted)),
        ]
        made = [one.latestDeployment.createdAt for one in known if one.latestDeployment is not None]
        if made:
            found.append(Measurement.number("newest", (now() - max(made)).total_seconds() / 3600, "h"))
        return Observation(
            found=tuple(found),
            where=f"railway {self.environment}",
            because="; ".join(troubles[:3]),
            details=(*troubles, *(_line(one) for one in known))[:20],
        )


def _of_all(known: Sequence[RailwayService], *, complete: bool) -> list[Measurement]:
    """What can be said only of services that are all there."""
    if not complete:
        return [Measurement.number("replicas", 0), Measurement.number("running", 0, of=0)]
    found = [
        _running(known),
        Measurement.number("crashed", sum(one.crashed for one in known)),
        Measurement.number("replicas", min(one.replicas for one in known)),
    ]
    policies = {one.restartPolicyType for one in known}
    if policies <= set(_WEAKEST_FIRST):
        weakest = min(policies, key=_WEAKEST_FIRST.index)
        found.append(Measurement(name="restart", word=weakest.lower()))
    return found


def _running(known: Sequence[RailwayService]) -> Measurement:
    """The fewest; where any service lacks some, of as many as make it visible that not all run."""
    short = [one.replicas for one in known if one.running < one.replicas]
    of = max(short) if short else min(one.replicas for one in known)
    return Measurement.number("running", min(one.running for one in known), of=of)


def _trouble(name: str, one: RailwayService | None) -> str:
    if one is None:
        return f"{name}: not there"
    if one.latestDeployment is None:
        return f"{name}: never deployed"
    if one.crashed:
        return f"{name}: crashed"
    if one.latestDeployment.deploymentStopped:
        return f"{name}: its newest deployment was stopped"
    if not one.deployed:
        return f"{name}: its newest deployment is {one.latestDeployment.status.lower()[:40]}"
    return "" if one.running == one.replicas else f"{name}: {one.running} of {one.replicas} replicas run"


def _line(one: RailwayService) -> str:
    policy = one.restartPolicyType.lower()[:40]
    return f"{one.serviceName[:60]}: {one.running} of {one.replicas} replicas run, restarted {policy}"
