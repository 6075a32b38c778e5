"""Railway as TradeSense uses it."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from starlette.types import ASGIApp

from bench.worlds.vendor_world import VendorWorld, changed
from bench.worlds.world import Case, Sections, fault
from deployments.rehearsal.vendors.railway import RailwayFake, Service

# Railway's own words for what may become of a deployment and of an instance, but for the ones that are well.
NOT_DEPLOYED = (
    *("BUILDING", "CRASHED", "DEPLOYING", "FAILED", "INITIALIZING", "NEEDS_APPROVAL", "QUEUED", "REMOVED", "REMOVING"),
    *("SKIPPED", "SLEEPING", "WAITING"),
)
NOT_RUNNING = (
    *("CRASHED", "CREATED", "EXITED", "INITIALIZING", "REMOVED", "REMOVING", "RESTARTING", "SKIPPED", "STOPPED"),
)
_TOKEN, _TOKEN_NAME = "a-project-token", "TMINUS_WORLD_RAILWAY_TOKEN"
_PROJECT = "0f2d8c1e-5b1a-4c58-9c39-0f3f6b1b7a10"


class Railway(VendorWorld):
    """Three services and a database in production, the same in staging."""

    system: ClassVar[str] = "railway"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "railway.services",
            {"services": ["api", "web", "worker"]},
            {
                "deployed": "= all",
                "running": "= all",
                "crashed": "= 0",
                "replicas": ">= 2",
                "restart": "= always",
                "newest": "< 24 h",
            },
            (
                ("the_worker", "name", "worker-old"),
                ("the_worker", "restart", "NEVER"),
                ("the_worker", "restart", "ON_FAILURE"),
                ("in_production", "web", "restart", "ON_FAILURE"),
                "an_instance_crashed",
                "the_worker_runs_once",
                "the_worker_was_never_deployed",
                "nothing_was_deployed_lately",
                ("the_deployment_is_stopped", "worker"),
                ("the_service_is_deleted", "worker"),
            ),
        ),
        Case(
            "railway.services",
            {"services": ["api", "web", "worker"]},
            {"deployed": "= all"},
            (
                *(("the_worker", "status", status) for status in NOT_DEPLOYED),
                ("the_deployment_is_stopped", "web"),
                ("the_service_is_deleted", "api"),
            ),
        ),
        Case(
            "railway.services",
            {"services": ["api", "web", "worker"]},
            {"running": "= all"},
            (
                *(("an_instance_is", status) for status in NOT_RUNNING),
                "an_instance_is_missing",
                "nothing_runs",
                ("the_deployment_is_stopped", "web"),
                ("the_service_is_deleted", "api"),
                ("the_worker", "name", "worker-old"),
            ),
        ),
        Case(
            "railway.services",
            {"services": ["api", "web", "worker"]},
            {"crashed": "= 0"},
            (
                "an_instance_crashed",
                ("an_instance_is", "RESTARTING"),
                ("the_worker", "status", "CRASHED"),
            ),
        ),
        Case(
            "railway.services",
            {"services": ["api", "web", "worker"]},
            {"stopped": "= 0"},
            (("the_deployment_is_stopped", "web"), ("nothing_is_left_of", "worker")),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._fake = fake = RailwayFake(_TOKEN, _PROJECT)
        fake.environments = {"staging": "env-1", "preview-41": "env-2", "production": "env-3"}
        fake.services = [
            Service(name, environment, replicas, "ALWAYS", instances=("RUNNING",) * replicas)
            for environment, replicas in (("staging", 1), ("production", 2))
            for name in ("api", "web", "postgres", "worker")
        ]
        self._worker = fake.services[-1]

    def app(self) -> ASGIApp:
        """The project."""
        return self._fake.app()

    def sections(self) -> Sections:
        """Its address, the project's id, and the name of a token of the project."""
        return {"railway": {"url": self.url, "key": f"env:{_TOKEN_NAME}", "account": _PROJECT}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {_TOKEN_NAME: _TOKEN}

    @fault
    def the_worker(self, field: str, value: str) -> Iterator[None]:
        """Something about the worker is otherwise."""
        with changed(self._worker, **{field: value}):
            yield

    @fault
    def in_production(self, service: str, field: str, value: str) -> Iterator[None]:
        """Something about a service is otherwise in production."""
        with changed(self._in_production(service), **{field: value}):
            yield

    def _in_production(self, service: str) -> Service:
        return next(one for one in self._fake.services if (one.name, one.environment) == (service, "production"))

    @fault
    def an_instance_crashed(self) -> Iterator[None]:
        """The deployment succeeded, and one of its instances ended later."""
        with changed(self._worker, instances=("RUNNING", "CRASHED")):
            yield

    @fault
    def an_instance_is(self, state: str) -> Iterator[None]:
        """One of the worker's two is in another state, by Railway's word."""
        with changed(self._worker, instances=("RUNNING", state)):
            yield

    @fault
    def an_instance_is_missing(self) -> Iterator[None]:
        """Two are set up, and one is there."""
        with changed(self._worker, instances=("RUNNING",)):
            yield

    @fault
    def nothing_runs(self) -> Iterator[None]:
        """The newest deployment succeeded once, and none is active."""
        with changed(self._worker, instances=()):
            yield

    @fault
    def the_deployment_is_stopped(self, service: str) -> Iterator[None]:
        """Somebody stopped what succeeded; Railway's list goes on to say how its instances were."""
        with changed(self._in_production(service), stopped=True):
            yield

    @fault
    def nothing_is_left_of(self, service: str) -> Iterator[None]:
        """Somebody removed its newest deployment."""
        with changed(self._in_production(service), status="REMOVED", instances=()):
            yield

    @fault
    def the_service_is_deleted(self, service: str) -> Iterator[None]:
        """Railway lists it still, with the time of its end."""
        with changed(self._in_production(service), deleted=True):
            yield

    @fault
    def the_worker_runs_once(self) -> Iterator[None]:
        """Nobody said how many, which is one."""
        with changed(self._worker, replicas=None):
            yield

    @fault
    def the_worker_was_never_deployed(self) -> Iterator[None]:
        """It was only set up."""
        with changed(self._worker, status=None, instances=()):
            yield

    @fault
    def nothing_was_deployed_lately(self) -> Iterator[None]:
        """The last deployment was ten times as long ago."""
        services = [Service(**{**vars(one), "ago": one.ago * 10}) for one in self._fake.services]
        with changed(self._fake, services=services):
            yield
