"""A verified press, let into the ledger: looked up, judged and recorded, or refused with its reason recorded."""

from collections.abc import Mapping
from datetime import datetime
from time import monotonic

from tminus import events as ev
from tminus import inbox
from tminus.errors import Refused
from tminus.launch_pages import LaunchPage, LaunchPages
from tminus.ledger.store import Store
from tminus.messages.slack_dialog import REJECT, STOP, WAIVE, Carried, reason_in, until_in
from tminus.ordering import until_said
from tminus.runbook import Spec
from tminus.slack_payload import Action, Malformed, Sent, Submitted
from tminus.slack_signature import WINDOW

_ANSWERS: Mapping[str, ev.Answer] = {
    "tminus.approve": "approve",
    "tminus.acknowledge": "acknowledge",
    "tminus.attest": "attest",
}
_ORDERS: Mapping[str, ev.Order] = {
    "tminus.hold": "hold",
    "tminus.rollback": "rollback",
    "tminus.scrub": "scrub",
}
_NAMES = frozenset(
    {*_ANSWERS, *_ORDERS, REJECT, STOP, WAIVE, "drill", "status", "approve", "hold", "resume", "scrub", "rollback"}
)
_CLEAN = 30.0  # seconds between two clearings of what was seen long ago


class Presses:
    """Lets presses in, one at a time: one thread at once may use it.

    Args:
        store: the ledger.
        kinds: the vocabulary, to read books.

    Attributes:
        pages: the ledger's.
    """

    def __init__(self, store: Store, kinds: Mapping[str, type[Spec]]) -> None:
        self.pages = LaunchPages(store, kinds)
        self._store = store
        self._cleaned = float("-inf")

    def decide(self, member: str, action: Action) -> str:
        """Records one press by a Slack member; returns what they are told. Raises Refused, LedgerError."""
        launch, _, rest = action.value.partition("|")
        page = self.pages.open(launch)
        person = page.person(member, known(action.action_id))
        if order := _ORDERS.get(action.action_id):
            return self._order(page, ev.Ordered(order=order, person=person.id, via="slack", reason="pressed in Slack"))
        answer = _ANSWERS.get(action.action_id)
        if answer is None:
            page.refuse(person.id, known(action.action_id), "no such button is tminus's")
        ask, _role, digest = (*rest.split("|"), "", "", "")[:3]
        return self._answer(page, ev.Answered(ask=ask, person=person.id, answer=answer, digest=digest, via="slack"))

    def submit(self, submitted: Submitted) -> str:
        """Records what somebody handed in with its reason; returns what they are told. Raises Refused, LedgerError."""
        name = submitted.view.callback_id
        try:
            carried = Carried.of(submitted)
        except Malformed as e:
            raise Refused(str(e)) from e
        page = self.pages.open(carried.launch)
        person = page.person(submitted.user.id, known(name))
        reason = reason_in(submitted)
        if name == WAIVE:
            return self._order(page, _waiver(person.id, carried, reason, until_in(submitted)))
        if name != REJECT:
            page.refuse(person.id, known(name), "no such dialog is tminus's")
        return self._answer(
            page,
            ev.Answered(
                ask=carried.about, person=person.id, answer="reject", digest=carried.digest, via="slack", reason=reason
            ),
        )

    def refuse(self, sent: Sent, why: str, who: str = "") -> None:
        """Writes down, in each launch concerned, that something does not count; nothing where none is under way.

        What is not signed gets one line, however many launches and buttons it names.

        Args:
            sent: what was pressed, handed in or typed.
            why: the reason.
            who: instead of the member that the payload names, which only Slack's signature proves.

        Raises LedgerError.
        """
        member = sent.member
        for launch, what in sent.about():
            try:
                page = self.pages.open(launch)
            except Refused:
                continue
            if page.book.record.closed is None:
                person = page.frozen.people.by_slack(member)
                named = who or (person.id if person else member)
                page.book.write(ev.AnswerRefused(who=named, what=known(what), why=why, via="slack"))
                if who:
                    return

    def first_time(self, signature: str) -> bool:
        """Whether no gateway on this ledger took this request before. Raises LedgerUnreachable."""
        self._clean_now_and_then()
        return bool(
            self._store.run(
                "INSERT INTO seen (source, key, at) VALUES ('slack', :key, clock()) "
                "ON CONFLICT DO NOTHING RETURNING key",
                {"key": signature},
            )
        )

    def _clean_now_and_then(self) -> None:
        if monotonic() - self._cleaned > _CLEAN:
            self._store.run("DELETE FROM seen WHERE source = 'slack' AND at < clock() - :old", {"old": 4 * WINDOW})
            self._cleaned = monotonic()

    def _answer(self, page: LaunchPage, given: ev.Answered) -> str:
        inbox.answer(page.book, page.frozen, given)
        return f"Recorded: {page.name(given.person)} {given.answer}."

    def _order(self, page: LaunchPage, given: ev.Ordered) -> str:
        if given.order == "scrub" and page.book.record.change_began:
            why = "a change has begun since this button was shown; Roll back is the button now"
            page.refuse(given.person, given.order, why)
        inbox.order(page.book, page.frozen, given)
        return f"Recorded: {page.name(given.person)} {given.order} {given.step}".strip() + f"{until_said(given)}."


def _waiver(person: str, carried: Carried, reason: str, until: datetime | None) -> ev.Ordered:
    step, digest = carried.about, carried.digest
    return ev.Ordered(order="waive", person=person, via="slack", reason=reason, step=step, until=until, digest=digest)


def known(name: str) -> str:
    """A button's or a command's name where it is one of ours; what anyone may have made up is not repeated."""
    return name if name in _NAMES else "an unknown button"
