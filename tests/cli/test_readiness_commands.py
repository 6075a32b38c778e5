"""`readiness`, `coverage`, `next` and `line`, as people type them: on real files and a real ledger, without Prefect."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
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


@pytest.fixture
def say(tmp_path: Path) -> Say:
    """`say("next", "shop")` runs the command over a small shop: its book, its environment, its people, its reports."""
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


def attest(say: Say, tmp_path: Path, who: str = "lead", until: str = "20d") -> Result:
    """Somebody states the second line."""
    key = str(tmp_path / who)
    return say(
        "line", "attest", "shop/testing/unit/2", "--until", until, "--link", "https://ci.example/1", "--key", key
    )


def test_a_shop_becomes_ready(say: Say, tmp_path: Path) -> None:
    """Not ready while a statement is missing; ready once the lead has given it; and the ledger tells it all."""
    before = say("readiness", "shop")
    assert before.exit_code == 3
    assert "shop is not ready: 1 lines block, 1 of 2 hold" in before.output
    assert "tminus line attest shop/testing/unit/2" in before.output

    given = attest(say, tmp_path)
    assert given.exit_code == 0
    assert "I read the report." in given.output

    after = say("readiness", "shop", "--all")
    assert after.exit_code == 0
    assert "shop is ready: 2 of 2 lines hold" in after.output
    assert "stated by lead (engineering_lead)" in after.output


def test_the_last_evidence_is_judged_without_looking(say: Say, tmp_path: Path) -> None:
    """`--last` looks at nothing: what has changed since does not show until somebody looks."""
    say("readiness", "shop")
    (tmp_path / "artifacts" / "unit.xml").unlink()

    last = json.loads(say("readiness", "shop", "--last", "--format", "json").output)
    assert last["counts"] == {"pass": 1, "fail": 1}
    now = json.loads(say("readiness", "shop", "--format", "json").output)
    assert now["counts"] == {"unknown": 1, "fail": 1}
    assert [line["ref"] for line in now["unproven"]] == ["shop/testing/unit/1"]
    assert len(now["trend"]) == 2


def test_every_format_is_written(say: Say, tmp_path: Path) -> None:
    """`--report` leaves each format in a folder."""
    say("readiness", "shop", "--report", str(tmp_path / "out"))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "readiness.html",
        "readiness.json",
        "readiness.junit.xml",
        "readiness.md",
    ]


def test_only_who_may_can_state_or_accept(say: Say, tmp_path: Path) -> None:
    """Another role is refused with exit 3, a stranger's key too; nothing is recorded."""
    assert attest(say, tmp_path, "manager").exit_code == 3
    waived = say(
        "line", "waive", "shop/testing/unit/2", "--until", "9d", "--reason", "x", "--key", str(tmp_path / "manager")
    )
    assert waived.exit_code == 3
    assert "that is for engineering_lead" in waived.output
    crew(tmp_path)  # new keys, which people.yaml does not know
    assert attest(say, tmp_path).exit_code == 3
    assert say("readiness", "shop").exit_code == 3


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("readiness", "shp"), "did you mean 'shop'?"),
        (("readiness", "shop", "--section", "unti"), "did you mean 'unit'?"),
        (("line", "show", "shop/testing/unit/3"), "did you mean 'shop/testing/unit/"),
        (("line", "attest", "shop/testing/unit/2", "--until", "20d", "--link", "https://l"), "TMINUS_KEY"),
        (
            ("line", "attest", "shop/testing/unit/1", "--until", "20d", "--link", "https://l", "--key", "lead"),
            "is observed, not stated",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "40d", "--link", "https://l", "--key", "lead"),
            "holds 30d at most",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "2020-01-01", "--link", "https://l", "--key", "lead"),
            "in the past",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "soon", "--link", "https://l", "--key", "lead"),
            "'soon' is no date",
        ),
        (
            (
                "line",
                "attest",
                "shop/testing/unit/2",
                "--until",
                "2030-01-01T10:00",
                "--link",
                "https://l",
                "--key",
                "lead",
            ),
            "no time zone",
        ),
        *(
            (
                ("line", "attest", "shop/testing/unit/2", "--until", "20d", "--link", link, "--key", "lead"),
                f"{link!r} is no link; write https://…",
            )
            for link in (
                "nonsense",
                "",
                "https://",
                "ftp://ci.example/1",
                "https://ci.example/a b",
                "http://[",
                "ci.example/1",
            )
        ),
        (
            (
                "line",
                "waive",
                "shop/testing/unit/1",
                "--until",
                "9d",
                "--reason",
                "x",
                "--link",
                "wiki",
                "--key",
                "lead",
            ),
            "'wiki' is no link; write https://…",
        ),
        (
            (
                "line",
                "attest",
                "shop/testing/unit/2",
                "--until",
                "20d",
                "--link",
                "https://a:b@ci.example",
                "--key",
                "lead",
            ),
            "the link to ci.example holds a name or a password",
        ),
    ],
)
def test_what_is_typed_wrong_is_said_and_changes_nothing(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], wanted: str
) -> None:
    """One clear sentence, exit 2, and no ledger is made."""
    monkeypatch.delenv("TMINUS_KEY", raising=False)
    given = [str(tmp_path / word) if word == "lead" else word for word in words]

    said = say(*given)

    assert said.exit_code == 2
    assert wanted in said.output
    assert "Traceback" not in said.output
    if words[1] != "show":
        assert not (tmp_path / "ledger.db").exists()


