"""The file that says who the simulated people are, and how each of them answers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.rehearsal.people_file import PeopleFileError, Person, load
from tests.rehearsal.simulated_people import LEAD, people


class TestPeopleFile:
    """What the file may say."""

    def test_a_behaviour_can_be_meant_for_some_requests_only(self) -> None:
        """`when` matches request ids; all other requests get `otherwise`."""
        person = Person(
            id="p", slack_id=LEAD, roles=frozenset({"r"}), behaviour="reject", when="*/go-no-go*", otherwise="silent"
        )
        offered = {"approve", "reject", "hold"}
        assert person.decision("L1/go-no-go/2", offered) == "reject"
        assert person.decision("L1/briefing", offered) is None

    @pytest.mark.parametrize("word", ["acknowledge", "attest"])
    def test_what_can_only_be_read_or_attested_is(self, word: str) -> None:
        """Someone who would reject a go still says that they have read the briefing, or that they are watching."""
        person = Person(id="p", slack_id=LEAD, roles=frozenset({"r"}), behaviour="reject")
        assert person.decision("briefing", {word}) == word

    @given(st.integers(), st.text(), st.floats(0, 10), st.floats(0, 10))
    def test_delays_are_within_their_bounds_and_repeat_with_the_seed(
        self, seed: int, occasion: str, one: float, other: float
    ) -> None:
        """For every seed and occasion."""
        least, most = sorted((one, other))
        everyone = people({"delay": [least, most]}).model_copy(update={"seed": seed})
        delay = everyone.delay(everyone.people[0], occasion)
        assert least <= delay <= most
        assert delay == everyone.delay(everyone.people[0], occasion)

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("people: [{id: a, slack_id: U12, roles: [r], behaviour: maybe}]", "people.0.behaviour"),
            ("people: [{id: a, slack_id: U12, roles: [r], delay: [2, 1]}]", "least, most"),
            ("people: [{id: a, slack_id: U12, roles: [r]}]\npending_command: [x]", "together or not at all"),
            ("people: [", "while parsing"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_refused_with_its_name(
        self, tmp_path: Path, text: str, complaint: str
    ) -> None:
        """The error names the file and the field."""
        path = tmp_path / "people-simulated.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(PeopleFileError, match=r"people-simulated\.yaml") as refused:
            load(path)
        assert complaint in str(refused.value)
