"""What is printed to be typed can be typed: every `tminus …` in the product's strings and on its pages."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast, get_args

import click
import pytest

from cli.main import COMMANDS, main
from deployments.rehearsal.readiness_play import what_to_type
from deployments.rehearsal.whole_estate import WholeEstate
from tests.test_docs import ROOT, every_page, text_of
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import events as ev
from tminus.asking import how_to_answer
from tminus.offers import _offer, offers
from tminus.outcome import Outcome

ROOMS = ("cli", "flows", "tasks", "tminus", "deployments")
PUT_TOGETHER = {"deployments"}  # whose commands are put together by code alone
PLACE = "X"  # stands for what is known only where it is printed
# Between backticks; else as far as the clause goes, which may be over a line's end where a page is wrapped.
PRINTED = re.compile(r"(?m)`tminus ([^`]+)`|^\$ tminus (.+)$|(?<![`/\w-])tminus ([^`,;()'\n]+)")
NO_WORD_OF_IT = re.compile(r"[.:]( .*)?$")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A launch that was just created."""
    return Stage.set(tmp_path)


def why_not_whole(words: list[str]) -> str:
    """What a shell that is given these words would be told to mend; "" where nothing.

    A command named alone is only spoken of, and `…` stands for what is left out. So does a variable that the command's
    help names: whoever works with backups has exported it.
    """
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and (inner := command.get_command(context, words[0])):
        command, words, context = inner, words[1:], click.Context(inner, parent=context)
    if not words or "…" in words or words == ["--help"]:
        return ""
    if isinstance(command, click.Group):
        return f"no command {words[0]}"
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as e:
        return e.format_message()
    if rest:
        return f"unexpected {' '.join(rest)}"
    eager = [one.name for one in command.params if one.is_eager and given.get(one.name or "")]
    wanted = [
        one.opts[-1]
        for one in command.params
        if one.required and not getattr(one, "show_envvar", False) and not given.get(one.name or "")
    ]
    return f"missing {', '.join(wanted)}" if wanted and not eager else ""


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """A module's strings with their lines, but not what is written for those who read the module."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(one.value) if isinstance(one, ast.Constant) else PLACE for one in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def told_to_type(text: str) -> Iterator[str]:
    """Each command in it, without its first word."""
    for quoted, block, plain in PRINTED.findall(text):
        said = quoted or block.partition("  #")[0].partition(" > ")[0] or NO_WORD_OF_IT.sub("", plain)
        if said.split()[:1] and said.split()[0] in COMMANDS:
            yield said


def test_what_lacks_something_is_found() -> None:
    """A reason, a file, a command that is there; also where a sentence goes on behind it."""
    (scrub, retry, *_) = told_to_type("`tminus scrub L`; then: tminus retry L S. Owner: X, by whom tminus holds")
    assert (why_not_whole(scrub.split()), why_not_whole(retry.split())) == ("missing --reason", "")
    assert why_not_whole(["operate", "audit", "shop"]) == "missing --environment"
    assert why_not_whole(["operate", "backup", "--check"]) == ""
    assert why_not_whole(["ledger", "verfy"]) == "no command verfy"


@pytest.mark.parametrize("room", ROOMS)
def test_what_the_product_prints_to_type_is_whole(room: str) -> None:
    """The command exists, and has every option it is given and wants, `scrub` its reason: pasted, it is understood."""
    printed = [
        (f"{path.relative_to(ROOT)}:{line}", said)
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in strings(path)
        for said in told_to_type(text)
    ]
    assert printed or room in PUT_TOGETHER, f"nothing in {room}/ was found to be typed, so nothing was looked at"
    found = [f"{where}: tminus {said}: {why}" for where, said in printed if (why := why_not_whole(shlex.split(said)))]
    assert found == []


@pytest.mark.parametrize("kind", get_args(ev.AskOpened.model_fields["kind"].annotation))
def test_what_says_yes_to_a_question_is_whole(stage: Stage, kind: str) -> None:
    """Of each kind; it is put together where it is shown, so it is asked of what puts it together."""
    opened = stage.ask().model_copy(update={"kind": kind})
    first, *words = shlex.split(how_to_answer(LAUNCH, opened))
    assert (first, why_not_whole(words)) == ("tminus", "")
    assert words[1:3] == [LAUNCH, "--ask"]


@pytest.mark.parametrize("order", get_args(ev.Order))
def test_what_gives_an_order_is_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch, order: ev.Order) -> None:
    """Each that may be offered, about a step or not, with the reason, the date and the digest that it wants."""
    monkeypatch.setattr("tminus.offers.could_order", lambda *_: True)
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    step = "services-healthy" if order in {"retry", "waive"} else ""
    (offer,) = _offer(stage.frozen, stage.book.record, order, "to go on", step)
    first, *words = shlex.split(offer.command)
    assert (first, words[:2], why_not_whole(words)) == ("tminus", [order, LAUNCH], "")


def test_what_is_offered_in_each_plight_is_whole(stage: Stage) -> None:
    """Held by tminus for a step, by a person, and once a change was begun: as `status` shows it."""
    said = list[str]()
    stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
    for happens in (
        ev.Held(why="services-healthy fail", step="services-healthy"),
        ev.Ordered(order="hold", person="security", via="slack", reason="an alert"),
    ):
        stage.book.write(happens)
        said += [one.command for one in offers(stage.frozen, stage.book.record)]
    stage.begin_change()
    said += [one.command for one in offers(stage.frozen, stage.book.record)]
    assert {one.split()[1] for one in said} == {"retry", "waive", "scrub", "resume", "rollback"}
    assert [f"{one}: {why}" for one in said if (why := why_not_whole(shlex.split(one)[1:]))] == []


def test_what_a_rehearsal_left_up_says_to_type_is_whole(tmp_path: Path) -> None:
    """To look at what its sweep found."""
    files = SimpleNamespace(people=tmp_path / "people.yaml", release=tmp_path / "a release.yaml")
    estate = cast("WholeEstate", SimpleNamespace(folder=tmp_path, documents=files))
    _reads_first, *commands = what_to_type(estate, "tradesense", tmp_path / "variables.sh")
    assert [why_not_whole(shlex.split(one.removeprefix("tminus "))) for one in commands] == ["", ""]


@every_page
def test_what_a_page_says_to_type_is_whole(path: Path) -> None:
    """So also in docs/ and the README."""
    text = text_of(path).replace("\\\n", " ")
    found = [f"tminus {said}: {why}" for said in told_to_type(text) if (why := why_not_whole(shlex.split(said)))]
    assert found == []
