"""Letters to PagerDuty: bounded, once, late and saying so, and to nobody who is not trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.rehearsal.fault_switch import Fault
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tests.tminus.carrying import at_once, carry, grow_old, send
from tests.tminus.staged_launch import Stage, pagerduty_section
from tests.tminus.told_stories import held, phase
from tminus.environment import PagerDuty
from tminus.errors import UsageError
from tminus.messages.forms import PagerDutyLetter
from tminus.outbox import Outbox
from tminus.pagerduty_channel import PagerDutyChannel


@pytest.fixture
def to_pagerduty(pagerduty_settings: dict[str, object]) -> Iterator[PagerDutyChannel]:
    """The way to the other stand-in."""
    channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
    yield channel
    channel.close()


class TestPagerDuty:
    """The other way out."""

    def test_a_429_is_not_repeated_for_ever(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        to_pagerduty: PagerDutyChannel,
    ) -> None:
        """Two requests at most, then it is the outbox that waits."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        pagerduty.faults.set(Fault(mode="rate_limited"))
        phase(stage, "T-4h")
        assert carry(stage, to_pagerduty, "pagerduty") == 0
        assert len(pagerduty.record.calls) <= 2
        ((state, said),) = [(row[4], str(row[6])) for row in Outbox(stage.store).unsent()]
        assert (state, said.split(" Requests")[0]) == ("due", "PagerDuty: 429")

    def test_a_timeout_is_bounded_and_a_second_sending_makes_no_second_incident(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One request and no more, though the page had arrived; sent again it joins the same incident."""
        monkeypatch.setattr("tminus.pagerduty_channel._TIMEOUT", 1)
        channel = PagerDutyChannel(PagerDuty.model_validate(pagerduty_settings))
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        pagerduty.faults.set(Fault(mode="slow", seconds=3, times=1))
        held(stage)
        assert carry(stage, channel, "pagerduty") == 0
        assert len(pagerduty.record.calls) == 1
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: ReadTimeout"
        at_once(stage)
        assert carry(stage, channel, "pagerduty") == 1
        channel.close()
        assert len(pagerduty.account.incidents) == 1

    def test_a_late_page_says_so_within_the_limit(
        self,
        tmp_path: Path,
        pagerduty: PagerDutyStandIn,
        pagerduty_settings: dict[str, object],
        to_pagerduty: PagerDutyChannel,
    ) -> None:
        """However long the summary is, the words that say how late it is are in it."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        send(stage, PagerDutyLetter(op="trigger", summary="x" * 1024).letter("late"))
        grow_old(stage, 600)
        assert carry(stage, to_pagerduty, "pagerduty") == 1
        (incident,) = pagerduty.account.incidents
        assert len(incident.title) == 1024
        assert incident.title.endswith("(This is late by 600 s: it could not be sent when it happened.)")

    def test_an_authority_that_was_not_named_is_not_trusted(
        self, tmp_path: Path, pagerduty: PagerDutyStandIn, pagerduty_settings: dict[str, object]
    ) -> None:
        """TLS is verified: without the authority's certificate nothing is sent."""
        stage = Stage.set(tmp_path, pagerduty=pagerduty_settings)
        distrusting = {name: value for name, value in pagerduty_settings.items() if name != "ca_file"}
        channel = PagerDutyChannel(PagerDuty.model_validate(distrusting))
        held(stage)
        assert carry(stage, channel, "pagerduty") == 0
        channel.close()
        assert pagerduty.record.calls == []
        assert Outbox(stage.store).unsent()[0][6] == "PagerDuty: ConnectError"


def test_a_section_says_what_it_cannot_trust(tmp_path: Path, secrets: None) -> None:
    """An authority's file that is not there is named, and the courier tries again until it is."""
    missing = tmp_path / "nowhere.pem"
    with pytest.raises(UsageError, match=r"nowhere\.pem cannot be read"):
        PagerDutyChannel(PagerDuty.model_validate(pagerduty_section(ca_file=missing)))
