"""Which build answers: at the front door, over new connections, and at single instances."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from time import monotonic

import httpx
from pydantic import AliasChoices, BaseModel, Field, ValidationError

from tasks.probe import at, get
from tminus.environment import Service
from tminus.release import Build, Digest

FRONT_REQUESTS = 6  # answers in a row; with three instances taken in turn, each is met twice
SETTLES_WITHIN = 5.0  # seconds; nginx's old workers stop accepting milliseconds after a reload
DRAINS_WITHIN = 30.0  # seconds, on the way back: a busy machine lets old workers accept for longer, and waiting is safe
_IN_A_ROW = 3  # rounds; an old worker that still accepts is not met in every one
_WITHIN = timedelta(seconds=2)
_POLL = 0.05  # seconds between two rounds of asking
_SHOWN = 12  # digits of a digest that are shown


class _Said(BaseModel):
    """What a version endpoint says; more than this is ignored."""

    version: str
    artifact: Digest = Field(validation_alias=AliasChoices("artifact_digest", "artifact"))
    config: Digest = Field(validation_alias=AliasChoices("config_digest", "config"))


@dataclass(frozen=True, slots=True)
class Answers:
    """What several requests were told.

    Attributes:
        builds: the builds that answered, one entry an answer.
        problems: why there was no answer, one entry a request that got none.
    """

    builds: tuple[Build, ...]
    problems: tuple[str, ...]

    def all_are(self, build: Build) -> bool:
        """Whether every request was answered, and by this build."""
        return not self.problems and self.none_but(build)

    def none_but(self, build: Build) -> bool:
        """Whether some were answered, and all those by this build."""
        return bool(self.builds) and set(map(_key, self.builds)) == {_key(build)}

    def settled_on(self, build: Build) -> bool:
        """Whether at least half were answered, and all those by this build.

        A release that fails now and then has the traffic all the same; whether it is any good is not asked here.
        """
        return 2 * len(self.builds) >= self.asked and self.none_but(build)

    def count(self, build: Build) -> int:
        """How many answers came from this build."""
        return sum(_key(found) == _key(build) for found in self.builds)

    def settled(self) -> bool:
        """Whether at least half were answered, all by one and the same build."""
        return bool(self.builds) and self.settled_on(self.builds[0])

    @property
    def asked(self) -> int:
        """How many requests there were."""
        return len(self.builds) + len(self.problems)

    def __str__(self) -> str:
        seen = {
            f"{build.version} ({build.artifact.removeprefix('sha256:')[:_SHOWN]})": self.count(build)
            for build in self.builds
        }
        parts = [f"{count} of {self.asked} from {name}" for name, count in sorted(seen.items())]
        parts += [f"{len(self.problems)} of {self.asked}: {self.problems[0]}"] if self.problems else []
        return ", ".join(parts) or "nothing asked"

    def builds_within(self, other: "Answers") -> bool:
        """Whether every build seen here was seen there too."""
        return bool(self.builds) and {_key(build) for build in self.builds} <= {_key(build) for build in other.builds}


async def at_front(service: Service, requests: int = FRONT_REQUESTS) -> Answers:
    """What answers behind the front door, each request on a connection of its own (a kept one stays with old workers).

    Never raises for what it finds.
    """
    async with _new_connections() as client:
        return await _ask(client, [service.front] * requests, service)


async def at_front_until(service: Service, enough: Callable[[Answers], bool], within: float | None = None) -> Answers:
    """Asks the front door until the answers are `enough` several rounds in a row, or the time is up.

    That is `within` seconds, else SETTLES_WITHIN. Returns the last answers. A reload command returns when its signal
    is sent, so for an instant everything looks as before; and an old worker that drains answers now and then after a
    round without it.
    """
    deadline, good = monotonic() + (SETTLES_WITHIN if within is None else within), 0
    async with _new_connections() as client:
        while True:
            answers = await _ask(client, [service.front] * FRONT_REQUESTS, service)
            good = good + 1 if enough(answers) else 0
            if good == _IN_A_ROW or (not good and monotonic() > deadline):
                return answers
            await asyncio.sleep(_POLL)


async def at_instances(client: httpx.AsyncClient, addresses: Iterable[str], service: Service) -> Answers:
    """What each of the instances says it runs, asked directly."""
    return await _ask(client, [f"http://{address}" for address in addresses], service)


@cache
def _trust() -> ssl.SSLContext:
    """Reading the trusted authorities takes longer than a reload, so it is done once."""
    return httpx.create_ssl_context(trust_env=False)


def _new_connections() -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=_trust(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


async def _ask(client: httpx.AsyncClient, bases: Iterable[str], service: Service) -> Answers:
    asked: list[Awaitable[Build | str]] = [_one(client, at(base, service.version)) for base in bases]
    said = await asyncio.gather(*asked)
    builds = tuple(one for one in said if isinstance(one, Build))
    return Answers(builds, tuple(one for one in said if isinstance(one, str)))


async def _one(client: httpx.AsyncClient, url: str) -> Build | str:
    """The build, or why it is not known."""
    answer = await get(client, url, _WITHIN)
    if answer.trouble:
        return answer.trouble
    try:
        said = _Said.model_validate(answer.document)
    except ValidationError:
        return "an answer without version, artifact and configuration digest"
    return Build(version=said.version, artifact=said.artifact, config=said.config)


def _key(build: Build) -> tuple[str, str, str]:
    return build.version, build.artifact, build.config
