"""What people are told where restored stores do not agree: one page a group to its owner, taken back once they do."""

from collections.abc import Sequence

from tminus import events as ev
from tminus.backups.history import History
from tminus.backups.opened import OpenedBackups
from tminus.backups.together import mark_said
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter
from tminus.outcome import Verdict
from tminus.spoken import listed, role_said

_SUMMARY = 1000  # PagerDuty refuses a summary of more than 1,024 characters
_LINES = 20


def comparison_letters(opened: OpenedBackups, before: History, came: Sequence[ev.StoresCompared]) -> list[Letter]:
    """A page for each group that is not proven to agree, and its end where it was not before and is now.

    Nothing where the environment has no PagerDuty.
    """
    if opened.environment.pagerduty is None:
        return []
    found = []
    for one in came:
        key = f"{opened.chain}:together:{one.group}"
        earlier = before.comparisons_of(one.group)
        if one.outcome.verdict is not Verdict.PASS:
            found.append(_page(opened, one).letter(key))
        elif earlier and earlier[-1].outcome.verdict is not Verdict.PASS:
            said = f"{opened.system}: {listed(one.stores)} agree again"
            found.append(PagerDutyLetter(op="resolve", summary=said).letter(key))
    return found


def _page(opened: OpenedBackups, one: ev.StoresCompared) -> PagerDutyLetter:
    owner = opened.book.together[one.group].owner
    failed = one.outcome.verdict is Verdict.FAIL
    what = "do not agree once they are restored" if failed else "could not be compared"
    said = f"{opened.system}: the backups of {listed(one.stores)} {what}: {one.outcome.summary}"
    details = {
        "seen": "\n".join(one.outcome.details[:_LINES]),
        "common point": mark_said(one.mark) if one.mark else "none is known",
        "owner": role_said(owner),
        "to look again": f"tminus verify-backup {' '.join(one.stores)}",
        "what tminus does if nobody answers": "It compares again by its schedule; no backup is changed or removed.",
        "environment": opened.environment.environment,
        "system": opened.system,
    }
    return PagerDutyLetter(
        op="trigger",
        severity="error" if failed else "warning",
        summary=said if len(said) <= _SUMMARY else f"{said[: _SUMMARY - 1]}…",
        details=details,
    )
