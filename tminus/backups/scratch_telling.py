"""What people are told of a scratch place that was left behind: one page, taken back once all of them are gone."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.backups.history import History
from tminus.backups.opened import OpenedBackups
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.spoken import counted, day_said, role_said

_LINES = 20


def scratch_letters(
    opened: OpenedBackups, before: History, left: Sequence[ev.ScratchPlanned], why: Sequence[str] = ()
) -> list[Letter]:
    """A page where scratch places are left behind, and its end where some were and none is any more.

    Nothing where the environment has no PagerDuty.

    Args:
        opened: whose they are.
        before: what the ledger held when the verification began.
        left: those that are nobody's any more, and are not known to be gone.
        why: what stood in the way of removing them.
    """
    if opened.environment.pagerduty is None:
        return []
    key = f"{opened.chain}:scratch"
    if left:
        return [_page(opened, left, why).letter(key)]
    if before.left_at_end:
        said = f"{opened.system}: no scratch place of a backup is left behind any more"
        return [PagerDutyLetter(op="resolve", summary=said).letter(key)]
    return []


def _page(opened: OpenedBackups, left: Sequence[ev.ScratchPlanned], why: Sequence[str]) -> PagerDutyLetter:
    owners = dict.fromkeys(opened.book.stores[one.store].owner for one in left if one.store in opened.book.stores)
    owned = f"; {' and '.join(role_said(one) for one in owners)} owns the data" if owners else ""
    details = {
        "left": "\n".join(f"{one.store}: {place_said(one)}, of {day_said(one.at)}" for one in left[:_LINES]),
        "why": "\n".join(why[:_LINES]) or "the verification that was to remove it ran on another machine",
        "what to do": "Look there; once nothing of it is used any more, remove it by hand.",
        "environment": opened.environment.environment,
        "system": opened.system,
    }
    what = f"{counted(len(left), 'scratch place')} of backups, in which there may be customers' data"
    said = f"{opened.system}: {what}, could not be removed for over a day{owned}"
    return PagerDutyLetter(op="trigger", severity="error", summary=said, details=details)


def place_said(planned: ev.ScratchPlanned) -> str:
    """`/var/lib/tminus/scratch/tminus-scratch-… on node-1`."""
    return f"{planned.folder or f'{planned.scratch} in cockroach {planned.cluster}'} on {planned.machine}"
