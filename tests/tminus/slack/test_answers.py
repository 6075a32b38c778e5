"""Answers to whoever pressed, where Slack is slow: each has its time, so many wait, and the rest is counted."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import served
from tests.tminus.dripping import drips_until
from tminus import slack_answers
from tminus.slack_answers import SlackAnswers, Told

TOLD = Told("This does not count: it was decided")


@pytest.fixture
def dripping(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Slack whose answers come byte by byte, without an end: no timeout of a socket ever passes. Its address."""
    monkeypatch.setattr(slack_answers, "_WITHIN", 0.3)
    monkeypatch.setattr(slack_answers, "_OPENS", 0.3)
    monkeypatch.setattr(slack_answers, "_PATIENCE", 0.1)
    over = threading.Event()

    with served(drips_until(over)) as url:
        yield url
        over.set()


def answers_to(url: str) -> SlackAnswers:
    """What answers there."""
    return SlackAnswers(f"{url}/api/", lambda: SecretStr("xoxb-1"))


async def test_an_answer_has_its_time_and_no_more(dripping: str) -> None:
    """However it is given, while Slack still drips; that it was not given is counted, a dialog's failure is said."""
    answers = answers_to(dripping)
    async with asyncio.timeout(20):
        await answers.reply(f"{dripping}/actions/T/1", TOLD)
        await answers.whisper("C0LAUNCHES", "U0DEVOPS", TOLD)
        assert await answers.open_dialog("1.2", {"type": "modal"}) == "Slack did not answer"
    assert (answers.lost, answers.waiting) == (2, 0)


async def test_dialogs_that_hang_take_their_places_and_no_more(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further ones are told at once that too many are opened, and there is never another thread."""
    monkeypatch.setattr(slack_answers, "_DIALOGS", 2)
    answers = answers_to(dripping)
    async with asyncio.timeout(20):
        said = await asyncio.gather(*(answers.open_dialog(str(number), {}) for number in range(6)))
    assert sorted(said) == ["Slack did not answer"] * 2 + ["too many are opened just now"] * 4
    assert len([one for one in threading.enumerate() if one.name == "slack opens a dialog"]) == 2


async def test_only_so_many_wait(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is not given and counted at once; when the others are done there is room again."""
    monkeypatch.setattr(slack_answers, "_MOST_WAITING", 5)
    answers = answers_to(dripping)
    async with asyncio.timeout(20):
        url = f"{dripping}/actions/T/1"
        begun = [asyncio.ensure_future(answers.reply(url, TOLD)) for _ in range(8)]
        await asyncio.sleep(0)
        assert (answers.waiting, answers.lost) == (5, 3)
        await asyncio.wait(begun)
    assert (answers.waiting, answers.lost) == (0, 8)
