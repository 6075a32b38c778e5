"""An operation: something done to an environment outside a launch, approved, recorded, and never beside a launch."""

from datetime import datetime

import rfc8785

from tminus import events as ev
from tminus.chain_names import OPERATION
from tminus.clock import now
from tminus.errors import LedgerError, Refused
from tminus.frozen import digest_of
from tminus.lease import vacant
from tminus.ledger.store import Entry, Store
from tminus.people import People, Person
from tminus.personal_key import PersonalKey, verified
from tminus.record_parts import read_event
from tminus.wording import nearest


def operation_chain(system: str, what: str, begun: datetime) -> str:
    """The chain of one operation; those of one system and sort stand in the order of time."""
    return f"{OPERATION}{system}-{what}-{begun:%Y%m%d-%H%M%S-%f}"


def is_operation(chain: str) -> bool:
    """Whether a chain holds an operation, and so no launch."""
    return chain.startswith(OPERATION)


def with_digest(began: ev.OperationBegan) -> ev.OperationBegan:
    """The same, with the digest that an approval binds to: of all of it but the moment."""
    said = began.model_dump(mode="json", exclude={"digest", "at"})
    return began.model_copy(update={"digest": digest_of(rfc8785.dumps(said).decode())})


def approval(began: ev.OperationBegan, person: Person, key: PersonalKey, reason: str) -> ev.OperationApproved:
    """A person's signed yes to exactly this operation; raises Refused where they have none of its roles.

    A deputy has the roles of whom they stand in for.
    """
    held = People.model_validate_json(began.people).roles_between(person, now(), now())
    role = next((role for role in began.roles if role in held), None)
    if role is None:
        raise Refused(
            f"{person.name} may not approve a {began.what} of {began.system}; that is for {', '.join(began.roles)}"
        )
    said = ev.OperationApproved(person=person.id, role=role, digest=began.digest, reason=reason)
    return said.model_copy(update={"signature": key.sign(began.operation, said)})


def why_not_approved(began: ev.OperationBegan, said: ev.OperationApproved) -> str:
    """Why a yes does not count, by what the operation itself froze; "" where it does."""
    people = People.model_validate_json(began.people)
    person = people.by_id(said.person)
    if person is None or not verified(began.operation, said, person):
        return f"{said.person}'s approval is not proven by their key"
    if said.role not in began.roles or said.role not in people.roles_between(person, said.at, said.at):
        return f"{person.name} has none of the roles that may approve it: {', '.join(began.roles)}"
    if with_digest(began).digest != began.digest or said.digest != began.digest:
        return f"{person.name} approved something else"
    return ""


def open_operation(store: Store, began: ev.OperationBegan, said: ev.OperationApproved) -> None:
    """Takes the environment and writes down what was approved: all or nothing.

    Raises Refused where the approval does not count, or something else is under way there.
    """
    if why := why_not_approved(began, said):
        raise Refused(f"{began.operation} does not begin: {why}")
    if (holder := store.locked_by(began.environment_name)) is not None and is_operation(holder):
        settle = "`tminus operate backup --settle --runbook FILE --people FILE --environment FILE` looks how it ended"
        over = settle if broke_off(store, holder) else "it ends by itself"
        raise Refused(f"{began.environment_name} is held by {holder}; {over}")
    chain = began.operation
    store.open_locked(began.environment_name, chain, Entry(chain, ev.write(began)), Entry(chain, ev.write(said)))


def require_open(store: Store, began: ev.OperationBegan) -> None:
    """Raises Refused where an operation does not hold its environment any more, or has ended.

    To be asked once its lease is held: from then on nobody else can settle it.
    """
    _, events = read_operation(store, began.operation)
    ended = any(isinstance(event, ev.OperationEnded) for event in events)
    if ended or store.locked_by(began.environment_name) != began.operation:
        raise Refused(
            f"{began.operation} was settled by somebody else, and {began.environment_name} is no longer held for it; "
            "nothing more was done"
        )


def close_operation(store: Store, began: ev.OperationBegan, token: int, *events: ev.Event) -> None:
    """Writes the end and frees the environment: all or nothing. Raises FencedOff, LedgerUnreachable."""
    entries = (Entry(began.operation, ev.write(event), token) for event in events)
    store.append_and_unlock(began.environment_name, *entries)


def broke_off(store: Store, chain: str) -> bool:
    """Whether nobody carries an operation on any more, though it did not end."""
    return vacant(store.lease(chain))


def read_operation(store: Store, chain: str) -> tuple[ev.OperationBegan, list[ev.Event]]:
    """How an operation began, and all of its events; raises LedgerError where the chain holds none."""
    events = [read_event(one) for one in store.read(chain)]
    if not events or not isinstance(events[0], ev.OperationBegan):
        raise LedgerError(f"{chain} holds no operation{nearest(chain, store.chains())}")
    return events[0], events
