"""The bench of approvals: its reference, and what it measures with."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

import bench
from bench.approval_history import (
    Found,
    Raced,
    Request,
    Sent,
)
from bench.approval_quorum import can_be_met, filled
from bench.approvals_clicks import clicks
from bench.approvals_figure import percentile
from tests.bench.approval_story import Story


class TestReference:
    """The reference itself, on stories whose end anybody can tell."""

    def test_it_knows_nothing_of_tminus(self) -> None:
        """Neither does what draws histories: a mistake of tminus' cannot be in both."""
        modules = sorted(Path(bench.__file__ or "").parent.glob("approval_*.py"))
        assert len(modules) == 4
        assert {name for module in modules for name in imported(module) if name.split(".")[0] != "bench"} == {
            *("collections.abc", "copy", "dataclasses", "itertools", "random", "typing")
        }
        ours = {name for module in modules for name in imported(module) if name.startswith("bench")}
        assert ours == {"bench.approval_history", "bench.approval_quorum"}

    def test_somebody_with_two_roles_sits_where_they_are_needed(self) -> None:
        """Whoever answers first, both seats are filled by two people."""
        assert Story().yes("both").yes("ops").result == "met"
        assert Story().yes("ops").yes("both").result == "met"
        assert Story().yes("both").result == "waiting"

    @pytest.mark.parametrize("who", ["ops", "product", "starter", "both"])
    def test_one_no_ends_it(self, who: str) -> None:
        """Of anybody who is asked or may veto, the starter too."""
        story = Story().yes("both") if who != "both" else Story()
        assert story.then(story.sent(who, "reject")).result == "rejected"

    def test_what_does_not_count(self) -> None:
        """The starter's yes, a stranger's, a wrong role's, a late one, one to what was never shown."""
        for story in (Story().yes("starter"), Story().yes("stranger"), Story().yes("product"), Story().yes("other")):
            assert not any(story.told()[0].told.values())
        assert Story().yes("both").yes("ops", at=101).result == "expired"
        assert Story().yes("both", seen=-1).yes("ops").result == "waiting"

    def test_a_deputy_counts_in_their_period(self) -> None:
        """And not before it, nor after."""
        assert Story().yes("both").yes("other", at=10).result == "met"
        assert Story().yes("both").yes("other", at=9).result == "waiting"
        assert Story().yes("both").yes("other", at=21).result == "waiting"

    def test_a_change_voids_only_whom_it_concerns(self) -> None:
        """The tests are the developers'; who sits for operations stays."""
        story = Story().yes("ops").then(Found(2, 1))
        assert story.yes("both", at=3).result == "waiting"
        assert story.yes("both", at=3, seen=1).result == "met"

    def test_a_no_needs_not_be_to_the_question_as_it_is_now(self) -> None:
        """One that was shown before is enough; what was never shown, or was before a recycle, is not."""
        changed = Story().then(Found(2, 1))
        assert changed.then(changed.sent("both", "reject", at=3)).result == "rejected"
        ahead = Story()
        assert ahead.then(ahead.sent("both", "reject", seen=1)).result == "waiting"
        story = Story()
        story.then(story.sent("ops", "recycle"), Found(2, 1))
        assert story.then(story.sent("both", "reject", at=3)).result == "waiting"

    def test_after_a_recycle_everybody_answers_anew(self) -> None:
        """Also where nothing changed; and what was sent before is not sent again."""
        story = Story()
        press = story.sent("ops")
        story.then(press).then(story.sent("both", "recycle", at=2, via="command line"))
        assert story.then(Sent(3, press.request, 1)).yes("both", at=4).result == "waiting"
        assert story.yes("ops", at=5).result == "met"

    def test_of_two_at_once_either_may_be_first(self) -> None:
        """A yes and a no of one person: the no stands either way."""
        story = Story()
        story.then(
            Raced(1, story.sent("both", "reject"), Sent(1, Request(9, "both", "approve", "slack", 0, 1, "right"), 0))
        )
        assert [told.ends[-1].result for told in story.told()] == ["rejected", "rejected"]

    @pytest.mark.parametrize(
        ("may", "most"), [({}, 0), ({"a": "x"}, 1), ({"a": "xy", "b": "x"}, 2), ({"a": "x", "b": "x"}, 1)]
    )
    def test_every_assignment_is_tried(self, may: Mapping[str, str], most: int) -> None:
        """Two seats, and whoever may sit in them."""
        people = {person: frozenset(seats) for person, seats in may.items()}
        assert filled(["x", "y"], people) == most
        assert can_be_met(["x", "y"], people) == (most == 2)


def imported(module: Path) -> Iterator[str]:
    """The modules that one imports."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


class TestClicks:
    """The load on two gateways."""

    def test_the_same_bytes_come_to_both_in_one_moment(self) -> None:
        """No other click has an answer that another has, but a person's second one."""
        digests = {(f"launch-{number}", "gate"): f"sha256:{number}" for number in range(40)}
        planned = clicks(digests, 600, SecretStr("s"), "1", 1)
        first = {one.means: one for one in planned if not one.again}
        both = [one for one in planned if one.again == "same bytes"]
        assert len(first) + sum(bool(one.again) for one in planned) == len(planned)
        assert 30 < len(both) < 90
        for one in both:
            other = first[one.means]
            assert (one.slot, one.body, one.headers) == (other.slot, other.body, other.headers)
            assert one.gateway != other.gateway
        assert 595 <= len(planned) <= 601

    def test_a_percentile_is_a_value_that_was_measured(self) -> None:
        """By nearest rank: few values make it the largest."""
        assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
        assert percentile([float(value) for value in range(1000)], 0.999) == 999.0
