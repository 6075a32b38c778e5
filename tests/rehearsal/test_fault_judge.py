"""A fault's promise is kept by its own ending alone: the same exit code by another way is none."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from cli.rehearse import judged
from deployments.rehearsal.fault_ending import EXIT_CODES, Ending, differences
from deployments.rehearsal.fault_judge import Outside, ending
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.out_folder import OutFolder
from deployments.rehearsal.play import Played, too_slow_for
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS
from tests.rehearsal.fault_stories import (
    JUST_SO,
    LAUNCH,
    WATCH,
    Story,
    blocked,
    decided,
    launched,
    one_old_instance,
    watched,
)
from tminus import events as ev
from tminus.outcome import Outcome


def wrong(name: str, story: Story) -> list[str]:
    """What the judge finds otherwise than the fault promises."""
    return differences(FAULTS[name].ending, story.ending())


@pytest.mark.parametrize("name", FAULTS)
def test_its_own_ending_keeps_a_promise(name: str) -> None:
    """Each fault has a story that ends just so."""
    assert wrong(name, JUST_SO[name]()) == []


@pytest.mark.parametrize("name", FAULTS)
def test_no_other_ending_does(name: str) -> None:
    """No other fault's story keeps it, but one whose promise says no less; most of them have the same exit code."""
    kept = {other for other, told in JUST_SO.items() if other != name and wrong(name, told()) == []}
    assert kept <= {"none": {"slack-down", "pagerduty-down"}, "slow-release": {"bad-release"}}.get(name, set())


def unproven() -> Story:
    """The way back is not proven, and a person takes it from there."""
    story = Story.begun()
    story.switch(500)
    story.take_back(story.watch("breach").summary, proven=False)
    return story.close("rolled back")


def ordered_back() -> Story:
    """A person orders the way back."""
    story = Story.begun()
    story.switch(500)
    story.take_back("they said so", by="devops-lead")
    return story.close("rolled back")


def rolled_back_in_words() -> Story:
    """The ledger says that it was taken back, and customers still meet the new version."""
    story = watched("breach", status=500)
    story.serve(NEXT)
    return story


def held_after_a_way_back() -> Story:
    """Held at the watch, when a way back had begun."""
    story = Story.begun()
    story.switch(500)
    story.tell(ev.RollbackBegan(why="ordered", by="devops-lead"))
    story.watch("outside cause")
    story.hold(WATCH)
    return story.close("held")


def held_for_being_late() -> Story:
    """T-0 comes too late, and nothing is switched."""
    story = Story.begun()
    story.go()
    story.hold("", "T-0 is 900 s late")
    return story.close("held")


def scrubbed() -> Story:
    """A person ends it."""
    story = Story.begun()
    story.fail("backup-completed", "age")
    story.hold("backup-completed")
    story.tell(ev.Ordered(order="scrub", person="devops-lead", via="slack"))
    return story.close("scrubbed")


def two_checks_fail() -> Story:
    """A slow check stops the launch, beside a backup that is stale."""
    story = Story.begun()
    story.fail("services-healthy", "p95")
    story.fail("backup-completed", "age")
    story.hold("services-healthy")
    return story.close("no-go")


def rolled_out_all_the_same() -> Story:
    """The platform rolled something out, whatever the ledger says."""
    story = blocked("backup-completed", "age")
    story.rolled_out.append(story.now.timestamp())
    return story


def launched_unwatched() -> Story:
    """Launched, with no verdict of the watch."""
    story = Story.begun()
    story.switch()
    return story.close("launched")


def arrived_during_the_outage() -> Story:
    """Slack takes a message of this launch, and is down again."""
    story = launched("slack")
    early = story.calls["slack"][-1].model_copy(update={"time": story.calls["slack"][0].time})
    story.calls["slack"].insert(0, early)
    return story


def only_the_old_version_failed() -> Story:
    """The cause was outside, and the new version had no part in it."""
    story = watched("outside cause")
    old = [one.model_copy(update={"version": PREVIOUS, "status": 500}) for one in story.served[-30:]]
    story.served[-60:-30] = old
    return story


