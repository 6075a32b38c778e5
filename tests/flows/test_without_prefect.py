"""What needs no Prefect: a dry run that changes nothing, and rolling back by hand, with and without the ledger."""

import asyncio
from pathlib import Path

import pytest

from flows.dry_run import blocks, dry_run
from tests.flows.conftest import Setting
from tests.flows.rolled_back_here import BOOK, asked, environment_file, in_thread, no_ledger, told_ahead
from tests.flows.stage import Stage, forward_after_rollback
from tests.flows.staged_book import LAUNCH, action, check
from tests.flows.world import Crash
from tminus import events as ev
from tminus.errors import CouldNotObserve, Refused, UsageError
from tminus.outcome import Verdict


class TestDryRun:
    """`launch --dry-run`."""

    async def test_it_looks_describes_and_changes_nothing(self, set_stage: Setting) -> None:
        """Checks are looked at, actions are described with their way back, people are not asked, nothing is written."""
        load = {
            "id": "load",
            "title": "Load",
            "owner": "devops_lead",
            "check": "fake.load",
            "with": {"name": "load"},
            "expect": {"good": "= 1"},
        }
        stage = set_stage({"T-4h": [check("a"), check("b"), load], **BOOK})
        stage.world.answers["b"] = ["fail"]
        before = len(stage.record.events)
        told = {
            step.id: (verdict, words, blocks(step, verdict)) async for step, verdict, words in dry_run(stage.frozen)
        }
        assert [told[one][0] for one in ("a", "b", "load", "deploy", "ok")] == [
            Verdict.PASS,
            Verdict.FAIL,
            None,
            None,
            None,
        ]
        assert (told["a"][2], told["b"][2], told["deploy"][2]) == (False, True, False)
        assert "change deploy" in told["deploy"][1]
        assert "put deploy back" in told["deploy"][1]
        assert "engineering_lead" in told["ok"][1]
        assert stage.world.looked["load"] == 0
        assert (stage.thing("deploy").begun, stage.world.did) == (0, [])
        assert len(stage.record.events) == before

    async def test_what_comes_after_the_change_is_read_and_does_not_count(self, set_stage: Setting) -> None:
        """It cannot pass before there is a change."""
        stage = set_stage({"T-4h": [check("a")], "T-0": [action("deploy"), check("serves")]})
        stage.world.answers.update({"a": ["fail"], "serves": ["fail"]})
        told = {step.id: (verdict, words) async for step, verdict, words in dry_run(stage.frozen)}
        assert (told["a"][0], told["serves"][0]) == (Verdict.FAIL, None)
        assert told["serves"][1].startswith(
            "after the change, which begins with deploy, so not counted; as it is now: fail,"
        )

    async def test_what_cannot_be_told_is_said(self, set_stage: Setting) -> None:
        """A system that does not answer does not end the dry run."""
        stage = set_stage(BOOK)
        stage.thing("deploy").looks = [CouldNotObserve("the platform does not answer")]
        told = {step.id: words async for step, _verdict, words in dry_run(stage.frozen)}
        assert told["deploy"] == "cannot be told: the platform does not answer"
        assert "switch" in told

    async def test_a_look_that_never_ends_is_unknown(self, set_stage: Setting) -> None:
        """The step's timeout holds here too."""
        stage = set_stage({"T-4h": [check("a", timeout="50 ms"), check("b")]})
        stage.world.slow["a"] = 10
        told = {step.id: verdict async for step, verdict, _words in dry_run(stage.frozen)}
        assert told == {"a": Verdict.UNKNOWN, "b": Verdict.PASS}


