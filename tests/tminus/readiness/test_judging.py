"""What lines come to: by evidence that is fresh, by people who may say it, until it ends."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.tminus.readiness.room import AT, CHECK, checklist, crew, seen
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.outcome import Outcome, Verdict
from tminus.people import People
from tminus.personal_key import PersonalKey
from tminus.readiness.judging import Evidence, Judged, judge_lines
from tminus.readiness.score import score, sentence
from tminus.readiness.standing import Standing

CHAIN = readiness_chain("shop", "here")
REF = "shop/testing/unit/1"
CHECKED = f"title: A, {CHECK}"
STATED = "title: A, attestation: {role: engineering_lead, statement: I say so, valid_for: 30d}"


def judged(folder: Path, line: str, evidence: Evidence, *events: ev.Event, people: People | None = None) -> Judged:
    """The one line of a checklist, judged at AT."""
    standing = Standing(CHAIN, events, people)
    return judge_lines(checklist(folder, line), evidence, standing, AT)[0]


def attested(folder: Path, person: str, role: str = "engineering_lead", days: int = 10) -> ev.LineAttested:
    """A signed statement that was made an hour before AT and ends so many days after it."""
    said = ev.LineAttested(
        at=AT - timedelta(hours=1),
        ref=REF,
        person=person,
        role=role,
        statement="I say so",
        link="https://wiki.example/1",
        until=AT + timedelta(days=days),
    )
    return said.model_copy(update={"signature": PersonalKey(folder / person).sign(CHAIN, said)})


def waived(folder: Path, person: str, role: str, days: int = 10, line: str = CHECKED) -> ev.LineWaived:
    """A signed waiver of a line as it then was."""
    digest = next(checklist(folder, line).lines()).digest
    until = AT + timedelta(days=days)
    said = ev.LineWaived(ref=REF, digest=digest, person=person, role=role, reason="known", until=until)
    return said.model_copy(update={"signature": PersonalKey(folder / person).sign(CHAIN, said)})


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.SKIPPED), Verdict.SKIPPED),
        ((Verdict.SKIPPED, Verdict.UNKNOWN), Verdict.UNKNOWN),
        ((Verdict.UNKNOWN, Verdict.FAIL), Verdict.FAIL),
    ],
)
def test_the_worst_of_a_lines_checks_counts(tmp_path: Path, outcomes: tuple[Verdict, ...], wanted: Verdict) -> None:
    """All checks of a line must pass; one that could not look is no pass."""
    assert judged(tmp_path, f"title: A, {CHECK}", {REF: [seen(one) for one in outcomes]}).verdict is wanted


def test_a_line_that_was_not_looked_at_is_unknown(tmp_path: Path) -> None:
    """No evidence is never a pass."""
    assert judged(tmp_path, f"title: A, {CHECK}", {}).verdict is Verdict.UNKNOWN


def test_old_evidence_is_no_pass(tmp_path: Path) -> None:
    """What is older than the line allows is unknown, and says how old it is; a failure stays one."""
    line = f"title: A, {CHECK}, fresh_for: 2h"
    old = timedelta(hours=2, seconds=1)

    assert judged(tmp_path, line, {REF: [seen(ago=timedelta(hours=2))]}).verdict is Verdict.PASS
    stale = judged(tmp_path, line, {REF: [seen(), seen(ago=old)]})
    assert stale.verdict is Verdict.UNKNOWN
    assert "stale" in stale.summary
    assert judged(tmp_path, line, {REF: [seen(Verdict.FAIL, ago=old)]}).verdict is Verdict.FAIL


def test_a_statement_holds_until_its_date(tmp_path: Path) -> None:
    """Signed by who may state it, before it ends: pass, with a warning in the last 14 days; else not."""
    people = crew(tmp_path)

    holds = judged(tmp_path, STATED, {}, attested(tmp_path, "lead"), people=people)
    assert (holds.verdict, holds.warning != "") == (Verdict.PASS, True)
    assert not judged(tmp_path, STATED, {}, attested(tmp_path, "lead", days=15), people=people).warning
    assert judged(tmp_path, STATED, {}, attested(tmp_path, "lead", days=0), people=people).verdict is Verdict.FAIL
    assert judged(tmp_path, STATED, {}, people=people).verdict is Verdict.FAIL


def test_no_statement_holds_longer_than_the_book_allows(tmp_path: Path) -> None:
    """A date far ahead, written past the command line, ends when `valid_for` ends."""
    people = crew(tmp_path)
    late = attested(tmp_path, "lead", days=400).model_copy(update={"at": AT - timedelta(days=31)})
    signed = late.model_copy(update={"signature": PersonalKey(tmp_path / "lead").sign(CHAIN, late)})

    assert judged(tmp_path, STATED, {}, signed, people=people).verdict is Verdict.FAIL


def test_nobody_else_can_state_it(tmp_path: Path) -> None:
    """Another role, another key, another chain, no people file: none counts, and each is named."""
    people = crew(tmp_path)
    by_manager = attested(tmp_path, "manager", "product_manager")
    forged = attested(tmp_path, "manager").model_copy(update={"person": "lead"})
    changed = attested(tmp_path, "lead").model_copy(update={"until": AT + timedelta(days=20)})
    without_role = attested(tmp_path, "manager", "engineering_lead")

    for said in (by_manager, forged, changed, without_role):
        assert judged(tmp_path, STATED, {}, said, people=people).verdict is Verdict.FAIL
    assert judged(tmp_path, STATED, {}, attested(tmp_path, "lead"), people=None).verdict is Verdict.FAIL
    elsewhere = Standing(readiness_chain("shop", "elsewhere"), [attested(tmp_path, "lead")], people)
    assert judge_lines(checklist(tmp_path, STATED), {}, elsewhere, AT)[0].verdict is Verdict.FAIL
    assert "not proven" in elsewhere.doubtful(AT)[0]


def test_what_does_not_count_is_named_until_it_ends_or_is_stated_anew(tmp_path: Path) -> None:
    """The list gets shorter: by a valid statement afterwards, by the end of the other; not by an old one once more."""
    people = crew(tmp_path)
    valid = attested(tmp_path, "lead")
    forged = valid.model_copy(update={"signature": valid.signature[::-1]})
    earlier = valid.model_copy(update={"at": AT - timedelta(hours=2), "signature": ""})
    earlier = earlier.model_copy(update={"signature": PersonalKey(tmp_path / "lead").sign(CHAIN, earlier)})
    over = waived(tmp_path, "manager", "engineering_lead", days=1)

    def named(*events: ev.Event, after: timedelta = timedelta(0)) -> int:
        return len(Standing(CHAIN, events, people).doubtful(AT + after))

    assert named(forged) == named(forged, forged) == 1
    assert named(forged, valid) == 0
    assert named(earlier, forged, earlier) == 1
    assert named(valid, forged) == 1
    assert named(forged, over) == 2
    assert named(forged, over, after=timedelta(days=1)) == 1
    assert named(forged, over, after=timedelta(days=10)) == 0


def test_a_waiver_needs_one_of_the_books_roles(tmp_path: Path) -> None:
    """Who may waive turns a failure into `waived`, keeps why it failed in sight, and only until the date."""
    people, failed = crew(tmp_path), {REF: [seen(Verdict.FAIL, summary="broken")]}
    line = f"title: A, {CHECK}"

    accepted = judged(tmp_path, line, failed, waived(tmp_path, "lead", "engineering_lead"), people=people)
    assert accepted.verdict is Verdict.WAIVED
    assert "broken" in accepted.summary
    other = judged(tmp_path, line, failed, waived(tmp_path, "manager", "product_manager"), people=people)
    assert other.verdict is Verdict.FAIL
    over = judged(tmp_path, line, failed, waived(tmp_path, "lead", "engineering_lead", days=0), people=people)
    assert over.verdict is Verdict.FAIL
    never = judged(
        tmp_path,
        f"{line}, waivable: false",
        failed,
        waived(tmp_path, "lead", "engineering_lead"),
        people=people,
    )
    assert never.verdict is Verdict.FAIL


def test_a_waiver_does_not_hide_a_pass(tmp_path: Path) -> None:
    """What holds passes, whatever was accepted before."""
    said = waived(tmp_path, "lead", "engineering_lead") if crew(tmp_path) else None
    assert said is not None

    assert judged(tmp_path, f"title: A, {CHECK}", {REF: [seen()]}, said).verdict is Verdict.PASS


def test_only_blocking_lines_keep_a_system_from_being_ready(tmp_path: Path) -> None:
    """An advisory line that fails is counted and said, and does not block; a skipped blocking one does."""
    book = checklist(tmp_path, f"title: A, {CHECK}, severity: advisory", f"title: B, {CHECK}, claimed: true")
    evidence = {REF: [seen(Verdict.FAIL)], "shop/testing/unit/2": [Outcome.skipped("no such system")]}

    found = score(judge_lines(book, evidence, Standing(CHAIN, [], None), AT))

    assert (found.blocking, found.ready, found.unproven) == (1, False, 1)
    assert sentence("shop", found) == "shop is not ready: 1 lines block, 0 of 2 hold (1 fail, 1 skipped)"
    well = score(judge_lines(book, {**evidence, "shop/testing/unit/2": [seen()]}, Standing(CHAIN, [], None), AT))
    assert (well.ready, well.unproven) == (True, 0)


def test_a_waiver_is_over_when_the_book_asks_for_something_else(tmp_path: Path) -> None:
    """Who accepted a missing first thing did not accept a missing second one; another title changes nothing."""
    people, failed = crew(tmp_path), {REF: [seen(Verdict.FAIL)]}
    given = waived(tmp_path, "lead", "engineering_lead")

    assert judged(tmp_path, CHECKED.replace("title: A", "title: B"), failed, given, people=people).green
    stricter = CHECKED.replace('"= 1"', '"= 2"')
    assert judged(tmp_path, stricter, failed, given, people=people).verdict is Verdict.FAIL


def test_a_statement_is_over_when_the_book_wants_another_one(tmp_path: Path) -> None:
    """What was stated are the words of then."""
    people, other = crew(tmp_path), STATED.replace("I say so", "I say something else")

    assert judged(tmp_path, other, {}, attested(tmp_path, "lead"), people=people).verdict is Verdict.FAIL
