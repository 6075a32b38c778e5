"""A watch over two tiny services that count what they answered."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.flows.conftest import Setting
from tests.flows.stage import Stage
from tests.flows.watching.scene import book, section
from tests.tasks.over_http.tiny_service import Tiny, serving


@pytest.fixture(scope="module")
def two_services() -> Iterator[tuple[Tiny, Tiny]]:
    """The new version and the old one, for all tests here."""
    new, old = Tiny(), Tiny()
    with ExitStack() as stack:
        for one in (new, old):
            one.address = stack.enter_context(serving(one.app()))
        yield new, old


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples are written down soon, and the last bad answer is not waited for long."""
    monkeypatch.setattr("flows.watching._BATCH", timedelta(milliseconds=100))
    monkeypatch.setattr("tasks.sampler._QUIET", 0.2)
    monkeypatch.setattr("flows.rolling_back._AFTERMATH", 0.5)


@pytest.fixture
def services(two_services: tuple[Tiny, Tiny]) -> tuple[Tiny, Tiny]:
    """Both as new; the old one has answered well for a while."""
    new, old = two_services
    new.heal()
    old.heal()
    old.count(500)
    return new, old


@pytest.fixture
def new(services: tuple[Tiny, Tiny]) -> Tiny:
    """The new version."""
    return services[0]


@pytest.fixture
def old(services: tuple[Tiny, Tiny]) -> Tiny:
    """The old version."""
    return services[1]


@pytest.fixture
def stage(set_stage: Setting, tmp_path: Path, services: tuple[Tiny, Tiny]) -> Stage:
    """The watch lasts 1.5 s."""
    return set_stage(book("30h"), services=section(tmp_path, *services))


@pytest.fixture
def long(set_stage: Setting, tmp_path: Path, services: tuple[Tiny, Tiny]) -> Stage:
    """The watch lasts 10 s, so that a verdict is its own and not its end's, also on a busy machine."""
    return set_stage(book("200h"), services=section(tmp_path, *services))
