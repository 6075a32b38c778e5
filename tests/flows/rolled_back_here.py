"""`tminus rollback --here`, as the command calls it, and what becomes of the ledger meanwhile."""

import asyncio
from pathlib import Path

import pytest

from flows import by_hand
from flows.by_hand import ByHand, look_ahead, roll_back_here
from tests.flows.stage import Stage
from tests.flows.staged_book import LAUNCH, action, approval, check
from tminus.errors import LedgerUnreachable
from tminus.ledger.sqlite import SqliteStore
from tminus.personal_key import PersonalKey

BOOK = {
    "T-0": [action("deploy"), action("switch"), check("serves", proves=True)],
    "T+4h": [check("after"), approval("ok")],
}


def asked(keys: dict[str, Path], said: list[str], person: str = "devops", environment: Path | None = None) -> ByHand:
    """`tminus rollback --here`."""
    return ByHand(LAUNCH, "it smells", PersonalKey(keys[person]), environment, said.append)


def told_ahead(what: ByHand) -> str:
    """What a person is asked."""
    with look_ahead(what) as ahead:
        return ahead.question()


def carried_out(what: ByHand) -> bool:
    """Without having been asked."""
    with look_ahead(what) as ahead:
        return roll_back_here(ahead)


async def in_thread(what: ByHand) -> bool:
    """Called as the command calls it."""
    return await asyncio.to_thread(carried_out, what)


def no_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing answers where the ledger was."""

    def refuse(_settings: object) -> SqliteStore:
        raise LedgerUnreachable("the ledger does not answer")

    monkeypatch.setattr(by_hand, "open_ledger", refuse)


def environment_file(stage: Stage) -> Path:
    """The environment, as a release manager has it; JSON is YAML."""
    path = stage.folder / "environment.yaml"
    path.write_text(stage.frozen.created.environment, "utf-8")
    return path
