"""An environment opened: one field per outside system, each opened when first used and closed at the end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
from pydantic import SecretStr

from tasks.estate_http import Clients, vendor_api
from tasks.vendor_api import VendorApi
from tminus import environment as settings
from tminus.credentials import resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.loopback import dsn_is_local, url_is_local
from tminus.release import Release, ReleasedService
from tminus.systems.stores import Bucket
from tminus.systems.web import Endpoint

if TYPE_CHECKING:
    import psycopg
    import redis.asyncio
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")
CONNECT_WITHIN = 5.0  # seconds; a system slower than this to answer at all is one we could not look at


class Estate:
    """The systems of one launch. An async context manager; leaving it closes what was opened.

    Attributes:
        environment: where everything is.
        release: what is launched.
        launch: the launch's id, for names and keys.
        base: the folder that relative paths of the release (scan reports) start from.
        cycle: how often the launch was recycled: what was taken for an earlier cycle is taken anew.
    """

    def __init__(self, environment: settings.Environment, release: Release, launch: str, base: Path) -> None:
        self.environment = environment
        self.release = release
        self.launch = launch
        self.base = base
        self.cycle = 0
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def service(self, name: str) -> settings.Service:
        """A service's addresses; raises NotConfigured."""
        return named(self.environment.services, name, "services")

    def released(self, name: str) -> ReleasedService:
        """What this release brings for a service; raises NotConfigured."""
        return named(self.release.services, name, "the release's services")

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """One client for all HTTP. It follows no redirects and reads no proxy settings."""
        client = httpx.AsyncClient(timeout=CONNECT_WITHIN, trust_env=False)
        self._open.push_async_callback(client.aclose)
        return client

    @cached_property
    def clients(self) -> Clients:
        """HTTP clients by the authority that they trust."""
        return Clients(self._open)

    def api(self, name: str) -> VendorApi:
        """A vendor's API, by its field in the environment (`datadog`, `kubernetes`); raises NotConfigured."""
        return vendor_api(self.environment, name, self.clients)

    def endpoint(self, name: str) -> Endpoint:
        """An address of the system itself; raises NotConfigured."""
        return named(self.environment.endpoints, name, "endpoints")

    def client_of(self, endpoint: Endpoint) -> httpx.AsyncClient:
        """A client that trusts what the endpoint is signed by; it follows no redirects."""
        return self.clients.trusting(endpoint.ca_file)

    def identity(self, name: str) -> SecretStr:
        """A bearer token made for tests, read now; raises NotConfigured, MissingSecret. May block: use a thread."""
        return resolve(named(self.environment.identities, name, "identities"))

    def artifacts(self) -> Path:
        """The folder of what CI leaves behind; raises NotConfigured."""
        return self._folder("artifacts", self.environment.artifacts)

    def documents(self) -> Path:
        """The folder of the written documents; raises NotConfigured."""
        return self._folder("documents", self.environment.documents)

    def runbooks(self) -> Path:
        """The folder with each system's books; raises NotConfigured."""
        return self._folder("runbooks", self.environment.runbooks)

    def _folder(self, name: str, path: Path | None) -> Path:
        if path is None:
            raise NotConfigured(f"the environment names no {name}; add the folder to the environment file")
        return path if path.is_absolute() else self.base / path

    @asynccontextmanager
    async def cockroach(
        self, name: str, *, rotating: bool = False
    ) -> "AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]":
        """A connection of its own to a CockroachDB, maybe as its rotator; raises NotConfigured, CouldNotObserve."""
        section = named(self.environment.cockroach, name, "cockroach")
        reference = (section.rotator if rotating else None) or section.dsn
        async with self._sql(f"cockroach {name}", reference) as connection:
            yield connection

    @asynccontextmanager
    async def postgres(self, name: str) -> "AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]":
        """A connection of its own to a database; raises NotConfigured, CouldNotObserve."""
        section = named(self.environment.postgres, name, "postgres")
        async with self._sql(f"postgres {name}", section.dsn) as connection:
            yield connection

    @asynccontextmanager
    async def _sql(self, what: str, reference: str) -> "AsyncIterator[psycopg.AsyncConnection[tuple[object, ...]]]":
        import psycopg

        dsn = resolve(reference).get_secret_value()
        if self.environment.clock.compressed and not dsn_is_local(dsn):
            raise CouldNotObserve(_elsewhere(what, reference))
        try:
            connection = await psycopg.AsyncConnection.connect(
                dsn, autocommit=True, connect_timeout=int(CONNECT_WITHIN), application_name="tminus"
            )
        except psycopg.Error as e:
            raise CouldNotObserve(f"{what}: no connection ({type(e).__name__}); is it up?") from e
        try:
            async with connection:
                yield connection
        except psycopg.Error as e:
            raise CouldNotObserve(f"{what}: {type(e).__name__} {e.sqlstate or ''}".strip()) from e

    @asynccontextmanager
    async def redis(self, name: str) -> "AsyncIterator[redis.asyncio.Redis]":
        """A client of a Redis; raises NotConfigured, CouldNotObserve."""
        section = named(self.environment.redis, name, "redis")
        url = await asyncio.to_thread(resolve, section.url)
        async with redis_client(self.environment, url, f"redis {name}") as client:
            yield client

    def s3(self, name: str) -> "tuple[S3Client, Bucket]":
        """A client for a bucket, and the bucket's section; raises NotConfigured. Call it from a thread."""
        return s3_bucket(self.environment, name)


