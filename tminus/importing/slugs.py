"""Names for refs and files, made from headings that people wrote."""

import re
import unicodedata

_LONGEST = 60  # characters, so that a file's name fits any disk
_STATE = re.compile(
    r"\s*[(\[]\s*(?:completed?|done|finished|in[ -]progress|wip|pending|to[ -]?do|planned|blocked|not started|ready"
    r"|ongoing|\d+ ?%|\d+ ?/ ?\d+)\s*[)\]]\s*$",
    re.IGNORECASE,
)
# What titles of checklists say whichever system they are of.
_EVERYDAY = re.compile(
    r"the|a|of|for|our|and|to|your|prod(?:uction)?|readiness|ready|check|list|checklist|launch|day|review|prr|orr|go|live"
    r"|golive|pre|release|deploy(?:ment)?|operation(?:al|s)|service|template|md|readme"
)


def without_state(heading: str) -> str:
    """A heading without the state in brackets at its end: `Security (COMPLETED)` is `Security`."""
    return _STATE.sub("", heading)


def slug(text: str) -> str:
    """Small letters, digits, hyphens and plus signs; accents are dropped, emoji and other scripts too.

    A state in brackets at the end goes, since it changes: `✅ Phase 1: Security (COMPLETED)` is `phase-1-security`.
    Empty where nothing is left.
    """
    ascii_only = unicodedata.normalize("NFKD", without_state(text)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9+]+", "-", re.sub(r"['`]", "", ascii_only))
    return words.strip("-")[:_LONGEST].strip("-")


def section_name(ref_part: str) -> str:
    """A slug as a chapter or section may be called: without plus signs."""
    return re.sub(r"[-+]+", "-", ref_part).strip("-")


def system_of(*names: str) -> str:
    """The system that a checklist is of, by the first name that says more than that it is a checklist."""
    for name in names:
        words = [word for word in section_name(slug(name)).split("-") if word and not _EVERYDAY.fullmatch(word)]
        if any(word[0].isalpha() for word in words):
            return "-".join(words)
    return next((found for name in names if (found := section_name(slug(name)))), "checklist")


class Taken:
    """Names given so far: the second `testing` becomes `testing-2`."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._last: dict[str, int] = {}

    def name(self, wanted: str) -> str:
        """`wanted`, or the first of `wanted-2`, `wanted-3` … that is free."""
        number, found = self._last.get(wanted, 1), wanted
        while found in self._names:
            number += 1
            found = f"{wanted}-{number}"
        self._last[wanted] = number
        self._names.add(found)
        return found
