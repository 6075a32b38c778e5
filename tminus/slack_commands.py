"""`/tminus …`, typed in Slack: how a launch stands, orders with their reasons, and questions that wait."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tminus import asking, inbox
from tminus import events as ev
from tminus.chain_names import is_only_answered
from tminus.clock import now
from tminus.drills.orders import DrillOrders
from tminus.errors import Refused
from tminus.foreign_text import printable
from tminus.headline import awaited, headline
from tminus.launch_pages import LaunchPage, LaunchPages
from tminus.messages.block_kit import sections
from tminus.messages.slack_dialog import Carried, reason_in
from tminus.messages.slack_question import question_blocks
from tminus.ordering import let_go_by_resume, seen_by, still_held
from tminus.people import Person
from tminus.record import AskState
from tminus.slack_answers import Told
from tminus.slack_payload import Commanded, Malformed, Submitted

_HELP = (
    "`/tminus status [LAUNCH]` says how it stands\n"
    "`/tminus approve [LAUNCH]` shows what waits for your yes; `/tminus approve LAUNCH DIGEST` gives it\n"
    "`/tminus hold|scrub|rollback [LAUNCH] WHY` and `/tminus resume [LAUNCH] [WHY]` are orders\n"
    "`/tminus drill stop|allow [SYSTEM] WHY` ends all drills, or lets them begin again\n"
    "LAUNCH may be left out where you take part in exactly one that is under way."
)
_ORDERS: Mapping[str, ev.Order] = {"hold": "hold", "resume": "resume", "scrub": "scrub", "rollback": "rollback"}
_APPROVED = frozenset({"approval", "sign_off"})
_AWAITED = 10  # lines of who is waited for
_QUESTIONS = 4  # that are shown at once; a response URL takes five answers
_REASON = 1000  # characters


@dataclass(frozen=True)
class _Given:
    """A command that is understood so far: who says what about which launch, when, and the words behind it."""

    page: LaunchPage
    person: Person
    rest: tuple[str, ...]
    at: datetime

    @property
    def reason(self) -> str:
        return printable(" ".join(self.rest))[:_REASON]


class Commands:
    """Carries commands out; one thread at once may use it.

    Args:
        pages: the ledger's.
        drills: stops them; None where the environment has none.
    """

    def __init__(self, pages: LaunchPages, drills: DrillOrders | None = None) -> None:
        self._pages = pages
        self._drills = drills

    def carry_out(self, typed: Commanded, at: datetime) -> Sequence[Told]:
        """What whoever typed it, by `at`, is told, in one message or a few. Raises Refused, LedgerError."""
        word, *rest = typed.text.split() or ["help"]
        if word.lower() == "drill":
            return [Told(self._drill(typed.member, rest, at))]
        does = _DOES.get(word.lower())
        if does is None:
            return [Told(_HELP, sections(_HELP))]
        page, words = self._launch(typed.member, rest)
        return does(_Given(page, page.person(typed.member, word.lower()), tuple(words), at), word.lower())

    def stop_drills(self, submitted: Submitted) -> str:
        """Stops a system's, as whoever handed the dialog in wants; returns what they are told. Raises as the others."""
        try:
            carried = Carried.of(submitted)
        except Malformed as e:
            raise Refused(str(e)) from e
        return self._lever.stop(submitted.user.id, [carried.about, reason_in(submitted)])

    @property
    def _lever(self) -> DrillOrders:
        if self._drills is None:
            raise Refused("this environment has no drills")
        return self._drills

    def _drill(self, member: str, words: Sequence[str], at: datetime) -> str:
        order, *rest = words or [""]
        match order.lower():
            case "stop":
                return self._lever.stop(member, rest)
            case "allow":
                return self._lever.allow(member, rest, at)
            case _:
                raise Refused("say `/tminus drill stop WHY` or `/tminus drill allow WHY`; drills are begun elsewhere")

    def _launch(self, member: str, words: list[str]) -> tuple[LaunchPage, list[str]]:
        """The launch that is meant, and what is said about it. A name that is mistyped is never taken for a reason."""
        if words and (page := self._pages.found(words[0])):
            return page, words[1:]
        under_way = list(self._pages.under_way(member))
        names = ", ".join(page.frozen.created.launch for page in under_way) or "none in which you take part"
        if words and _looks_like_a_name(words[0]):
            raise Refused(f"no launch is called {printable(words[0])[:100]!r}; under way: {names}")
        if len(under_way) != 1:
            raise Refused(f"say which launch; under way: {names}")
        return under_way[0], words


