"""The readiness sign-off: asked in chains of its own, named after the release and the documents it was asked with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tminus import asking
from tminus import events as ev
from tminus.briefing import sign_off_asked
from tminus.chain_names import sign_off_chain, sign_offs_of
from tminus.clock import now
from tminus.environment import Environment, Ledger
from tminus.errors import Refused, UsageError
from tminus.foreign_text import one_line
from tminus.frozen import Frozen
from tminus.launching import Documents
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.outcome import Outcome
from tminus.people import People, Person
from tminus.record import AskState
from tminus.release import Release
from tminus.runbook import SignOff, Spec, Step


@dataclass(frozen=True)
class Asked:
    """One sign-off question about a release, as the people of a launch see it.

    Attributes:
        frozen: the documents it was asked with; they may be anybody's.
        ask: the question, with the answers that count: those of people whose key and Slack id were then what they are
            in the launch's own people.yaml. One from a command line is in the record only if signed with that key.
        judged: how it stands by these answers and the launch's people.
        strangers: who answered under a name of the launch's people, and is not proven to be them.
    """

    frozen: Frozen
    ask: AskState
    judged: asking.Judgement
    strangers: tuple[str, ...]

    @property
    def chain(self) -> str:
        """The sign-off that it was asked in."""
        return self.frozen.created.launch

    @property
    def how(self) -> str:
        """The command that says yes to it."""
        return asking.how_to_answer(self.chain, self.ask.opened)

    @property
    def decided(self) -> bool:
        """Whether these people have said yes or no to it."""
        return self.judged.met or self.judged.rejected is not None

    def until(self, question: SignOff) -> datetime:
        """Until when a yes to it holds."""
        return max(answer.at for answer in self.ask.counting()) + question.valid_for


def chain_of(frozen: Frozen) -> str:
    """The chain of the sign-off that is asked with these documents."""
    return sign_off_chain(frozen.created.system, frozen.created.digests)


def all_asked(store: Store, frozen: Frozen) -> list[Asked]:
    """Every sign-off question about a launch's release, whoever asked it, the earliest first.

    Raises LedgerError.
    """
    return asked_about(store, frozen.created.system, frozen.created.digests["release"], frozen.people, frozen.kinds)


def asked_about(
    store: Store, system: str, release: str, people: People, kinds: Mapping[str, type[Spec]]
) -> list[Asked]:
    """Every sign-off question about the release with this digest, as these people see it, the earliest first.

    Raises LedgerError.
    """
    beginning = sign_offs_of(system, release)
    records = {chain: Logbook(store, chain).refresh() for chain in store.chains() if chain.startswith(beginning)}
    found = [
        _seen_by(people, Frozen(record.created, kinds), ask)
        for chain, record in records.items()
        if record.created is not None and record.created.launch == chain  # signatures are for what it says it is
        for ask in record.asks.values()
        if ask.opened.decision_digest == release
    ]
    return sorted(found, key=lambda one: one.ask.opened.at)


def _seen_by(people: People, then: Frozen, ask: AskState) -> Asked:
    theirs = [answer for answer in ask.answers if _is_theirs(answer, people, then)]
    seen = replace(ask, answers=theirs)
    strangers = dict.fromkeys(answer.person for answer in ask.answers if answer not in theirs)
    return Asked(then, seen, asking.judge(seen, people), tuple(strangers))


def _is_theirs(answer: ev.Answered, people: People, then: Frozen) -> bool:
    """Whether the person of this people.yaml gave this answer, and nobody under their name."""
    person, asked = people.by_id(answer.person), then.people.by_id(answer.person)
    return person is not None and asked is not None and _same(person, asked)


def _same(one: Person, other: Person) -> bool:
    return (one.public_key, one.slack) == (other.public_key, other.slack)


def judge_sign_off(asked: Sequence[Asked], question: SignOff) -> Outcome:
    """Met, by whom, and until when: what the launch's people decided last counts, and nothing that others did.

    Args:
        asked: every question about the release, the earliest first.
        question: what the launch's book wants.
    """
    if not asked:
        return Outcome.failed("nobody was asked to sign this release off; `tminus sign-off` asks them")
    last = decided_last(asked, question)
    if last is None:
        roles, wanted = ", ".join(sorted(asked[-1].ask.opened.roles)), ", ".join(sorted(question.roles))
        return Outcome.failed(f"the sign-off asked {roles}, and this book wants {wanted}; `tminus sign-off` asks again")
    if last.judged.rejected is not None or not last.judged.met:
        return _not_signed(last, to_be_signed(asked, question, now()))
    until = last.until(question)
    if now() > until:
        return Outcome.failed(f"the sign-off ran out at {until:%Y-%m-%d %H:%M} UTC; `tminus sign-off` asks again")
    return Outcome.passed(f"signed off by {', '.join(sorted(question.roles))}, valid until {until:%Y-%m-%d}")


def _not_signed(last: Asked, waiting: Asked | None) -> Outcome:
    """Why it does not pass, in which sign-off, and what signs it where that is still open."""
    other = f"; {', '.join(last.strangers)} answered with another key or Slack id than people.yaml has now"
    no, strangers = last.judged.rejected, other if last.strangers else ""
    name = asking.name_of(last.frozen.people, no.person) if no else ""
    refused = f"{name} refused to sign it off: {one_line(no.reason) or 'no reason given'}" if no else ""
    if waiting is not None:
        asks = f"the sign-off {waiting.chain} {'is open and ' if no else ''}{waiting.judged.lacks}"
        said = f"{asks}{f'; decided last: {refused}' if no else strangers}"
        return Outcome.failed(said).model_copy(update={"details": (f"to sign it: {waiting.how}",)})
    ended = f"{last.chain} was open until {last.ask.opened.deadline:%Y-%m-%d %H:%M} UTC and still {last.judged.lacks}"
    return Outcome.failed(f"{refused or f'the sign-off {ended}{strangers}'}; `tminus sign-off` asks again")


def to_be_signed(asked: Sequence[Asked], question: SignOff, moment: datetime) -> Asked | None:
    """The latest question about the release that can still be signed at a moment; None where there is none."""
    fitting = (one for one in reversed(asked) if one.ask.opened.roles == question.roles and not one.decided)
    return next((one for one in fitting if one.ask.ended is None and moment <= one.ask.opened.deadline), None)


def decided_last(asked: Sequence[Asked], question: SignOff) -> Asked | None:
    """The question that these people decided last, or the latest where they decided none; None where none fits."""
    fitting = [one for one in asked if one.ask.opened.roles == question.roles]
    decided = [one for one in fitting if one.decided]
    return max(decided, key=_decided_at) if decided else fitting[-1] if fitting else None


def _decided_at(one: Asked) -> datetime:
    """When the last word about it was said: a question that was asked first may be decided last."""
    return max((answer.at for answer in one.ask.counting()), default=one.ask.opened.at)


def open_sign_off(documents: Documents, asked_by: str, open_ledger: Callable[[Ledger], Store]) -> str:
    """Asks the book's readiness roles to sign the release off; returns the chain's name.

    Asked again after a no, after its deadline, or once it ran out, it is a new question; no earlier answer counts.
    Asked with another people.yaml, book or environment it is another chain; what the same person asked before with
    the others is withdrawn.

    Args:
        documents: the four files.
        asked_by: who asks, by id in people.yaml.
        open_ledger: opens what the environment names.

    Raises UsageError where the book asks for no sign-off, Refused while it waits for answers or is still valid.
    """
    release, environment = documents.release.load(Release), documents.environment.load(Environment)
    title = f"{release.system} {release.release} sign-off"
    chain = chain_of(documents.frozen("sign-off", now(), asked_by, title))
    frozen = documents.frozen(chain, now(), asked_by, title)
    step, question = _question(frozen)
    store = open_ledger(environment.ledger)
    try:
        before = all_asked(store, frozen)
        _refuse_while_it_stands(before, chain, question)
        mine = [one for one in before if one.frozen.created.launch == chain]
        opened = ev.AskOpened(
            ask=step.id if not mine else f"{step.id}-{len(mine) + 1}",
            step=step.id,
            kind="sign_off",
            roles=question.roles,
            text=sign_off_asked(frozen),
            decision_digest=frozen.created.digests["release"],
            evidence_digest=frozen.created.digests["release"],
            deadline=now() + environment.clock.real(question.deadline),
        )
        book = Logbook(store, chain, telling(frozen))
        if store.head(chain) is None:
            book.open(frozen.created, opened)
        else:
            book.refresh()
            book.write(*(_expired(one) for one in mine if one.ask.ended is None), opened)
        _withdraw([one for one in before if one not in mine and _asked_by(one, frozen, asked_by)], store, chain)
    finally:
        store.close()
    return chain


def _question(frozen: Frozen) -> tuple[Step, SignOff]:
    for step in frozen.runbook.steps():
        if isinstance(step.does, SignOff):
            return step, step.does
    raise UsageError(f"the book {frozen.runbook.runbook} has no sign_off step")


def _refuse_while_it_stands(before: Sequence[Asked], chain: str, question: SignOff) -> None:
    last = decided_last(before, question)
    if last is not None and last.judged.met and now() <= (until := last.until(question)):
        raise Refused(f"{last.frozen.created.launch} is signed off already, valid until {until:%Y-%m-%d %H:%M} UTC")
    for one in before:
        if one.frozen.created.launch == chain and one.ask.ended is None and now() <= one.ask.opened.deadline:
            raise Refused(f"{chain} was asked already and {one.judged.waits}; `tminus pending` shows it")


def _expired(one: Asked) -> ev.AskEnded:
    reason = f"at the deadline it still {one.judged.lacks}"
    return ev.AskEnded(ask=one.ask.opened.ask, result="expired", reason=reason)


def _asked_by(one: Asked, frozen: Frozen, person: str) -> bool:
    """Whether it was this very person who asked it: nobody else takes a question back."""
    then, here = one.frozen.people.by_id(person), frozen.people.by_id(person)
    return one.frozen.created.started_by == person and then is not None and here is not None and _same(then, here)


def _withdraw(asked: Sequence[Asked], store: Store, chain: str) -> None:
    for one in asked:
        if one.ask.ended is None:
            book = Logbook(store, one.frozen.created.launch, telling(one.frozen))
            book.refresh()
            book.write(ev.AskEnded(ask=one.ask.opened.ask, result="withdrawn", reason=f"it is asked anew in {chain}"))
