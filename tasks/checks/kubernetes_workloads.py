"""Kubernetes: whether deployments serve, and are built to go on serving."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from tasks.check import Check
from tasks.estate import Estate
from tasks.kubernetes_api import Cluster
from tasks.kubernetes_deployments import Asked, Chosen, Deployment, chosen
from tasks.kubernetes_pods import Pod, running_pods
from tasks.kubernetes_shortfalls import Shortfalls
from tasks.kubernetes_workloads import nodes_each, pods_of, restarts, several, stuck
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.expectation import Measurement
from tminus.outcome import Observation


class Workloads(Check, frozen=True):
    """How many deployments serve wholly, and how many are built to go on serving.

    A deployment that was named and does not exist counts among those that fall short of everything. `available`:
    its last change is taken up, and all replicas are of its latest version and available; one that is scaled to 0,
    paused or being deleted is not. `probed`: each container of its template has a readiness and a liveness probe.
    `graceful`: its pods get more than 0 s to end, and have either a preStop hook, which must not sleep that time
    away, or at least `grace`. `spread`: of those with more than one replica, anti-affinity or topology spread
    constraints keep the pods apart, by a selector that does select them; a wish (`preferred…`, `ScheduleAnyway`)
    counts. `nodes`: of the same, on how few nodes the pods of any one are now. `replicas`: the fewest available in
    any. `restarts`: of their pods' containers, sidecars and init containers too, as long as those pods live.
    `stuck`: containers that do not come up now, as in CrashLoopBackOff. `bare`: pods that nobody made, so that
    nobody replaces them. Where `deployments` is `all`, pods that no deployment made count among `restarts` and
    `stuck`; where it is a list, `bare` is not measured.

    Attributes:
        deployments: `all` of the namespace, or a list of names.
        grace: the grace period that is enough without a preStop hook.
    """

    kind: Literal["kubernetes.workloads"] = "kubernetes.workloads"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "available": "",
        "probed": "",
        "graceful": "",
        "restarts": "",
        "stuck": "",
        "spread": "",
        "nodes": "",
        "replicas": "",
        "bare": "",
    }

    deployments: Asked = "all"
    grace: Duration = timedelta(seconds=30)

    async def look(self, estate: Estate) -> Observation:
        """Lists deployments and pods; raises NotConfigured, CouldNotObserve."""
        cluster = Cluster.of(estate)
        which = await chosen(cluster, self.deployments)
        everything = self.deployments == "all"
        pods = pods_of(which, await running_pods(cluster), everything=everything)
        wrong = Shortfalls()
        found = self._built(which, wrong)
        if each := nodes_each(tuple(several(which)), pods):
            found.append(Measurement.number("nodes", min(each.values())))
            wrong.add("nodes", [f"{name}: all on one node" for name, count in sorted(each.items()) if count == 1])
        if pods:
            found += _faring(pods, wrong, everything=everything)
        return Observation(
            found=tuple(found),
            where=cluster.where,
            details=wrong.details(
                f"{name}: {one.status.available_replicas} replicas" for name, one in sorted(which.found.items())
            ),
            because=wrong.because(self.expect),
        )

    def _built(self, which: Chosen, wrong: Shortfalls) -> list[Measurement]:
        """What their specifications and statuses say."""
        missing = [f"{name}: there is no such deployment" for name in which.missing]
        missing += [] if which.names else ["the namespace has no deployments"]

        def counted(name: str, of: Mapping[str, Deployment], falls_short: Callable[[Deployment], str]) -> Measurement:
            short = {deployment: why for deployment, one in sorted(of.items()) if (why := falls_short(one))}
            wrong.add(name, [*missing, *(f"{deployment}: {why}" for deployment, why in short.items())])
            return Measurement.number(name, len(of) - len(short), of=len(of) + len(which.missing))

        replicas = {name: one.status.available_replicas for name, one in which.found.items()}
        few = {
            name: one.spec.replicas for name, one in sorted(which.found.items()) if replicas[name] < one.spec.replicas
        }
        wrong.add("replicas", missing)
        wrong.add(
            "replicas", [f"{name}: {replicas[name]} of {count} replicas are available" for name, count in few.items()]
        )
        return [
            counted("available", which.found, Deployment.unavailable),
            counted("probed", which.found, Deployment.unprobed),
            counted("graceful", which.found, lambda one: one.ungraceful(self.grace.total_seconds())),
            counted("spread", several(which), Deployment.together),
            Measurement.number("replicas", min((replicas.get(name, 0) for name in which.names), default=0)),
        ]


def _faring(pods: Sequence[Pod], wrong: Shortfalls, *, everything: bool) -> list[Measurement]:
    """What their pods say."""
    again, down = restarts(pods), stuck(pods)
    wrong.add("stuck", down)
    wrong.add("restarts", [f"{name}: {count} restarts" for name, count in again.items()])
    found = [Measurement.number("restarts", sum(again.values())), Measurement.number("stuck", len(down))]
    if everything:
        bare = [pod.name for pod in pods if pod.bare]
        wrong.add("bare", [f"pod/{name}: nobody made it, so nobody replaces it" for name in bare])
        found.append(Measurement.number("bare", len(bare)))
    return found
