"""A restored base backup is asked for its ids, to be held against other stores."""

from dataclasses import replace

import pytest

from tasks.backups.verify_base import BaseVerifier
from tests.tasks.backups.base.damages import Good
from tests.tasks.backups.base.world import World
from tminus.backups.together import Answers
from tminus.backups.together_sets import Sets


@pytest.mark.long
async def test_it_answers_at_the_end_of_its_wal(world: World, good: Good) -> None:
    """What it holds it holds until its newest mark, which is later than the backup's own."""
    sets = Sets()
    answers = Answers("main", {0: "SELECT id FROM documents"}, sets)
    async with world.asked(good.manifest, good.needed_at) as asked:
        await BaseVerifier().verify(replace(asked, together=answers))
    assert answers.why == ""
    assert answers.mark is not None
    assert answers.holds_until == answers.mark.at
    assert good.manifest.marker is None or answers.mark.number >= good.manifest.marker.number
    assert sets.count(0, "main") >= 400
    sets.close()
