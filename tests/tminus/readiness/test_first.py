"""What to mend first: what turns most blocking lines green."""

from pathlib import Path

from tests.tminus.readiness.room import AT, CHECK, checklist, seen
from tminus.outcome import Outcome, Verdict
from tminus.readiness.first import what_first
from tminus.readiness.judging import judge_lines
from tminus.readiness.standing import Standing


def test_one_cause_is_one_thing_to_do(tmp_path: Path) -> None:
    """Lines with the same reason stand together, those that block most first, and what holds is not named."""
    line = f"title: A, {CHECK}"
    book = checklist(
        tmp_path,
        line,
        line,
        f"{line}, owner: ceo",
        line,
        "title: B, attestation: {role: ceo, statement: I say so, valid_for: 1d}",
        f"{line}, severity: advisory",
    )
    evidence = {
        "shop/testing/unit/1": [seen(Verdict.FAIL, summary="too slow")],
        "shop/testing/unit/2": [Outcome.skipped("no kafka")],
        "shop/testing/unit/3": [Outcome.skipped("no kafka")],
        "shop/testing/unit/4": [seen()],
        "shop/testing/unit/6": [seen(Verdict.FAIL, summary="too slow")],
    }

    fixes = what_first(judge_lines(book, evidence, Standing("c", [], None), AT))

    assert [(fix.blocking, len(fix.refs)) for fix in fixes] == [(2, 2), (1, 2), (1, 1)]
    assert fixes[0].what == "skipped: no kafka"
    assert fixes[0].owners == ("engineering_lead", "ceo")
    assert fixes[1].refs[0] == "shop/testing/unit/1"
    assert "ceo" in fixes[2].what
