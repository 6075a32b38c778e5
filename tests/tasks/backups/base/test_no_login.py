"""A server into which no superuser can log in: neither backed up, nor called unrestorable."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tasks.backups import recovery, take_base
from tasks.backups.damage import Damaged
from tasks.backups.postgres_server import ScratchServer
from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import psycopg


class _Answers:
    """A connection that gives one row, whatever it is asked."""

    def __init__(self, *row: object) -> None:
        self._row = row

    async def execute(self, _query: str) -> "_Answers":
        return self

    async def fetchall(self) -> Sequence[tuple[object, ...]]:
        return [self._row]


async def test_it_is_not_backed_up() -> None:
    """Since nobody could ever look at a restored copy."""
    row = cast("psycopg.AsyncConnection[tuple[object, ...]]", _Answers(False, 0, None, 16 << 20, 1000, "trading"))
    with pytest.raises(CouldNotObserve, match="postgres main has no superuser that can log in"):
        await take_base._cluster(row, "main")


@asynccontextmanager
async def never_up() -> AsyncIterator[ScratchServer]:
    """A server that lets nobody in."""
    await asyncio.sleep(60)
    raise AssertionError
    yield  # type: ignore[unreachable]  # it is a context manager


@pytest.mark.parametrize(
    ("refusal", "raised"),
    [('role "owner" is not permitted to log in', CouldNotObserve), ("could not open relation mapping file", Damaged)],
)
async def test_it_is_not_called_damaged(tmp_path: Path, refusal: str, raised: type[Exception]) -> None:
    """PostgreSQL comes up and refuses the role: that says nothing of what was restored."""
    log = tmp_path / "server.log"
    log.write_text(f"2026-11-22 03:00:00.000 UTC [7] FATAL:  {refusal}\n" * 30, "utf-8")
    async with AsyncExitStack() as stack:
        with pytest.raises(raised, match=refusal):
            await recovery._entered(stack, never_up(), log, 0)
