"""The launches that every view must tell well, each by a function from an empty folder to its story."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.tminus.launch_story import LAUNCH, Story, bad_sample, good_sample, missing_sample
from tminus import events as ev
from tminus.expectation import Measurement
from tminus.sentence import closing_sentence

_BREACH = "38 of 174 requests failed (21.8%), more than 0.10% allowed by the limit"


def created(folder: Path) -> Story:
    """Nothing but created and scheduled."""
    story = Story.begin(folder)
    story.schedule()
    return story


def prepared(folder: Path, **begun: str) -> Story:
    """T-4h went well, though one advisory check was blind at first, and one answer was refused."""
    story = Story.begin(folder, **begun)
    story.schedule()
    story.start("T-4h")
    story.check("no-known-vulnerability")
    story.check("backup-completed", took=0.3)
    story.check("services-healthy")
    story.blind("dashboards-ready", "Grafana at http://127.0.0.1:3000 did not answer within 5 s")
    story.check("dashboards-ready")
    story.decide("team-briefed", "acknowledge")
    refused = ev.AnswerRefused(
        at=story.wait(0.2), who="CEO", what="acknowledge", why="the CEO was not asked", via="slack"
    )
    story.write(refused)
    story.end("T-4h")
    return story


def waiting_for_go(folder: Path) -> Story:
    """T-15m: one of three has approved."""
    story = prepared(folder)
    story.start("T-15m")
    story.ask("go-no-go")
    story.answer("go-no-go", "devops_lead", "approve")
    return story


def deployed(folder: Path, **begun: str) -> Story:
    """The go was given, and customers meet the new version."""
    story = prepared(folder, **begun)
    story.start("T-15m")
    story.decide("go-no-go", "approve")
    story.end("T-15m")
    story.start("T-0")
    story.act("restore-point", "pg_dump of main to s3://tradesense-backups, WAL position 0/3000148")
    story.act("roll-out", "2.0.0 on pool green", took=2.1, undo="1.0.0 on pool green")
    story.act("switch", "traffic from blue to green", took=0.25, undo="traffic back to blue")
    story.check("services-online")
    return story


def watching(folder: Path) -> Story:
    """The watch is under way, and all is well."""
    story = deployed(folder)
    story.watch(9, good_sample)
    return story


def launched(folder: Path, **begun: str) -> Story:
    """All went well; a hold was resumed on the way, and a follow-up is left."""
    story = deployed(folder, **begun)
    story.watch(8, good_sample)
    story.hold("security-1", "an unrelated alert, looking")
    story.watch(20, good_sample, since=8)
    story.verdict("good", "0 of 1201 requests failed, within the limits")
    story.resume("security-1", "a false alarm")
    story.end("T-0")
    story.start("T+4h")
    story.check("error-log-reviewed")
    story.act("backup-after-launch", "pg_dump of main to s3://tradesense-backups", took=0.7)
    story.decide("team-debriefed", "acknowledge")
    held = "held by security-1: an unrelated alert, looking"
    story.follow_up(ev.FollowUp(at=story.wait(0.1), what=held, owner="security_lead", source="hold"))
    story.end("T+4h")
    return closed(story, "launched", "every blocking step passed or was waived")


def rolled_back(folder: Path) -> Story:
    """A bad release: after two good samples a fifth of the requests fails."""
    story = deployed(folder)
    story.watch(2, good_sample)
    story.watch(5, bad_sample, since=2)
    story.verdict("breach", _BREACH, onset=story.record.samples[2].at)
    story.back(_BREACH)
    said = f"the watch said breach: {_BREACH}"
    story.write(ev.FollowUp(at=story.wait(0.1), what=said, owner="engineering_lead", source="error-rate-watched"))
    return closed(story, "rolled back", _BREACH)


def rollback_unproven(folder: Path) -> Story:
    """The way back was gone, and could not be proven."""
    story = deployed(folder)
    story.watch(5, bad_sample)
    story.verdict("breach", _BREACH, onset=story.record.samples[0].at)
    story.back(_BREACH, proven=False)
    said = story.record.rolled_back.said if story.record.rolled_back else ""
    story.write(ev.Held(at=story.wait(0.1), why=said))
    story.wait(20)
    return closed(story, "held", said)


def rejected(folder: Path) -> Story:
    """Somebody said no."""
    story = prepared(folder)
    story.start("T-15m")
    story.ask("go-no-go")
    story.answer("go-no-go", "devops_lead", "approve")
    story.answer("go-no-go", "security_lead", "reject", reason="the penetration test is still open")
    why = "Security lead, first shift said no: the penetration test is still open"
    story.settle("go-no-go", "rejected", why)
    return closed(story, "no-go", f"Go, or no go: rejected: {why}")


def stale_backup(folder: Path) -> Story:
    """A blocking check failed, held the launch, and nobody could mend it in time."""
    story = Story.begin(folder)
    story.schedule()
    story.start("T-4h")
    story.check("no-known-vulnerability")
    story.check("backup-completed", age=Measurement.number("age", 31.5, "h"))
    story.check("services-healthy")
    story.check("dashboards-ready")
    why = (
        "backup-completed fail: age 31.5 h, expected < 24 h. Owner: devops_lead. "
        f"Then: tminus retry {LAUNCH} backup-completed; it cannot be waived"
    )
    story.write(ev.Held(at=story.wait(0.1), why=why, step="backup-completed"))
    story.wait(9)
    return closed(story, "no-go", why)


def no_metrics(folder: Path) -> Story:
    """The watch lost its numbers: held, and past its end."""
    story = deployed(folder)
    story.watch(4, good_sample)
    story.watch(8, missing_sample, since=4)
    why = "4 samples in a row could not be taken; missing data is neither good nor bad"
    story.verdict("no data", why)
    then = f"tminus retry {LAUNCH} error-rate-watched; it cannot be waived"
    held = f"error-rate-watched unknown: {why}. Owner: engineering_lead. Then: {then}"
    story.write(ev.Held(at=story.wait(0.1), why=held, step="error-rate-watched"))
    story.wait(20)
    return closed(story, "held", held)


def scrubbed(folder: Path) -> Story:
    """A person ended it before anything was changed."""
    story = prepared(folder)
    order = ev.Ordered(at=story.wait(1), order="scrub", person="devops-1", via="slack", reason="the market moved")
    story.write(order)
    return closed(story, "scrubbed", "devops-1: the market moved")


def waived(folder: Path) -> Story:
    """A failed check was waived, and the launch went on to the go."""
    story = Story.begin(folder)
    story.schedule()
    story.start("T-4h")
    story.check("no-known-vulnerability", high=Measurement.number("high", 1))
    why = "no-known-vulnerability fail: high 1, expected = 0"
    story.write(ev.Held(at=story.wait(0.1), why=why, step="no-known-vulnerability"))
    story.write(
        ev.Ordered(
            at=story.wait(2),
            order="waive",
            person="security-1",
            via="slack",
            reason="not reachable in our setup",
            step="no-known-vulnerability",
            until=story.at.replace(month=12),
        )
    )
    story.check("backup-completed")
    return story


def closed(story: Story, result: ev.Result, why: str) -> Story:
    """Closes the story with the sentence that tminus would give."""
    story.close(result, closing_sentence(story.frozen, story.record, result, why))
    return story


STORIES: Mapping[str, Callable[[Path], Story]] = {
    "created": created,
    "waiting-for-go": waiting_for_go,
    "watching": watching,
    "launched": launched,
    "rolled-back": rolled_back,
    "rollback-unproven": rollback_unproven,
    "rejected": rejected,
    "stale-backup": stale_backup,
    "no-metrics": no_metrics,
    "scrubbed": scrubbed,
    "waived": waived,
}
