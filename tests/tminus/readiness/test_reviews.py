"""Recurring lines: due a period after they last held, told by owner, paged once they are overdue."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tests.tminus.readiness.room import AT, CHECK, KINDS, book, crew, seen, source
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.environment import Environment
from tminus.errors import BookError
from tminus.ledger.store import Letter
from tminus.messages.forms import PagerDutyLetter, SlackLetter
from tminus.outcome import Verdict
from tminus.personal_key import PersonalKey
from tminus.readiness.book import Checklist, Every
from tminus.readiness.due import DueState, Recurring, after, last_stated, recurring
from tminus.readiness.judging import judge_lines
from tminus.readiness.reminding import letters, page_key, reviews_told, week_of, what_to_type
from tminus.readiness.source import build_checklist
from tminus.readiness.standing import Standing

CHAIN = readiness_chain("shop", "here")
STATED = "title: A review, attestation: {role: engineering_lead, statement: I did it, valid_for: 400d}"
DAY = timedelta(days=1)


def recurring_book(folder: Path, every: str, *lines: str) -> Checklist:
    """A checklist whose one section recurs."""
    text = book(*lines).replace("    lines:", f"    every: {every}\n    lines:")
    return build_checklist([source(folder, text)], [], KINDS)


def stands(
    folder: Path, held: timedelta | None, every: str = "week", told: Sequence[ev.ReviewsTold] = (), **waived: datetime
) -> Recurring:
    """The one line of a checklist that held so long ago."""
    checklist = recurring_book(folder, every, f"title: Error rate, {CHECK}")
    ref = "shop/testing/unit/1"
    events: list[ev.Event] = []
    people = crew(folder)
    if waived:
        digest = next(checklist.lines()).digest
        role, until = "engineering_lead", waived["until"]
        plain = ev.LineWaived(ref=ref, digest=digest, person="lead", role=role, reason="known", until=until)
        events.append(plain.model_copy(update={"signature": PersonalKey(folder / "lead").sign(CHAIN, plain)}))
    judged = judge_lines(checklist, {ref: [seen(Verdict.FAIL)]}, Standing(CHAIN, events, people), AT)
    return recurring(checklist, judged, {ref: AT - held} if held is not None else {}, told, AT)[0]


def environment(**sections: JsonValue) -> Environment:
    """Somewhere with a Slack and a PagerDuty that nothing is sent to."""
    plain: dict[str, JsonValue] = {
        "environment": "here",
        "kind": "rehearsal",
        "ledger": {"sqlite": "x"},
        "prefect": {"api": "http://127.0.0.1:1"},
        "state": "s",
        "slack": {"channel": "C0", "token": "env:T", "signing_secret": "env:S"},
        "pagerduty": {"routing_key": "env:R"},
    }
    return Environment.model_validate({**plain, **sections})


def told_of(folder: Path, *ages: float, before: Sequence[ev.ReviewsTold] = ()) -> tuple[ev.ReviewsTold, list[Letter]]:
    """What is told of weekly lines that last held so many days ago, and the letters."""
    checklist = recurring_book(folder, "week", *(f"title: KPI {number}, {CHECK}" for number, _ in enumerate(ages, 1)))
    judged = judge_lines(checklist, {}, Standing(CHAIN, [], None), AT)
    held = {one.line.ref: AT - timedelta(days=age) for one, age in zip(judged, ages, strict=True)}
    lines = recurring(checklist, judged, held, before, AT)
    told = reviews_told(lines, before, AT)
    return told, letters(environment(), CHAIN, "shop", told, lines)


@pytest.mark.parametrize(
    ("every", "at", "due"),
    [
        ("week", "2026-11-22", "2026-11-29"),
        ("month", "2026-11-22", "2026-12-22"),
        ("month", "2027-01-31", "2027-02-28"),
        ("month", "2026-12-31", "2027-01-31"),
        ("quarter", "2026-11-30", "2027-02-28"),
    ],
)
def test_a_period_is_one_of_the_calendar(every: Every, at: str, due: str) -> None:
    """A month after the 22nd is the 22nd; after the 31st it is the month's last day."""
    assert after(every, datetime.fromisoformat(f"{at}T12:00:00+00:00")) == datetime.fromisoformat(
        f"{due}T12:00:00+00:00"
    )


@given(st.integers(0, 900_000), st.sampled_from(["week", "month", "quarter"]))
def test_a_period_always_ends_later(hours: int, every: Every) -> None:
    """After every moment, and within a week, a month, or a quarter and a day at most."""
    at = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    length = after(every, at) - at
    assert DAY * 7 <= length <= DAY * {"week": 7, "month": 31, "quarter": 92}[every]


