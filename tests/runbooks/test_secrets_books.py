"""The shipped books of secrets, and how `tminus validate` holds one against the other files."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from cli.main import main
from tasks.rotators.rotator import Rotator
from tasks.rotators.vocabulary import ROTATORS
from tminus.rotations.book import SecretsBook, load_book
from tminus.yaml_source import Source

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
BOOKS = sorted((ROOT / "runbooks").glob("*/secrets.yaml"))
TRADESENSE = ROOT / "runbooks" / "tradesense" / "secrets.yaml"
OLDEST = timedelta(days=90)  # the checklists let no secret grow older


def book(path: Path) -> SecretsBook:
    """A shipped book."""
    return load_book(Source.read(path), ROTATORS)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.parent.name)
def test_each_secret_has_somebody_who_rotates_it(path: Path) -> None:
    """Every entry is a rotator with an owner, no older than the checklists allow; the book is its folder's."""
    known = book(path)
    assert known.secrets == path.parent.name
    assert known.leaked
    for name, policy in known.rotations.items():
        assert isinstance(policy, Rotator), name
        assert policy.owner, name
        assert policy.every <= OLDEST, name
        assert policy.secret.startswith(f"{known.secrets}/"), name


def test_a_book_is_held_against_the_other_files(tmp_path: Path) -> None:
    """A role that nobody has, a database that is not there, and no Secrets Manager: each with its line, all at once."""
    wrong = tmp_path / "secrets.yaml"
    text = TRADESENSE.read_text("utf-8").replace("server: main", "server: mian", 1)
    wrong.write_text(text.replace("owner: devops_lead", "owner: devops_led", 1), "utf-8")
    files = ["--environment", str(DATA / "environment.yaml"), "--people", str(DATA / "people.yaml")]
    found = CliRunner().invoke(main, ["validate", str(wrong), *files])
    assert found.exit_code == 2
    said = found.stderr
    assert "rotations.database.owner: nobody has the role 'devops_led'; did you mean 'devops_lead'?" in said
    assert "secrets: rehearsal-on-loopback has no `aws` section, so no secret can be read or replaced there" in said
    assert "rotations.database.server: rehearsal-on-loopback has no 'mian' under postgres; did you mean 'main'?" in said
    assert "rotations.jwt.bucket: rehearsal-on-loopback has no 'site' under buckets" in said
    assert "rotations.jwt.endpoints: rehearsal-on-loopback has no 'api' under endpoints" in said


def test_a_book_that_fits_is_said_to_be_well(tmp_path: Path) -> None:
    """The shipped book fits an environment that has what it names."""
    environment = tmp_path / "environment.yaml"
    known = YAML(typ="safe").load(DATA / "environment.yaml")
    buckets = {**known["buckets"], "site": known["buckets"]["backups"]}
    endpoints = {"api": {"url": "http://127.0.0.1:8000"}}
    more = {"aws": {"region": "eu-central-1"}, "buckets": buckets, "endpoints": endpoints}
    YAML().dump({**known, **more}, environment)
    files = ["--environment", str(environment), "--people", str(DATA / "people.yaml")]
    found = CliRunner().invoke(main, ["validate", str(TRADESENSE), *files])
    assert found.exit_code == 0, found.stderr
    assert found.stdout.startswith(f"{TRADESENSE}: secrets, ")


def test_a_mistake_in_an_entry_is_named_by_its_line(tmp_path: Path) -> None:
    """A misspelt field of a kind is told with the right one, as in every other book."""
    wrong = tmp_path / "secrets.yaml"
    wrong.write_text(TRADESENSE.read_text("utf-8").replace("owner_role:", "owner_rol:", 1), "utf-8")
    found = CliRunner().invoke(main, ["validate", str(wrong)])
    assert found.exit_code == 2
    assert "did you mean 'owner_role'?" in found.stderr
