"""A ledger that is away for a moment is waited for, and nothing is written twice because of it."""

import pytest

from flows.insisting import AT_ONCE, Insisting
from tminus.errors import InDoubt, LedgerError, LedgerUnreachable

AWAY, DOUBT = LedgerUnreachable("it does not answer"), InDoubt("it broke off while it was committing")


class FlakyLedger:
    """One chain of a ledger that fails as it is told to, each time once.

    Args:
        fails: what is raised, one try after the other; None lets it through.
        lost: whether what was in doubt was not written.
    """

    def __init__(self, *fails: LedgerError | None, lost: bool = False) -> None:
        self.fails = list(fails)
        self.lost = lost
        self.written = 0

    def append(self) -> None:
        """One more event."""
        error = self.fails.pop(0) if self.fails else None
        if error is None or (isinstance(error, InDoubt) and not self.lost):
            self.written += 1
        if error is not None:
            raise error

    def head(self) -> int:
        """How long the chain is."""
        return self.written


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.insisting._PAUSE", 0)


@pytest.mark.parametrize(
    "ledger",
    [
        FlakyLedger(),
        FlakyLedger(AWAY, AWAY),
        FlakyLedger(DOUBT),
        FlakyLedger(DOUBT, lost=True),
        FlakyLedger(AWAY, DOUBT, AWAY, lost=True),
    ],
    ids=["well", "away", "in doubt and written", "in doubt and lost", "all of it"],
)
async def test_written_once(ledger: FlakyLedger) -> None:
    """However it failed before."""
    await Insisting(10).once(ledger.append, ledger.head)
    assert ledger.written == 1


async def test_not_for_ever() -> None:
    """What does not come back in time is said, and so is what is no matter of waiting."""
    always = FlakyLedger(*[AWAY] * 1_000_000)
    with pytest.raises(LedgerUnreachable):
        await Insisting(0.05).on(always.append)
    with pytest.raises(LedgerUnreachable):
        await AT_ONCE.once(FlakyLedger(AWAY).append, lambda: 0)
    other = FlakyLedger(LedgerError("there is no such chain"))
    with pytest.raises(LedgerError, match="no such chain"):
        await Insisting(10).once(other.append, other.head)
    assert other.fails == []
