"""The readiness sign-off: a chain of its own, named after the release it is for."""

from collections.abc import Callable

from tminus import events as ev
from tminus.clock import now
from tminus.environment import Environment, Ledger
from tminus.errors import UsageError
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.release import Release
from tminus.runbook import SignOff


def chain_of(frozen: Frozen) -> str:
    """The chain that holds the sign-off of this launch's release: the same release, the same chain."""
    return _chain(frozen.created.system, frozen.created.digests["release"])


def _chain(system: str, digest: str) -> str:
    return f"sign-off-{system}-{digest.removeprefix('sha256:')[:16]}"


def open_sign_off(documents: Documents, started_by: str, open_ledger: Callable[[Ledger], Store]) -> str:
    """Asks the book's readiness roles to sign the release off; returns the chain's name.

    Raises UsageError where the book asks for no sign-off, Refused where it was asked already.
    """
    release, environment = documents.release.load(Release), documents.environment.load(Environment)
    draft = documents.frozen("sign-off", now(), started_by, f"{release.system} {release.release} sign-off")
    chain = chain_of(draft)
    frozen = documents.frozen(chain, now(), started_by, draft.created.title)
    step = next((step for step in frozen.runbook.steps() if isinstance(step.does, SignOff)), None)
    if step is None or not isinstance(step.does, SignOff):
        raise UsageError(f"the book {frozen.runbook.runbook} has no sign_off step")
    store = open_ledger(environment.ledger)
    store.open_chain(chain)
    digest = frozen.created.digests["release"]
    asked = ev.AskOpened(
        ask=step.id,
        step=step.id,
        kind="sign_off",
        roles=step.does.roles,
        text=f"Is release {release.release} of {release.system} ready? Ticket {release.ticket}.",
        decision_digest=digest,
        evidence_digest=digest,
        deadline=now() + step.does.deadline,
    )
    Logbook(store, chain, telling(frozen)).write(frozen.created, asked)
    return chain
