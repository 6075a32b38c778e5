"""A restore asked for: what binds, who may answer, and what a record that somebody else wrote is worth."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows import restore_back
from flows.restore import carry_out
from flows.restore_asking import ask
from flows.restore_back import ALONE_WITHIN
from flows.restore_planning import Plan
from flows.restore_stages import switched as switched_until
from tasks.restores.asked import Live, Stands, Way
from tasks.restores.postgres_dump import DumpRestorer
from tests.flows.restores.desk import STORE, Desk
from tests.tasks.backups.dumps.shop import BOOK
from tminus import events as ev
from tminus.backups.catalogue import Listed
from tminus.clock import now
from tminus.errors import CouldNotObserve, LedgerError, Refused, UsageError
from tminus.launches import list_launches
from tminus.ledger.entries import Entry
from tminus.ledger.store import Store
from tminus.outcome import Outcome
from tminus.personal_key import PersonalKey
from tminus.restores import question, standing
from tminus.restores.choosing import Chosen
from tminus.restores.papers import STEP, Papers
from tminus.restores.standing import Restoring
from tminus.yaml_source import Source

WAY = {"database": "live", "restored": "live_restored_1", "kept": "live_before_1", "undone": "live_undone_1"}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Files that lead nowhere."""
    made = Desk(tmp_path)
    environment: dict[str, object] = {
        "environment": "test",
        "kind": "rehearsal",
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "postgres": {"shop": {"dsn": "env:NONE"}},
        "buckets": {"backups": {"bucket": "backups"}},
        "backups": {"scratch": "scratch"},
    }
    halted = {"check": "sql.query", "with": {"database": "shop", "query": "SELECT 0"}, "expect": {"value": "= 0"}}
    made.set(BOOK.model_dump(mode="json"), environment, halted)
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.db'}")
    return made


@pytest.fixture
def store(desk: Desk) -> Iterator[Store]:
    """The ledger."""
    with closing(desk.opened().store()) as opened:
        yield opened


def planned() -> Plan:
    """To now, by a backup of a minute ago."""
    at = now() - timedelta(minutes=1)
    taken = ev.BackupTaken(
        store=STORE, kind="postgres.dump", backup="one", manifest_digest="sha256:1", size=1, taken_at=at
    )
    chosen = Chosen(Listed("one", "one.manifest.json", 1, at, taken), taken, None)
    return Plan(STORE, BOOK, now(), now(), chosen, DumpRestorer(), WAY, ("  loses     60 s",))


def asked(desk: Desk, store: Store, by: str = "asker") -> str:
    """Its chain."""
    papers = Papers.read(*(desk.folder / f"{name}.yaml" for name in ("backups", "people", "environment")))
    return ask(store, papers, planned(), PersonalKey(desk.folder / by), "orders are gone", "")


def test_it_stands_among_what_waits(desk: Desk, store: Store) -> None:
    """With the command that says yes, and all that will be lost; it is no launch, and nobody holds or scrubs it."""
    chain = asked(desk, store)
    pending = desk.say("pending", "--json")
    assert f"tminus approve {chain} --ask restore --digest" in pending.output
    assert "loses     60 s" in pending.output
    assert list_launches(store) == []
    shown = desk.say("status", chain)
    assert (shown.exit_code, "approval: waits for" in shown.output) == (0, True), shown.output
    assert "is a restore and no launch" in desk.say("report", chain).output
    held = desk.say("hold", chain, "--reason", "wait", key="lead")
    assert held.exit_code == 3
    assert "a restore is approved or rejected" in held.output


def test_slack_shows_the_question(desk: Desk, store: Store) -> None:
    """Where the environment has it: the letter is in the outbox with the question, in the same transaction."""
    environment = Source.read(desk.folder / "environment.yaml").data
    assert isinstance(environment, dict)
    environment["slack"] = {"channel": "C0", "token": "env:T", "signing_secret": "env:S"}
    YAML(typ="safe", pure=True).dump(environment, desk.folder / "environment.yaml")
    chain = asked(desk, store)
    [(body,)] = store.look("SELECT body FROM outbox WHERE chain = :chain", {"chain": chain})
    assert "loses     60 s" in str(body)
    assert "Live data are switched to the restored copy" in str(body)