def _looks_like_a_name(word: str) -> bool:
    """Whether a word could be meant as a launch's name, all of which hold hyphens and digits."""
    return "-" in word and any(letter.isdigit() for letter in word)


def _status(given: _Given, _word: str) -> Sequence[Told]:
    frozen, record = given.page.frozen, given.page.book.record
    if is_only_answered(frozen.created.launch):
        waits = [f"{ask.opened.ask} {asking.judge(ask, frozen.people, now()).waits}" for ask in record.open_asks()]
        return [Told("; ".join(waits) or "Nothing is asked here any more.")]
    stands = headline(frozen, record)
    lines = [f"{stands.mark.symbol} {stands.sentence}"]
    lines += [f"• {one.who}: {one.what}: {one.how}" for one in awaited(frozen, record, now())[:_AWAITED]]
    return [Told(lines[0], sections("\n".join(lines)))]


def _order(given: _Given, word: str) -> Sequence[Told]:
    page, order, reason = given.page, _ORDERS[word], given.reason
    if not reason and order != "resume":
        raise Refused(f"say why, for the record: `/tminus {order} {page.frozen.created.launch} WHY`")
    if order == "scrub" and page.book.record.change_began:
        page.refuse(given.person.id, order, "a change has begun, so to scrub is to roll back: say rollback")
    if order == "resume":
        return _resume(given)
    inbox.order(page.book, page.frozen, ev.Ordered(order=order, person=given.person.id, via="slack", reason=reason))
    return [Told(f"Recorded: {given.person.name} {order} {page.frozen.created.launch}.")]


def _resume(given: _Given) -> Sequence[Told]:
    """Lets go of what was held by the time it was typed: whatever came later, its author could not know."""
    page, frozen = given.page, given.page.frozen
    seen = seen_by(page.book.record, given.at)
    held = let_go_by_resume(frozen, page.book.record, seen)
    whole = "; ".join(filter(None, (given.reason, held and f"lets go of what was held by {held}")))
    said = ev.Ordered(order="resume", person=given.person.id, via="slack", reason=whole, seen=seen)
    inbox.order(page.book, frozen, said)
    told = f"Recorded: {given.person.name} resume {frozen.created.launch}."
    let_go = held and f"Let go of what was held by {held}."
    return [Told(" ".join(filter(None, (told, let_go, still_held(frozen, page.book.record)))))]


def _approve(given: _Given, _word: str) -> Sequence[Told]:
    """Shows what waits for this person, or takes a yes to exactly the question whose digest they give."""
    page = given.page
    waiting = [ask for ask in page.book.record.open_asks() if ask.opened.kind in _APPROVED]
    if not given.rest:
        theirs = [ask for ask in waiting if _could_say(page, ask, given.person)]
        if not theirs:
            raise Refused(f"nothing in {page.frozen.created.launch} waits for your yes")
        return [_shown(page, ask) for ask in theirs[:_QUESTIONS]]
    meant = [ask for ask in waiting if asking.is_meant(given.rest[0], ask.opened.decision_digest)]
    if len(meant) != 1 or len(given.rest) > 1:
        asked = (
            ", ".join(f"{ask.opened.ask} {asking.short(ask.opened.decision_digest)}" for ask in waiting) or "nothing"
        )
        raise Refused(f"what is asked now is {asked}: look at it again, and give at least six digits of what you saw")
    answer = _yes(meant[0], given.person)
    inbox.answer(page.book, page.frozen, answer)
    return [Told(f"Recorded: {given.person.name} approve {answer.ask} ({answer.digest[:19]}).")]


def _could_say(page: LaunchPage, ask: AskState, person: Person) -> bool:
    return asking.why_refused(_yes(ask, person), page.book.record, page.frozen.people, now()) is None


def _yes(ask: AskState, person: Person) -> ev.Answered:
    opened = ask.opened
    return ev.Answered(ask=opened.ask, person=person.id, answer="approve", digest=opened.decision_digest, via="slack")


def _shown(page: LaunchPage, ask: AskState) -> Told:
    blocks = question_blocks(page.frozen, ask)
    return Told(f"{page.frozen.created.title}: {ask.opened.ask} waits for your yes", blocks)


_DOES: Mapping[str, Callable[[_Given, str], Sequence[Told]]] = {
    "status": _status,
    "approve": _approve,
    **dict.fromkeys(_ORDERS, _order),
}
