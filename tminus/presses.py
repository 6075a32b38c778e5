"""A verified press, let into the ledger: looked up, judged and recorded, or refused with its reason recorded."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from tminus import events as ev
from tminus import inbox
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.ledger.logbook import Logbook
from tminus.ledger.store import Store
from tminus.messages import telling
from tminus.people import Person
from tminus.runbook import Spec
from tminus.slack_payload import Action, Pressed
from tminus.slack_signature import WINDOW

_LAUNCHES = 16  # whose pages are kept open, so that a press reads only what is new
_ANSWERS: Mapping[str, ev.Answer] = {
    "tminus.approve": "approve",
    "tminus.reject": "reject",
    "tminus.acknowledge": "acknowledge",
    "tminus.attest": "attest",
}
_ORDERS: Mapping[str, ev.Order] = {
    "tminus.hold": "hold",
    "tminus.rollback": "rollback",
    "tminus.scrub": "scrub",
}


@dataclass(frozen=True)
class _Page:
    book: Logbook
    frozen: Frozen


class Presses:
    """Lets presses in, one at a time: one thread at once may use it.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.
    """

    def __init__(self, store: Store, kinds: Mapping[str, type[Spec]]) -> None:
        self._store = store
        self._kinds = kinds
        self._pages: OrderedDict[str, _Page] = OrderedDict()

    def decide(self, member: str, action: Action) -> str:
        """Records one press by a Slack member; returns what they are told. Raises Refused, LedgerError."""
        launch, _, rest = action.value.partition("|")
        page = self._page(launch)
        person = self._person(page, member, action)
        if order := _ORDERS.get(action.action_id):
            return self._order(page, person, order)
        answer = _ANSWERS.get(action.action_id)
        if answer is None:
            inbox.refuse(page.book, person.id, _known(action.action_id), "no such button is tminus's", "slack")
        ask, _role, digest = (*rest.split("|"), "", "", "")[:3]
        given = ev.Answered(ask=ask, person=person.id, answer=answer, digest=digest, via="slack")
        inbox.answer(page.book, page.frozen, given)
        return f"Recorded: {person.name} {answer}."

    def refuse(self, pressed: Pressed, why: str, who: str = "") -> None:
        """Writes down, in each launch concerned, that a press does not count; nothing where there is none under way.

        Args:
            pressed: what was pressed.
            why: the reason.
            who: instead of the member that the payload names, which only Slack's signature proves.

        Raises LedgerError.
        """
        for action in pressed.actions:
            launch = action.value.partition("|")[0]
            try:
                page = self._page(launch)
            except Refused:
                continue
            if page.book.record.closed is None:
                person = page.frozen.people.by_slack(pressed.user.id)
                named = who or (person.id if person else pressed.user.id)
                event = ev.AnswerRefused(who=named, what=_known(action.action_id), why=why, via="slack")
                page.book.write(event)

    def first_time(self, signature: str) -> bool:
        """Whether no gateway on this ledger took this request before. Raises LedgerUnreachable."""
        self._store.run("DELETE FROM seen WHERE source = 'slack' AND at < clock() - :old", {"old": 4 * WINDOW})
        return bool(
            self._store.run(
                "INSERT INTO seen (source, key, at) VALUES ('slack', :key, clock()) "
                "ON CONFLICT DO NOTHING RETURNING key",
                {"key": signature},
            )
        )

    def _person(self, page: _Page, member: str, action: Action) -> Person:
        person = page.frozen.people.by_slack(member)
        if person is None:
            why = f"Slack's {member} is nobody in this launch's people.yaml"
            inbox.refuse(page.book, member, _known(action.action_id), why, "slack")
        return person

    def _order(self, page: _Page, person: Person, order: ev.Order) -> str:
        if order == "scrub" and page.book.record.change_began:
            why = "a change has begun since this button was shown; Roll back is the button now"
            inbox.refuse(page.book, person.id, order, why, "slack")
        given = ev.Ordered(order=order, person=person.id, via="slack", reason="pressed in Slack")
        inbox.order(page.book, page.frozen, given)
        return f"Recorded: {person.name} {order}."

    def _page(self, launch: str) -> _Page:
        """A launch's page of the ledger, up to date; raises Refused where there is no such launch."""
        page = self._pages.get(launch)
        book = page.book if page else Logbook(self._store, launch)
        created = book.refresh().created
        if created is None:
            raise Refused(f"no launch is called {launch!r}")
        if page is None or page.frozen.created is not created:
            page = _Page(book, Frozen(created, self._kinds))
            book.tell = telling(page.frozen)
            self._pages[launch] = page
        self._pages.move_to_end(launch)
        while len(self._pages) > _LAUNCHES:
            self._pages.popitem(last=False)
        return page


def _known(action_id: str) -> str:
    """A button's name where it is one of ours; what anyone may have made up is not repeated."""
    return action_id if action_id in _ANSWERS or action_id in _ORDERS else "an unknown button"
