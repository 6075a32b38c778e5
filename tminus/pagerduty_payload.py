"""What a webhook of PagerDuty's, version 3, looks like, and what a note on an incident says to tminus."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, JsonValue, ValidationError

from tminus.foreign_text import printable

_ANNOTATED = "incident.annotated"
_REASON = 500  # characters of a reason that are kept
_PUNCTUATION = ".,:;!?-\N{EN DASH}\N{EM DASH}"
_NO_GO = frozenset({"no-go", "nogo"})
_NO = frozenset({"reject", "rejected", "no", *_NO_GO})
_GIVES_REASON = frozenset({"because", "since"})  # what may follow a "no", beside "go"
_REASON_GIVEN = re.compile(r"(\b(because|since)\b|--reason\b)\W*\w", re.IGNORECASE)
_ENDS_SENTENCE = re.compile(r"[.!?]+(?=\s|$)|\n")
_WORD = re.compile(r"\w")
_YES = frozenset({"approve", "approved", "yes", "go", "ok", "okay", "lgtm", "ship", "+1", "acknowledge", "attest"})
_ORDERS = frozenset({"resume", "rollback", "scrub", "recycle", "retry", "waive"})


class Malformed(ValueError):
    """No webhook of PagerDuty's; what was sent is not repeated."""


class Agent(BaseModel):
    """Who did it."""

    id: str = Field(min_length=1, max_length=100)


class OnIncident(BaseModel):
    """The incident, by reference; PagerDuty leaves its dedup key out, and it is read where it stands."""

    id: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")
    incident_key: str | None = Field(default=None, max_length=255)


class Note(BaseModel):
    """A note on an incident."""

    content: str
    incident: OnIncident


class Event(BaseModel):
    """Something that happened in PagerDuty."""

    id: str = Field(min_length=1, max_length=200)
    event_type: str = Field(min_length=1, max_length=100)
    occurred_at: AwareDatetime
    agent: Agent | None = None
    data: JsonValue = None

    @property
    def note(self) -> Note | None:
        """The note, where it is one; raises Malformed where it is none although it says so."""
        if self.event_type != _ANNOTATED:
            return None
        try:
            return Note.model_validate(self.data)
        except (ValidationError, RecursionError):
            raise Malformed("no note on an incident") from None


class _Webhook(BaseModel):
    event: Event


def read_event(body: bytes) -> Event:
    """Reads a request's body; raises Malformed."""
    try:
        return _Webhook.model_validate_json(body).event
    except (ValidationError, RecursionError):
        raise Malformed("no PagerDuty webhook, version 3") from None


@dataclass(frozen=True)
class Said:
    """What a note asks for.

    Attributes:
        what: hold and reject may count; what is neither is refused, be it only that it may be no more than talk.
        word: the word that asked, as we know it.
        second: the word behind it, which may name a launch.
        rest: all that stands behind the second word.
    """

    what: Literal["hold", "reject", "neither"]
    word: str
    second: str
    rest: str

    def reason(self, launch: str) -> str:
        """Why, in the person's words; a launch that the second word named is none of them."""
        words = self.rest if self.second == launch else f"{self.second} {self.rest}"
        return printable(words.removeprefix("--reason").strip().removeprefix("--reason").strip())[:_REASON]


def said_in(content: str) -> Said | None:
    """What a note asks of tminus; None where it is only a note.

    The first word decides, with `tminus` before it or not. A "no" is one only alone, or before "go", "because" or
    "since": a note that begins "no idea yet" or "no, all fine" ends no launch. Whoever begins with such a word and does
    not say it so that it counts may believe that they did: that is neither, unless it is nothing but `hold?` or `no?`.
    """
    note = content.strip()
    first, rest = _next(note)
    if first.lower() == "tminus":
        note, (first, rest) = rest, _next(rest)
    word, second, behind = first.lower().rstrip(_PUNCTUATION), *_next(rest)
    if word in _YES | _ORDERS:
        return Said("neither", word, second, behind)
    if word != "hold" and word not in _NO:
        return None
    what: Literal["hold", "reject"] = "hold" if word == "hold" else "reject"
    is_go = word == "no" and second.lower().rstrip(_PUNCTUATION) == "go"
    if _asks(note[:_REASON]):
        return Said("neither", word, second, behind) if _WORD.search(behind if is_go else rest) else None
    counts = word in {"hold", "reject"} or (word in _NO_GO and not _goes_ahead(rest)) or _is_no(first, rest)
    return Said(what, what, second, behind) if counts else Said("neither", word, second, behind)


def _is_no(first: str, rest: str) -> bool:
    """Whether a "no" stands alone, gives its reason, or is a "no go"; after a comma, "go" may mean to go."""
    second, behind = _next(rest)
    if first.lower() == "no" and second.lower().rstrip(_PUNCTUATION) == "go":
        return not _goes_ahead(behind)
    then = _next(rest.lstrip(f"{_PUNCTUATION} "))[0].lower().rstrip(_PUNCTUATION)
    return first.lower().rstrip(_PUNCTUATION) == "no" and (not then or then in _GIVES_REASON)


def _goes_ahead(rest: str) -> bool:
    return rest.lstrip(f"{_PUNCTUATION} ").lower().startswith("ahead")


def _asks(note: str) -> bool:
    """Whether its first sentence is a question, and gives no reason: `reject it?`, and not `no because of whom?`."""
    end = _ENDS_SENTENCE.search(note)
    return end is not None and "?" in end[0] and not _REASON_GIVEN.search(note[: end.start()])


def _next(text: str) -> tuple[str, str]:
    """The first word, and what is behind it."""
    words = text.split(maxsplit=1)
    return (words[0], words[1] if len(words) > 1 else "") if words else ("", "")
