"""All real servers of the rehearsal, started at once."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal, TypeVar, get_args

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
from deployments.rehearsal.standing import Standing
from deployments.rehearsal.witness_servers import JSON_LOG

Name = Literal["postgres", "redis", "aws", "nginx", "prefect", "grafana"]
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


class Servers(Standing):
    """The servers of the rehearsal, in `folder`; a `with` block in which they run, and after which none does.

    Addresses and passwords are chosen when the object is made, before anything runs. Entering starts the servers named
    in `only` side by side and returns as soon as all but Prefect are ready; `await_prefect` waits for that one.
    `instances` are the ports of each service behind nginx; they need not listen yet.
    """

    def __init__(self, folder: Path, *, instances: Mapping[str, Sequence[int]], only: Collection[Name] = ALL) -> None:
        self.folder = folder
        self.processes = Processes()
        self._only = only
        self._prefect_server = PrefectServer.plan(folder / "prefect")
        postgres = Postgres.plan(folder / "postgres", settings=(*JSON_LOG, "log_connections = on"))
        redis = Redis.plan(folder / "redis")
        aws, grafana = Aws.plan(folder / "aws"), Grafana.plan(folder / "grafana")
        nginx = Nginx.plan(folder / "nginx", instances)
        self._starters: dict[Name, Callable[[Processes], list[Child]]] = {
            "aws": aws.start,
            "postgres": postgres.start,
            "grafana": grafana.start,
            "redis": redis.start,
            "nginx": nginx.start,
        }
        self.addresses = Addresses(
            postgres=postgres.address,
            redis=redis.address,
            aws=aws.address,
            nginx=nginx.address,
            prefect=self._prefect_server.address,
            grafana=grafana.address,
        )
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="start")
        self._prefect: list[Future[object]] = []
        self._waiting: list[Callable[[], object]] = []
        self._entered = False

    def stand(self, ending: contextlib.ExitStack) -> None:
        """See Standing."""
        ending.callback(self._threads.shutdown, cancel_futures=True)
        ending.enter_context(self.processes)
        if "prefect" in self._only:
            self._launch_prefect()
        starting = [self._begin(start) for name, start in self._starters.items() if name in self._only]
        self._entered = True
        self._start_waiting()
        _all_of(starting)

    def in_background(self, start: Callable[[], T]) -> Future[T]:
        """Run one more start beside the others; its result or its error is in the future."""
        return self._threads.submit(start)

    def start_worker(self, environment: Mapping[str, str], checkout: Path = CHECKOUT) -> None:
        """Deploy the checkout's prefect.yaml and start a worker, in the background.

        Flows see `environment` on top of ours. Asked for before entering, it starts together with everything else,
        which is soonest: it imports while the server does.
        """
        prefect = self.addresses.prefect
        self._waiting.append(lambda: start_worker(self.processes, prefect, environment, checkout))
        if self._entered:
            self._start_waiting()

    def await_prefect(self) -> None:
        """Wait until the Prefect server, and the worker where one was asked for, are ready.

        Raises what went wrong: BinaryMissing or ServerDidNotStart.
        """
        _all_of(self._prefect)

    def _launch_prefect(self) -> None:
        server = self._prefect_server
        child = server.launch(self.processes)
        self._prefect.append(self._threads.submit(lambda: server.await_ready(self.processes, child)))

    def _start_waiting(self) -> None:
        self._prefect += [self.in_background(start) for start in self._waiting]
        self._waiting.clear()

    def _begin(self, start: Callable[[Processes], list[Child]]) -> Future[list[Child]]:
        return self.in_background(lambda: start(self.processes))


def _all_of(futures: Collection[Future[T]]) -> None:
    """Wait for all; the first error is raised at once."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
