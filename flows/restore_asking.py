"""A restore asked for: the environment taken, what is planned written down, and a second person asked."""

from flows.restore_planning import Plan
from tasks.restores.halted import check_of
from tminus import asking
from tminus import events as ev
from tminus.backups.opened import OpenedBackups
from tminus.clock import now
from tminus.errors import Refused, UsageError
from tminus.frozen import Frozen
from tminus.ledger.store import Entry, Letter, Store
from tminus.messages import telling
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.record import Record
from tminus.restores.papers import Papers, opened_again
from tminus.restores.question import question
from tminus.restores.standing import Restoring
from tminus.restores.telling import asked_text


def ask(
    store: Store, papers: Papers, planned: Plan, key: PersonalKey, reason: str, unsaved: str = "", halted: str = ""
) -> str:
    """Takes the environment, and asks; returns the restore's chain. All or nothing.

    `unsaved` and `halted` are what whoever asks says of the two, as `ev.RestorePlanned` has them.

    Raises UsageError where nobody could approve it or the book's check cannot be read, Refused where the environment is
    held, or tminus does not switch such a store; LedgerError.
    """
    if planned.restorer is None:
        raise Refused(f"{planned.name} is a {planned.store.kind}, which tminus does not switch; nothing was changed")
    person = key.owner(papers.people.load(People), str(papers.people.path))
    frozen = papers.frozen(planned.name, planned.instant, person.id, now())
    opened = opened_again(frozen)
    if opened.book.halted is None:
        raise UsageError("the book does not say what shows that trading is halted")
    check_of(opened.book.halted)
    said = _planned(frozen, planned, person.id, reason).model_copy(update={"unsaved": unsaved, "halted": halted})
    said = said.model_copy(update={"signature": key.sign(frozen.created.launch, said)})
    asked = question(frozen, said, opened.book, _text(opened, said, planned))
    chain = frozen.created.launch
    entries = (
        Entry(chain, ev.write(event), letters=_letters(frozen, event)) for event in (frozen.created, said, asked)
    )
    store.open_locked(frozen.created.environment_name, chain, *entries)
    return chain


def _planned(frozen: Frozen, planned: Plan, asked_by: str, reason: str) -> ev.RestorePlanned:
    chosen = planned.chosen
    return ev.RestorePlanned(
        at=frozen.created.t0,
        store=planned.name,
        kind=planned.store.kind,
        instant=planned.instant,
        backup=chosen.recorded.backup,
        manifest_digest=chosen.recorded.manifest_digest,
        reached=chosen.reached,
        marker=chosen.recorded.marker,
        lost=round((planned.instant - chosen.reached).total_seconds(), 3),
        verified=chosen.verified_said,
        way=dict(planned.way),
        asked_by=asked_by,
        reason=reason,
    )


def _text(opened: OpenedBackups, said: ev.RestorePlanned, planned: Plan) -> str:
    return asked_text(said, opened.system, opened.environment.environment, planned.lines)


def _letters(frozen: Frozen, event: ev.Event) -> "list[Letter]":
    """Of the question alone: nothing else of a restore is told in a channel."""
    if not isinstance(event, ev.AskOpened):
        return []
    before = Record()
    before.take(frozen.created)
    return list(telling(frozen)(event, before))


def how_to_answer(store: Store, chain: str) -> str:
    """The command that says yes."""
    return asking.how_to_answer(chain, Restoring.read(store, chain).ask.opened)
