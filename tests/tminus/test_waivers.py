"""A waiver is of the failure that somebody saw, and nobody's who may not approve the launch either."""

from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
from pydantic import JsonValue

from tests.tminus.launch_story import KINDS
from tests.tminus.staged_launch import Stage
from tests.tminus.told_stories import held
from tminus import events as ev
from tminus import inbox
from tminus.asking import is_meant, short
from tminus.clock import now
from tminus.digests import failure_digest, failure_of
from tminus.errors import Refused
from tminus.frozen import Frozen
from tminus.offers import could_order, offers
from tminus.outcome import Outcome
from tminus.personal_key import verified
from tminus.yaml_source import Source

STEP = "services-healthy"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that a step holds."""
    stage = Stage.set(tmp_path)
    held(stage, STEP)
    return stage


def waiver(stage: Stage, person: str = "devops", digest: str | None = None) -> ev.Ordered:
    """A waiver by Slack, of the failure that stands."""
    seen = failure_digest(stage.book.refresh().step(STEP)) if digest is None else digest
    until = now() + timedelta(days=1)
    return ev.Ordered(order="waive", person=person, via="slack", reason="r", step=STEP, until=until, digest=seen)


def written_by(stage: Stage, *authors: str) -> Frozen:
    """The launch, of a release whose commits these people wrote."""
    people = {"people": [_with_address(one) for one in _people(stage)]}
    release = Source.thawed("release", stage.frozen.created.release).data
    assert isinstance(release, dict)
    commits: JsonValue = {
        "repository": "shop",
        "since": "a" * 40,
        "until": "b" * 40,
        "authors": [f"{one}@example.com" for one in authors],
    }
    texts = {
        "people": rfc8785.dumps(people).decode(),
        "release": rfc8785.dumps({**release, "commits": commits}).decode(),
    }
    return Frozen(stage.frozen.created.model_copy(update=texts), KINDS)


def _people(stage: Stage) -> list[dict[str, JsonValue]]:
    return [one.model_dump(mode="json", exclude_none=True) for one in stage.frozen.people.people]


def _with_address(person: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {**person, "email": f"{person['id']}@example.com"}


class TestWhoMay:
    """The same bar as for an approval."""

    def test_who_started_the_launch_waives_nothing_of_it(self, stage: Stage) -> None:
        """They have one of the roles; who else could is named, and can."""
        with pytest.raises(Refused) as caught:
            inbox.order(stage.book, stage.frozen, waiver(stage, "starter"))
        assert str(caught.value) == (
            "Release manager started this launch, and nobody approves their own, nor waives for it; who may waive "
            f"{STEP}: Engineering lead, DevOps lead, first shift, DevOps lead, second shift, Security lead"
        )
        inbox.order(stage.book, stage.frozen, waiver(stage))
        assert stage.book.record.step(STEP).settled

    def test_who_wrote_one_of_the_commits_waives_nothing_of_them(self, stage: Stage) -> None:
        """Neither the step's owner nor whom the book names."""
        frozen = written_by(stage, "devops", "security")
        for person in ("devops", "security"):
            with pytest.raises(Refused, match=r"wrote a commit of this release, .*: Engineering lead, DevOps lead, s"):
                inbox.order(stage.book, frozen, waiver(stage, person))
        inbox.order(stage.book, frozen, waiver(stage, "engineering"))
        assert stage.book.record.step(STEP).settled

    def test_where_nobody_else_could_none_is_offered(self, stage: Stage) -> None:
        """No button, no command, and a refusal that says so."""
        frozen = written_by(stage, "devops", "security", "engineering", "both")
        assert not could_order(frozen, stage.book.record, "waive", STEP, via="slack")
        with pytest.raises(Refused, match=rf"who may waive {STEP}: nobody"):
            inbox.order(stage.book, frozen, waiver(stage))


class TestWhatItIsOf:
    """One failure: one attempt, and how it came out."""

    def test_a_failure_that_came_after_it_is_another(self, stage: Stage) -> None:
        """Also in the very same words; both are said."""
        seen = waiver(stage)
        inbox.order(stage.book, stage.frozen, ev.Ordered(order="retry", person="devops", via="slack", step=STEP))
        with pytest.raises(Refused, match="has not failed"):
            inbox.order(stage.book, stage.frozen, seen)
        held(stage, STEP)
        with pytest.raises(Refused, match=r"failed anew since you saw it: then attempt 1, fail.*; now attempt 2, fail"):
            inbox.order(stage.book, stage.frozen, seen)
        assert stage.book.record.waivers == {}

    @pytest.mark.parametrize("digest", ["", "sha256:", f"sha256:{'0' * 64}"])
    def test_one_that_names_none_is_of_none(self, stage: Stage, digest: str) -> None:
        """Whatever stands there."""
        with pytest.raises(Refused):
            inbox.order(stage.book, stage.frozen, waiver(stage, digest=digest))

    def test_what_is_offered_names_it(self, stage: Stage) -> None:
        """The command that tminus shows counts for the failure that it was shown with."""
        digest = failure_digest(stage.book.record.step(STEP))
        (offered,) = [one.command for one in offers(stage.frozen, stage.book.record) if " waive " in one.command]
        assert offered.endswith(f" {STEP} --reason WHY --until DATE --digest {short(digest)}")
        assert is_meant(offered.split()[-1], digest)

    def test_an_outcome_is_found_by_its_digest(self, stage: Stage) -> None:
        """Every one that there was, and none that there was not."""
        first = failure_digest(stage.book.record.step(STEP))
        stage.end_step(STEP, Outcome.unknown("no answer"))
        state = stage.book.record.step(STEP)
        assert failure_of(state, first).startswith("attempt 1, fail")
        assert failure_of(state, failure_digest(state)) == "attempt 2, unknown: no answer"
        assert failure_of(state, f"sha256:{'0' * 64}") == ""


def test_what_was_signed_without_these_words_still_verifies(stage: Stage) -> None:
    """An order of an earlier version: what it does not say is in neither its text nor what its signature is over."""
    plain = ev.Ordered(order="resume", person="devops", via="command line", reason="r")
    assert {"digest", "seen"}.isdisjoint(plain.model_dump(mode="json"))
    assert plain.model_copy(update={"seen": 0}).model_dump(mode="json")["seen"] == 0
    devops = stage.frozen.people.by_id("devops")
    assert devops is not None
    for said in (plain, plain.model_copy(update={"seen": 3}), waiver(stage).model_copy(update={"via": "command line"})):
        signed = said.model_copy(update={"signature": stage.key("devops").sign(stage.book.launch, said)})
        assert verified(stage.book.launch, signed, devops)
        assert not verified(stage.book.launch, signed.model_copy(update={"seen": 99}), devops)
        assert ev.read(ev.write(signed)) == signed
