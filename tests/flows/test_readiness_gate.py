"""A launch whose book wants the system ready: its frozen checklist, judged by what the ledger holds, for its people."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import rfc8785

from tests.flows.conftest import Setting
from tests.flows.stage import Stage
from tests.flows.staged_book import Steps
from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now
from tminus.frozen import digest_of
from tminus.ledger.store import Entry
from tminus.outcome import Outcome, Verdict
from tminus.readiness.book import Line

STEP = {"id": "ready", "title": "Ready", "owner": "devops_lead", "readiness": {"fresh_for": "24h"}}
CHECK = {"check": "fake.check", "with": {"name": "tests"}, "expect": {"good": "= 1"}}
CHAPTER = {
    "readiness": "testing",
    "system": "tradesense",
    "title": "Testing",
    "order": 1,
    "sections": [
        {
            "section": "unit",
            "title": "Unit",
            "owner": "devops_lead",
            "lines": [
                {"ref": "tradesense/testing/unit/1", "title": "One", **CHECK},
                {"ref": "tradesense/testing/unit/2", "title": "Two", **CHECK},
                {"ref": "tradesense/testing/unit/3", "title": "Old soon", "fresh_for": "1h", **CHECK},
            ],
        }
    ],
}


def wanting_readiness(set_stage: Setting, steps: Steps | None = None) -> Stage:
    """A launch that froze this checklist."""
    text = rfc8785.dumps({"1.yaml": rfc8785.dumps(CHAPTER).decode()}).decode()

    def with_checklist(created: ev.LaunchCreated) -> ev.LaunchCreated:
        digests = {**created.digests, "readiness": digest_of(text)}
        return created.model_copy(update={"readiness": text, "digests": digests})

    return set_stage(steps or {"T-4h": [STEP]}, created=with_checklist)


def swept(  # noqa: PLR0913  # each names one thing that makes evidence count or not
    stage: Stage,
    verdict: Verdict = Verdict.PASS,
    ago: timedelta = timedelta(0),
    *,
    only: tuple[int, ...] = (1, 2, 3),
    environment: str = "",
    whole: bool = True,
    died: bool = False,
    digest: Callable[[Line], str] = lambda line: line.digest,
    release: str | None = None,
    of_release: bool = True,
) -> None:
    """Leaves in the ledger what a sweep saw, of the launch's own release or another, and how it ended or died."""
    created = stage.frozen.created
    about = created.digests["release"] if release is None else release
    standing = readiness_chain(created.system, created.environment_name)
    chain = f"sweep.{len(stage.store.chains())}"
    lines = [line for line in stage.frozen.checklist.lines() if int(line.ref[-1]) in only]
    outcome = Outcome(verdict=verdict, summary=f"it is a {verdict}", at=now() - ago)
    began = ev.SweepBegan(
        sweep=chain,
        system=created.system,
        environment=created.environment_name,
        digests={"environment": environment or created.digests["environment"]} | ({"release": about} if about else {}),
        lines=len(lines),
        sections=() if whole else ("unit",),
    )
    seen = ev.LinesSeen(
        section="unit",
        lines=tuple(
            ev.LineSeen(ref=line.ref, digest=digest(line), outcomes=(outcome,), of_release=of_release) for line in lines
        ),
    )
    ended = ev.SweepEnded(
        sweep=chain, sections=began.sections, counts={}, blocking=0, ready=True, sentence="somebody says it is ready"
    )
    stage.store.open_chain(chain, Entry(chain, ev.write(seen)))
    if stage.store.head(standing) is None:
        stage.store.open_chain(standing)
    stage.store.append(Entry(standing, ev.write(began)))
    if not died:
        stage.store.append(Entry(standing, ev.write(ended)))


async def held_because(stage: Stage, wanted: str) -> None:
    """The launch is held, for this reason; then it is ended."""
    running = stage.begin("T-4h")
    await stage.held("ready")
    outcome = stage.record.step("ready").outcome
    assert outcome is not None
    assert wanted in outcome.summary
    stage.order("scrub")
    await running


async def test_fresh_evidence_of_every_line_lets_it_go_on(set_stage: Setting) -> None:
    """What was seen with the launch's own environment file, of its own checklist, is enough."""
    stage = wanting_readiness(set_stage)
    swept(stage, Verdict.FAIL, timedelta(hours=3))
    swept(stage)
    await stage.begin("T-4h")
    assert stage.verdict("ready") is Verdict.PASS


