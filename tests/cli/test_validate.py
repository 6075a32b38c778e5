"""`tminus validate`, `schema` and `plan`, as they are called."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from cli.main import main

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
EXAMPLES = [str(DATA / f"{kind}.yaml") for kind in ("release", "people", "environment")]
CONTEXT = [
    argument for kind in ("release", "people", "environment") for argument in (f"--{kind}", str(DATA / f"{kind}.yaml"))
]
BOOK = """\
runbook: little
system: tradesense
phases:
  - phase: T-0
    late_by: 1h
    steps:
      - id: healthy
        title: Everything answers
        owner: devops_lead
        check: http.health
        with: {services: [trading]}
        expect: {healthy: "= all"}
      - id: go
        title: Go, or no go
        owner: engineering_lead
        approval:
          roles: {devops_lead: 1, security_lead: 1}
          deadline: 45m
"""


def tminus(*arguments: str) -> Result:
    """Calls the command line."""
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A little book that is right."""
    path = tmp_path / "book.yaml"
    path.write_text(BOOK)
    return path


def test_all_is_well(book: Path) -> None:
    """Exit 0, and one line a file that says what it is; the kind is told by what stands in it."""
    result = tminus("validate", str(book), *EXAMPLES, *CONTEXT)
    assert result.exit_code == 0, result.stderr
    kinds = [line.split(": ")[1].split(",")[0] for line in result.stdout.splitlines()]
    assert kinds == ["runbook", "release", "people", "environment"]


def test_every_file_is_looked_at(book: Path, tmp_path: Path) -> None:
    """Mistakes in several files are told in one go, on stderr, with exit code 2."""
    book.write_text(BOOK.replace("= all", "> all").replace("devops_lead\n", "devops_led\n"))
    release = tmp_path / "release.yaml"
    release.write_text((DATA / "release.yaml").read_text().replace("system:", "sytem:"))
    result = tminus("validate", str(book), str(release), "--people", str(DATA / "people.yaml"))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{book}:9: step healthy: owner: nobody has the role 'devops_led'; did you mean 'devops_lead'?",
        f"{book}:12: step healthy: expect.healthy: '> all' compares a word; only '=' and '!=' can",
        f"{release}:1: 'system' is missing",
        f"{release}:2: unknown key 'sytem'; did you mean 'system'?",
    ]


def test_a_context_that_is_broken_is_told_too(book: Path, tmp_path: Path) -> None:
    """Mistakes in the file given with --people are mistakes as well."""
    people = tmp_path / "people.yaml"
    people.write_text("people: [{id: ann, name: Ann}]\n")
    result = tminus("validate", str(book), "--people", str(people))
    assert result.exit_code == 2
    assert result.stderr == f"{people}:1: people[0]: 'roles' is missing\n"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path that leads nowhere is a usage error with what to do."""
    result = tminus("validate", str(tmp_path / "none.yaml"))
    assert result.exit_code == 2
    assert result.stderr.endswith("cannot be read: No such file or directory; give the path of a YAML file\n")


@pytest.mark.parametrize("kind", ["runbook", "release", "people", "environment"])
def test_schema(kind: str, book: Path) -> None:
    """Each schema is printed as JSON, is a schema, and accepts a file of its kind."""
    schema = json.loads(tminus("schema", kind).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    from tminus.yaml_source import Source

    path = book if kind == "runbook" else DATA / f"{kind}.yaml"
    jsonschema.Draft202012Validator(schema).validate(Source.read(path).data)


def test_schema_is_the_runbooks_by_default() -> None:
    """Without a kind it is the runbook's."""
    assert tminus("schema").stdout == tminus("schema", "runbook").stdout


def test_plan(book: Path) -> None:
    """The plan says when, who owns it, and who must answer by when."""
    result = tminus("plan", "--runbook", str(book), *CONTEXT, "--t0", "2099-11-23T18:00:00Z")
    assert result.exit_code == 0, result.stderr
    text = " ".join(result.stdout.split())
    assert "T-0 Mon 2099-11-23 18:00:00 UTC, at the latest 18:00:05" in text
    assert "healthy http.health devops_lead Everything answers" in text
    assert "1 security_lead by 18:00:03: DevOps lead, second shift; Security lead, first shift" in text


def test_plan_of_a_quorum_that_cannot_be_reached(book: Path, tmp_path: Path) -> None:
    """It is printed, says why on stderr, and exits 2."""
    people = tmp_path / "people.yaml"
    people.write_text("people: [{id: ann, name: Ann's role, roles: [devops_lead, security_lead]}]\n")
    context = [*CONTEXT[:2], "--people", str(people), *CONTEXT[4:]]
    result = tminus("plan", "--runbook", str(book), *context, "--t0", "+4h")
    assert result.exit_code == 2
    assert "cannot be reached" in result.stdout
    assert result.stderr == (
        "tminus: step go: with everyone's answer it still lacks 1 security_lead; "
        "who could answer: ann (devops_lead, security_lead)\n"
    )


