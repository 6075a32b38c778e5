"""Finding the ledger: from an environment file, or from TMINUS_LEDGER where only a launch's id is known."""

import os
from pathlib import Path

from pydantic import ValidationError

from tminus.credentials import resolve
from tminus.environment import Ledger
from tminus.errors import NoLedger, Refused, UsageError
from tminus.ledger.sqlite import SqliteStore
from tminus.ledger.store import Store

VARIABLE = "TMINUS_LEDGER"
_FORMS = "sqlite:PATH, or env:NAME or aws:SECRET of a PostgreSQL DSN"


def open_ledger(settings: Ledger) -> Store:
    """Opens the ledger an environment names. Raises LedgerUnreachable, MissingSecret."""
    if settings.sqlite is not None:
        return SqliteStore(settings.sqlite)
    from tminus.ledger.postgres import PostgresStore  # its driver is loaded only where it is needed

    return PostgresStore(resolve(str(settings.postgres)))


def name_ledger(settings: Ledger) -> None:
    """Makes TMINUS_LEDGER name this ledger, for this process and those it starts."""
    os.environ[VARIABLE] = str(settings.postgres) if settings.sqlite is None else f"sqlite:{settings.sqlite}"


def named_ledger() -> Ledger:
    """The ledger that TMINUS_LEDGER names: `sqlite:PATH`, or a reference to a PostgreSQL DSN.

    Raises UsageError where the variable is not set, or names no ledger; NoLedger where the file is not there.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        raise UsageError(f"no ledger is known here: set {VARIABLE} to {_FORMS}")
    scheme, _, rest = named.partition(":")
    if scheme == "sqlite" and rest:
        if not Path(rest).is_file():
            raise NoLedger(
                f"there is no ledger {rest}, which {VARIABLE} names; `tminus launch` or `sign-off` makes one"
            )
        return Ledger(sqlite=Path(rest))
    try:
        return Ledger(postgres=named)
    except ValidationError:
        # The value may be a DSN with its password, so it is not shown, and neither is pydantic's error.
        raise UsageError(f"{VARIABLE} names no ledger: set it to {_FORMS}, never to the DSN itself") from None


def have_chain(store: Store, chain: str) -> None:
    """Makes the chain where there is none; raises LedgerError."""
    if store.head(chain) is None:
        try:
            store.open_chain(chain)
        except Refused:  # somebody else made it meanwhile
            return
