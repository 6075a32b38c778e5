"""The book of backups, for every command about them."""

from pathlib import Path
from typing import TYPE_CHECKING

from cli.book_files import with_book_files

if TYPE_CHECKING:
    from tminus.backups.opened import OpenedBackups

with_backup_files = with_book_files("backups")
"""`--runbook` and `--environment`."""


def opened(runbook: Path, environment: Path) -> "OpenedBackups":
    """The book, opened; raises BookError with every mistake, UsageError."""
    from tminus.backups.opened import open_backups

    return open_backups(runbook, environment)
