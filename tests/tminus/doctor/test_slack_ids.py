"""Slack, as the doctor finds it."""

import time
from pathlib import Path

import pytest

from tests.outages.trouble import TROUBLES, Mode
from tests.tminus.conftest import TOKEN
from tests.tminus.doctor.conftest import CHANNEL, SlackDesk, accounts, person, told
from tests.tminus.doctor.test_house_keeping import environment
from tests.tminus.doctor.test_team import approval, book
from tminus.doctor.examination import examine
from tminus.doctor.finding import Level
from tminus.doctor.slack_ids import SlackLook
from tminus.people import People

READS = {"auth.test", "conversations.info", "users.info", "users.lookupByEmail"}


def test_where_all_is_well_it_says_so_and_changes_nothing(slack_desk: SlackDesk, people: People) -> None:
    """The app, its scopes, its channel and each person; only methods that read are called."""
    found, lost = slack_desk.look(people)
    assert [(one.level, one.about) for one in found] == [
        (Level.OK, about) for about in ("slack", "slack scopes", f"slack channel {CHANNEL}", "anna", "boris", "cleo")
    ]
    assert lost == set()
    assert {call.method for call in slack_desk.stand_in.record.calls} <= READS


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"deleted": True}, "Slack's U0ANNA is deactivated"),
        ({"is_bot": True}, "Slack's U0ANNA is a bot"),
        (
            {"email": "someone.else@example.com"},
            "has the address someone.else@example.com, people.yaml anna@example.com",
        ),
        ({"id": "U0ANOTHER"}, "Slack says user_not_found of U0ANNA"),
    ],
)
def test_an_id_that_is_not_theirs(slack_desk: SlackDesk, people: People, changed: dict[str, object], said: str) -> None:
    """A FAIL that names the person and what is wrong; they are not counted on, and the others are."""
    slack_desk.open(*accounts(people, anna=changed))
    found, lost = slack_desk.look(people)
    assert said in told(found, Level.FAIL, "anna")[0]
    assert lost == {"anna"}
    assert len(told(found, Level.OK, "boris")) == 1


def test_an_address_in_other_letters_is_the_same(slack_desk: SlackDesk, people: People) -> None:
    """Mail servers tell no capitals apart."""
    slack_desk.open(*accounts(people, anna={"email": "Anna@Example.COM"}))
    assert told(slack_desk.look(people)[0], Level.FAIL) == []


def test_who_has_no_id_is_looked_up_by_their_address(slack_desk: SlackDesk, people: People) -> None:
    """The id is suggested, never taken; somebody without an address, or whom Slack does not know, is told so."""
    some = (
        person("anna", slack=None),
        person("dora", slack=None),
        person("emil", slack=None, email=None),
        person("cleo", email=None),
    )
    found, _ = slack_desk.look(People(people=some))
    warned = {one.about: f"{one.said}; {one.then}" for one in found if one.level is Level.WARN}
    assert "by their e-mail it is U0ANNA: add it as `slack`" in warned["anna"]
    assert "Slack knows nobody by their e-mail" in warned["dora"]
    assert "or `email` to have it looked up" in warned["emil"]
    assert "may be anybody's: people.yaml has no e-mail of theirs" in warned["cleo"]


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"member": False}, "the app is not in it"),
        ({"archived": True}, "it is archived"),
        ({"id": "C0ANOTHER"}, "Slack says channel_not_found"),
    ],
)
def test_a_channel_that_cannot_be_written_to(
    slack_desk: SlackDesk, people: People, channel: dict[str, object], said: str
) -> None:
    """A FAIL, before a launch finds out."""
    slack_desk.open(*accounts(people), channel=channel)
    assert said in told(slack_desk.look(people)[0], Level.FAIL, f"slack channel {CHANNEL}")[0]


def test_a_channel_by_its_name(slack_desk: SlackDesk, people: People) -> None:
    """Posts would arrive and changes of them not."""
    found, _ = slack_desk.look(people, channel="#launches")
    assert "give its id" in told(found, Level.FAIL)[0]


def test_scopes_that_are_missing(slack_desk: SlackDesk, people: People) -> None:
    """Without the right to write it is a FAIL; without another it says what is not possible."""
    slack_desk.open(*accounts(people), scopes=("channels:read", "channels:history"))
    found, lost = slack_desk.look(people)
    assert told(found, Level.FAIL) == ["without chat:write nothing can be posted; add it and install the app anew"]
    assert len(told(found, Level.WARN, "slack scopes")) == 2
    assert "give the app users:read" in told(found, Level.WARN, "anna")[0]
    assert lost == set()


