"""What people are told of a verification: one page to the owners of what is not proven, taken back once it is."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.backups.history import History, Verified
from tminus.backups.opened import OpenedBackups
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.outcome import Verdict
from tminus.spoken import counted, role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters
_LINES = 20


def sentence(system: str, came: Sequence[ev.BackupVerified]) -> str:
    """`tradesense: 2 of 3 backups proven; not proven: orders (fail), cache (unknown)`."""
    proven = sum(one.outcome.verdict is Verdict.PASS for one in came)
    bad = [f"{one.store} ({one.outcome.verdict})" for one in came if one.outcome.verdict is not Verdict.PASS]
    said = f"{system}: {proven} of {counted(len(came), 'backup')} proven"
    return f"{said}; not proven: {', '.join(bad)}" if bad else said


def letters(opened: OpenedBackups, before: History, came: Sequence[ev.BackupVerified], *, whole: bool) -> list[Letter]:
    """A page where what was just seen of a store's backups is not proven; its end where all is that was paged before.

    It is not proven as long as an older backup that failed lies in its bucket, whatever passed since.

    A page's key is the system's chain and the store, so what stays broken is one incident. Nothing where the
    environment has no PagerDuty.

    Args:
        opened: whose they are.
        before: what the ledger held when the verification began.
        came: what it said of one store so far, the last of it just now.
        whole: whether it says no more of this store.
    """
    if opened.environment.pagerduty is None:
        return []
    store = came[-1].store
    bad = [one for one in came if one.outcome.verdict is not Verdict.PASS]
    if came[-1] in bad:
        return [_page(opened, store, bad).letter(page_key(opened.chain, store))]
    if whole and not bad and before.is_paged(store) and not Verified(tuple(came)).left:
        said = f"{opened.system}: the backups of {store} are proven again"
        return [PagerDutyLetter(op="resolve", summary=said).letter(page_key(opened.chain, store))]
    return []


def page_key(chain: str, store: str) -> str:
    """The dedup key of a store's page."""
    return f"{chain}:{store}"


def _page(opened: OpenedBackups, store: str, bad: Sequence[ev.BackupVerified]) -> PagerDutyLetter:
    owner, first = opened.book.stores[store].owner, bad[0]
    failed = any(one.outcome.verdict is Verdict.FAIL for one in bad)
    what = "does not restore as it should" if failed else "could not be verified"
    said = f"{opened.system}: the backup of {store} {what}: {first.outcome.summary}; {role_said(owner)} owns it"
    details = {
        "backup": "\n".join(f"{one.backup or 'none'}: {one.outcome.summary}" for one in bad),
        "seen": "\n".join(line for one in bad for line in one.outcome.details[:_LINES]),
        "owner": role_said(owner),
        "to look again": f"tminus verify-backup {store}",
        "to take another": f"tminus backup {store}",
        "what tminus does if nobody answers": "It verifies again by its schedule; no backup is changed or removed.",
        "environment": opened.environment.environment,
        "system": opened.system,
    }
    return PagerDutyLetter(
        op="trigger", severity="error" if failed else "warning", summary=_short(said), details=details
    )


def _short(said: str) -> str:
    return said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…"
