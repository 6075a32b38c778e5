"""Pages that PagerDuty's REST API does not take: they go by an event, or are tried again, and none is lost."""

from collections.abc import Callable

import pytest
from pydantic import JsonValue
from starlette.responses import PlainTextResponse

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.in_thread import Door
from deployments.rehearsal.pagerduty_rest import RestApi, RestRefusal
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tests.tminus.carrying import DOWN, at_once, carry, send
from tests.tminus.pagerduty_room import TOKEN
from tests.tminus.rest_pages import OVER, page, paged
from tests.tminus.staged_launch import Stage, pagerduty_id
from tminus.environment import PagerDuty
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel


def without_rest(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The REST API alone does not answer."""
    rest = settings["rest"]
    assert isinstance(rest, dict)
    return {**settings, "rest": {**rest, "api": "https://127.0.0.1:1"}}


class TestWhenItIsNotHad:
    """Somebody must wake up in any case."""

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda rest: {**rest, "service": "PGONE"},
            lambda rest: {**rest, "from_email": "nobody@example.com"},
            lambda rest: {**rest, "token": "env:STAGED_TOKEN"},
            lambda rest: {**rest, "token": "env:STAGED_GONE"},
        ],
        ids=["no such service", "nobody writes", "refused token", "no token"],
    )
    def test_refused_it_is_an_event_to_the_default_service(
        self,
        stage: Stage,
        account: PagerDutyStandIn,
        settings: dict[str, JsonValue],
        wrong: Callable[[JsonValue], JsonValue],
        every_log_line: pytest.LogCaptureFixture,
    ) -> None:
        """That says so; its end needs nobody's hand, and no token is in any log or error."""
        channel = PagerDutyChannel(PagerDuty.model_validate({**settings, "rest": wrong(settings["rest"])}))
        send(stage, page("PDEVOPS").letter("L:ask-go"), OVER.letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 2
        channel.close()
        (incident,) = account.account.incidents
        assert (incident.key, incident.status) == ("L:ask-go", "resolved")
        assert Outbox(stage.store).unsent() == []
        assert TOKEN not in every_log_line.text

    def test_an_unknown_policy_pages_the_default_service_and_says_why(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel
    ) -> None:
        """Somebody deleted it; the page says what PagerDuty said."""
        send(stage, page("PGONE").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 1
        (incident,) = account.account.incidents
        (event,) = incident.alerts
        assert "Escalation policy not found" in str(event)
        assert paged(account) == [[pagerduty_id("engineering")]]

    def test_after_some_tries_the_events_api_is_asked(
        self,
        stage: Stage,
        account: PagerDutyStandIn,
        settings: dict[str, JsonValue],
    ) -> None:
        """Where the REST API alone is down, the page goes out within seconds and holds up nothing behind it."""
        silent = without_rest(settings)
        channel = PagerDutyChannel(PagerDuty.model_validate(silent))
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        tries = 0
        while carry(stage, channel, "pagerduty") == 0:
            at_once(stage)
            tries += 1
        channel.close()
        assert tries == 3
        assert [one.key for one in account.account.incidents] == ["L:ask-go"]

    def test_while_all_of_it_is_down_the_outbox_waits(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel
    ) -> None:
        """Nothing is lost, and nothing comes twice when it is back."""
        account.faults.set(DOWN)
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        for _ in range(6):
            assert carry(stage, channel, "pagerduty") == 0
            at_once(stage)
        account.faults.set(Fault(mode="none"))
        assert carry(stage, channel, "pagerduty") == 1
        assert len(account.account.incidents) == 1

    def test_garbage_is_no_receipt(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel, pagerduty_door: Door
    ) -> None:
        """A proxy that answers 200 for it has woken nobody; it is tried again."""
        right, pagerduty_door.behind = pagerduty_door.behind, PlainTextResponse("<html>welcome</html>")
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 0
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: its answer cannot be read"
        pagerduty_door.behind = right
        at_once(stage)
        assert carry(stage, channel, "pagerduty") == 1
        assert len(account.account.incidents) == 1

    def test_too_many_requests_are_not_repeated_for_ever(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel
    ) -> None:
        """Two at most, then it is the outbox that waits."""
        account.faults.set(Fault(mode="rate_limited"))
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 0
        assert len(account.record.calls) <= 2
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: 429"

    def test_an_end_that_only_the_rest_api_could_bring_is_left_to_a_person(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel, settings: dict[str, JsonValue]
    ) -> None:
        """Made by the REST API, which then went away: tried again, and it says what to do; but it holds up no page."""
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        carry(stage, channel, "pagerduty")
        silent = without_rest(settings)
        other = PagerDutyChannel(PagerDuty.model_validate(silent))
        send(stage, OVER.letter("L:ask-go"))
        for _ in range(5):
            at_once(stage)
            carry(stage, other, "pagerduty")
        ((_, _, _, _, state, _, error, *_),) = Outbox(stage.store).unsent()
        assert state == "due"
        assert "resolve L:ask-go in PagerDuty by hand" in str(error)
        send(stage, page("PDEVOPS").letter("L:ask-other"))
        for _ in range(6):
            at_once(stage)
            carry(stage, other, "pagerduty")
        other.close()
        assert [row[3:5] for row in Outbox(stage.store).unsent()] == [("L:ask-go", "dead")]
        assert {one.key for one in account.account.incidents} == {"L:ask-go", "L:ask-other"}

    def test_after_an_outage_pages_go_to_whom_they_are_for(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel
    ) -> None:
        """However often a letter was tried, the REST API is asked first, for the page and for its end."""
        account.faults.set(DOWN)
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        for _ in range(6):
            carry(stage, channel, "pagerduty")
            at_once(stage)
        account.faults.set(Fault(mode="none"))
        assert carry(stage, channel, "pagerduty") == 1
        assert paged(account) == [[pagerduty_id("both")]]
        account.faults.set(DOWN)
        send(stage, OVER.letter("L:ask-go"))
        for _ in range(6):
            carry(stage, channel, "pagerduty")
            at_once(stage)
        account.faults.set(Fault(mode="none"))
        assert carry(stage, channel, "pagerduty") == 1
        assert [one.status for one in account.account.incidents] == ["resolved"]

    def test_a_token_that_comes_later_is_used_then(
        self, stage: Stage, account: PagerDutyStandIn, settings: dict[str, JsonValue], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Until then it pages by event, and says so; an end that needs the token waits for it."""
        monkeypatch.delenv("STAGED_REST_TOKEN")
        channel = PagerDutyChannel(PagerDuty.model_validate(settings))
        send(stage, page("PDEVOPS").letter("L:a"))
        assert carry(stage, channel, "pagerduty") == 1
        assert "paged instead" in str(account.account.incidents[0].alerts)
        monkeypatch.setenv("STAGED_REST_TOKEN", TOKEN)
        send(stage, page("PDEVOPS").letter("L:b"))
        assert carry(stage, channel, "pagerduty") == 1
        assert paged(account)[1] == [pagerduty_id("both")]
        channel.close()
        monkeypatch.delenv("STAGED_REST_TOKEN")
        again = PagerDutyChannel(PagerDuty.model_validate(settings))
        send(stage, OVER.letter("L:b"))
        assert carry(stage, again, "pagerduty") == 0
        monkeypatch.setenv("STAGED_REST_TOKEN", TOKEN)
        at_once(stage)
        assert carry(stage, again, "pagerduty") == 1
        again.close()
        assert account.account.incidents[1].status == "resolved"

    @pytest.mark.parametrize("token", ["caf\u00e9-canary", "line\nbreak-canary"])
    def test_a_token_that_cannot_be_sent_is_no_crash(
        self,
        stage: Stage,
        account: PagerDutyStandIn,
        channel: PagerDutyChannel,
        monkeypatch: pytest.MonkeyPatch,
        every_log_line: pytest.LogCaptureFixture,
        token: str,
    ) -> None:
        """The default service is paged, and the token is nowhere."""
        monkeypatch.setenv("STAGED_REST_TOKEN", token)
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 1
        assert "paged instead" in str(account.account.incidents[0].alerts)
        assert "canary" not in every_log_line.text + str(account.account.incidents)

    def test_an_answer_that_cannot_be_decoded_is_tried_again(
        self, stage: Stage, channel: PagerDutyChannel, pagerduty_door: Door
    ) -> None:
        """It says that it is compressed, and is not; neither of the two ways lets that escape."""
        pagerduty_door.behind = PlainTextResponse("no gzip", headers={"content-encoding": "gzip"})
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        for _ in range(5):
            assert carry(stage, channel, "pagerduty") == 0
            at_once(stage)
        assert str(Outbox(stage.store).unsent()[0][6]).startswith("PagerDuty: ")

    def test_an_end_that_pagerduty_refuses_is_not_taken_for_done(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It answers 400, and the incident is open as before."""
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        carry(stage, channel, "pagerduty")
        monkeypatch.setattr(RestApi, "update", _refuses)
        send(stage, OVER.letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 0
        assert "by hand" in str(Outbox(stage.store).unsent()[0][6])


def _refuses(*_: object) -> None:
    raise RestRefusal(400, 2001, "Invalid Input Provided")
