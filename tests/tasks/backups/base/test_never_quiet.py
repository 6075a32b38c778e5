"""Where no quiet instant is found, the backup is taken all the same, and says what could not be counted."""

import psycopg
import pytest

from tasks.backups import base_contents, quiet_instant
from tests.tasks.backups.base.world import World, measured
from tminus.backups.contents import PostgresContents
from tminus.outcome import Verdict


@pytest.mark.long
@pytest.mark.parametrize("ends", [True, False])
async def test_what_was_written_to_is_named(world: World, monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    """By counting again once all that ran at the point has ended; where it does not end, no table can be counted."""
    monkeypatch.setattr(quiet_instant, "WITHIN", 0.5)
    world.mark()
    with psycopg.connect(world.dsn) as writer:
        writer.execute("INSERT INTO busy_entries (account, amount) VALUES (1, 5), (2, -5)")

        async def settled(connection: "quiet_instant.Connection", since: quiet_instant.Instant) -> bool:
            if ends:
                writer.commit()
            return await quiet_instant.settled(connection, since)

        monkeypatch.setattr(base_contents, "settled", settled)
        manifest = await world.take(f"main-never-quiet-{ends}")
    contents = manifest.contents
    assert isinstance(contents, PostgresContents)
    if ends:
        assert contents.moving == ("public.busy_entries",)
    else:
        assert set(contents.moving) == set(contents.tables)
    outcome, seen = await world.verify(manifest)
    found = measured(seen)
    assert outcome.verdict is Verdict.UNKNOWN, (outcome.summary, seen.details)
    assert found["restored"] == "yes"
    assert found["schema_differs"] == "0"