def test_who_was_seen_and_who_was_not(slack_desk: SlackDesk, people: People) -> None:
    """Seen is whom Slack shows, with or without an address; unknown is of whom it said nothing; lost is neither."""
    some = (*people.people, person("dora", slack=None))
    slack_desk.open(*accounts(people, anna={"deleted": True}, boris={"email": None}))
    look = SlackLook(slack_desk.section())
    assert look.unknown(some) == {"anna", "boris", "cleo"}
    list(look.findings(some))
    assert (look.seen, look.lost, look.unknown(some)) == ({"boris", "cleo"}, {"anna"}, set())


@pytest.mark.parametrize("how", ["no scope", "no answer"])
def test_where_slack_does_not_show_people_nothing_is_concluded_of_the_book(
    slack_desk: SlackDesk, people: People, tmp_path: Path, impatient: object, how: str
) -> None:
    """Whoever could answer in Slack alone is not counted as able to: neither their role nor the question is ok."""
    slack_desk.open(*accounts(people), scopes=("chat:write",))
    if how == "no answer":
        slack_desk.trouble.set("garbage")
    mute = People(people=tuple(one.model_copy(update={"key": None}) for one in people.people))
    wanted = book(approval(devops_lead=1, security_lead=1))
    found = examine(mute, environment(tmp_path, slack=slack_desk.section().model_dump()), wanted)
    slack_desk.trouble.set("none")
    about = {"role devops_lead", "role security_lead", "step step-1"}
    judged = [one for one in found if one.about in about]
    assert {one.about for one in judged if one.level is Level.WARN and "not known" in one.said} == about
    assert len(judged) == len(about)


def test_a_token_that_is_not_slacks(slack_desk: SlackDesk, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """One FAIL; the token is not in it."""
    monkeypatch.setenv("DOCTOR_SLACK", "xoxb-wrong-canary")
    found, _ = slack_desk.look(people)
    assert [str(one) for one in found] == [
        "FAIL  slack: auth.test says invalid_auth; put the bot token of the app where slack.token leads"
    ]


def test_a_token_that_is_nowhere(slack_desk: SlackDesk, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by its reference."""
    monkeypatch.delenv("DOCTOR_SLACK")
    (one,) = slack_desk.look(people)[0]
    assert (one.level, "env:DOCTOR_SLACK" in one.said) == (Level.FAIL, True)


@pytest.mark.parametrize("mode", TROUBLES)
def test_a_slack_that_does_not_answer_is_one_fail(
    slack_desk: SlackDesk, people: People, mode: Mode, impatient: object
) -> None:
    """Whatever it does instead, it is named, once, in time and without a secret; nothing of people is concluded."""
    slack_desk.trouble.set(mode)
    slack_desk.trouble.retry_after = 120
    began = time.monotonic()
    (one,), lost = slack_desk.look(people)
    assert time.monotonic() - began < 4
    assert (one.level, one.about, lost) == (Level.FAIL, "slack", set())
    assert "cannot be asked" in one.said
    assert TOKEN not in str(one)
    slack_desk.trouble.set("none")


def test_a_slack_that_ends_in_the_middle(slack_desk: SlackDesk, people: People, impatient: object) -> None:
    """What was found before stays, and one FAIL says that the rest is not known."""
    before = slack_desk.stand_in.record.add

    def third(method: str, *more: object) -> None:
        before(method, *more)  # type: ignore[arg-type]
        if method == "users.info":
            slack_desk.trouble.set("garbage")

    slack_desk.stand_in.record.add = third  # type: ignore[method-assign, assignment]
    found, _ = slack_desk.look(people)
    assert [one.level for one in found] == [Level.OK] * 4 + [Level.FAIL]
    assert found[-1].about == "slack"


def test_a_rate_limit_is_heeded(slack_desk: SlackDesk, people: People) -> None:
    """It waits as long as it is told, once, and goes on; one that asks for too long is a FAIL that says how long."""
    from deployments.rehearsal.fault_switch import Fault

    slack_desk.stand_in.faults.set(Fault(mode="rate_limited", retry_after=1, times=1))
    began = time.monotonic()
    found, _ = slack_desk.look(people)
    assert time.monotonic() - began >= 1
    assert told(found, Level.FAIL) == []
    slack_desk.stand_in.faults.set(Fault(mode="rate_limited", retry_after=600))
    (one,) = slack_desk.look(people)[0]
    assert "asks to be left alone for 600 s" in one.said
