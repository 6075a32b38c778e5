"""YAML as data: a scalar that its tag does not describe is a defect with a line, whatever stands there."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from tminus.yaml_document import parse


@pytest.mark.parametrize(
    "written", ["!!int abc", "!!bool maybe", "!!float secretive", "!!int ''", "!!bool ''", "-_", "0x_", "1" * 5000]
)
def test_what_its_tag_does_not_describe_is_a_defect(written: str) -> None:
    """No traceback: a defect in its line, that does not repeat the value."""
    document = parse(f"first: 1\na: {written}\n")
    [defect] = document.defects
    assert (defect.line, defect.place) == (2, ("a",))
    assert "leave the tag out" in defect.what
    assert written.rsplit(maxsplit=1)[-1] not in defect.what
    assert document.data == {"first": 1, "a": None}


@given(
    st.sampled_from(["", "!!int ", "!!float ", "!!bool ", "!!null ", "!!str ", "!!timestamp ", "!x "]),
    st.text(alphabet="0123456789_-+.eExobinfaNtrue:' ", max_size=9),
)
def test_any_scalar_is_read_or_refused(tag: str, text: str) -> None:
    """For all scalars with all tags: data, defects, or ruamel's own error; nothing else is raised."""
    with suppress(YAMLError):
        parse(f"a: {tag}{text}")
