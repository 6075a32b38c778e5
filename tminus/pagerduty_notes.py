"""A verified note on an incident, let into the ledger: a hold, a no, or refused with its reason recorded."""

from datetime import timedelta
from typing import NoReturn

from tminus import events as ev
from tminus import inbox
from tminus.chain_names import is_only_answered
from tminus.errors import Refused
from tminus.launch_pages import LaunchPage, LaunchPages
from tminus.ledger.directory import under_way
from tminus.ledger.store import Parameters
from tminus.pagerduty_payload import Event, Note, Said
from tminus.pagerduty_signature import WINDOW
from tminus.people import Person
from tminus.record import AskState

_MAY_BE_TALK = "it may be no more than talk, so nothing was done; write `{0} WHY` if {1} is meant"
_TALK = {
    "hold": _MAY_BE_TALK.format("hold", "a hold"),
    **dict.fromkeys(("no", "no-go", "nogo", "reject", "rejected"), _MAY_BE_TALK.format("reject", "a no")),
}
_TOLD = timedelta(days=30)  # for how long PagerDuty goes on sending what is refused is not described
_NO_YES = "a key of PagerDuty's API can write a note in anybody's name, so from there only a hold or a no counts"


class NotOurs(Exception):
    """The note is on an incident that is none of tminus's, and names no launch."""


class Notes:
    """Lets notes in, one at a time: one thread at once may use it.

    Args:
        pages: the launches.
        asked: whether PagerDuty is asked whose incident a note is on.
    """

    def __init__(self, pages: LaunchPages, *, asked: bool) -> None:
        self._pages = pages
        self._asks = asked

    def decide(self, event: Event, note: Note, said: Said, known: str | None) -> str:
        """Records one note; returns what its author is told.

        Args:
            event: the event.
            note: its note.
            said: what that asks for.
            known: the incident's dedup key; None where it is not known.

        Raises Refused, NotOurs, LedgerError.
        """
        page, key = self._page(note, said, known)
        person, launch = self._person(page, event, said), page.frozen.created.launch
        if said.what == "neither":
            self._refused(page, person.id, said.word, _TALK.get(said.word, _NO_YES))
        if said.second != launch and self._pages.found(said.second) is not None:
            why = (
                f"the incident is {launch}'s, and the note names {said.second}; write it on one of {said.second}'s own"
            )
            self._refused(page, person.id, said.word, why)
        if said.what == "reject" and known is None and self._asks and said.second != launch:
            why = f"PagerDuty does not say whose incident this is; write `reject {launch}` if that is meant"
            self._refused(page, person.id, said.word, why)
        reason = said.reason(launch)
        if said.what == "hold":
            given = ev.Ordered(order="hold", person=person.id, via="pagerduty", reason=reason)
            inbox.order(page.book, page.frozen, given)
            return f"Recorded: {person.name} holds {page.frozen.created.launch}."
        opened = self._asked(page, person, key).opened
        no = ev.Answered(
            ask=opened.ask,
            person=person.id,
            answer="reject",
            digest=opened.decision_digest,
            via="pagerduty",
            reason=reason,
        )
        inbox.answer(page.book, page.frozen, no)
        return f"Recorded: {person.name} says no to {opened.ask} of {page.frozen.created.launch}."

    def refuse(self, event: Event, note: Note, said: Said, why: str, known: str | None, who: str = "") -> bool:
        """Writes down, in the launch concerned, that a note does not count; nothing where there is none under way.

        Returns whether the note may be ours: it is on no incident of somebody else's.

        Args:
            event: the event.
            note: its note.
            said: what that asks for.
            why: the reason.
            known: the incident's dedup key; None where it is not known.
            who: instead of the author that the payload names, which only PagerDuty's signature makes one.

        Raises LedgerError.
        """
        try:
            page, _ = self._page(note, said, known)
        except NotOurs:
            return False
        except Refused:
            return True
        if page.book.record.closed is None:
            author = event.agent.id if event.agent else "nobody"
            person = page.frozen.people.by_pagerduty(author)
            named = who or (person.id if person else author)
            page.book.write(ev.AnswerRefused(who=named, what=said.word, why=why, via="pagerduty"))
        return True

    def first_time(self, event: str) -> bool:
        """Whether no gateway on this ledger took this event before. Raises LedgerError."""
        return self._first("pagerduty", event, 4 * WINDOW)

    def first_stale(self, event: str) -> bool:
        """Whether no gateway on this ledger told the author of this event that it is too old. Raises LedgerError."""
        return self._first("pagerduty stale", event, _TOLD)

    def _first(self, source: str, event: str, keep: timedelta) -> bool:
        store = self._pages.store
        words: Parameters = {"source": source, "key": event, "old": keep.total_seconds()}
        store.run("DELETE FROM seen WHERE source = :source AND at < clock() - :old", words)
        return bool(
            store.run(
                "INSERT INTO seen (source, key, at) VALUES (:source, :key, clock()) "
                "ON CONFLICT DO NOTHING RETURNING key",
                words,
            )
        )

    def _page(self, note: Note, said: Said, key: str | None) -> tuple[LaunchPage, str]:
        """The launch that is meant, and the incident's key. Raises Refused, NotOurs, LedgerError."""
        by_key = self._pages.found(key.partition(":")[0]) if key else None
        if page := by_key or self._pages.found(said.second):
            return page, key or ""
        if key is not None:
            raise NotOurs(note.incident.id)
        launches = [one for one in under_way(self._pages.store) if not is_only_answered(one)]
        if len(launches) == 1 and (page := self._pages.found(launches[0])):
            return page, ""
        which = f"{len(launches)} launches are under way" if launches else "no launch is under way"
        raise Refused(f"{which}, and the note names none: write `{said.word} LAUNCH`")

    def _person(self, page: LaunchPage, event: Event, said: Said) -> Person:
        author = event.agent.id if event.agent else "nobody"
        person = page.frozen.people.by_pagerduty(author)
        if person is None:
            self._refused(page, author, said.word, f"PagerDuty's {author} is nobody in this launch's people.yaml")
        return person

    def _asked(self, page: LaunchPage, person: Person, key: str) -> AskState:
        """The approval that a no is to: the one that the incident is about, else the only one that waits."""
        waiting = [ask for ask in page.book.record.open_asks() if ask.opened.kind == "approval"]
        by_command = f"answer by `tminus reject {page.frozen.created.launch} --ask NAME --reason WHY`"
        about = [ask for ask in waiting if f"{key}:".startswith(f"{page.frozen.created.launch}:ask-{ask.opened.ask}:")]
        if not about and key.startswith(named := f"{page.frozen.created.launch}:ask-"):
            gone = key.removeprefix(named).partition(":")[0]
            waits = f"what waits is {', '.join(ask.opened.ask for ask in waiting)}" if waiting else "no approval waits"
            why = f"the incident is about {gone}, which is no approval that waits any more; {waits}"
            self._refused(page, person.id, "reject", f"{why}; {by_command}, or `hold`")
        found = about or waiting
        if len(found) != 1:
            several = f"several questions wait ({', '.join(ask.opened.ask for ask in found)}); {by_command}"
            why = several if found else "no approval waits for an answer"
            self._refused(page, person.id, "reject", f"{why}; `hold` would stop new steps")
        return found[0]

    def _refused(self, page: LaunchPage, who: str, what: str, why: str) -> NoReturn:
        inbox.refuse(page.book, who, what, why, "pagerduty")
