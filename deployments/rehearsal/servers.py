"""All real servers of the rehearsal, started at once."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar, get_args

from pydantic import SecretStr

from deployments.rehearsal.addresses import (
    Address,
    AwsAddress,
    GrafanaAddress,
    NginxAddress,
    PostgresAddress,
    PrefectAddress,
    RedisAddress,
)
from deployments.rehearsal.aws import Aws
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.grafana import Grafana
from deployments.rehearsal.nginx import Nginx
from deployments.rehearsal.postgres import Postgres
from deployments.rehearsal.prefect_server import PrefectServer, start_worker
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.redis_servers import Redis

Name = Literal["prefect", "postgres", "aws", "grafana", "redis", "nginx"]  # the slowest first
ALL: frozenset[Name] = frozenset(get_args(Name))
T = TypeVar("T")


class Addresses(Address):
    """Where everything is; also of the servers that are not started."""

    postgres: PostgresAddress
    redis: RedisAddress
    aws: AwsAddress
    nginx: NginxAddress
    prefect: PrefectAddress
    grafana: GrafanaAddress

    def environment(self) -> dict[str, SecretStr]:
        """Every reference to a secret of these servers that is an environment variable, with its value."""
        own = (self.postgres, self.redis, self.aws, self.prefect, self.grafana)
        return {name: value for address in own for name, value in address.environment().items()}


@dataclass(frozen=True)
class _Plan:
    prefect: PrefectServer
    postgres: Postgres
    aws: Aws
    grafana: Grafana
    redis: Redis
    nginx: Nginx

    def starter(self, name: Name) -> Callable[[Processes], list[Child]]:
        """What starts the server of that name."""
        starters: dict[Name, Callable[[Processes], list[Child]]] = {
            "prefect": self.prefect.start,
            "postgres": self.postgres.start,
            "aws": self.aws.start,
            "grafana": self.grafana.start,
            "redis": self.redis.start,
            "nginx": self.nginx.start,
        }
        return starters[name]


class Servers:
    """The servers of the rehearsal, in `folder`; a `with` block in which they run, and after which none does.

    Addresses and passwords are chosen when the object is made, before anything runs. Entering starts the servers named
    in `only` side by side and returns as soon as all but Prefect are ready; `await_prefect` waits for that one.
    `instances` are the ports of each service behind nginx; they need not listen yet.
    """

    def __init__(self, folder: Path, *, instances: Mapping[str, Sequence[int]], only: Collection[Name] = ALL) -> None:
        self.folder = folder
        self.processes = Processes()
        self._only = [name for name in get_args(Name) if name in only]
        self._plan = _Plan(
            prefect=PrefectServer.plan(folder / "prefect"),
            postgres=Postgres.plan(folder / "postgres"),
            aws=Aws.plan(folder / "aws"),
            grafana=Grafana.plan(folder / "grafana"),
            redis=Redis.plan(folder / "redis"),
            nginx=Nginx.plan(folder / "nginx", instances),
        )
        self.addresses = Addresses(
            postgres=self._plan.postgres.address,
            redis=self._plan.redis.address,
            aws=self._plan.aws.address,
            nginx=self._plan.nginx.address,
            prefect=self._plan.prefect.address,
            grafana=self._plan.grafana.address,
        )
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="start")
        self._prefect: list[Future[list[Child]]] = []
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ending:
            ending.callback(self._threads.shutdown, cancel_futures=True)
            ending.enter_context(self.processes)
            starting = {name: self.in_background(self._starter(name)) for name in self._only}
            self._prefect = [starting.pop("prefect")] if "prefect" in starting else []
            _all_of(starting.values())
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.__exit__(kind, error, trace)

    def in_background(self, start: Callable[[], T]) -> Future[T]:
        """Run one more start beside the others; its result or its error is in the future."""
        return self._threads.submit(start)

    def start_worker(self, environment: Mapping[str, str], checkout: Path = CHECKOUT) -> None:
        """Deploy the checkout's prefect.yaml and start a worker, in the background; flows see `environment` on top of ours."""
        prefect = self.addresses.prefect
        self._prefect.append(self.in_background(lambda: [start_worker(self.processes, prefect, environment, checkout)]))

    def await_prefect(self) -> None:
        """Wait until the Prefect server, and the worker where one was asked for, are ready.

        Raises what went wrong: BinaryMissing or ServerDidNotStart.
        """
        _all_of(self._prefect)

    def _starter(self, name: Name) -> Callable[[], list[Child]]:
        start = self._plan.starter(name)
        return lambda: start(self.processes)


def _all_of(futures: Collection[Future[T]]) -> None:
    """Wait for all; the first error is raised at once."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
