"""The roll-call in a book: advisory whatever else it says, asked where an approval is still to come, over in time."""

from pathlib import Path

import pytest

from tests.tminus.mistaken_books import BOOK, KINDS
from tminus.editor_schema import runbook_schema
from tminus.errors import BookError
from tminus.runbook import Severity
from tminus.runbook_source import build
from tminus.yaml_document import parse
from tminus.yaml_source import Source

CALL = """\
  - phase: T-24h
    late_by: 20h
    steps:
      - id: roll-call
        title: Who will be there
        owner: engineering_lead
        roll_call: {deadline: 20h}
"""
PHASES = "phases:\n"


def read(text: str) -> Source:
    """A book's source."""
    return Source(Path("book.yaml"), parse(text))


def test_it_is_advisory_without_saying_so() -> None:
    """At T-24h, before everything else."""
    book = build(read(BOOK.replace(PHASES, PHASES + CALL)), KINDS)
    step = book.step("roll-call")
    assert step is not None
    assert (step.severity, step.does.kind, book.phases[0].phase) == (Severity.ADVISORY, "roll_call", "T-24h")
    assert [one.id for one in book.approvals_after(step)] == ["go"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("{deadline: 20h}", "{deadline: 20h}\n        severity: blocking", "a roll-call never blocks"),
        ("{deadline: 20h}", "{deadline: 21h}", "the roll-call roll-call would still be open when T-4h begins"),
        ("{deadline: 20h}", "{}", "deadline"),
        ("{deadline: 20h}", "{deadline: 20h, roles: {devops_lead: 1}}", "roles"),
    ],
)
def test_what_it_may_not_be(before: str, after: str, said: str) -> None:
    """Each is a mistake that says what is wrong."""
    with pytest.raises(BookError) as caught:
        build(read(BOOK.replace(PHASES, PHASES + CALL.replace(before, after))), KINDS)
    assert said in str(caught.value)


def test_it_wants_an_approval_in_a_later_phase() -> None:
    """Else it would ask nobody, or hold an approval up."""
    late = CALL.replace("T-24h", "T+1h").replace("deadline: 20h", "deadline: 1h")
    with pytest.raises(BookError, match="asks nobody, since no later phase asks for an approval"):
        build(read(BOOK.rstrip("\n") + "\n" + late), KINDS)


def test_editors_know_it() -> None:
    """Its key, and what stands under it."""
    schema = runbook_schema(KINDS)
    assert '"roll_call"' in str(schema).replace("'", '"')
