"""Three tiny instances behind a real nginx, and estates that lead to them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from deployments.rehearsal.nginx import Nginx
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from tasks.estate import Estate
from tests.conftest import Estates
from tests.tasks.over_http.tiny_service import Tiny, serving


@dataclass(frozen=True)
class World:
    """The instances, their nginx, and a folder for configurations that name others."""

    instances: tuple[Tiny, ...]
    nginx: Nginx
    folder: Path
    estates: Estates

    @property
    def front(self) -> str:
        """The front door."""
        return f"http://127.0.0.1:{self.nginx.address.ports['trading']}"

    def estate(self, also: Sequence[str] = (), idle: Sequence[str] = ("127.0.0.1:9",), **changed: object) -> Estate:
        """An estate whose nginx configuration names the three instances, and the addresses `also`."""
        addresses = [instance.address for instance in self.instances] + list(also)
        config = self.folder / "nginx.conf"
        servers = "".join(f"    server {address};\n" for address in addresses)
        config.write_text(f"events {{}}\nhttp {{\n  upstream trading {{\n{servers}  }}\n}}\n", "utf-8")
        service = {
            "front": self.front,
            "nginx": {
                "config": str(config),
                "upstream": "trading",
                "include": str(config),
                "reload": {"argv": ["true"]},
                "pools": {"blue": addresses, "green": list(idle)},
            },
            "roll_out": {verb: {"argv": ["true"]} for verb in ("run", "probe", "undo")},
            **changed,
        }
        return self.estates.make(services={"trading": service})


@pytest.fixture(scope="session")
def three_instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tuple[Tiny, ...], Nginx]]:
    """The servers, for all tests of this folder."""
    instances = tuple(Tiny() for _ in range(3))
    with ExitStack() as stack:
        for instance in instances:
            instance.address = stack.enter_context(serving(instance.app()))
        ports = [int(instance.address.rpartition(":")[2]) for instance in instances]
        nginx = Nginx.plan(tmp_path_factory.mktemp("nginx"), {"trading": ports})
        nginx.start(stack.enter_context(Processes()))
        yield instances, nginx


@pytest.fixture
def world(three_instances: tuple[tuple[Tiny, ...], Nginx], tmp_path: Path, estates: Estates) -> World:
    """Three healthy instances behind nginx."""
    instances, nginx = three_instances
    for instance in instances:
        instance.heal()
    return World(instances, nginx, tmp_path, estates)


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def old_service() -> Iterator[Tiny]:
    """The instance that serves nobody."""
    old = Tiny()
    with serving(old.app()) as old.address:
        yield old


@pytest.fixture
def old(old_service: Tiny) -> Tiny:
    """It has answered well for a while."""
    old_service.heal()
    old_service.count(500)
    return old_service


@pytest_asyncio.fixture
async def estate(world: World, old: Tiny) -> AsyncIterator[Estate]:
    """Three instances serve, and one is idle."""
    async with world.estate(idle=[old.address], control="/ready") as estate:
        yield estate
