"""A vague line is asked about, and a clear one is not."""

import pytest

from tasks.vocabulary import KINDS
from tminus.importing.questions import question
from tminus.importing.recognizers import recognize
from tminus.importing.seen import Seen
from tminus.readiness.book import Holds


def asked(title: str, holds: Holds = Holds.BOXES) -> str:
    """What is asked about a line."""
    line = Seen(title, holds=holds)
    return question(line, recognize(line, KINDS))


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("API rate limiting configured", "How many requests"),
        ("Cache TTL configured appropriately", "how many hours"),
        ("Log levels configured appropriately", "What is enough"),
        ("Database indexes optimized", "Which number, in which unit"),
        ("The site is fast", "how many ms"),
        ("Response time < 200 ms", "At which percentile"),
        ("Response time < 200", "In which unit"),
        ("Error rate < 0,1 %", "decimal comma"),
        ("Circuit breaker (planned)", "planned, or is it done"),
        ("Kafka retention policy configured", "how many days"),
        ("Metrics flowing correctly", "By what would one see"),
    ],
)
def test_a_vague_line_is_asked_about(title: str, wanted: str) -> None:
    """By the number or the unit that is missing."""
    assert wanted in asked(title)


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Daily Active Users: Track growth", "From which number on"),
        ("Revenue: high", "Which number"),
        ("Failed Login Rate: <5%", "Which system measures it"),
        ("Uptime: 99.9%", ""),
    ],
)
def test_a_metric_is_asked_for_its_number_and_where_it_is_measured(title: str, wanted: str) -> None:
    """Unless both are known."""
    said = asked(title, Holds.METRICS)
    assert said.startswith(wanted)
    assert bool(said) is bool(wanted)


@pytest.mark.parametrize(
    "title", ["p99 latency < 10 ms", "Secrets rotated", "Failover documented", "Rate limiting tested", "MFA supported"]
)
def test_a_clear_line_is_not_asked_about(title: str) -> None:
    """What a check judges, what is written down, what was tried and what is plainly so or not."""
    assert asked(title) == ""


@pytest.mark.parametrize("holds", [Holds.CONTACTS, Holds.SIGN_OFFS, Holds.NEXT_STEPS, Holds.OPERATIONS, Holds.REVIEW])
def test_only_claims_are_asked_about(holds: Holds) -> None:
    """A contact or a next step is no claim about the system."""
    assert asked("Rate limiting configured appropriately", holds) == ""
