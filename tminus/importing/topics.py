"""What a heading is about, as far as that says what the list under it is."""

import re
from collections.abc import Mapping

from tminus.readiness.book import Holds

_TOPICS: Mapping[Holds, re.Pattern[str]] = {
    Holds.CONTACTS: re.compile(r"\bcontacts?\b|\bwho to call\b|\bphone ?book\b", re.IGNORECASE),
    Holds.NEXT_STEPS: re.compile(r"\bnext steps?\b|\baction items?\b|\bfollow-?ups?\b", re.IGNORECASE),
    Holds.CRITERIA: re.compile(r"\bcriteri(?:a|on)\b|\bdefinition of done\b", re.IGNORECASE),
    Holds.METRICS: re.compile(r"\bmetrics\b|\bKPIs?\b|\bSL[AIO]s?\b|\btargets\b|\bobjectives\b", re.IGNORECASE),
}
_FRONT = re.compile(
    r"^\W*(?:overview|introduction|intro|purpose|about|scope|how to use|usage|legend|(?:table of )?contents|toc"
    r"|background|references?|links|resources|further reading|see also|glossary|change ?log|revision history"
    r"|history|license|notes?|summary|contributing|acknowledge?ments?)\b",
    re.IGNORECASE,
)


def topic(headings: tuple[str, ...]) -> Holds | None:
    """What the nearest of these headings says that the lines under it are; None where none says so."""
    for heading in reversed(headings):
        for holds, pattern in _TOPICS.items():
            if pattern.search(heading):
                return holds
    return None


def is_front(headings: tuple[str, ...]) -> bool:
    """Whether the nearest heading is one of text that stands around a checklist, such as an overview."""
    return bool(headings) and _FRONT.match(headings[-1]) is not None
