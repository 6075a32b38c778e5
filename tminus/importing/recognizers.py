"""The table of recognizers, and what the first that understands a line makes of it: only what the vocabulary can do."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tminus.importing import (
    recognizers_numbers,
    recognizers_papers,
    recognizers_platform,
    recognizers_recovery,
    recognizers_security,
    recognizers_stores,
    recognizers_tests,
    recognizers_watching,
)
from tminus.importing.amounts import PointsTheOtherWay
from tminus.importing.placeholders import marked
from tminus.importing.seen import Check, Recognizer, Seen, Suggestion
from tminus.readiness.book import Holds
from tminus.readiness.promises import unknown_promises
from tminus.runbook import Spec
from tminus.spec_source import SpecReader
from tminus.yaml_document import Document
from tminus.yaml_source import Source, shown

PAPERS: tuple[Recognizer, ...] = recognizers_papers.RECOGNIZERS
MACHINES: tuple[Recognizer, ...] = (
    *recognizers_tests.RECOGNIZERS,
    *recognizers_recovery.RECOGNIZERS,
    *recognizers_watching.RECOGNIZERS,
    *recognizers_security.RECOGNIZERS,
    *recognizers_stores.RECOGNIZERS,
    *recognizers_numbers.RECOGNIZERS,
    *recognizers_platform.RECOGNIZERS,
)
"""In this order; the first that understands a line has it."""
_LONGEST = 500  # characters; who writes more says more than one check could judge
_PEOPLE = (
    r"\breview(?:ed|s|ing)?\b|\bapprov(?:ed|al)\b|\btrain(?:ed|ing)\b|\bnotified\b|\bagreed\b|\bschedul(?:e|ed)\b"
    r"|\b(?:de)?brief(?:ing|ed)?\b|\bsign(?:ed)?[- ]?off\b|\banalysis\b|\bcommunications?\b"
    r"|\b(?:drill|rehears)|\bplanned\b"
)
_TRIED = r"\btest(?:ed|ing)\b"
_MACHINES_TRY = r"\b(?:unit|integration|e2e|end-to-end|smoke)\b|\bscenarios?\b"
_BY_PEOPLE = frozenset({Holds.SIGN_OFFS, Holds.OPERATIONS, Holds.NEXT_STEPS, Holds.CONTACTS})


def recognize(seen: Seen, kinds: Mapping[str, type[Spec]]) -> Suggestion:
    """What would judge a line, as far as the vocabulary can; nothing in it where nobody understands the line.

    What people do (a review, a training, a drill) is for people to attest, whatever else the line speaks of. A number
    that would be expected the wrong way round is not; it is asked about.

    Args:
        seen: the line.
        kinds: the vocabulary; a suggestion that it cannot read is not made.
    """
    if len(seen.title) > _LONGEST:
        return Suggestion()
    by_people = seen.holds in _BY_PEOPLE or seen.has(_PEOPLE)
    by_people = by_people or (seen.has(_TRIED) and not seen.amounts and not seen.has(_MACHINES_TRY))
    for recognizer in PAPERS if by_people else (*PAPERS, *MACHINES):
        try:
            found = recognizer(seen)
        except PointsTheOtherWay as e:
            return Suggestion(asks=str(e))
        if found is not None and (found.checks or found.promises):
            promises = {} if unknown_promises({**found.promises}) else found.promises
            checks = found.checks if found.known else tuple(map(marked, found.checks))
            if all(_valid(check, kinds) for check in checks):
                return Suggestion(checks, promises, found.known)
            return Suggestion(promises=promises)
    return Suggestion()


def _valid(check: Check, kinds: Mapping[str, type[Spec]]) -> bool:
    """Whether a file that says this would be read without a mistake."""
    raw: dict[str, JsonValue] = check.raw()
    reader = SpecReader(Source(Path("suggestion"), Document(raw)), kinds, {}, shown, ("check",))
    return reader.does((), raw) is not None and not reader.mistakes
