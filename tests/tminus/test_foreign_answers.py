"""What answers in Slack's or PagerDuty's place, and what they say that is about us: no letter is given up for it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import Response

from deployments.rehearsal.in_thread import Door
from tests.tminus.carrying import at_once, carry, note, send
from tests.tminus.staged_launch import Stage
from tests.tminus.told_stories import held
from tminus.environment import PagerDuty, Slack
from tminus.foreign_text import printable
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel
from tminus.slack_channel import SlackChannel

FOREIGN: list[tuple[int, bytes]] = [
    (200, b"{}"),
    (200, b"[]"),
    (200, b"null"),
    (200, b'{"ok": false}'),
    (200, b'{"ok": false, "error": 7}'),
    (200, b'{"ok": false, "error": "404"}'),
    (200, b'{"ok": false, "error": "\\ud800"}'),
    (200, b'{"ok": false, "error": "\\u0000\\u001b[2J"}'),
    (200, b"[" * 100_000),
    (400, b'{"message": "Bad Request"}'),
    (403, b'{"message": "Forbidden"}'),
    (403, b'{"ok": false, "error": "forbidden"}'),
    (404, b""),
    (407, b"<html>"),
    (413, b"<html>"),
    (413, b"[" * 100_000),
]


@pytest.fixture
def slack_stage(tmp_path: Path, slack_settings: dict[str, object]) -> Stage:
    """A launch whose board is due."""
    return Stage.set(tmp_path, slack=slack_settings)


@pytest.fixture
def to_slack(slack_settings: dict[str, object]) -> SlackChannel:
    """The way to Slack."""
    return SlackChannel(Slack.model_validate(slack_settings))


@pytest.fixture
def page_stage(tmp_path: Path, pagerduty_settings: dict[str, object]) -> Stage:
    """A launch whose first page is due."""
    stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
    held(stage)
    stage.store.run("DELETE FROM outbox WHERE body NOT LIKE '%trigger%'", {})
    return stage


@pytest.fixture
def to_pagerduty(pagerduty_settings: dict[str, object]) -> Iterator[PagerDutyChannel]:
    """The way to PagerDuty."""
    channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
    yield channel
    channel.close()


def left(stage: Stage) -> tuple[str, str]:
    """The state of the only letter that has not arrived, and why."""
    ((state, why),) = [(str(row[4]), str(row[6])) for row in Outbox(stage.store).unsent()]
    return state, why


def answers(door: Door, status: int, body: bytes) -> None:
    """Whatever is asked, this is the answer."""
    door.behind = Response(body, status, media_type="application/json")


@pytest.mark.parametrize(("status", "body"), FOREIGN, ids=[f"{status} {body[:30]!r}" for status, body in FOREIGN])
class TestForeign:
    """None of their own words: tried again."""

    def test_at_slack(
        self, slack_stage: Stage, to_slack: SlackChannel, slack_door: Door, status: int, body: bytes
    ) -> None:
        """Also where it looks a little like theirs."""
        answers(slack_door, status, body)
        assert carry(slack_stage, to_slack) == 0
        state, why = left(slack_stage)
        assert (state, why[:6], printable(why)) == ("due", "Slack:", why)

    def test_at_pagerduty(
        self, page_stage: Stage, to_pagerduty: PagerDutyChannel, pagerduty_door: Door, status: int, body: bytes
    ) -> None:
        """A page is not given up because a proxy, or a gateway before PagerDuty, refused it."""
        answers(pagerduty_door, status, body)
        assert carry(page_stage, to_pagerduty, "pagerduty") == 0
        state, why = left(page_stage)
        assert (state, why[:10], printable(why)) == ("due", "PagerDuty:", why)


@pytest.mark.parametrize("error", ["invalid_auth", "not_allowed_token_type", "restricted_action_read_only_channel"])
def test_what_slack_says_of_us_waits_and_says_so(
    slack_stage: Stage, to_slack: SlackChannel, slack_door: Door, error: str
) -> None:
    """Somebody can mend it."""
    answers(slack_door, 200, json.dumps({"ok": False, "error": error}).encode())
    assert carry(slack_stage, to_slack) == 0
    assert left(slack_stage) == ("due", f"Slack: {error}")


@pytest.mark.parametrize("metadata", [None, [], {"messages": {"a": 1}}, {"messages": []}, {"messages": 7}])
def test_a_word_of_slacks_with_odd_words_beside_it(
    slack_stage: Stage, to_slack: SlackChannel, slack_door: Door, metadata: object
) -> None:
    """The word decides, and what cannot be read is left out."""
    said = {"ok": False, "error": "invalid_blocks", "response_metadata": metadata}
    answers(slack_door, 200, json.dumps(said).encode())
    assert carry(slack_stage, to_slack) == 0
    assert left(slack_stage) == ("dead", "Slack: invalid_blocks")


def test_a_post_that_is_found_without_its_ts(slack_stage: Stage, to_slack: SlackChannel, slack_door: Door) -> None:
    """Whatever says that it is there and not where is asked again."""
    ((letter, chain),) = slack_stage.store.look("SELECT id, chain FROM outbox", {})
    slack_stage.store.run("UPDATE outbox SET attempts = 1", {})
    found = {"metadata": {"event_payload": {"letter": str(letter), "chain": chain}}}
    answers(slack_door, 200, json.dumps({"ok": True, "messages": [found]}).encode())
    assert carry(slack_stage, to_slack) == 0
    assert left(slack_stage) == ("due", "Slack: it says that it posted, and not what")


@pytest.mark.parametrize("ts", ["\ud800", "\u0000", "", "1405895017.000506\n", "1" * 101, 7], ids=ascii)
def test_a_ts_that_is_none_is_no_receipt(
    slack_stage: Stage, to_slack: SlackChannel, slack_door: Door, ts: object
) -> None:
    """Whatever answers "posted" so is asked again, and no ledger stumbles over it."""
    answers(slack_door, 200, json.dumps({"ok": True, "ts": ts}).encode())
    assert carry(slack_stage, to_slack) == 0
    assert left(slack_stage) == ("due", "Slack: it says that it posted, and not what")


_PASSED = [(200, True), (401, True), (403, True), (404, True), (407, True), (413, True), (408, False), (503, False)]


@pytest.mark.parametrize(("status", "passed"), _PASSED)
class TestRefusedAgainAndAgain:
    """Something between us and them will not have one letter: what comes behind is tried. An outage keeps the order."""

    def test_at_slack(
        self, slack_stage: Stage, to_slack: SlackChannel, slack_door: Door, status: int, passed: bool
    ) -> None:
        """After eight refusals."""
        send(slack_stage, note("behind"))
        answers(slack_door, status, b"<html>")
        for _ in range(9):
            carry(slack_stage, to_slack)
            at_once(slack_stage)
        first, behind = (int(str(row[5])) for row in Outbox(slack_stage.store).unsent())
        assert (first, behind > 0) == (9, passed)

    def test_at_pagerduty(
        self, page_stage: Stage, to_pagerduty: PagerDutyChannel, pagerduty_door: Door, status: int, passed: bool
    ) -> None:
        """A page waits a minute behind such a letter, and no hour."""
        send(page_stage, PagerDutyLetter(op="trigger", summary="behind").letter("behind"))
        answers(pagerduty_door, status, b"<html>")
        for _ in range(9):
            carry(page_stage, to_pagerduty, "pagerduty")
            at_once(page_stage)
        first, behind = (int(str(row[5])) for row in Outbox(page_stage.store).unsent())
        assert (first, behind > 0) == (9, passed)


@pytest.mark.parametrize(
    ("status", "errors", "state"),
    [
        (400, ["'payload.severity' is invalid"], "dead"),
        (400, [], "dead"),
        (413, ["Event is too large"], "dead"),
        (400, ["'routing_key' is not valid"], "due"),
        (403, ["Forbidden"], "due"),
    ],
)
def test_what_pagerduty_says(
    page_stage: Stage, to_pagerduty: PagerDutyChannel, pagerduty_door: Door, status: int, errors: list[str], state: str
) -> None:
    """An event that is wrong is given up; a key that may be changing at the moment is not, and both are said."""
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    answers(pagerduty_door, status, json.dumps(said).encode())
    assert carry(page_stage, to_pagerduty, "pagerduty") == 0
    found, why = left(page_stage)
    assert (found, (errors or ["invalid event: Event object is invalid"])[0] in why) == (state, True), why


def test_what_pagerduty_says_is_printable(
    page_stage: Stage, to_pagerduty: PagerDutyChannel, pagerduty_door: Door
) -> None:
    """PostgreSQL would not store it, and a terminal would obey it."""
    said = {"status": "invalid event", "message": "", "errors": ["\u0000\u001b[2J is wrong"]}
    answers(pagerduty_door, 400, json.dumps(said).encode())
    assert carry(page_stage, to_pagerduty, "pagerduty") == 0
    state, why = left(page_stage)
    assert (state, why) == ("dead", "PagerDuty: 400 \ufffd\ufffd[2J is wrong")