@pytest.mark.parametrize(
    ("held", "state", "said"),
    [
        (1, DueState.DONE, "done until 2026-11-28"),
        (4, DueState.DUE, "due within 3 days, on 2026-11-25"),
        (7, DueState.OVERDUE, "overdue since 2026-11-22"),
        (20, DueState.OVERDUE, "overdue since 2026-11-09"),
        (None, DueState.NEVER, "never done; overdue from 2026-11-29"),
    ],
)
def test_a_line_is_due_a_period_after_it_last_held(
    tmp_path: Path, held: int | None, state: DueState, said: str
) -> None:
    """Done, then due three days before, then overdue since that very day; never done is said as such."""
    found = stands(tmp_path, None if held is None else DAY * held)
    assert (found.state, found.said) == (state, said)


def test_what_was_never_done_is_overdue_a_period_after_it_was_first_told(tmp_path: Path) -> None:
    """A line that always fails does not stay `never done` for ever: a week after it was told it is overdue."""
    digest = next(recurring_book(tmp_path, "week", f"title: Error rate, {CHECK}").lines()).digest
    line = ev.ReviewLine(ref="shop/testing/unit/1", owner="engineering_lead", state="never", due=AT, digest=digest)
    told = [ev.ReviewsTold(at=AT - DAY * days, week="2026-W01", done=0, lines=(line,)) for days in (9, 2)]
    found = stands(tmp_path, None, told=told)
    assert (found.state, found.said) == (DueState.OVERDUE, "never done, overdue since 2026-11-20")


@pytest.mark.parametrize("digest", ["of another book", ""])
def test_a_line_that_asks_something_else_now_is_told_before_it_is_overdue(tmp_path: Path, digest: str) -> None:
    """What was told of what the book asked before pages nobody, nor what was written before digests were told."""
    line = {"ref": "shop/testing/unit/1", "owner": "engineering_lead", "state": "due", "due": AT.isoformat()}
    read = ev.ReviewLine.model_validate({**line, "digest": digest} if digest else line)
    told = ev.ReviewsTold(at=AT - DAY * 90, week="2026-W34", done=0, lines=(read,))
    found = stands(tmp_path, None, told=[told])
    assert (found.state, found.said) == (DueState.NEVER, "never done; overdue from 2026-11-29")
    again = ev.ReviewsTold(at=AT - DAY * 8, week="2026-W46", done=0, lines=(found.told(),))
    assert stands(tmp_path, None, told=[told, again]).state is DueState.OVERDUE


def test_what_is_accepted_is_not_due_before_that_ends(tmp_path: Path) -> None:
    """A signed waiver pages nobody until its date."""
    assert stands(tmp_path, DAY * 20, until=AT + DAY * 30).said == "done until 2026-12-22"
    assert stands(tmp_path, DAY * 20, until=AT + DAY * 2).state is DueState.DUE


def test_a_statement_counts_from_when_it_was_made(tmp_path: Path) -> None:
    """However long the statement itself holds, a monthly task is due a month after it; a forged one never counts."""
    people = crew(tmp_path)
    checklist = recurring_book(tmp_path, "month", STATED)
    plain = ev.LineAttested(
        at=AT - DAY * 40,
        ref="shop/testing/unit/1",
        person="lead",
        role="engineering_lead",
        statement="I did it",
        link="https://wiki.example/1",
        until=AT + DAY * 300,
    )
    signed = plain.model_copy(update={"signature": PersonalKey(tmp_path / "lead").sign(CHAIN, plain)})
    for event, held in ((signed, AT - DAY * 40), (plain, None)):
        standing = Standing(CHAIN, [event], people)
        judged = judge_lines(checklist, {}, standing, AT)
        (found,) = recurring(checklist, judged, last_stated(checklist, judged, standing), (), AT)
        assert found.held == held
        assert found.state is (DueState.OVERDUE if held else DueState.NEVER)


def test_the_same_claim_as_another_lines_is_due_by_that_ones_statement(tmp_path: Path) -> None:
    """And the page says to state that one."""
    people = crew(tmp_path)
    checklist = recurring_book(tmp_path, "month", STATED, "title: Again, same_as: shop/testing/unit/1")
    plain = ev.LineAttested(
        at=AT - DAY * 40,
        ref="shop/testing/unit/1",
        person="lead",
        role="engineering_lead",
        statement="I did it",
        link="https://wiki.example/1",
        until=AT + DAY * 300,
    )
    signed = plain.model_copy(update={"signature": PersonalKey(tmp_path / "lead").sign(CHAIN, plain)})
    standing = Standing(CHAIN, [signed], people)
    judged = judge_lines(checklist, {}, standing, AT)
    _, again = recurring(checklist, judged, last_stated(checklist, judged, standing), (), AT)
    assert again.said == "overdue since 2026-11-13"
    command = "tminus line attest shop/testing/unit/1 --until DATE --link PROOF --environment FILE --people FILE"
    assert what_to_type("shop", again) == command


