"""Pages by PagerDuty's REST API: to the role's own policy, to people, or to the service's own, and once."""

import pytest
from pydantic import JsonValue, ValidationError

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tests.tminus.carrying import at_once, carry, send
from tests.tminus.rest_pages import OVER, page, paged
from tests.tminus.staged_launch import CREW, Stage, pagerduty_id
from tminus.environment import PagerDuty
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel


class TestWhoIsPaged:
    """A policy's on-call, people by name, or the service's own."""

    @pytest.mark.parametrize(
        ("letter", "who"),
        [
            (page("PDEVOPS"), ["both"]),
            (page("", pagerduty_id("devops"), pagerduty_id("security")), ["devops", "security"]),
            (page(), ["engineering"]),
        ],
        ids=["policy", "people", "service"],
    )
    def test_it_reaches_whom_it_is_for(
        self,
        stage: Stage,
        account: PagerDutyStandIn,
        channel: PagerDutyChannel,
        letter: PagerDutyLetter,
        who: list[str],
    ) -> None:
        """With its key, its text in the order in which it is read, and the receipt says whom PagerDuty paged."""
        send(stage, letter.letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 1
        (incident,) = account.account.incidents
        assert paged(account) == [[pagerduty_id(one) for one in who]]
        assert (incident.key, incident.urgency) == ("L:ask-go", "high")
        assert incident.body.splitlines() == ["what waits: Go: no answer yet", "to look: tminus status L"]
        receipt = Outbox(stage.store).receipt(stage.book.launch, "pagerduty", "L:ask-go")
        assert receipt is not None
        assert receipt.startswith(incident.id)
        assert all(CREW[one][0] in receipt for one in who)

    def test_what_is_open_under_its_key_is_not_paged_twice(
        self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel
    ) -> None:
        """PagerDuty refuses the second; it arrived all the same."""
        send(stage, page("PDEVOPS").letter("L:ask-go"), page("PDEVOPS").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 2
        (incident,) = account.account.incidents
        assert incident.alerts == []  # no event had to go out instead

    def test_a_page_whose_answer_never_came_is_not_doubled(
        self, stage: Stage, account: PagerDutyStandIn, settings: dict[str, JsonValue], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It had arrived; the next try finds it."""
        monkeypatch.setattr("tminus.pagerduty_rest._TIMEOUT", 1)
        channel = PagerDutyChannel(PagerDuty.model_validate(settings))
        account.faults.set(Fault(mode="slow", seconds=2, times=1))
        send(stage, page("PDEVOPS").letter("L:ask-go"))
        assert carry(stage, channel, "pagerduty") == 0
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: ReadTimeout"
        at_once(stage)
        assert carry(stage, channel, "pagerduty") == 1
        channel.close()
        assert paged(account) == [[pagerduty_id("both")]]
        assert account.account.incidents[0].alerts == []

    def test_answered_it_is_over(self, stage: Stage, account: PagerDutyStandIn, channel: PagerDutyChannel) -> None:
        """Whichever way it was triggered; resolved twice it does nothing."""
        by_event = page().model_copy(update={"by_rest": False})
        send(stage, page("PDEVOPS").letter("L:a"), by_event.letter("L:b"), OVER.letter("L:a"), OVER.letter("L:b"))
        send(stage, OVER.letter("L:a"))
        assert carry(stage, channel, "pagerduty") == 5
        assert [one.status for one in account.account.incidents] == ["resolved", "resolved"]


@pytest.mark.parametrize(
    "address", ["http://pagerduty.example", "https://", "nowhere", "https://a b", "https://h:99999"]
)
def test_an_address_is_https_and_names_a_host(address: str, settings: dict[str, JsonValue]) -> None:
    """Nothing else could be written to safely; only to this machine may it be plain http."""
    rest = settings["rest"]
    assert isinstance(rest, dict)
    for wrong in ({"events": address}, {"api": address}, {"rest": {**rest, "api": address}}):
        with pytest.raises(ValidationError, match="https://"):
            PagerDuty.model_validate({**settings, **wrong})