CALLED = """\
  - phase: T-24h
    late_by: 20h
    steps:
      - id: roll-call
        title: Who will be there
        owner: product_manager
        roll_call: {deadline: 20h}
  - phase: T-0
"""


def of_authors(folder: Path, *authors: str) -> list[str]:
    """The usual files, with addresses of people and a release whose commits these wrote."""
    people, release = folder / "people.yaml", folder / "release.yaml"
    known = (DATA / "people.yaml").read_text().replace("roles: [devops_lead]\n", "roles: [devops_lead]\n    EMAIL-1\n")
    known = known.replace("roles: [devops_lead, security_lead]\n", "roles: [devops_lead, security_lead]\n    EMAIL-2\n")
    people.write_text(known.replace("EMAIL-1", "email: d1@example.com").replace("EMAIL-2", "email: d2@example.com"))
    commits = f"  authors: [{', '.join(authors)}]\n"
    release.write_text((DATA / "release.yaml").read_text().replace("  authors: []\n", commits))
    return ["--release", str(release), "--people", str(people), *CONTEXT[4:]]


def test_plan_of_a_roll_call_and_of_authors(book: Path, tmp_path: Path) -> None:
    """When the roll is called and to whom; at each gate who is barred since they wrote a commit, and nobody else."""
    book.write_text(BOOK.replace("  - phase: T-0\n", CALLED))
    context = of_authors(tmp_path, "d2@example.com", "stranger@example.com")
    result = tminus("plan", "--runbook", str(book), *context, "--t0", "2099-11-23T18:00:00Z")
    assert result.exit_code == 0, result.stderr
    call, gate = (" ".join(part.split()) for part in result.stdout.split("T-0 ", 1))
    barred = "not DevOps lead, second shift: wrote a commit of this release, and nobody approves their own"
    first, security = "DevOps lead, first shift", "Security lead, first shift"
    assert f"goes out Mon 2099-11-23 17:58:00 UTC to: {first}; {security} " in call
    for part, until in ((call, "17:59:40"), (gate, "18:00:03")):
        assert f"1 devops_lead by {until}: {first} " in part
        assert f"1 security_lead by {until}: {security} {barred}" in part
        assert part.count("nobody approves their own") == 1


STRANGER = "warning: stranger@example.com wrote a commit of this release and is nobody in people.yaml"


def test_an_author_whom_nobody_in_people_yaml_is_gets_a_warning(book: Path, tmp_path: Path) -> None:
    """No mistake, since an outsider may have written one; said by plan, and by validate however the files are given."""
    context = of_authors(tmp_path, "D2@example.com", "stranger@example.com", "stranger@example.com")
    planned = tminus("plan", "--runbook", str(book), *context, "--t0", "+4h")
    files = (context[1], context[3])
    held_against, looked_at = tminus("validate", str(book), *context), tminus("validate", str(book), *files)
    assert [one.exit_code for one in (planned, held_against, looked_at)] == [0, 0, 0], planned.stderr
    for said in (planned.stdout, held_against.stderr, looked_at.stderr):
        assert (said.count("warning: "), said.count(STRANGER)) == (1, 1)
    assert tminus("validate", files[0]).stderr == ""


def test_commits_without_authors_are_a_mistake(book: Path, tmp_path: Path) -> None:
    """Nobody would be barred, and nothing would say so; an empty list says so. The command that lists them is named."""
    context = of_authors(tmp_path)
    release = Path(context[1])
    assert tminus("validate", str(release)).exit_code == 0
    release.write_text(release.read_text().replace("  authors: []\n", ""))
    for words in (
        ("validate", str(release)),
        ("validate", str(book), *context),
        ("plan", "--runbook", str(book), *context, "--t0", "+4h"),
    ):
        result = tminus(*words)
        assert result.exit_code == 2
        assert "`authors` is missing" in result.stderr
        assert "`git log --format=%ae v1.0.0..v2.0.0 | sort -u`" in result.stderr


def test_plan_of_a_quorum_that_authors_make_unreachable(book: Path, tmp_path: Path) -> None:
    """Whoever is left is not enough: said at the gate and on stderr, and it exits 2, as `launch` does."""
    context = of_authors(tmp_path, "d1@example.com", "d2@example.com")
    result = tminus("plan", "--runbook", str(book), *context, "--t0", "+4h")
    assert result.exit_code == 2
    assert "1 devops_lead by" in result.stdout
    assert ": nobody" in result.stdout
    assert "step go: with everyone's answer it still lacks 1 devops_lead" in result.stderr


def test_plan_in_the_past(book: Path) -> None:
    """A T-0 in the past is a usage error, and nothing is printed."""
    result = tminus("plan", "--runbook", str(book), *CONTEXT, "--t0", "2020-01-01T00:00:00Z")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "in the past; give a time to come" in result.stderr


def test_plan_of_another_system(book: Path) -> None:
    """A release of another system than the book's is refused."""
    book.write_text(BOOK.replace("tradesense", "vatic"))
    result = tminus("plan", "--runbook", str(book), *CONTEXT, "--t0", "+4h")
    assert result.exit_code == 2
    assert "is for 'vatic'" in result.stderr
