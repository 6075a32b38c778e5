"""What a book says of services that are to be quiet is looked at before any drill: `tminus validate`."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from tests.tminus.drills.told_drills import opened_with
from tminus.drills.book import Drill, load_book
from tminus.drills.crossed import against_environment
from tminus.drills.quiet import why_never_quiet
from tminus.yaml_source import Source

REST = {"token": "env:X", "from_email": "tminus@example.com", "service": "PSERVICE"}


@pytest.mark.parametrize(
    ("quiet", "rest", "said"),
    [
        (["PDATABASE"], True, ""),
        ([], False, ""),
        (["PDATABASE", "PSERVICE"], True, "its pages wake nobody"),
        (["PDATABASE"], False, "has no pagerduty.rest"),
    ],
)
def test_what_could_not_be_quiet_is_a_mistake_in_the_book(
    tmp_path: Path, quiet: list[str], rest: bool, said: str
) -> None:
    """Where tminus itself pages by it, or nothing opens windows; at the line that names it."""
    pagerduty = {"routing_key": "env:X", **({"rest": REST} if rest else {})}
    environment = opened_with(tmp_path, {"pagerduty": pagerduty, "drills": {}}).environment
    drill = {"kind": "a.kind", "title": "T", "owner": "ops", "rto": "1m", "rpo": "1m", "quiet": quiet}
    book = {"drills": "house", "title": "T", "scenarios": {"failover": drill}}
    with (tmp_path / "drills.yaml").open("w") as file:
        YAML().dump(book, file)
    source = Source.read(tmp_path / "drills.yaml")
    read = load_book(source, {"a.kind": Drill})
    found = against_environment(read, source, environment, source)
    assert [said in one.what for one in found] == ([True] if said else [])
    assert {one.where for one in found} <= {"scenarios.failover.quiet"}
    assert bool(why_never_quiet(read.scenarios["failover"], environment)) == bool(said)


@pytest.mark.parametrize("service", ["", "P/DATABASE", "P" * 65])
def test_what_is_no_id_of_a_service_is_refused(service: str) -> None:
    """It goes into a request to PagerDuty."""
    with pytest.raises(ValidationError, match="quiet"):
        Drill.model_validate({"kind": "k", "title": "T", "owner": "o", "rto": "1m", "rpo": "1m", "quiet": [service]})
