"""A launch of fakes, set up in a folder of its own; every wait of the flows that means nothing here is made short."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from flows import acting, blocking, closing, conducting, conductor, paging, rolling_back, window
from tests.flows.stage import Stage

Setting = Callable[..., Stage]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two looks, in milliseconds instead of seconds."""
    for one in (conductor, conducting):
        monkeypatch.setattr(one, "_LOOK", 0.02)
    monkeypatch.setattr(conductor, "STARTING", conductor.STARTING * 0)
    monkeypatch.setattr(conductor, "UNDO_WAITS", 0.3)
    monkeypatch.setattr(acting, "_POLL", 0.01)
    monkeypatch.setattr(blocking, "_TICK", 0.02)
    monkeypatch.setattr(rolling_back, "_PROOF_PAUSE", 0.01)
    monkeypatch.setattr(window, "RETRY_AFTER", 0.01)
    monkeypatch.setattr(paging, "_PATIENCE", 0.05)
    monkeypatch.setattr(rolling_back, "_POLL", 0.01)
    monkeypatch.setattr(closing, "_LEDGER_PAUSE", 0.02)
    monkeypatch.setattr(closing, "_LOOK", 0.02)


@pytest_asyncio.fixture
async def set_stage(tmp_path: Path) -> AsyncIterator[Setting]:
    """Sets a launch up; whatever hangs is let go at the end, and the ledger is closed."""
    stages: list[Stage] = []

    def made(*args: object, **settings: object) -> Stage:
        stages.append(Stage.set(tmp_path, *args, **settings))  # type: ignore[arg-type]  # as Stage.set takes them
        return stages[-1]

    yield made
    for stage in stages:
        await stage.end()


@pytest.fixture
def stage(set_stage: Setting) -> Stage:
    """The usual launch."""
    return set_stage()
