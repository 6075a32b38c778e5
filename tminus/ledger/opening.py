"""Finding the ledger: from an environment file, or from TMINUS_LEDGER where only a launch's id is known."""

import os
from pathlib import Path

from tminus.credentials import resolve
from tminus.environment import Ledger
from tminus.errors import UsageError
from tminus.ledger.postgres import PostgresStore
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Store

VARIABLE = "TMINUS_LEDGER"


def open_ledger(settings: Ledger) -> Store:
    """Opens the ledger an environment names. Raises LedgerUnreachable, MissingSecret."""
    if settings.sqlite is not None:
        return SqliteStore(settings.sqlite)
    return PostgresStore(resolve(str(settings.postgres)))


def named_ledger() -> Ledger:
    """The ledger that TMINUS_LEDGER names: `sqlite:PATH`, or a reference to a PostgreSQL DSN.

    Raises UsageError where the variable is not set.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        raise UsageError(
            f"no ledger is known here: set {VARIABLE} to sqlite:PATH, or to env:NAME or aws:SECRET of a DSN"
        )
    scheme, _, rest = named.partition(":")
    return Ledger(sqlite=Path(rest)) if scheme == "sqlite" else Ledger(postgres=named)