def test_a_mistake_in_a_book_is_said_with_its_line(say: Say, tmp_path: Path) -> None:
    """`file:line:` begins the line, so that editors find it; exit 2."""
    path = tmp_path / "runbooks" / "shop" / "1.yaml"
    path.write_text(BOOK.replace("artifact.tests", "artifact.test"), "utf-8")

    said = say("readiness", "shop")

    assert said.exit_code == 2
    assert f"{path}:14: shop/testing/unit/1" in said.output
    assert "did you mean 'artifact.tests'?" in said.output


def test_next_and_coverage_are_lists(say: Say) -> None:
    """Both have a form for programs, with just the promised keys."""
    say("readiness", "shop")

    fixes = json.loads(say("next", "shop", "--json").output)
    assert [(fix["blocking"], fix["refs"]) for fix in fixes] == [(1, ["shop/testing/unit/2"])]
    covered = json.loads(say("coverage", "--json").output)
    assert [(one["ref"], one["bound"], one["check"]) for one in covered] == [
        ("shop/testing/unit/1", "observed", "artifact.tests"),
        ("shop/testing/unit/2", "attested", "attestation by engineering_lead"),
    ]
    assert set(covered[0]) == {"ref", "title", "bound", "check"}


def test_what_to_mend_is_said_in_plain_english(say: Say) -> None:
    """One line is one line; where the whole list is said with the system's name."""
    swept = say("readiness", "shop").output
    assert "1 line, which blocks  engineering_lead: statements by" in swept
    assert "`tminus next shop --environment FILE` has the whole list." in swept
    assert "engineering_lead: turns 1 line green, which blocks\n" in say("next", "shop").output


def test_sweeps_of_another_environment_are_named(say: Say, tmp_path: Path) -> None:
    """A wrong environment file over the right ledger is said, and not only that nothing was looked at."""
    unknown = say("next", "shop")
    assert "The ledger has sweeps" not in unknown.output
    assert say("readiness", "shop").exit_code == 3
    assert "The ledger has sweeps" not in say("next", "shop").output
    place = tmp_path / "environment.yaml"
    place.write_text(place.read_text("utf-8").replace("environment: here", "environment: there"), "utf-8")

    for words in (("next", "shop"), ("next", "shop", "--json"), ("line", "show", "shop/testing/unit/1")):
        said = say(*words)
        assert said.exit_code == 0
        assert said.stderr == "The ledger has sweeps of shop in here, not in there.\n"
    assert json.loads(say("next", "shop", "--json").stdout)


def test_a_waiver_turns_a_line_green_and_keeps_why_in_sight(say: Say, tmp_path: Path) -> None:
    """The line is waived until the date, and its reason and what is wrong both show."""
    (tmp_path / "artifacts" / "unit.xml").write_text(JUNIT.replace("/></", "><failure/></testcase></"), "utf-8")
    key = str(tmp_path / "lead")
    say("line", "waive", "shop/testing/unit/1", "--until", "30d", "--reason", "flaky, ticket 12", "--key", key)

    shown = say("readiness", "shop", "--all").output

    assert "1 waived" in shown
    assert "flaky, ticket 12" in " ".join(shown.split())


def test_without_prefect_it_says_how_to_go_on(say: Say, tmp_path: Path) -> None:
    """A sweep that did not happen is never told as one that went well: exit 1, and what to type."""
    assert attest(say, tmp_path).exit_code == 0
    assert say("readiness", "shop").exit_code == 0

    down = say("readiness", "shop", prefect=True)

    assert down.exit_code == 1
    assert "--no-prefect" in down.output
    assert "is ready" not in down.output
