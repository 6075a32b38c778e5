"""What a webhook of PagerDuty's, version 3, looks like, and what a note on an incident says to tminus."""

from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, JsonValue, ValidationError

from tminus.foreign_text import printable

_ANNOTATED = "incident.annotated"
_REASON = 500  # characters of a reason that are kept
_PUNCTUATION = ".,:;!?-\N{EN DASH}\N{EM DASH}"
_HOLD = frozenset({"hold"})
_NO = frozenset({"reject", "no-go"})
_GIVES_REASON = frozenset({"because", "since"})  # what may follow a "no", beside "go"
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
        what: hold and reject may count; what is neither is refused.
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
    "since": a note that begins "no idea yet" or "no, all fine" ends no launch. What ends in a question mark asks only.
    """
    first, rest = _next(content)
    if first.lower() == "tminus":
        first, rest = _next(rest)
    word, second, behind = first.lower().rstrip(_PUNCTUATION), *_next(rest)
    if "?" in first[len(word) :] and word in _HOLD | _NO | {"no"}:
        return None  # it asks
    if word in _HOLD:
        return Said("hold", "hold", second, behind)
    if word in _NO or (word == "no" and _is_no(first, rest)):
        return Said("reject", "reject", second, behind)
    if word in _YES | _ORDERS:
        return Said("neither", word, second, behind)
    return None


def _is_no(first: str, rest: str) -> bool:
    """Whether it stands alone, gives its reason, or is a "no go"; "no, go ahead" is none, with a comma or without."""
    second, behind = _next(rest)
    if first.lower() == "no" and second.lower().rstrip(_PUNCTUATION) == "go":
        return "?" not in second and not behind.lower().startswith("ahead")
    then = _next(rest.lstrip(f"{_PUNCTUATION} "))[0]
    return then.lower().rstrip(_PUNCTUATION) in _GIVES_REASON if then else "?" not in rest


def _next(text: str) -> tuple[str, str]:
    """The first word, and what is behind it."""
    words = text.split(maxsplit=1)
    return (words[0], words[1] if len(words) > 1 else "") if words else ("", "")
