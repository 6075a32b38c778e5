"""The files that operating a system begins with: its launch book, where it runs, and what of it runs there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tminus.environment import Environment
from tminus.errors import NoLedger, UsageError
from tminus.ledger.opening import open_ledger
from tminus.ledger.store import Store
from tminus.release import Release, no_release
from tminus.runbook import Runbook, Spec
from tminus.runbook_source import load
from tminus.yaml_source import Source


@dataclass(frozen=True)
class Operated:
    """A system, opened to be operated.

    Attributes:
        book: how it is launched.
        environment: where it runs.
        release: what of it runs there; one without services where none was named.
        base: what relative paths start from.
    """

    book: Runbook
    environment: Environment
    release: Release
    base: Path

    @classmethod
    def read(
        cls, runbook: Path, environment: Path, release: Path | None, kinds: Mapping[str, type[Spec]]
    ) -> "Operated":
        """Reads the files; raises BookError with every mistake, UsageError where they do not belong together."""
        book = load(runbook, kinds)
        place = Source.read(environment).load(Environment)
        runs = Source.read(release).load(Release) if release else no_release(book.system)
        if runs.system != book.system:
            raise UsageError(f"{runbook} is for {book.system!r}, {release} is of {runs.system!r}; give two that match")
        return cls(book, place, runs, (release or environment).resolve().parent)


def open_known_ledger(environment: Environment) -> Store:
    """The environment's ledger, for reading: none is made. Raises NoLedger, LedgerUnreachable, MissingSecret."""
    file = environment.ledger.sqlite
    if file is not None and not file.is_file():
        raise NoLedger(f"there is no ledger {file}, which {environment.environment} names; nothing was launched there")
    return open_ledger(environment.ledger)
