"""`tminus import`: a Markdown checklist becomes chapters that the other commands read."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.importing import tminus
from tminus.environment import Ledger
from tminus.ledger.opening import open_ledger


def test_it_says_what_it_made_and_what_it_asks(room: Path) -> None:
    """Counts, questions, contradictions, placeholders, what was not understood, where it is and what is next."""
    result = tminus("import", "checklist.md")

    assert result.exit_code == 0, result.stderr
    assert result.stdout == (
        "web-shop: 6 lines from checklist.md\n"
        "\n"
        "      3  with a suggested check\n"
        "      2  to attest, by engineering_lead\n"
        "      1  to sign off\n"
        "      1  claimed done by their author, which proves nothing yet\n"
        "      1  with a question\n"
        "      1  still to be filled in\n"
        "\n"
        "Questions: 1\n"
        "  web-shop/1-recovery/4  Rate limiting configured appropriately\n"
        "    How many requests, in what time, and from whom?\n"
        "\n"
        "Lines that contradict one another: 1\n"
        "  a backup every 6 h may lose 6 h, and the RPO is 1 h; only incremental backups or a log at least that often "
        "can keep it\n"
        "    web-shop/1-recovery/2, web-shop/1-recovery/1\n"
        "\n"
        "Still to be filled in: 1\n"
        "  web-shop/contacts/1  Primary: [Name] - [Phone]\n"
        "\n"
        "Roles that people.yaml must have: 2\n"
        "  engineering_lead  owns the sections, may accept what does not hold\n"
        "  cto  signs off\n"
        "\n"
        "Not understood: 1\n"
        "  line 3: text: For whoever launches.\n"
        "\n"
        "Written to runbooks/web-shop: 3 files.\n"
        "What next: put your names where the files say `name yours`, then `tminus coverage web-shop`.\n"
    )
    assert [path.name for path in sorted((room / "runbooks" / "web-shop").iterdir())] == [
        "01-recovery.yaml",
        "02-sign-off.yaml",
        "03-contacts.yaml",
    ]


def test_the_file_is_yaml_that_explains_itself(room: Path) -> None:
    """Where it comes from, what is a suggestion, whose names are wanted, what is asked."""
    tminus("import", "checklist.md", "--owner", "cto")

    text = (room / "runbooks" / "web-shop" / "01-recovery.yaml").read_text("utf-8")
    assert text.startswith("# Imported from checklist.md, lines 6 to 9. ")
    assert (
        "      - ref: web-shop/1-recovery/1\n"
        "        title: Backups every 6 hours\n"
        "        claimed: true\n"
        '        promises: {backup_every: "6 h"}\n'
        "        check: aws.objects\n"
        '        with: {bucket: name-yours-backups, prefix: name-yours-database/, every: "6 h"}  # name yours\n'
        '        expect: {objects: ">= 2", newest: "<= 6 h", gaps: "= 0"}\n'
    ) in text
    assert (
        "        title: Rate limiting configured appropriately\n"
        "        # asks: How many requests, in what time, and from whom?\n"
        "        attestation:\n"
        "          role: cto\n"
    ) in text


def test_what_it_writes_is_what_readiness_reads_and_gives_back(room: Path) -> None:
    """The same lines in the same order, in `tminus coverage` and as Markdown; titles with YAML's own letters too."""
    tminus("import", "checklist.md", "--out", "runbooks/shop", "--system", "shop")
    (room / "environment.yaml").write_text(
        "environment: test\nkind: rehearsal\nledger: {sqlite: ledger.sqlite}\n"
        "prefect: {api: http://127.0.0.1:1/api}\nstate: state\n"
    )
    open_ledger(Ledger(sqlite=room / "ledger.sqlite")).close()

    covered = tminus("coverage", "shop")
    shown = tminus("readiness", "shop", "--environment", "environment.yaml", "--last", "--format", "md")

    refs = [f"shop/1-recovery/{number}" for number in range(1, 5)] + ["shop/sign-off/1", "shop/contacts/1"]
    assert covered.exit_code == 0, covered.stderr
    assert re.findall(r"shop/\S+(?=  )", covered.stdout) == refs
    assert shown.exit_code == 3, shown.stderr
    lines = re.findall(r"(?m)^ *- \[ \] .*?: \*\*(.+)\*\* \((\S+?),", shown.stdout)
    assert [re.sub(r"\\(.)", r"\1", ref) for _, ref in lines] == refs
    assert [re.sub(r"\\(.)", r"\1", title) for title, _ in lines] == [
        "Backups every 6 hours",
        "Recovery point objective (RPO): 1 hour",
        'Drill held: "all" {parts} % of it',
        "Rate limiting configured appropriately",
        "CTO",
        "Primary: [Name] - [Phone]",
    ]


