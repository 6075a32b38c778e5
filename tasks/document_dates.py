"""What a document says of itself: `Last Updated: 2026-11-01`, in its front matter, a line or a table."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache

from pydantic import JsonValue

from tasks.document_pages import Page
from tasks.document_placeholders import placeholders

_LONGEST = 300  # characters of a line that says such a thing
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+(\d{{4}})\b", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"\b{_DAY}\s+{_MONTH},?\s+(\d{{4}})\b", re.IGNORECASE)


def said_of(page: Page, label: str) -> str | None:
    """What the page says under a label, the first time; "" where nothing stands there, None where there is no label."""
    wanted = _bare(label)
    for name, value in page.front.items():
        if _bare(name) == wanted:
            return _text(value)
    for number, line in enumerate(page.lines):
        if len(line) <= _LONGEST and (match := _labelled(wanted).match(line)):
            said = match["value"] if match["sign"] else _next(page.lines, number)
            return said.strip(" \t|*_")
    return None


def filled(said: str | None) -> bool:
    """Whether something is said, and no placeholder."""
    return bool(said) and not placeholders([said or ""])


def read_date(said: str | None) -> date | None:
    """The first date in a text: `2026-11-01`, `November 1, 2026` or `1 Nov 2026`; 01/11/2026 may mean two days."""
    text = said or ""
    if match := _ISO.search(text):
        return _date(match[1], match[2], match[3])
    if match := _MONTH_FIRST.search(text):
        return _date(match[3], _number(match[1]), match[2])
    if match := _DAY_FIRST.search(text):
        return _date(match[3], _number(match[2]), match[1])
    return None


@cache
def _labelled(label: str) -> re.Pattern[str]:
    """A line that begins with a label, and a sign and a value behind it, or nothing (a cell of a table)."""
    words = r"[\s_-]+".join(re.escape(word) for word in label.split())
    return re.compile(rf"^[\W_]*{words}[\W_]*?(?:(?P<sign>[:=\u2013\u2014]|\s-\s)(?P<value>.*)|$)", re.IGNORECASE)


def _next(lines: Sequence[str], number: int) -> str:
    return lines[number + 1] if number + 1 < len(lines) and len(lines[number + 1]) <= _LONGEST else ""


def _bare(label: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", label.lower()).split())


def _text(value: JsonValue) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _number(month: str) -> str:
    return str(_MONTHS.index(month.lower()) + 1)


def _date(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:  # the 31st of February
        return None