async def test_a_checklist_nobody_went_through_holds_it(set_stage: Setting) -> None:
    """Without evidence nothing is known, and the launch says how to get some."""
    await held_because(wanting_readiness(set_stage), "`tminus readiness tradesense --environment FILE`")


async def test_a_launch_without_a_checklist_says_so(set_stage: Setting) -> None:
    """Where none was frozen, nothing is ready."""
    await held_because(set_stage({"T-4h": [STEP]}), "froze no readiness checklist")


async def test_nobodys_word_that_it_is_ready_counts(set_stage: Setting) -> None:
    """A sweep of another checklist ended as ready; of this one it saw nothing, or asked something else."""
    stage = wanting_readiness(set_stage)
    swept(stage, digest=lambda _: "of another book")
    await held_because(stage, "was not gone through")


async def test_evidence_from_elsewhere_does_not_count(set_stage: Setting) -> None:
    """Another environment file with the same name inside may lead to other systems."""
    stage = wanting_readiness(set_stage)
    swept(stage, environment="sha256:of-another-file")
    await held_because(stage, "was not gone through")


@pytest.mark.parametrize("release", ["sha256:of-another-release", ""])
async def test_what_was_read_of_another_release_does_not_count(set_stage: Setting, release: str) -> None:
    """Another build's reports, or those of none, say nothing of the release that is launched: it is unknown."""
    stage = wanting_readiness(set_stage)
    swept(stage, release=release)
    await held_because(stage, "tradesense/testing/unit/1 not looked at for this release")


async def test_what_was_not_read_of_a_release_counts_for_each(set_stage: Setting) -> None:
    """What a running system answered last night stands; so does what was read of this release before that night."""
    stage = wanting_readiness(set_stage)
    swept(stage, Verdict.FAIL, only=(1, 2))
    swept(stage, only=(1, 3))
    swept(stage, Verdict.FAIL, only=(1, 3), release="sha256:of-another-release")
    swept(stage, only=(2,), release="", of_release=False)
    await stage.begin("T-4h")
    assert stage.verdict("ready") is Verdict.PASS


async def test_whatever_was_seen_last_counts(set_stage: Setting) -> None:
    """A newer look at a part of the checklist, and one whose sweep died, both say what is so now."""
    stage = wanting_readiness(set_stage)
    swept(stage)
    swept(stage, Verdict.FAIL, only=(2,), whole=False)
    await held_because(stage, "tradesense/testing/unit/2 it is a fail")


async def test_a_red_sweep_cannot_be_killed_away(set_stage: Setting) -> None:
    """What it saw before it died stands."""
    stage = wanting_readiness(set_stage)
    swept(stage)
    swept(stage, Verdict.FAIL, only=(1,), died=True)
    await held_because(stage, "tradesense/testing/unit/1 it is a fail")


async def test_old_evidence_does_not_count(set_stage: Setting) -> None:
    """Neither older than the step allows, nor than the line does, nor said to be of the future."""
    stage = wanting_readiness(set_stage)
    swept(stage, ago=timedelta(hours=2))
    await held_because(stage, "tradesense/testing/unit/3 stale")


async def test_evidence_of_the_future_does_not_count(set_stage: Setting) -> None:
    """A clock that is far ahead must not make a launch ready for ever."""
    stage = wanting_readiness(set_stage)
    swept(stage, ago=timedelta(days=-300))
    await held_because(stage, "not looked at")


async def test_a_go_never_rests_on_the_readiness_of_hours_ago(set_stage: Setting) -> None:
    """What became red since T-4h holds the go/no-go, before anybody is asked."""
    go = {
        "id": "go",
        "title": "Go",
        "owner": "devops_lead",
        "approval": {"roles": {"devops_lead": 1}, "deadline": "400h", "observe_again": True},
    }
    stage = wanting_readiness(set_stage, {"T-4h": [STEP], "T-0": [go]})
    swept(stage)
    await stage.begin("T-4h")
    assert stage.verdict("ready") is Verdict.PASS

    swept(stage, Verdict.FAIL, only=(1,), whole=False)
    running = stage.begin("T-0")
    await stage.held("ready")
    assert "go" not in stage.record.asks
    stage.order("scrub")
    await running