@pytest.mark.usefixtures("by_fakes")
class TestByHand:
    """`tminus rollback --here`. Its entry runs a loop of its own, so it is called from a thread."""

    async def test_with_the_ledger_it_rolls_back_and_closes(self, changed: Stage, keys: dict[str, Path]) -> None:
        """The order is signed, the way back is proven, and the launch is over."""
        said: list[str] = []
        assert await in_thread(asked(keys, said))
        record = changed.record
        assert changed.world.did[-2:] == ["undo switch", "undo deploy"]
        assert record.closed is not None
        assert record.closed.result == "rolled back"
        assert record.rollback is not None
        assert (record.rollback.by, record.rollback.why) == ("devops", "it smells")
        assert "the old version serves again" in said[-1]
        assert not forward_after_rollback(record)

    async def test_it_leaves_it_to_a_conductor_that_lives(self, changed: Stage, keys: dict[str, Path]) -> None:
        """The order is recorded, and nothing is undone beside it."""
        changed.conductor()
        with pytest.raises(Refused, match="own conductor"):
            await in_thread(asked(keys, []))
        assert changed.record.rollback_ordered is not None
        assert changed.thing("switch").undos == 0

    async def test_an_order_that_nobody_carries_out_is_carried_out_here(
        self, changed: Stage, keys: dict[str, Path]
    ) -> None:
        """It was given in Slack, and no worker runs: `--here` does it, and who it was stays on record."""
        changed.order("rollback", person="engineering", reason="from Slack")
        ahead = "2 changes are undone (switch, then deploy), and checks prove that the old version serves."
        assert told_ahead(asked(keys, [])) == ahead
        assert await in_thread(asked(keys, []))
        assert [one.person for one in changed.events(ev.Ordered)] == ["engineering"]
        assert changed.record.closed is not None
        assert changed.record.closed.result == "rolled back"

    async def test_a_way_back_whose_conductor_was_lost_is_gone_on_with(
        self, changed: Stage, keys: dict[str, Path]
    ) -> None:
        """What it had undone is not undone twice."""
        changed.store.after = lambda event: isinstance(event, ev.UndoEnded)
        changed.order("rollback")
        with pytest.raises(Crash):
            await changed.run("T-0")
        changed.store.give_lease_back(LAUNCH, changed.conductors[-1].token)
        assert await in_thread(asked(keys, []))
        assert (changed.thing("switch").undos, changed.thing("deploy").undos) == (1, 1)

    async def test_who_may_not_roll_back_may_not_carry_it_out_either(
        self, changed: Stage, keys: dict[str, Path]
    ) -> None:
        """Somebody else's order lends nobody a right."""
        changed.order("rollback")
        with pytest.raises(Refused, match="may not roll back"):
            await in_thread(asked(keys, [], person="product"))
        assert changed.thing("switch").undos == 0

    async def test_a_way_back_that_is_not_proven_says_so_at_once(self, changed: Stage, keys: dict[str, Path]) -> None:
        """The terminal is given back; the launch is held, and the same command tries again."""
        changed.thing("switch").undoing = ["no effect"]
        said: list[str] = []
        assert not await asyncio.wait_for(in_thread(asked(keys, said)), 5)
        assert "switch could not be taken back" in said[-1]
        assert changed.record.closed is None
        assert changed.record.held is not None
        assert await in_thread(asked(keys, said))
        assert changed.record.closed is not None

    async def test_who_is_not_on_duty_may_not(self, changed: Stage, keys: dict[str, Path]) -> None:
        """Refused, also before they are asked back, and nothing is undone."""
        with pytest.raises(Refused, match="may not roll back"):
            told_ahead(asked(keys, [], person="product"))
        with pytest.raises(Refused, match="may not roll back"):
            await in_thread(asked(keys, [], person="product"))
        assert changed.thing("switch").undos == 0

    async def test_without_the_ledger_it_goes_by_the_journal_and_is_told_later_once(
        self, changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The undo is the one on record; the next conductor merges the order and the way back, and closes."""
        no_ledger(monkeypatch)
        by_journal = asked(keys, [], environment=environment_file(changed))
        assert "By the local journal: 2 changes are undone (switch, then deploy)" in told_ahead(by_journal)
        assert await in_thread(by_journal)
        assert changed.world.did[-2:] == ["undo switch", "undo deploy"]
        assert changed.record.rollback is None
        await changed.run("T+4h")
        record = changed.record
        assert len(changed.events(ev.RollbackBegan)) == len(changed.events(ev.RollbackEnded)) == 1
        assert len(changed.events(ev.UndoEnded)) == 2
        assert [one.order for one in changed.events(ev.Ordered)] == ["rollback"]
        assert record.closed is not None
        assert record.closed.result == "rolled back"
        assert [changed.thing(one).undone_with for one in ("deploy", "switch")] == [["1"], ["1"]]
        assert not forward_after_rollback(record)

    async def test_without_the_ledger_the_same_people_may(
        self, changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A ledger that is down is no way around the rules."""
        no_ledger(monkeypatch)
        with pytest.raises(Refused, match="may not roll back"):
            await in_thread(asked(keys, [], person="product", environment=environment_file(changed)))
        assert changed.thing("switch").undos == 0

    async def test_without_the_ledger_it_needs_the_environment(
        self, changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And a machine that conducted the launch: each is said."""
        no_ledger(monkeypatch)
        with pytest.raises(UsageError, match="--environment"):
            told_ahead(asked(keys, []))
        with pytest.raises(UsageError, match="--environment"):
            await in_thread(asked(keys, []))
        (changed.folder / "state" / "journal").rename(changed.folder / "elsewhere")
        with pytest.raises(UsageError, match="never conducted"):
            await in_thread(asked(keys, [], environment=environment_file(changed)))

    async def test_an_undo_that_fails_says_so(
        self, changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """False, and in words, where the old version is not proven to serve."""
        no_ledger(monkeypatch)
        changed.thing("switch").undoing = ["no effect"]
        said: list[str] = []
        assert not await in_thread(asked(keys, said, environment=environment_file(changed)))
        assert "switch could not be taken back" in said[-2]
        assert await in_thread(asked(keys, said, environment=environment_file(changed)))
        assert changed.world.did[-2:] == ["undo switch", "undo deploy"]
