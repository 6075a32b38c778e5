"""A launch that wants a proven backup, in an environment where none can be proven: it is said when it is planned."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tasks.vocabulary import KINDS
from tminus.cross_check import against_environment, never_proven
from tminus.environment import Environment
from tminus.runbook_source import load, read
from tminus.yaml_source import Source

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
BOOK = ROOT / "runbooks" / "tradesense" / "launch.yaml"
STEPS = ["backup-proven", "backup-after-launch-proven"]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The example's environment without its backups."""
    path = tmp_path / "environment.yaml"
    lines = (DATA / "environment.yaml").read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("backups:")), "utf-8")
    return path


def test_each_step_is_named_with_what_to_add(bare: Path) -> None:
    """And only where the section is missing."""
    steps = list(load(BOOK, KINDS).steps())
    said = never_proven(steps, Source.read(bare).load(Environment))
    assert [line.partition(":")[0] for line in said] == STEPS
    assert all("`backups" in line for line in said)
    assert never_proven(steps, Source.read(DATA / "environment.yaml").load(Environment)) == []


def test_validate_shows_the_place(bare: Path) -> None:
    """As a mistake in the book, at its line."""
    source = Source.read(BOOK)
    found = against_environment(read(source, KINDS), source, Source.read(bare).load(Environment))
    assert len(found) == len(STEPS)
    assert all("step backup-" in str(one) for one in found)


def test_the_plan_says_so(bare: Path) -> None:
    """Before anything is created."""
    files = {"runbook": BOOK, "release": DATA / "release.yaml", "people": DATA / "people.yaml", "environment": bare}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    found = CliRunner().invoke(main, ["plan", *options, "--t0", "+6h"])
    assert found.output.count("has no `backups` section") == len(STEPS), found.output