def s3_bucket(environment: settings.Environment, name: str) -> "tuple[S3Client, Bucket]":
    """The same, of an environment that is not opened; raises NotConfigured, MissingSecret."""
    import boto3
    from botocore.config import Config

    section = named(environment.buckets, name, "buckets")
    client = boto3.client(
        "s3",
        endpoint_url=section.endpoint,
        region_name=section.region,
        aws_access_key_id=resolve(section.access_key).get_secret_value() if section.access_key else None,
        aws_secret_access_key=resolve(section.secret_key).get_secret_value() if section.secret_key else None,
        config=Config(connect_timeout=CONNECT_WITHIN, read_timeout=60, retries={"max_attempts": 2}),
    )
    return client, section


@asynccontextmanager
async def redis_client(
    environment: settings.Environment, url: SecretStr, what: str, *, decoded: bool = False
) -> "AsyncIterator[redis.asyncio.Redis]":
    """A client of the Redis at that address; raises CouldNotObserve.

    Args:
        environment: whose clock decides whether it must be on loopback.
        url: its address, with what it wants of a client.
        what: how an error calls it.
        decoded: whether its answers are text, and not bytes.
    """
    import redis.asyncio

    if environment.clock.compressed and not url_is_local(url.get_secret_value()):
        raise CouldNotObserve(_elsewhere(what, "its address"))
    client = redis.asyncio.from_url(
        url.get_secret_value(),
        decode_responses=decoded,
        socket_connect_timeout=CONNECT_WITHIN,
        socket_timeout=CONNECT_WITHIN,
    )
    try:
        yield client
    except redis.exceptions.RedisError as e:
        raise CouldNotObserve(f"{what}: {type(e).__name__}; is it up?") from e
    finally:
        await client.aclose()


def _elsewhere(what: str, reference: str) -> str:
    return f"{what}: {reference} does not lead to loopback, and with a compressed clock nothing else is opened"


def named(sections: Mapping[str, _T], name: str, what: str) -> _T:
    """What the environment says of that; raises NotConfigured, naming `what` and all that there is."""
    if name not in sections:
        known = ", ".join(sorted(sections)) or "none"
        raise NotConfigured(f"{what} names no {name!r} (it has: {known}); add it to the environment file")
    return sections[name]
