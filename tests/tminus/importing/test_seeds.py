"""Two real checklists are read as they were read by hand, line by line."""

from pathlib import Path

import pytest

from tests.tminus.importing.imports import checklist_of, imported
from tminus.readiness.book import Holds
from tminus.readiness.promises import contradictions

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"
SORTS = {
    "item": Holds.BOXES,
    "sub": Holds.BOXES,
    "criterion": Holds.CRITERIA,
    "metric": Holds.METRICS,
    "operation": Holds.OPERATIONS,
    "contact": Holds.CONTACTS,
    "review": Holds.REVIEW,
    "sign-off": Holds.SIGN_OFFS,
    "next-step": Holds.NEXT_STEPS,
}
FILES = {"vatic": "000_6a1dad9d30d74d50.txt", "tradesense": "004_73a2daf12ca09103.txt"}


def by_hand(system: str) -> list[tuple[str, Holds, bool, bool, str]]:
    """Ref, sort, whether it is a part, whether it is ticked, and text of each line, as somebody wrote them down."""
    if not SEEDS.is_dir():
        pytest.skip("the two checklists are not here (../shared/seeds)")
    rows = [line.split("\t") for line in (SEEDS / "items.tsv").read_text("utf-8").splitlines()[1:]]
    return [
        (ref, SORTS[kind], kind == "sub", ticked == "claimed", text)
        for ref, kind, ticked, text in rows
        if ref.startswith(f"{system}/")
    ]


@pytest.mark.parametrize("system", FILES)
def test_every_line_has_the_ref_the_sort_the_tick_and_the_text_of_reading_by_hand(system: str) -> None:
    """None is missing, none is new, and their order is that of the file."""
    expected = by_hand(system)

    found = imported((SEEDS / FILES[system]).read_bytes(), FILES[system], system=system)

    lines = [one.line for one in found.lines()]
    assert [(line.ref, line.holds, line.part, line.claimed, line.title) for line in lines] == expected


@pytest.mark.parametrize(("system", "least"), [("vatic", 0.6), ("tradesense", 0.4)])
def test_many_lines_get_a_check(system: str, least: float) -> None:
    """What is written loads, and so large a share of the lines has a check suggested."""
    by_hand(system)
    found = imported((SEEDS / FILES[system]).read_bytes(), FILES[system], system=system)

    lines = list(found.lines())
    assert len(list(checklist_of(found).lines())) == len(lines)
    assert sum(one.suggested for one in lines) >= least * len(lines)


def test_contradictions_of_a_real_checklist_are_found() -> None:
    """Backups that are too rare for the RPO, an RTO that breaks the month, an alert that is looser than the limit."""
    by_hand("vatic")
    found = imported((SEEDS / FILES["vatic"]).read_bytes(), FILES["vatic"], system="vatic")

    said = " ".join(one.why for one in contradictions(checklist_of(found)))
    assert "a backup every 6 h may lose 6 h, and the RPO is 1 h" in said
    assert "99.9 % leaves 43.8 min a month" in said
    assert "the error rate may be at most 0.1 %, and the alert fires beyond 1 %" in said