def test_the_environment_is_taken(desk: Desk, store: Store) -> None:
    """Nothing else begins there, a launch no more than another restore, and who is refused is told why."""
    chain = asked(desk, store)
    with pytest.raises(Refused, match=f"held by {chain}, .*`tminus restore --resume`"):
        store.open_locked("test", "shop-2.0.0", Entry("shop-2.0.0", "{}"))
    with pytest.raises(Refused):
        asked(desk, store)


def test_what_was_not_answered_is_not_approved(desk: Desk, store: Store) -> None:
    """And says for whom it waits; nobody by hand alone, and no end that a stranger wrote."""
    chain = asked(desk, store)
    store.append(Entry(chain, ev.write(ev.AskEnded(ask=question.ASK, result="met", reason="Lead as devops lead"))))
    restoring = Restoring.read(store, chain)
    with pytest.raises(Refused, match="is not approved: it waits for"):
        restoring.require_approved(desk.opened().book)
    with pytest.raises(Refused, match="is not approved"):
        asyncio.run(carry_out(store, chain, print))


def test_a_forged_plan_is_not_carried_out(desk: Desk, store: Store) -> None:
    """What its author signed is that very plan, in that very chain."""
    chain = asked(desk, store)
    created, plan, opened, *_ = desk.events(chain)
    assert isinstance(plan, ev.RestorePlanned)
    assert isinstance(created, ev.LaunchCreated)
    for number, other in enumerate((plan.model_copy(update={"backup": "another"}), plan)):
        forged = f"{chain}.{number}"
        created_there = created.model_copy(update={"launch": forged})
        store.open_chain(forged, *(Entry(forged, ev.write(one)) for one in (created_there, other, opened)))
        with pytest.raises(LedgerError, match="is not signed with asker's key"):
            Restoring.read(store, forged)


