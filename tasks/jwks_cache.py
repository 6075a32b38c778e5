"""How long a cache may hand out an answer, as the answer's own headers say (RFC 9111): the longest that any may."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from tminus.clock import now, show_duration
from tminus.errors import Refused

_DIRECTIVE = re.compile(r'([A-Za-z-]+)(?:\s*=\s*("[^"]*"|[^,\s]*))?')  # RFC 9111, 5.2: a value is a token or quoted
_LONGEST = 2**31  # seconds; what is more counts as this (RFC 9111, 1.2.2)
_NOTHING = timedelta(0)


@dataclass(frozen=True)
class Kept:
    """How long an answer may be handed out after it was made, and the headers that say so."""

    longest: timedelta
    said: str


def kept(headers: httpx.Headers, where: str) -> Kept:
    """The longest that any cache on the way, a verifier's own included, may hand out this answer.

    It counts from when the origin made the answer: each cache tells the next in `Age` how much of it is over
    (RFC 9111, 4 and 5.1). What may be used though it is stale counts too: stale-while-revalidate and stale-if-error
    (RFC 5861, 3 and 4), unless must-revalidate forbids it (RFC 9111, 5.2.2.2). An `Age` beyond all of that shows a
    cache that keeps it longer than it may, and counts.

    Args:
        headers: of the answer.
        where: whose they are, for people.

    Raises Refused where a cache may choose for itself how long (heuristic freshness, RFC 9111, 4.2.2), or a number is
    none.
    """
    said = headers.get("Cache-Control", "")
    directives = {name.lower(): value.strip('"') for name, value in _DIRECTIVE.findall(said)}
    aged = _age(headers)
    if "no-store" in directives or directives.get("no-cache") == "":  # 5.2.2.5, and 5.2.2.4 without field names
        return Kept(aged, f"Cache-Control: {said}")
    alone = _seconds(directives, "max-age", where)
    expires = _expires(headers)
    if alone is None:
        alone = expires
    if alone is None:
        raise Refused(
            f"{where} does not say how long it may be cached (Cache-Control: {said or 'none'}), so a cache may keep it "
            "as long as it likes (RFC 9111, 4.2.2); let it be served with `Cache-Control: max-age=SECONDS`"
        )
    shared = None if "private" in directives else _seconds(directives, "s-maxage", where)
    stale = [_seconds(directives, one, where) or _NOTHING for one in ("stale-while-revalidate", "stale-if-error")]
    longer = _NOTHING if "must-revalidate" in directives else max(stale)
    stated = max(alone, shared or _NOTHING) + longer
    told = f"Cache-Control: {said}" if said else f"Expires: {headers.get('Expires')}"
    if aged > stated:
        return Kept(aged, f"{told}, and yet Age: {headers.get('Age')}")
    return Kept(stated, told)


def require_within(one: Kept, most: timedelta, where: str) -> None:
    """Raises Refused where it may be kept longer than the book accepts."""
    if one.longest > most:
        raise Refused(
            f"{where} may be cached for {show_duration(one.longest)} ({one.said}), and the book accepts "
            f"{show_duration(most)} there: let it be served with less, or raise max_cache"
        )


def _seconds(directives: Mapping[str, str], name: str, where: str) -> timedelta | None:
    if name not in directives:
        return None
    digits = directives[name]
    if not (digits.isascii() and digits.isdigit()):
        raise Refused(f"{where}: {name} in its Cache-Control is no number of seconds; serve it with one")
    return timedelta(seconds=min(int(digits[:12]), _LONGEST))


def _expires(headers: httpx.Headers) -> timedelta | None:
    """Expires less Date (RFC 9111, 4.2.1); what is no time has expired already (5.3). None where it is not stated."""
    if "Expires" not in headers:
        return None
    ends = http_date(headers["Expires"])
    made = http_date(headers.get("Date", "")) or now()
    return _NOTHING if ends is None else max(ends - made, _NOTHING)


def _age(headers: httpx.Headers) -> timedelta:
    """What is no number counts as not said (RFC 9111, 5.1)."""
    said = headers.get("Age", "").strip()
    return timedelta(seconds=min(int(said[:12]), _LONGEST)) if said.isascii() and said.isdigit() else _NOTHING


def http_date(text: str) -> datetime | None:
    """A time as HTTP writes it (RFC 9110, 5.6.7); None where it is none."""
    try:
        read = parsedate_to_datetime(text)
    except ValueError:
        return None
    return read if read.tzinfo else None
