"""An undo is left out only where that nothing is left of the change is proven."""

from typing import Literal

import pytest

from tasks.action import State, Undo
from tasks.estate import Estate
from tests.flows import stage as stages
from tests.flows.conftest import Setting
from tests.flows.staged_book import action, check
from tests.flows.world import FAKES, FakeAction, in_doubt
from tminus.outcome import Verdict


class Pool(FakeAction, frozen=True):
    """What says that it is undone may be wrong of single parts."""

    kind: Literal["fake.pool"] = "fake.pool"  # type: ignore[assignment]  # another kind of the same thing

    async def proven_undone(self, estate: Estate, undo: Undo) -> bool:
        """It is not."""
        return False


@pytest.mark.parametrize(("kind", "undos"), [("fake.pool", 1), ("fake.action", 0)])
async def test_an_undo_is_run_where_it_cannot_be_proven_needless(
    set_stage: Setting, monkeypatch: pytest.MonkeyPatch, kind: str, undos: int
) -> None:
    """It was begun and is in doubt, and looks as if nothing were left of it."""
    monkeypatch.setattr(stages, "FAKES", {**FAKES, "fake.pool": Pool})
    stage = set_stage({"T-0": [{**action("deploy"), "action": kind}, check("serves", proves=True)]})
    stage.thing("deploy").acting = [in_doubt()]
    running = stage.begin("T-0")
    await stage.held("deploy")
    assert stage.thing("deploy").state is State.ABSENT
    stage.order("rollback")
    await running
    assert stage.thing("deploy").undos == undos
    undone = stage.record.step("deploy").undone
    assert undone is not None
    assert undone.verdict is Verdict.PASS
