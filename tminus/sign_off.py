"""The readiness sign-off: a chain of its own, named after the release it is for."""

from collections.abc import Callable
from datetime import timedelta

from tminus import asking
from tminus import events as ev
from tminus.chain_names import sign_off_chain
from tminus.clock import now
from tminus.environment import Environment, Ledger
from tminus.errors import Refused, UsageError
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.record import AskState
from tminus.release import Release
from tminus.runbook import SignOff, Step


def chain_of(frozen: Frozen) -> str:
    """The chain that holds the sign-off of this launch's release: the same release, the same chain."""
    return sign_off_chain(frozen.created.system, frozen.created.digests["release"])


def open_sign_off(documents: Documents, started_by: str, open_ledger: Callable[[Ledger], Store]) -> str:
    """Asks the book's readiness roles to sign the release off; returns the chain's name.

    Asked again after a no, after its deadline, or once it ran out, it is a new question; no earlier answer counts.

    Raises UsageError where the book asks for no sign-off, Refused while it waits for answers or is still valid.
    """
    release, environment = documents.release.load(Release), documents.environment.load(Environment)
    title = f"{release.system} {release.release} sign-off"
    chain = chain_of(documents.frozen("sign-off", now(), started_by, title))
    frozen = documents.frozen(chain, now(), started_by, title)
    step, question = _question(frozen)
    store = open_ledger(environment.ledger)
    try:
        book = Logbook(store, chain, telling(frozen))
        earlier = list(book.refresh().asks.values())
        ended = _over(earlier[-1], frozen, chain, question.valid_for) if earlier else None
        asked = ev.AskOpened(
            ask=step.id if not earlier else f"{step.id}-{len(earlier) + 1}",
            step=step.id,
            kind="sign_off",
            roles=question.roles,
            text=f"Is release {release.release} of {release.system} ready? Ticket {release.ticket}.",
            decision_digest=frozen.created.digests["release"],
            evidence_digest=frozen.created.digests["release"],
            deadline=now() + environment.clock.real(question.deadline),
        )
        if store.head(chain) is None:
            book.open(frozen.created, asked)
        else:
            book.write(*([ended] if ended else []), frozen.created, asked)
    finally:
        store.close()
    return chain


def _question(frozen: Frozen) -> tuple[Step, SignOff]:
    for step in frozen.runbook.steps():
        if isinstance(step.does, SignOff):
            return step, step.does
    raise UsageError(f"the book {frozen.runbook.runbook} has no sign_off step")


def _over(last: AskState, frozen: Frozen, chain: str, valid_for: timedelta) -> ev.AskEnded | None:
    """The end of an earlier question that nobody wrote down; None where it has one.

    Raises Refused where there is nothing to ask again.
    """
    judged = asking.judge(last, frozen.people)
    if last.ended is None:
        if now() <= last.opened.deadline:
            raise Refused(f"{chain} was asked already and {judged.waits}; `tminus pending` shows it")
        reason = f"at the deadline it still {judged.waits}"
        return ev.AskEnded(ask=last.opened.ask, result="expired", reason=reason)
    until = last.ended.at + valid_for
    if last.ended.result == "met" and now() <= until:
        raise Refused(f"{chain} is signed off already, valid until {until:%Y-%m-%d %H:%M} UTC")
    return None