def test_nobody_answers_in_time(desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, and the environment is free."""
    monkeypatch.setattr(question, "PATIENCE", timedelta(0))
    chain = asked(desk, store)
    ended = asyncio.run(carry_out(store, chain, print))
    assert not ended.done
    assert "at the deadline it still waits for" in ended.sentence
    assert store.locked_by("test") is None


def test_an_old_approval_does_not_count(desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people were told was lost then is not all that is lost now."""
    chain = asked(desk, store)
    assert desk.approved(chain).exit_code == 0
    monkeypatch.setattr(standing, "_COUNTS", timedelta(hours=-2))
    with pytest.raises(Refused, match="was approved over 12 h ago"):
        asyncio.run(carry_out(store, chain, print))


def test_without_anybody_else_it_is_not_asked(desk: Desk, store: Store) -> None:
    """Who asks does not count, and the environment stays free."""
    people = (desk.folder / "people.yaml").read_text("utf-8").replace("devops_lead", "product_manager")
    (desk.folder / "people.yaml").write_text(people, "utf-8")
    with pytest.raises(UsageError, match="a restore is approved by a second person"):
        asked(desk, store)
    assert store.locked_by("test") is None


@pytest.mark.parametrize(("rule", "said"), [("may_restore", "who may approve"), ("halted", "trading is halted")])
def test_a_book_without_rules_restores_nothing(desk: Desk, store: Store, rule: str, said: str) -> None:
    """It says what to add."""
    book = Source.read(desk.folder / "backups.yaml").data
    assert isinstance(book, dict)
    del book[rule]
    YAML(typ="safe", pure=True).dump(book, desk.folder / "backups.yaml")
    with pytest.raises(UsageError, match=said):
        asked(desk, store)


def test_a_store_that_is_not_switched_is_not_asked_for(desk: Desk, store: Store) -> None:
    """Objects, say: it says so, and the environment stays free."""
    papers = Papers.read(*(desk.folder / f"{name}.yaml" for name in ("backups", "people", "environment")))
    with pytest.raises(Refused, match="which tminus does not switch; nothing was changed"):
        ask(store, papers, replace(planned(), restorer=None), PersonalKey(desk.folder / "asker"), "gone", "")
    assert store.locked_by("test") is None


def switched(store: Store, chain: str, ago: timedelta) -> None:
    """It was, and ended so long ago."""
    at = now() - ago
    events = (
        ev.StepIntended(step=STEP, attempt=1, token=0, deadline=at, does="renames", before="it is not", undo=WAY),
        ev.StepEnded(step=STEP, attempt=1, outcome=Outcome.passed("it is"), at=at),
        ev.RestoreEnded(done=True, sentence="done", at=at),
    )
    store.append_and_unlock("test", *(Entry(chain, ev.write(one)) for one in events))


def test_after_some_hours_nobody_alone_takes_it_back(desk: Desk, store: Store) -> None:
    """It says that a restore is to be asked for, and the environment stays free."""
    switched(store, asked(desk, store), ALONE_WITHIN + timedelta(minutes=1))
    found = desk.restore(STORE, "--undo", "--yes", key="lead")
    assert found.exit_code == 3, found.output
    assert f"`tminus restore {STORE} INSTANT`" in found.output
    assert store.locked_by("test") is None


def test_nor_does_who_resumes_it_then(desk: Desk, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was ordered in time, broke off, and live was written to since: it ends, and the environment is free."""

    class Switched(DumpRestorer):
        async def stands(self, live: Live, way: Way) -> Stands:
            del live, way
            return Stands.NEW

    chain = asked(desk, store)
    switched(store, chain, ALONE_WITHIN + timedelta(minutes=1))
    back = desk.ordered_back(chain)
    monkeypatch.setattr(restore_back, "RESTORERS", {"postgres.dump": Switched})
    with pytest.raises(Refused, match="one person takes a restore back for 4h only"):
        asyncio.run(restore_back.carry_back(store, back, print))
    assert store.locked_by("test") is None


def test_it_says_first_what_leaves_live(desk: Desk, store: Store) -> None:
    """And asks."""
    switched(store, asked(desk, store), timedelta(minutes=2))
    found = desk.restore(STORE, "--undo", key="lead")
    assert found.exit_code == 1, found.output
    assert re.search(r"all that was written in the 1[12]\d s since then leaves live", found.output)
    assert store.locked_by("test") is None


def test_who_may_not_today_takes_nothing_back(desk: Desk, store: Store) -> None:
    """Whatever they might when it was asked for."""
    switched(store, asked(desk, store), timedelta(minutes=2))
    people = (desk.folder / "people.yaml").read_text("utf-8").replace("devops_lead", "product_manager")
    (desk.folder / "people.yaml").write_text(people, "utf-8")
    found = desk.restore(STORE, "--undo", "--yes", key="lead")
    assert (found.exit_code, "may not take a restore back" in found.output) == (3, True), found.output
    assert store.locked_by("test") is None


async def test_a_switch_that_hangs_ends_at_its_deadline() -> None:
    """Whoever waits is told that nobody knows how it ended."""

    class Hangs(DumpRestorer):
        async def switch(self, *_: object) -> None:
            await asyncio.sleep(60)

    with pytest.raises(CouldNotObserve, match="the switch had no end until"):
        await switched_until(Hangs(), None, WAY, Stands.NEW, now() + timedelta(milliseconds=20))  # type: ignore[arg-type]


def test_a_stranger_asks_nothing(desk: Desk, store: Store, tmp_path: Path) -> None:
    """Nor gives up what others asked."""
    from tests.tminus.readiness.room import person

    person(tmp_path, "stranger", "devops_lead")
    with pytest.raises(Refused, match=r"belongs to nobody in .*people\.yaml"):
        asked(desk, store, by="stranger")
    chain = asked(desk, store)
    assert desk.restore("--give-up", key="stranger").exit_code == 3
    assert store.locked_by("test") == chain
    assert desk.restore("--give-up", key="other").exit_code == 0
    assert store.locked_by("test") is None
    again = desk.say("approve", chain, "--digest", "sha256:000000", key="lead")
    assert again.exit_code != 0
