"""The sign-offs that a list of launches names too: each in two lines, also once it is decided."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from tminus.chain_names import is_sign_off
from tminus.errors import LedgerUnreachable, TminusError
from tminus.foreign_text import one_line, printable
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.runbook import Spec
from tminus.sign_off_status import SignOffStatus, sign_off_status

LISTED = timedelta(days=30)
_WORDS = {"waiting": "open", "complete": "signed"}


def recent_sign_offs(store: Store, kinds: Mapping[str, type[Spec]], moment: datetime) -> Iterator[str]:
    """Each that was asked or answered in the 30 days before a moment, is open or still valid; the latest first.

    One that cannot be read is named with the reason, and hides no other. Raises LedgerUnreachable.
    """
    found, unread = [], []
    for chain in filter(is_sign_off, store.chains()):
        try:
            status = _status(store, chain, kinds, moment)
        except LedgerUnreachable:
            raise
        except TminusError as e:
            unread.append(f"{chain}  cannot be read\n    {one_line(printable(str(e)))}")
        else:
            if status is not None and (_latest(status) >= moment - LISTED or status.state in _WORDS):
                found.append(status)
    for status in sorted(found, key=_latest, reverse=True):
        said = one_line(printable(f"{status.title}: {status.sentence}"))
        yield f"{status.asked:%Y-%m-%d %H:%M}  {status.sign_off}  {_WORDS.get(status.state, status.state)}\n    {said}"
    yield from unread


def _status(store: Store, chain: str, kinds: Mapping[str, type[Spec]], moment: datetime) -> SignOffStatus | None:
    book = Logbook(store, chain)
    created = book.refresh().created
    return None if created is None else sign_off_status(book, Frozen(created, kinds), moment)


def _latest(status: SignOffStatus) -> datetime:
    return max(status.asked, *(one.at for one in status.signed)) if status.signed else status.asked
