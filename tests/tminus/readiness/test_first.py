"""What to mend first: what turns most blocking lines green."""

from pathlib import Path
from typing import Literal

from tests.tminus.readiness.room import AT, CHECK, Counted, checklist, seen, source
from tests.tminus.readiness.room import book as in_book
from tminus.outcome import Outcome, Verdict
from tminus.readiness.first import what_first
from tminus.readiness.judging import judge_lines
from tminus.readiness.source import build_checklist
from tminus.readiness.standing import Standing


class Asking(Counted, frozen=True):
    """Stands for a check that asks a system."""

    kind: Literal["made.asking"] = "made.asking"  # type: ignore[assignment]  # another kind with the same fields
    what: str = "this"

    def asks(self) -> str:
        """What it counts."""
        return self.of


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


def test_two_checks_that_happen_to_say_the_same_are_two_things_to_do(tmp_path: Path) -> None:
    """Both count 0 of one, of different things: who mends one has not mended the other."""
    book = checklist(
        tmp_path,
        f"title: A, {CHECK}, with: {{of: alerts}}",
        f"title: B, {CHECK}, with: {{of: backups}}",
        f"title: C, {CHECK}, with: {{of: alerts}}",
        "title: D, same_as: shop/testing/unit/2",
    )
    missing = [seen(Verdict.FAIL, summary="count 0, expected = 1")]
    evidence = {f"shop/testing/unit/{number}": missing for number in (1, 2, 3)}

    fixes = what_first(judge_lines(book, evidence, Standing("c", [], None), AT))

    assert [tuple(ref[-1] for ref in fix.refs) for fix in fixes] == [("1", "3"), ("2", "4")]
    assert {fix.what for fix in fixes} == {"fails: count 0, expected = 1"}


def test_one_check_of_several_that_fails_is_the_same_cause_elsewhere(tmp_path: Path) -> None:
    """A line of two checks, of which one fails that is another line's only one."""
    alerts, backups = (
        f"{{check: made.counted, with: {{of: {of}}}, expect: {{count: '= 1'}}}}" for of in ("alerts", "backups")
    )
    book = checklist(tmp_path, f"title: A, all: [{alerts}, {backups}]", f"title: B, all: [{alerts}]")
    failed = seen(Verdict.FAIL, summary="count 0, expected = 1")
    evidence = {"shop/testing/unit/1": [failed, seen()], "shop/testing/unit/2": [failed]}

    fixes = what_first(judge_lines(book, evidence, Standing("c", [], None), AT))

    assert [len(fix.refs) for fix in fixes] == [2]


def test_a_system_that_does_not_answer_is_one_thing_to_do_and_another_is_another(tmp_path: Path) -> None:
    """Whatever is asked of it; a check that was answered, and not in full, is a thing of its own."""
    lines = [f"title: A, check: made.asking, with: {{of: {of}}}, expect: {{count: '= 1'}}" for of in ("a", "a", "b")]
    lines += [f"title: B, check: made.asking, with: {{of: a, what: {what}}}, expect: {{count: '= 1'}}" for what in "cd"]
    book = build_checklist([source(tmp_path, in_book(*lines))], [], {"made.asking": Asking})
    silent, partly = Outcome.unknown("connection refused"), Outcome.unknown("not measured: count")
    partly = partly.model_copy(update={"where": "a"})
    ref = "shop/testing/unit/{}".format
    evidence = {ref(1): [silent], ref(2): [silent], ref(3): [silent], ref(4): [partly], ref(5): [partly]}

    fixes = what_first(judge_lines(book, evidence, Standing("c", [], None), AT))

    assert sorted(tuple(ref[-1] for ref in fix.refs) for fix in fixes) == [("1", "2"), ("3",), ("4",), ("5",)]


def test_statements_of_one_role_are_one_thing_to_do_also_where_a_line_is_judged_by_another(tmp_path: Path) -> None:
    """A line that is the same as a stated one waits for the very same statement."""
    book = checklist(
        tmp_path,
        "title: A, attestation: {role: ceo, statement: I say so, valid_for: 1d}",
        "title: B, same_as: shop/testing/unit/1",
    )

    (fix,) = what_first(judge_lines(book, {}, Standing("c", [], None), AT))

    command = "tminus line attest REF --until DATE --link PROOF --environment FILE --people FILE"
    assert fix.what == f"statements by ceo: `{command}`"
    assert len(fix.refs) == 2


def test_what_fails_is_named_with_where_it_was_looked_at(tmp_path: Path) -> None:
    """A command's name stays, however long what it said; a long place is cut between words."""
    book = checklist(tmp_path, f"title: A, {CHECK}", f"title: B, {CHECK}")
    evidence = {
        "shop/testing/unit/1": [seen(Verdict.FAIL, summary="exit 2").model_copy(update={"where": "tminus restore"})],
        "shop/testing/unit/2": [seen(Verdict.FAIL, summary="exit 2").model_copy(update={"where": "word " * 40})],
    }

    fixes = what_first(judge_lines(book, evidence, Standing("c", [], None), AT))

    assert [(fix.what, fix.lines, fix.of_which) for fix in fixes] == [
        ("fails: tminus restore: exit 2", "1 line", "which blocks"),
        (f"fails: {'word ' * 19}…: exit 2", "1 line", "which blocks"),
    ]
