"""A launch of fakes, set up in a folder of its own; every wait of the flows that means nothing here is made short."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flows import acting, blocking, by_hand, closing, conducting, conductor, paging, rolling_back, window
from tests.flows.rolled_back_here import BOOK
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH
from tests.flows.world import FAKES, Crash
from tminus import events as ev
from tminus import standing
from tminus.ledger.opening import VARIABLE
from tminus.personal_key import PersonalKey

Setting = Callable[..., Stage]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two looks, in milliseconds instead of seconds."""
    for one in (conductor, conducting):
        monkeypatch.setattr(one, "_LOOK", 0.02)
    monkeypatch.setattr(standing, "STARTING", standing.STARTING * 0)
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


@pytest.fixture
def by_fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command line's own entry, on the fake kinds and the test's ledger."""
    monkeypatch.setattr(by_hand, "KINDS", FAKES)
    monkeypatch.setattr(conducting, "KINDS", FAKES)
    monkeypatch.setenv(VARIABLE, f"sqlite:{tmp_path / 'ledger.sqlite'}")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Private keys of two people."""
    found = {}
    for person in ("devops", "product"):
        found[person] = tmp_path / f"{person}.key"
        key = Ed25519PrivateKey.generate()
        found[person].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return found


@pytest.fixture
async def changed(set_stage: Setting, keys: dict[str, Path]) -> Stage:
    """A launch whose conductor was lost right after its second change."""
    public = {person: PersonalKey(path).public for person, path in keys.items()}
    stage = set_stage(BOOK, keys=public)
    stage.store.after = lambda event: isinstance(event, ev.StepEnded) and event.step == "switch"
    with pytest.raises(Crash):
        await stage.run("T-0")
    stage.store.give_lease_back(LAUNCH, stage.conductors[-1].token)
    return stage
