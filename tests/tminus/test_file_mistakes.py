"""Release, people and environment files: mistakes with lines, and the kind of a file told by what stands in it."""

from pathlib import Path

import jsonschema
import pytest

from tminus.editor_schema import file_schema
from tminus.errors import BookError, UsageError
from tminus.file_kinds import FILE_KINDS, kind_of
from tminus.yaml_document import parse
from tminus.yaml_source import Source

DATA = Path(__file__).parents[1] / "data"

BROKEN = [
    (
        "release",
        "ticket: TS",
        "tickt: TS",
        ["1: 'ticket' is missing", "3: unknown key 'tickt'; did you mean 'ticket'?"],
    ),
    (
        "release",
        "artifact: sha256:2222",
        "artifact: sha256:222",
        [
            f"7: services.trading.artifact: found 'sha256:{'2' * 63}', expected 'sha256:' and 64 hexadecimal digits",
        ],
    ),
    (
        "release",
        'version: "2.0.0"',
        "version: 2.0",
        ["6: services.trading.version: found a number, expected text; put it in quotes"],
    ),
    (
        "release",
        "rollback_to:",
        "rolback_to:",
        [
            "5: services.trading: 'rollback_to' is missing",
            "9: services.trading: unknown key 'rolback_to'; did you mean 'rollback_to'?",
        ],
    ),
    (
        "release",
        "pip-audit\n",
        "pip_audit\n",
        [
            (
                "19: scans[0].tool: found 'pip_audit', expected 'pip-audit', 'npm-audit' or 'sarif'; "
                "did you mean 'pip-audit'?"
            )
        ],
    ),
    (
        "people",
        "slack: U0DEV1",
        "slack: U0ENG1",
        ["1: slack 'U0ENG1' belongs to both 'Engineering lead, first shift' and 'DevOps lead, first shift'"],
    ),
    ("people", "roles: [ceo]", "roles: []", ["27: people[5].roles: found 0, expected at least 1"]),
    ("people", "on_duty: true", "on_duty: maybe", ["6: people[0].on_duty: found text, expected true or false"]),
    (
        "environment",
        "kind: rehearsal",
        "kind: rehersal",
        ["2: kind: found 'rehersal', expected 'rehearsal', 'staging' or 'production'; did you mean 'rehearsal'?"],
    ),
    (
        "environment",
        "state: state",
        "stat: state",
        ["1: 'state' is missing", "3: unknown key 'stat'; did you mean 'state'?"],
    ),
    (
        "environment",
        '"env:TRADING_DSN"',
        '"postgres://app:hunter2@127.0.0.1/main"',
        [
            (
                "25: postgres.main.dsn: not a reference to a secret; "
                "write env:NAME, aws:SECRET-ID, aws:SECRET-ID#KEY or prefect:BLOCK-SLUG, never the value itself"
            )
        ],
    ),
    (
        "environment",
        "front: http://127.0.0.1:8080",
        "front: http://trading.example:8080",
        ["1: clock: a compressed clock wants every address on loopback; http://trading.example:8080 is not"],
    ),
    (
        "environment",
        "{sqlite: state/ledger.sqlite}",
        "{}",
        ["4: ledger: a ledger is either sqlite: PATH or postgres: SECRET-REFERENCE"],
    ),
    (
        "environment",
        "[none, probe, synthetic]",
        "[none, prob]",
        ["7: allows[1]: found 'prob', expected 'none', 'probe', 'synthetic', 'load' or 'page'; did you mean 'probe'?"],
    ),
]


def example(kind: str) -> str:
    """The text of an example file."""
    return (DATA / f"{kind}.yaml").read_text("utf-8")


@pytest.mark.parametrize(("kind", "old", "new", "messages"), BROKEN)
def test_a_mistake_is_named(kind: str, old: str, new: str, messages: list[str]) -> None:
    """Each mistake is reported with its line, its place, what was found and what was expected."""
    text = example(kind)
    assert old in text
    source = Source(Path("f"), parse(text.replace(old, new, 1)))
    assert kind_of(source) == kind
    with pytest.raises(BookError) as caught:
        source.load(FILE_KINDS[kind])
    assert str(caught.value).splitlines() == [f"f:{message}" for message in messages]


def test_a_secret_written_out_is_not_repeated() -> None:
    """A value where a reference belongs is refused without being shown."""
    text = example("environment").replace("env:TRADING_DSN", "postgres://app:hunter2@127.0.0.1/main")
    with pytest.raises(BookError) as caught:
        Source(Path("f"), parse(text)).load(FILE_KINDS["environment"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", ["release", "people", "environment"])
def test_editors_accept_the_examples(kind: str) -> None:
    """The JSON Schema of each kind of file is valid, and accepts the example."""
    schema = file_schema(FILE_KINDS[kind])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(Source.read(DATA / f"{kind}.yaml").data)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("runbook: launch", "runbook"),
        ("release: r", "release"),
        ("people: []", "people"),
        ("environment: e", "environment"),
        ("backups: shop\ntitel: t", "backups"),
        ("secrets: shop\ntitel: t", "secrets"),
        ("environment: e\nbackups: {scratch: s}", "environment"),
        ("runbok: launch\nphases: []\nsystem: s", "runbook"),
        ("enviroment: e\nkind: staging\nledger: {}", "environment"),
    ],
)
def test_the_kind_of_a_file(text: str, kind: str) -> None:
    """It is told by the keys it has most in common with, so a misspelt first line does not hide it."""
    assert kind_of(Source(Path("f"), parse(text))) == kind


def test_a_file_of_no_kind() -> None:
    """A file that has nothing in common with any is refused, naming what would make it one."""
    with pytest.raises(BookError) as caught:
        kind_of(Source(Path("f"), parse("fruit: apple")))
    assert str(caught.value) == (
        "f:1: is no file of a launch: none of `runbook:`, `release:`, `people:`, `environment:`, "
        "`readiness:`, `backups:`, `secrets:`, `drills:` stands at its top"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, and one that is no text, are named with what to do."""
    with pytest.raises(UsageError, match="cannot be read: No such file or directory; give the path of a YAML file"):
        Source.read(tmp_path / "none.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: \xff")
    with pytest.raises(UsageError, match=r"is not text in UTF-8 \(byte 3\)"):
        Source.read(binary)
