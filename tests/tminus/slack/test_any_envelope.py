"""Whatever comes over a Socket Mode connection, it neither breaks it nor is taken for somebody's word."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, SecretStr

from tests.tminus.launch_story import KINDS
from tests.tminus.slack_line import APP_TOKEN
from tests.tminus.staged_launch import Stage
from tminus.slack_answers import SlackAnswers
from tminus.slack_intake import SlackIntake
from tminus.slack_socket import SlackSocket


class _Deaf:
    """A connection whose acknowledgements go nowhere."""

    def acknowledge(self, _envelope: str, _payload: object) -> bool:
        """Lost."""
        return False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


FIELDS = ("type", "envelope_id", "payload", "user", "actions", "view", "user_id", "command", "text", "response_url")


@pytest.fixture
def unconnected(stage: Stage) -> Iterator[SlackSocket]:
    """What hears envelopes, without a connection."""
    part = SlackSocket(SlackIntake(stage.store, KINDS, SlackAnswers("http://127.0.0.1:1/api/")), SecretStr(APP_TOKEN))
    part._loop = asyncio.new_event_loop()
    yield part
    part._loop.close()


@given(
    message=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=8),
    kind=st.sampled_from(["interactive", "slash_commands", "hello", ""]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_envelope_breaks_it_or_is_recorded(
    unconnected: SlackSocket, stage: Stage, message: dict[str, JsonValue], kind: str
) -> None:
    """Whatever stands in it, in the envelope or in what it holds, and however often it comes."""
    assert unconnected._loop is not None
    before = stage.book.refresh().seq
    payload = {**message, "type": "block_actions"}
    for one in (message, {**message, "type": kind, "envelope_id": "1", "payload": payload}):
        unconnected._heard(_Deaf(), one)  # type: ignore[arg-type]
    unconnected._loop.run_until_complete(unconnected._intake.finish())
    assert stage.book.refresh().seq == before
