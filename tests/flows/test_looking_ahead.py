"""Whoever rolls back by hand is told first what comes of it, by one look, whatever the ledger does meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from flows import by_hand
from tests.flows.ledgers import BreakableStore, intended
from tests.flows.rolled_back_here import asked, environment_file, in_thread, no_ledger, told_ahead
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH
from tminus import events as ev
from tminus.errors import LedgerError, LedgerUnreachable, Refused
from tminus.journal import Journal
from tminus.ledger.chain import Stored
from tminus.ledger.entries import Transaction

BOTH = "2 changes are undone (switch, then deploy), and checks prove that the old version serves."
QUESTION = f"Roll {LAUNCH} back to the old version? [y/N]:"

pytestmark = pytest.mark.usefixtures("by_fakes")


class Lagging(BreakableStore):
    """A standby: it only reads, and has nothing yet from a step's change on."""

    def __init__(self, path: Path, lacks: str) -> None:
        self.stands_by, self.lacks = False, lacks
        super().__init__(path)
        self.stands_by = True

    def read(self, chain: str, after: int = 0) -> list[Stored]:
        """Up to that change."""
        found = super().read(chain, after)
        changes = [one.seq for one in found if intended(self.lacks)(ev.read(one.body))]
        return [one for one in found if not (changes and one.seq >= changes[0])]

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        if self.stands_by:
            raise LedgerUnreachable("cannot execute UPDATE in a read-only transaction")
        with super()._transaction() as within:
            yield within


def opened(monkeypatch: pytest.MonkeyPatch, make: Callable[[], BreakableStore]) -> list[BreakableStore]:
    """Every ledger that rolling back by hand opens from here on."""
    stores: list[BreakableStore] = []

    def open_ledger(_settings: object) -> BreakableStore:
        stores.append(make())
        return stores[-1]

    monkeypatch.setattr(by_hand, "open_ledger", open_ledger)
    return stores


async def rollback(keys: dict[str, Path], typed: str, *more: str) -> Result:
    """`tminus rollback LAUNCH --here …`, and what is typed then."""
    words = ["rollback", LAUNCH, "--reason", "it smells", "--here", "--key", str(keys["devops"]), *more]
    return await asyncio.to_thread(CliRunner().invoke, main, words, input=typed)


async def test_the_command_asks_before_it_rolls_back(changed: Stage, keys: dict[str, Path]) -> None:
    """A no, and nobody there to ask, change nothing; a yes rolls back."""
    no, nobody = await rollback(keys, "n\n"), await rollback(keys, "")
    assert (no.exit_code, no.stdout.startswith(f"{BOTH}\n{QUESTION}")) == (1, True), no.output
    assert (no.stderr, nobody.exit_code) == ("Nothing was recorded.\n", 2)
    assert (changed.thing("switch").undos, changed.events(ev.Ordered)) == (0, [])
    yes = await rollback(keys, "y\n")
    assert (yes.exit_code, "the old version serves again" in yes.stdout) == (0, True), yes.output
    assert changed.result == "rolled back"


@pytest.mark.parametrize("silence", [LedgerUnreachable, LedgerError])
async def test_a_ledger_that_can_be_read_and_not_written_is_no_hindrance(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch, silence: type[LedgerError]
) -> None:
    """A failover to a server that only reads: the look writes nothing, and then the journal is gone by."""

    @contextmanager
    def refused() -> Iterator[Transaction]:
        raise silence("read-only transaction")
        yield

    def read_only() -> BreakableStore:
        store = BreakableStore(changed.store.path)
        monkeypatch.setattr(store, "_transaction", refused)
        return store

    opened(monkeypatch, read_only)
    with pytest.raises(Refused, match="may not roll back"):
        told_ahead(asked(keys, [], person="product"))
    assert told_ahead(asked(keys, [])) == BOTH
    said: list[str] = []
    assert await in_thread(asked(keys, said, environment=environment_file(changed)))
    assert said[0] == "read-only transaction. Going by the local journal."
    assert changed.world.did[-2:] == ["undo switch", "undo deploy"]


