"""A room with one good backup, after which the orders were lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.restores.room import Room
from tests.tasks.backups.dumps.conftest import shop  # noqa: F401 - the fixture
from tests.tasks.backups.dumps.shop import Shop


@pytest.fixture
def room(
    shop: Shop,  # noqa: F811 - the fixture's value
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Room]:
    """Backed up; then its orders were removed."""
    made = Room.made(shop, tmp_path)
    for name, value in made.secrets().items():
        monkeypatch.setenv(name, value)
    taken = made.say("backup", "database", *made.files)
    assert taken.exit_code == 0, taken.output
    with made.connect() as connection:
        connection.execute("TRUNCATE shop.orders CASCADE")
    yield made
    made.removed()