MIXED = """# Flow5 Readiness Checklist

## Security

- [ ] No critical vulnerabilities
- [ ] Database backup every 6 hours

```bash
./scripts/validate-deployment.sh
```
"""


def test_a_sweep_looks_at_every_line_of_boxes_and_commands_under_one_heading(room: Path) -> None:
    """They are two sections of two places, and nothing is left out; the names to be filled in let nothing pass."""
    (room / "checklist.md").write_text(MIXED)
    imported = tminus("import", "checklist.md")
    assert imported.exit_code == 0, imported.stderr
    (room / "environment.yaml").write_text(
        "environment: test\nkind: rehearsal\nledger: {sqlite: ledger.sqlite}\n"
        "prefect: {api: http://127.0.0.1:1/api}\nstate: state\n"
    )
    open_ledger(Ledger(sqlite=room / "ledger.sqlite")).close()

    shown = tminus("readiness", "flow5", "--environment", "environment.yaml", "--no-prefect", "--format", "json")

    assert shown.exit_code == 3, shown.stderr
    found = re.findall(r'"ref": ?"(flow5/[^"]+)"', shown.stdout)
    assert set(found) == {"flow5/security/1", "flow5/security/2", "flow5/security/operations/1"}
    assert "not looked at" not in shown.stdout
    assert '"pass"' not in shown.stdout


def test_owners_and_columns_that_no_line_takes_are_said(room: Path) -> None:
    """They are what the release manager has to carry over by hand."""
    (room / "checklist.md").write_text(
        "# Ops\n| Task | Owner | Due | Done |\n|-|-|-|-|\n| Drill held | Ann | Monday | no |\n| Keys | | | no |\n"
    )

    said = tminus("import", "checklist.md").stdout

    assert "line 4: an owner; write the role that mends the line under `owner:`: Ann of Drill held" in said
    assert "line 2: columns of a table that no line takes: Due" in said


@pytest.mark.parametrize("out", ["str-out", "deep/er/str-out", "with space", "."])
def test_what_it_says_is_next_is_a_command_that_works(room: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    """Wherever the chapters were written, and under whatever name."""
    here = room / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    said = tminus("import", "../checklist.md", "--system", "of2", "--out", out).stdout

    (command,) = re.findall(r"then `tminus (.+)`\.", said)
    result = tminus(*shlex.split(command))
    assert result.exit_code == 0, result.stderr
    assert "of2/1-recovery/1" in result.stdout


def test_a_folder_that_is_not_there_is_answered_with_the_books_that_are(room: Path) -> None:
    """The nearest one, or ten at most, and only those that hold a book."""
    for number in range(30):
        (room / "runbooks" / f"folder{number}").mkdir(parents=True)
        (room / "runbooks" / f"folder{number}" / "a.yaml").write_text("other: 1\n")
    tminus("import", "checklist.md", "--system", "webshop")

    assert "there is no folder runbooks/web-shop; did you mean 'webshop'?" in tminus("coverage", "web-shop").stderr
    assert "there is no folder runbooks/xyz; known: webshop\n" in tminus("coverage", "xyz").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.md"], "none.md cannot be read: No such file or directory"),
        (["."], "cannot be read: Is a directory"),
        (["checklist.md", "--system", "Web Shop"], "small letters, digits and hyphens"),
        (["checklist.md", "--system", "shop\n"], "small letters, digits and hyphens"),
        (["checklist.md", "--owner", "a: b"], "write a role of people.yaml"),
        (["checklist.md", "--out", "checklist.md"], "checklist.md is a file; name a folder"),
        (["checklist.md", "--out", "checklist.md/a"], "cannot be written"),
        (["empty.md"], "empty.md is empty"),
        (["picture.png"], "is no text: byte 1 is zero"),
    ],
)
def test_what_cannot_be_done_is_said(room: Path, arguments: list[str], said: str) -> None:
    """In one sentence, with exit code 2, and nothing is written."""
    (room / "empty.md").write_bytes(b"")
    (room / "picture.png").write_bytes(b"P\0")

    result = tminus("import", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not (room / "runbooks").exists()
