"""A small shop to type readiness commands over: its book, its environment, its people, its reports."""

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from cli.main import main
from tests.tminus.readiness.room import crew

JUNIT = '<testsuite name="unit" tests="1"><testcase classname="a" name="b"/></testsuite>'
LINES = """\
      - ref: shop/testing/unit/1
        title: The unit tests pass
        claimed: true
        check: artifact.tests
        with: {reports: unit.xml}
        expect: {tests: ">= 1", failed: "= 0"}
      - ref: shop/testing/unit/2
        title: Somebody read the report
        attestation: {role: engineering_lead, statement: I read the report., valid_for: 30d}
"""
BOOK = f"""\
readiness: testing
system: shop
title: Testing
order: 1
may_waive: [engineering_lead]
sections:
  - section: unit
    title: Unit tests
    owner: engineering_lead
    lines:
{LINES}"""
Say = Callable[..., Result]


def opened(tmp_path: Path) -> Say:
    """`opened(folder)("next", "shop")` runs the command over the shop that it makes there."""
    books = tmp_path / "runbooks" / "shop"
    books.mkdir(parents=True)
    (books / "1.yaml").write_text(BOOK, "utf-8")
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "unit.xml").write_text(JUNIT, "utf-8")
    environment = {
        "environment": "here",
        "kind": "staging",
        "ledger": {"sqlite": str(tmp_path / "ledger.db")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(tmp_path),
        "artifacts": str(tmp_path / "artifacts"),
    }
    with (tmp_path / "environment.yaml").open("w") as file:
        YAML().dump(environment, file)
    with (tmp_path / "people.yaml").open("w") as file:
        YAML().dump(crew(tmp_path).model_dump(mode="json"), file)
    files = {
        "runbooks": tmp_path / "runbooks",
        "environment": tmp_path / "environment.yaml",
        "people": tmp_path / "people.yaml",
    }

    def run(*words: str, prefect: bool = False) -> Result:
        where = [word for name, path in files.items() for word in (f"--{name}", str(path))]
        more = [*where, "--no-prefect"] if words[0] == "readiness" and not prefect else where
        return CliRunner().invoke(main, [*words, *(more if words[0] != "coverage" else where[:2])])

    return run
