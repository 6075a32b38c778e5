"""The page about a question that nobody answers, to whom it goes, and its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tminus import events as ev
from tminus.asking import how_to_answer
from tminus.frozen import Frozen
from tminus.ledger.store import Letter
from tminus.messages.overdue import if_nobody_answers, title_of, waits_for
from tminus.messages.pagerduty_page import page, resolve, state_now
from tminus.record import AskState, Record
from tminus.seats import roles_of_seat

_TO_ANSWER = {"approval": "to approve", "attestation": "to state it"}


@dataclass(frozen=True)
class _Target:
    """One incident: its key, and whom it pages; with neither a policy nor people, on-call of the default service."""

    key: str
    policy: str = ""
    users: tuple[str, ...] = ()


def overdue_pages(frozen: Frozen, record: Record, reminded: ev.Reminded) -> Sequence[Letter]:
    """One page for each escalation policy that is concerned, or one to the deputies.

    The command to approve binds to the question as it is now; one that changed since is refused with what changed.
    """
    ask, launch = record.asks[reminded.ask], frozen.created.launch
    details = {
        "what waits": f"{title_of(frozen, ask)}: no answer yet",
        "for whom": waits_for(frozen, ask),
        "state now": state_now(record),
        "what tminus does if nobody answers": if_nobody_answers(record, ask),
        _TO_ANSWER.get(ask.opened.kind, "to answer"): how_to_answer(launch, ask.opened),
        **_or_else(launch, ask),
        "to look": f"tminus status {launch}",
    }
    return [
        page(frozen, one.key, details, "critical", by_rest=_by_rest(frozen), policy=one.policy, users=one.users)
        for one in _targets(frozen, reminded)
    ]


def _or_else(launch: str, ask: AskState) -> dict[str, str]:
    """The other word that counts: no hold stops an approval's deadline, so there it is a no."""
    if ask.opened.kind == "approval":
        return {"to reject": f"tminus reject {launch} --ask {ask.opened.ask} --reason WHY"}
    return {"to hold": f"tminus hold {launch} --reason WHY"}


def overdue_resolved(frozen: Frozen, asks: Iterable[AskState], why: str) -> Sequence[Letter]:
    """The end of every page about these questions."""
    keys = dict.fromkeys(one.key for ask in asks for each in ask.reminders for one in _targets(frozen, each))
    return [resolve(frozen, key, why, by_rest=_by_rest(frozen)) for key in keys]


def _targets(frozen: Frozen, reminded: ev.Reminded) -> Sequence[_Target]:
    """Whom it pages. The second page is an incident of its own: one that joined the first would wake nobody."""
    if reminded.how == "remind":
        return ()
    key = f"ask-{reminded.ask}"
    if reminded.how == "deputies":
        key = f"{key}:deputies"
        if _by_rest(frozen) and (users := _ids(frozen, reminded.people)):
            return (_Target(key, users=users),)
    policies = dict.fromkeys(_policy(frozen, role) for seat in reminded.seats for role in roles_of_seat(seat))
    first, *more = policies or ("",)
    return (_Target(key, first), *(_Target(f"{key}:{policy or 'default'}", policy) for policy in more))


def _by_rest(frozen: Frozen) -> bool:
    section = frozen.environment.pagerduty
    return section is not None and section.rest is not None


def _policy(frozen: Frozen, role: str) -> str:
    section = frozen.environment.pagerduty
    return section.rest.policies.get(role, "") if section is not None and section.rest is not None else ""


def _ids(frozen: Frozen, people: Iterable[str]) -> tuple[str, ...]:
    found = (frozen.people.by_id(person) for person in people)
    return tuple(one.pagerduty for one in found if one is not None and one.pagerduty)