def nobody_was_asked() -> Story:
    """Slack was down for a launch that asked nothing."""
    story = Story.begun()
    story.call("slack", {"text": "refused"}, down=True)
    story.switch()
    return story.close("launched")


def by_slack_while_it_was_down() -> Story:
    """One answer came by Slack."""
    story = launched("slack")
    story.answer("ceo")
    return story


SAYS_NO: tuple[tuple[str, Callable[[], Story], str], ...] = (
    ("no-metrics", lambda: blocked("services-healthy", "healthy"), "result: promised held, found no-go"),
    ("no-metrics", lambda: watched("outside cause"), "verdict: promised no data, found outside cause"),
    ("no-metrics", held_for_being_late, "decided by: promised error-rate-watched, found none"),
    ("both-versions-bad", held_for_being_late, "customers met: promised the new version, found the old version"),
    ("both-versions-bad", lambda: watched("outside cause"), "promised, and not found: the new version failed requests"),
    ("both-versions-bad", held_after_a_way_back, "result: promised held, found held, after a rollback had begun"),
    ("stale-backup", lambda: blocked("services-healthy", "p95"), "decided by: promised backup-completed, found serv"),
    ("stale-backup", two_checks_fail, "decided by: promised backup-completed, found services-healthy"),
    ("stale-backup", lambda: blocked("backup-completed", "intact"), "not found: age is not as expected"),
    ("stale-backup", rolled_out_all_the_same, "promised, and not found: nothing was rolled out"),
    ("stale-backup", scrubbed, "result: promised no-go, found scrubbed"),
    ("service-down", lambda: blocked("services-healthy", "p95"), "not found: healthy is not as expected"),
    ("both-versions-bad", only_the_old_version_failed, "promised, and not found: the new version failed requests"),
    ("slack-down", nobody_was_asked, "not found: slack: every letter arrived after the outage"),
    ("approver-rejects", lambda: decided("expired"), "verdict: promised rejected, found expired"),
    ("approver-silent", lambda: decided("expired", "engineering-lead"), "not found: no answer from devops-lead"),
    ("bad-release", one_old_instance, "decided by: promised error-rate-watched, found idle-pool-is-the-release"),
    ("bad-release", unproven, "result: promised rolled back, found rolled back, and not proven"),
    ("bad-release", ordered_back, "verdict: promised breach, found ordered by devops-lead"),
    ("bad-release", rolled_back_in_words, "customers met: promised the new version, then the old one again, found the"),
    (
        "one-old-instance",
        lambda: one_old_instance("idle-pool-healthy"),
        "promised idle-pool-is-the-release, found idle",
    ),
    ("one-old-instance", lambda: watched("breach"), "customers met: promised the old version, found the new version,"),
    ("none", launched_unwatched, "promised, and not found: the watch says good"),
    ("slack-down", launched, "not found: slack: every letter arrived after the outage"),
    ("slack-down", lambda: launched("slack", late=""), "not found: slack: every letter arrived after the outage"),
    ("slack-down", arrived_during_the_outage, "not found: slack: every letter arrived after the outage"),
    ("slack-down", by_slack_while_it_was_down, "not found: every answer came by command line"),
    ("pagerduty-down", lambda: launched("pagerduty", late="", attested="met"), "not found: pagerduty: every letter"),
    ("pagerduty-down", lambda: launched("pagerduty", attested="expired"), "not found: a person states that they watch"),
    ("none", Story.begun, "result: promised launched, found no launch came to an end"),
)


@pytest.mark.parametrize(("name", "told", "says"), SAYS_NO, ids=[f"{name}: {says}" for name, _, says in SAYS_NO])
def test_the_judge_says_no(name: str, told: Callable[[], Story], says: str) -> None:
    """Where anything else stopped the launch, or the world is not as the ledger has it, it is named."""
    assert any(says in line for line in wrong(name, told())), wrong(name, told())


