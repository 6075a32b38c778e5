"""What a person does where tminus switches nothing: exact words, with the store's own names."""

from pathlib import Path

from tasks.restores.vocabulary import RESTORERS, by_hand
from tminus.backups.book import BackupBook
from tminus.yaml_source import Source

BOOKS = Path(__file__).parents[3] / "runbooks"


def test_every_store_of_the_books_is_switched_or_told_by_hand() -> None:
    """No kind is left without either."""
    for path in sorted(BOOKS.glob("*/backups.yaml")):
        for store in Source.read(path).load(BackupBook).stores.values():
            told = by_hand(store, "one")
            assert store.kind in RESTORERS or len(told) > 1, store.kind


def test_cockroach_by_hand() -> None:
    """Under another name first."""
    store = Source.read(BOOKS / "vatic" / "backups.yaml").load(BackupBook).stores["database"]
    first, *_, last = by_hand(store, "one")
    assert "RESTORE DATABASE vatic FROM LATEST IN 'external://backups'" in first
    assert "WITH new_db_name = 'vatic_restored'" in first
    assert "ALTER DATABASE vatic_restored RENAME TO vatic" in last
