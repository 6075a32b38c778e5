"""What stands in a JSON document at a pointer (RFC 6901), read as the number, word, length or age that it is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from tasks.journey_steps import secretive
from tasks.journey_values import ABSENT, REDACTED, Absent
from tminus.clock import now
from tminus.errors import CouldNotObserve

_LARGEST = Decimal("1e30")  # what is larger measures nothing
_LONGEST_WORD = 80  # characters
_LATEST_SECONDS = 10**11  # an epoch beyond this counts milliseconds: as seconds it would be the year 5138
_CLOCKS_DIFFER = timedelta(minutes=5)

Found = JsonValue | Absent


def tokens(pointer: str) -> tuple[str, ...]:
    """The pointer's parts; raises ValueError for one that is no pointer."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is no JSON pointer: it is empty, or begins with a slash, such as /data/0/status")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def found_at(document: JsonValue, pointer: str) -> Found:
    """What stands there, or ABSENT; null is a value."""
    here = document
    for part in tokens(pointer):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and _index(part) is not None and int(part) < len(here):
            here = here[int(part)]
        else:
            return ABSENT
    return here


def number(value: Found) -> Decimal:
    """A number, or a text that is nothing but one; raises CouldNotObserve."""
    exact = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            exact = Decimal(str(value).strip()[:64])
        except InvalidOperation:
            exact = None
    if exact is None:
        raise CouldNotObserve(f"a number is wanted, and there stands {kind(value)}")
    if not exact.is_finite() or abs(exact) > _LARGEST:
        raise CouldNotObserve("a number is wanted, and the one that stands there measures nothing")
    return exact


def word(value: Found, pointer: str) -> str:
    """A text, a number or true and false as a word, at most 80 characters; raises CouldNotObserve for anything else.

    What stands under a name that speaks of a secret is redacted.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or value == "":
        raise CouldNotObserve(f"a word is wanted, and there stands {kind(value)}")
    if any(secretive(part) for part in tokens(pointer)):
        return REDACTED
    whole = str(value).encode(errors="replace").decode()  # JSON can spell half a character, which no record takes
    return " ".join(whole.split())[:_LONGEST_WORD]


def count(value: Found) -> int:
    """How long a list or an object is; raises CouldNotObserve."""
    if not isinstance(value, list | dict):
        raise CouldNotObserve(f"a list or an object is wanted, and there stands {kind(value)}")
    return len(value)


def age(value: Found) -> timedelta:
    """How long ago a moment was: ISO 8601 with its offset, or seconds or milliseconds since 1970.

    Raises CouldNotObserve where it is none, or lies more than five minutes ahead: then its clock, or ours, is wrong.
    """
    moment = _moment(value)
    passed = now() - moment
    if passed < -_CLOCKS_DIFFER:
        raise CouldNotObserve(f"the moment that stands there, {moment:%Y-%m-%d %H:%M:%S}Z, lies ahead")
    return max(passed, timedelta(0))


def kind(value: Found) -> str:
    """What a value is, in words that show nothing of it."""
    if value is ABSENT:
        return "nothing"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    return f"a list of {len(value)}" if isinstance(value, list) else f"an object with {len(value)} keys"


def _index(part: str) -> int | None:
    """A list's index as RFC 6901 writes it: without leading zeros."""
    plain = part.isascii() and part.isdecimal() and len(part) <= len("1000000000")
    return int(part) if plain and (part == "0" or part[0] != "0") else None


def _moment(value: Found) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > _LATEST_SECONDS else value, UTC)
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None:
        raise CouldNotObserve(f"a moment is wanted, and there stands {kind(value)} that is none")
    if moment.tzinfo is None:
        raise CouldNotObserve("the moment that stands there does not say in which time zone it is")
    return moment.astimezone(UTC)
