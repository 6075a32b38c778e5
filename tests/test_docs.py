"""What is written for people is true: commands, options, faults, kinds and keys are those of the code."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from cli.main import COMMANDS, main
from deployments.rehearsal.faults import FAULTS, Fault
from tasks.vocabulary import KINDS
from tminus.environment import Environment, Service
from tminus.vocabulary_page import page

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@cache
def text_of(path: Path) -> str:
    """A page's text."""
    return path.read_text("utf-8")


def typed(text: str, program: str) -> Iterator[list[str]]:
    """What a page says to type, word by word: after a `$` in a block, or in a line between backticks."""
    joined = text.replace("\\\n", " ")
    blocks = re.findall(r"(?m)^\$ (.+)$", joined)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```", "", joined))
    for line in (*blocks, *inline):
        words = line.partition("  #")[0].split()
        if words and Path(words[0]).name == program:
            yield words[1:]


def documented(word: str) -> bool:
    """Whether some page speaks of it."""
    return any(word in text_of(path) for path in PAGES)


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that is meant, and the rest; fails where there is none."""
    command = main.get_command(click.Context(main), words[0])
    assert command is not None, f"there is no command `tminus {words[0]}`"
    if isinstance(command, click.Group) and len(words) > 1:
        inner = command.get_command(click.Context(command), words[1])
        assert inner is not None, f"there is no command `tminus {words[0]} {words[1]}`"
        return inner, words[2:]
    return command, words[1:]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """Each can be found in the README or in docs/."""
    assert documented(f"tminus {name}")


@every_page
def test_what_a_page_says_to_type_exists(path: Path) -> None:
    """Every `tminus …` on it names a command that is there, with options that it has."""
    for words in typed(text_of(path), "tminus"):
        if not words or words[0] in {"…", "COMMAND", "--help"}:
            continue
        command, rest = command_of(words)
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= {*options, "--help"}, f"tminus {shlex.join(words)}"


@every_page
def test_what_a_page_says_to_make_exists(path: Path) -> None:
    """Every `make …` on it names a target, and a variable that the Makefile reads."""
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    for words in typed(text_of(path), "make"):
        for word in words:
            name, given, _ = word.partition("=")
            assert name in targets or (given and f"$({name})" in makefile), f"make {shlex.join(words)}"


def test_the_readme_has_the_two_commands() -> None:
    """One plays a launch, the other runs the tests."""
    said = [words for words in typed(text_of(ROOT / "README.md"), "make") if words]
    assert ["rehearsal"] in said
    assert ["test"] in said


@every_page
def test_a_link_leads_somewhere(path: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        headings = re.findall(r"(?m)^#+ (.+)$", text_of(file)) if file.suffix == ".md" else []
        anchors = {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_every_fault_is_documented(fault: Fault) -> None:
    """With the exit code that it ends with; the README names it too."""
    assert f"| `{fault.name}` | {fault.exit_code} |" in text_of(ROOT / "docs" / "rehearsal.md")
    assert fault.name == "none" or f"`{fault.name}`" in text_of(ROOT / "README.md")


def test_no_fault_is_made_up() -> None:
    """What the page lists is what there is."""
    listed = re.findall(r"(?m)^\| `([a-z-]+)` \| \d \|", text_of(ROOT / "docs" / "rehearsal.md"))
    assert listed == list(FAULTS)


def test_the_page_of_kinds_is_current() -> None:
    """Every check, action and watch, with its parameters and measurements; `tminus kinds > docs/checks.md` mends it."""
    assert text_of(ROOT / "docs" / "checks.md") == page(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_explained(kind: str) -> None:
    """No row of a kind's own table is without words."""
    fields = KINDS[kind].model_fields.items()
    for name, field in fields:
        if name not in {"kind", "expect"}:
            row = rf"(?m)^\| `{field.alias or name}` \|[^|]*\|[^|]*\| (\S.*) \|$"
            assert re.search(row, _section(kind)) or name == "kms_key", name


def _section(kind: str) -> str:
    return text_of(ROOT / "docs" / "checks.md").partition(f"\n## `{kind}`\n")[2].partition("\n## ")[0]


def test_every_key_of_an_environment_is_explained() -> None:
    """And every key of a service."""
    said = text_of(ROOT / "docs" / "environments.md")
    assert [name for name in (*Environment.model_fields, *Service.model_fields) if f"`{name}`" not in said] == []


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md names each that pyproject.toml asks for."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    asked = [*project["dependencies"], *(one for some in project["optional-dependencies"].values() for one in some)]
    said = text_of(ROOT / "docs" / "dependencies.md")
    assert [name for one in asked if (name := re.split(r"[\[<>=]", one)[0]) not in said] == []


def test_the_changelog_knows_this_version() -> None:
    """What pyproject.toml calls this version has an entry."""
    version = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["version"]
    assert f"## {version}" in text_of(ROOT / "CHANGELOG.md")
