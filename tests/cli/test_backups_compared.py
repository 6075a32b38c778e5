"""What the commands about backups say of stores that belong together."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from flows import looking_at_backup
from tests.conftest import Estates, S3Server
from tests.flows.backup_room import Room, use, well
from tests.flows.comparing_room import holding, set_room


@pytest.fixture
def room(estates: Estates, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Two stores that belong together."""
    monkeypatch.setattr(looking_at_backup, "VERIFIERS", looking_at_backup.VERIFIERS)
    yield set_room(estates.folder, s3_server.section(estates.secret, f"d/{estates.folder.name}"))
    use(well)


def say(room: Room, command: str, *words: str) -> Result:
    """A command over the shop."""
    files = ["--runbook", str(room.folder), "--environment", str(room.environment)]
    return CliRunner().invoke(main, [command, *words, *files])


def test_a_disagreement_is_said_and_shown(room: Room) -> None:
    """By the verification, which then exits 1, and by the overview with the common point and its age."""
    assert "trading: not compared yet" in say(room, "backups").output
    holding(cache=range(5), queue=range(7))
    found = say(room, "verify-backup", "--no-prefect")
    assert found.exit_code == 1
    assert "fail     trading: stores_disagree 2, expected = 0: Orders: cache lacks 2 that queue has" in found.output
    shown = " ".join(say(room, "backups").output.split())
    assert "All stores can be brought to mark 7 of" in shown
    assert "trading: stores_disagree 2" in shown

    holding(cache=range(7), queue=range(7))
    found = say(room, "verify-backup", "--no-prefect")
    assert found.exit_code == 0, found.output
    assert "pass     trading: cache and queue agree as of mark 7" in found.output