async def test_a_change_that_only_the_journal_knows_counts(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that lags behind says that nothing was changed: its word is not taken for it."""
    stores = opened(monkeypatch, lambda: Lagging(changed.store.path, "deploy"))
    done = await rollback(keys, "y\n")
    why = "the ledger does not know that deploy and switch began, and this machine's journal does"
    assert done.stdout.startswith(f"{why}. By the local journal: {BOTH}\n{QUESTION}"), done.output
    assert (done.exit_code, changed.world.did[-2:]) == (0, ["undo switch", "undo deploy"])
    assert len(stores) == 1


async def test_a_change_that_only_the_ledger_knows_counts_as_well(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine rolled out, this one switched: both are undone, the last one first."""
    file = changed.folder / "state" / "journal" / f"{LAUNCH}.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith('["intent"') or "deploy" not in line))
    opened(monkeypatch, lambda: Lagging(changed.store.path, "switch"))
    assert told_ahead(asked(keys, [])).endswith(
        f"switch began, and this machine's journal does. By the local journal: {BOTH}"
    )
    assert await in_thread(asked(keys, []))
    assert changed.world.did[-2:] == ["undo switch", "undo deploy"]


async def test_what_the_ledger_is_told_between_two_looks_is_not_lacking(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conductor that lives writes to the ledger, then to the journal: it is gone by the ledger all the same."""

    class Late(BreakableStore):
        reads = 0

        def read(self, chain: str, after: int = 0) -> list[Stored]:
            self.reads += 1
            return super().read(chain, after)[: 1 if self.reads == 1 else None]

    opened(monkeypatch, lambda: Late(changed.store.path))
    assert told_ahead(asked(keys, [])) == BOTH


async def test_a_ledger_that_does_not_answer_is_asked_once(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try costs seconds in an emergency. What the server said steers no terminal."""
    tries: list[object] = []

    def hangs(settings: object) -> BreakableStore:
        tries.append(settings)
        raise LedgerUnreachable("no answer within 5 s\x1b[2J")

    monkeypatch.setattr(by_hand, "open_ledger", hangs)
    done = await rollback(keys, "y\n", "--environment", str(environment_file(changed)))
    said = "no answer within 5 s\N{REPLACEMENT CHARACTER}[2J. "
    assert done.stdout.startswith(f"{said}By the local journal: {BOTH}\n{QUESTION}"), done.output
    assert f"\n{said}Going by the local journal.\n" in done.stdout
    assert (done.exit_code, len(tries)) == (0, 1)


async def test_a_ledger_that_goes_away_while_the_question_stands(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes that was given is carried out by the journal, and that is said; the ledger is closed in the end."""
    stores = opened(monkeypatch, lambda: BreakableStore(changed.store.path))
    closed: list[BreakableStore] = []

    def close(store: BreakableStore) -> None:
        closed.append(store)

    monkeypatch.setattr(BreakableStore, "close", close)

    def goes_down(_question: str) -> bool:
        stores[0].down = True
        return True

    monkeypatch.setattr(click, "confirm", goes_down)
    done = await rollback(keys, "")
    assert "the ledger does not answer. Going by the local journal.\n" in done.stdout, done.output
    assert (done.exit_code, changed.world.did[-2:]) == (0, ["undo switch", "undo deploy"])
    assert (len(stores), closed) == (1, stores)


async def test_what_was_undone_by_the_journal_is_not_said_to_be_undone_again(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when the ledger is back and was not told yet."""
    with monkeypatch.context() as silent:
        no_ledger(silent)
        again = asked(keys, [], environment=environment_file(changed))
        assert await in_thread(again)
        proof = "Every change is undone already; what is tried again is to prove that the old version serves."
        assert told_ahead(again).endswith(f"By the local journal: {proof}")
        assert await in_thread(again)
        assert (changed.thing("switch").undos, changed.thing("deploy").undos) == (1, 1)
    assert told_ahead(again) == proof


async def test_a_change_that_begins_meanwhile_is_undone_as_well_and_named(
    changed: Stage, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes to a rollback is never thrown away; the list as it is by then is said."""
    journal = Journal(changed.frozen.environment.state, LAUNCH)
    (first, *_rest) = journal.intents()

    def more(_question: str) -> bool:
        changed.people.refresh()
        changed.people.write(first.model_copy(update={"step": "late", "attempt": 1}))
        return True

    monkeypatch.setattr(click, "confirm", more)
    done = await rollback(keys, "")
    assert "As things stand now: 3 changes are undone (late, then switch, then deploy)" in done.stdout, done.output
    assert done.exit_code == 0