def test_most_of_what_is_refused_has_the_promised_exit_code() -> None:
    """So that comparing exit codes alone would find none of it."""
    results = [(name, told().ending().result.partition(",")[0]) for name, told, _ in SAYS_NO]
    same = [name for name, result in results if EXIT_CODES.get(result) == FAULTS[name].exit_code]
    assert len(same) > len(SAYS_NO) * 0.8


def test_a_step_that_was_mended_is_not_blamed() -> None:
    """A check that failed and was tried again did not decide; what held last did."""
    story = Story.begun()
    story.fail("services-healthy", "p95")
    story.hold("services-healthy")
    story.end("services-healthy", Outcome.passed("healthy 3 of 3"))
    story.fail("backup-completed", "age")
    story.hold("backup-completed")
    assert wrong("stale-backup", story.close("no-go")) == []


def test_only_what_is_not_as_expected_is_blamed() -> None:
    """A measurement of the same check that is as expected is not; who scrubbed is named."""
    assert blocked("services-healthy", "p95").ending().facts == {"p95 is not as expected", "nothing was rolled out"} | {
        "nothing was taken back"
    }
    assert scrubbed().ending().verdict == "scrub by devops-lead"


def test_a_letter_that_is_hardly_late_need_not_say_so() -> None:
    """What happened just before the outage was over is owed no such words."""
    story = launched("slack")
    last = story.calls["slack"].pop()
    story.ask("team-debriefed", "acknowledgement")
    story.calls["slack"].append(last.model_copy(update={"time": story.now.isoformat()}))
    story.call("slack", {"request": f"{LAUNCH}/team-debriefed"})
    assert wrong("slack-down", story) == []


def test_requests_that_end_in_any_order_at_a_switch_are_no_way_back() -> None:
    """An answer of the old version after the first of the new one is only a request that was under way."""
    story = watched("no data")
    moved = story.served[-1].model_copy(update={"version": PREVIOUS})
    story.served.insert(-25, moved)
    assert wrong("no-metrics", story) == []


def test_the_exit_code_must_be_the_promised_one_too() -> None:
    """A launch that ended just so, by a command that says otherwise."""
    played = Played(1, "launch", 1.0, "said", JUST_SO["none"]().ending())
    assert played.otherwise_than(FAULTS["none"]) == ["exit code: promised 0, found 1"]


@pytest.mark.parametrize(
    ("told", "code"), [(JUST_SO["stale-backup"], 3), (lambda: blocked("services-healthy", "p95"), 1)]
)
def test_a_rehearsal_says_what_was_promised_and_what_was_found(
    told: Callable[[], Story], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both launches ended as a no-go with exit code 3; the rehearsal of one that another step stopped ends with 1."""
    out, fault = OutFolder(tmp_path), FAULTS["stale-backup"]
    assert judged(fault, Played(3, "launch", 1.0, "NO-GO.", told().ending()), out) == code
    said = capsys.readouterr()
    assert out.as_promised() == (code == 3)
    if code == 3:
        assert f"As promised: {fault.ending}." in said.out
    else:
        assert f"promised: {fault.ending}\n" in said.err
        assert "found:    no-go by services-healthy (fail)" in said.err
        assert "- decided by: promised backup-completed, found services-healthy" in said.err


def test_without_a_launch_there_is_no_ending() -> None:
    """An empty ledger keeps no promise."""
    assert ending([], Outside()) == Ending("no launch came to an end", "nobody knows what")


def test_a_machine_that_is_too_slow_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where lateness kept a launch from its promised end, what to try stands last."""
    slow = too_slow_for(timedelta(seconds=5))
    assert slow == "this machine is too slow for an hour in 5 s; try make rehearsal HOUR=10s"
    played = Played(2, "", 1.0, "No launch came to an end.", JUST_SO["stale-backup"]().ending(), slow)
    assert judged(FAULTS["none"], played, OutFolder(tmp_path)) == 1
    assert capsys.readouterr().err.endswith(f"{slow}\n")
