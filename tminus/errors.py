"""The errors of tminus.

::

    TminusError
    ├── UsageError            what was asked for cannot be done as asked (exit code 2)
    │   ├── NoLedger          where the ledger should be there is none
    │   ├── BookError         mistakes in a YAML file, all of them at once
    │   └── MissingSecret     a reference that leads nowhere, named by the reference
    ├── Refused               a rule says no: the reason is the message
    │   └── OutsideCalendar   by the environment's calendar it is not the time
    ├── CouldNotObserve       a check could not look: its outcome is `unknown`
    ├── NotConfigured         the environment names no such system: the outcome is `skipped`
    ├── ActionFailed          an action was refused before it had any effect, or is in doubt
    └── LedgerError
        ├── LedgerUnreachable the store does not answer
        │   └── InDoubt       it broke off in the moment of writing: nobody knows whether it did
        ├── FencedOff         another conductor holds the lease now
        └── MovedOn           somebody else wrote since: what this rested on must be looked at again

Each takes one sentence, so that it survives pickling between Prefect's processes.
"""

from dataclasses import dataclass
from pathlib import Path


class TminusError(Exception):
    """The root: catching it catches everything tminus itself raises."""


class UsageError(TminusError):
    """What was asked for cannot be done as asked; nothing was changed."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a file: where it stands, what was found, what was expected."""

    file: Path
    line: int
    where: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}: {self.where}: {self.what}" if self.where else f"{place}: {self.what}"


class BookError(UsageError):
    """A YAML file does not say something that can be run.

    Args:
        mistakes: all of them, in the order of the file; at least one.
    """

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes

    def __reduce__(self) -> tuple[type["BookError"], tuple[tuple[Mistake, ...]]]:
        return (BookError, (self.mistakes,))


class NoLedger(UsageError):
    """Where the ledger should be there is none: a mistyped name must not read as an empty ledger."""


class MissingSecret(UsageError):
    """A secret's reference leads nowhere. The message names the reference, never a value."""


class Refused(TminusError):
    """A rule says no. The message is the reason, told to whoever asked."""


class OutsideCalendar(Refused):
    """By the environment's calendar it is not the time: the message says why, and when it is next."""


class CouldNotObserve(TminusError):
    """A check could not look at its system: neither good nor bad is known."""


class NotConfigured(TminusError):
    """The environment does not name the system that was to be looked at; the message says what would."""


class NotInstalled(NotConfigured, UsageError):
    """A program is missing, without which it cannot be done as asked; the message says what to install."""


class ActionFailed(TminusError):
    """An action did not do what it should.

    Args:
        message: what failed, on what, and what to do next.
        began: whether an effect may have begun; only what certainly did not may be tried again.
    """

    def __init__(self, message: str, began: bool = True) -> None:
        super().__init__(message)
        self.began = began

    def __reduce__(self) -> tuple[type["ActionFailed"], tuple[str, bool]]:
        return (ActionFailed, (str(self), self.began))


class LedgerError(TminusError):
    """The ledger could not do what was asked."""


class LedgerUnreachable(LedgerError):
    """The ledger's store does not answer."""


class InDoubt(LedgerUnreachable):
    """The ledger broke off while it was committing: what was to be written may be there, whole, or not at all."""


class FencedOff(LedgerError):
    """The lease was lost: another conductor runs this launch now, and this one must stop."""


class LeftBroken(LedgerError):
    """The ledger failed while something was broken on purpose, and it was not undone; the message says how it is."""


class MovedOn(LedgerError):
    """Somebody else wrote since: what was to be written rests on what is no longer the latest."""