def test_a_section_that_does_not_recur_is_no_review(tmp_path: Path) -> None:
    """Only sections with `every` are; and `every: fortnight` is a mistake with its line."""
    checklist = build_checklist([source(tmp_path, book(f"title: A, {CHECK}"))], [], KINDS)
    assert recurring(checklist, judge_lines(checklist, {}, Standing(CHAIN, [], None), AT), {}, (), AT) == []
    with pytest.raises(BookError, match=r"1\.yaml:\d+: .*every"):
        recurring_book(tmp_path, "fortnight", f"title: A, {CHECK}")


def test_a_page_says_what_since_when_whose_and_what_to_type(tmp_path: Path) -> None:
    """One page an owner, with every overdue line; the summary is within PagerDuty's limit."""
    told, sent = told_of(tmp_path, 20, 9, 1)
    (page,) = [one for one in sent if one.channel == "pagerduty"]
    body = PagerDutyLetter.model_validate_json(page.body)
    assert told.paged == ("engineering_lead",)
    assert page.key == page_key(CHAIN, "engineering_lead") == f"{CHAIN}:reviews:engineering_lead"
    assert (body.op, body.severity) == ("trigger", "warning")
    assert body.summary == "shop: KPI 1 is overdue since 2026-11-09, and 1 more; engineering lead owns it"
    assert body.details["overdue"].splitlines() == [
        "shop/testing/unit/1: KPI 1: overdue since 2026-11-09",
        "shop/testing/unit/2: KPI 2: overdue since 2026-11-20",
    ]
    assert body.details["to mark as done"] == "tminus readiness shop --section unit --environment FILE"
    assert body.details["owner"] == "engineering lead"


def test_a_page_is_resolved_once_nothing_of_its_owner_is_overdue(tmp_path: Path) -> None:
    """By the same key, once; what was never paged is not resolved."""
    first, _ = told_of(tmp_path, 20)
    second, sent = told_of(tmp_path, 1, before=[first])
    third, silent = told_of(tmp_path, 1, before=[first, second])
    assert (second.resolved, third.resolved) == (("engineering_lead",), ())
    assert [(one.key, json.loads(one.body)["op"]) for one in sent if one.channel == "pagerduty"] == [
        (page_key(CHAIN, "engineering_lead"), "resolve")
    ]
    assert [one for one in silent if one.channel == "pagerduty"] == []


def test_one_message_a_week_by_owner(tmp_path: Path) -> None:
    """Its key is the week, and it is a living message: told again, it changes and none is added."""
    told, sent = told_of(tmp_path, 20, 5, 1)
    (message,) = [one for one in sent if one.channel == "slack"]
    body = SlackLetter.model_validate_json(message.body)
    assert (message.key, told.week) == ("reviews-2026-W47", "2026-W47")
    assert body.living
    shown = json.dumps(body.blocks)
    assert "engineering lead" in shown
    assert "KPI 1: overdue since 2026-11-09" in shown
    assert "KPI 2: due within 3 days" in shown
    assert "KPI 3" not in shown
    assert body.text == "shop: 1 recurring line overdue, 1 due within 3 days, 0 never done, 1 done"


def test_only_channels_that_are_there_are_told(tmp_path: Path) -> None:
    """Without Slack and PagerDuty nothing is put into the outbox."""
    told, _ = told_of(tmp_path, 20)
    assert letters(environment(slack=None, pagerduty=None), CHAIN, "shop", told, []) == []


def test_hundreds_of_lines_fit_into_a_message_and_a_page(tmp_path: Path) -> None:
    """Slack takes 50 blocks, and one of them says when a letter is late."""
    _, sent = told_of(tmp_path, *[20.0] * 300)
    for one in sent:
        if one.channel == "slack":
            assert len(SlackLetter.model_validate_json(one.body).blocks) <= 49
        else:
            page = PagerDutyLetter.model_validate_json(one.body)
            assert len(page.summary) <= 1024
            assert page.details["and more"].startswith("280; ")


def test_the_last_days_of_a_year_belong_to_their_iso_week() -> None:
    """1 January 2027 lies in 2026's last week, so its message is that week's."""
    assert week_of(datetime(2027, 1, 1, tzinfo=UTC)) == "2026-W53"
