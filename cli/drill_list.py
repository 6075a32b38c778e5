"""`tminus drills`: what each drill measured last, against what is promised."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from cli.book_files import with_book_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tminus.drills.course import Course
    from tminus.drills.opened import OpenedDrills
    from tminus.ledger.store import Store

_PIPED = 160  # columns where stdout is no terminal


class _How(TypedDict):
    """As what they are shown."""

    page: Path | None
    evidence: Path | None
    roster: bool
    people: Path | None
    as_json: bool
    markdown: bool


@click.command("drills")
@click.argument("name", required=False)
@with_book_files("drills")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Draw up one page, in this file.")
@click.option(
    "--evidence", type=click.Path(path_type=Path), help="Write drill.json and failover.json into this folder."
)
@click.option("--roster", is_flag=True, help="Who took part, and who has not for half a year.")
@click.option("--people", type=click.Path(path_type=Path), envvar="TMINUS_PEOPLE", help="Who there is: people.yaml.")
@click.option("--json", "as_json", is_flag=True, help="For programs: each drill with what it measured last.")
@click.option("--markdown", is_flag=True, help="The account of NAME's last drill, to be kept or sent.")
def command(runbook: Path, environment: Path, name: str | None, **how: Unpack[_How]) -> None:
    """Shows what each drill measured last.

    And which is due, from when on, and what is left to follow up. With NAME: all its drills, moment by moment.

    Exits 0; 1 where the last drill of one is not proven to be undone, and nobody plays it any more.
    """
    from flows.drill_round import opened_drills
    from tminus.drills.lever import Lever
    from tminus.drills.retired import retired, retired_said
    from tminus.errors import UsageError
    from tminus.lease import vacant

    found = opened_drills(runbook, environment)
    list(found.book.named((name,) if name else ()))
    if how["evidence"] is not None and name is not None:
        raise UsageError("evidence is of all drills; leave the name out")
    if how["markdown"] and name is None:
        raise UsageError("the account of which drill? Name it")
    with closing(found.store()) as store:
        courses = {one: found.course(store, one) for one in found.book.scenarios if name in {None, one}}
        played = {one for one in courses if not vacant(store.lease(found.chain(one)))}
        stopped = Lever(store, found.system, found.environment.environment).pulled()
        if how["page"] is not None or how["roster"]:
            _people(store, found, courses, how)
        elif how["evidence"] is not None:
            _evidence(found, courses, how["evidence"])
        elif name is not None:
            _one(found, name, courses[name], how)
        else:
            _all(found, courses, played, as_json=how["as_json"])
        gone = [retired_said(store, found, one) for one in retired(store, found)]
    for said in gone:
        click.echo(f"{said}.", err=True)
    if stopped and not how["as_json"] and not how["markdown"]:
        click.echo(f"Drills are stopped: {stopped}.", err=True)
    if gone or any(course.unproven for one, course in courses.items() if one not in played):
        click.get_current_context().exit(1)


def _one(found: "OpenedDrills", name: str, course: "Course", how: _How) -> None:
    import json

    from tminus.drills.showing import account, history, told_to_programs

    if how["as_json"]:
        click.echo(json.dumps([told_to_programs(name, one) for one in course.drills], indent=2, ensure_ascii=False))
    elif not course.drills:
        click.echo(f"{name} was never played")
    elif how["markdown"]:
        click.echo(account(found, name, course), nl=False)
    else:
        click.echo("\n".join(history(course)))


def _all(found: "OpenedDrills", courses: "dict[str, Course]", played: set[str], *, as_json: bool) -> None:
    import json

    from rich.console import Console

    from tminus.clock import now
    from tminus.drills.follow_up import follow_ups
    from tminus.drills.monthly import drill_of_month
    from tminus.drills.showing import due_said, overview, shown

    if as_json:
        rows = [shown(one, drill, courses[one], played=one in played) for one, drill in found.book.scenarios.items()]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPED)
    console.print(overview(found, courses, played))
    if due := due_said(drill_of_month(found.book, found.environment.calendar, now()), courses):
        click.echo(due)
    for left in follow_ups(found.book, courses):
        click.echo(f"To follow up: {left.line}")


def _evidence(found: "OpenedDrills", courses: "dict[str, Course]", folder: Path) -> None:
    """The files that a readiness book reads."""
    from tminus.drills.evidence import files
    from tminus.errors import UsageError

    written = files(found.book, courses)
    for name, text in written.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        except OSError as e:
            raise UsageError(f"--evidence: {folder} cannot be written ({e.strerror}); name another folder") from e
        click.echo(str(folder / name))
    if "failover.json" not in written:
        click.echo("No failover.json: no scenario with `evidence:` in the book was played to its end.", err=True)
    for drawn in _papers(found, courses, folder):
        click.echo(str(drawn))
    if unnamed := [name for name, drill in found.book.scenarios.items() if not drill.evidence]:
        click.echo(f"Not in failover.json, since they have no `evidence:` in the book: {', '.join(unnamed)}", err=True)


def _papers(found: "OpenedDrills", courses: "dict[str, Course]", folder: Path) -> "Iterator[Path]":
    """What the last drill of each left on this machine, copied for its reader alone: secrets may be in it."""
    from flows.drill_opening import scenario_of
    from tminus.errors import UsageError

    for name, course in courses.items():
        papers = scenario_of(found, name).papers(found.environment, course.drills[-1].name) if course.drills else {}
        for own, path in papers.items():
            copy = folder / f"{name}-{own}"
            try:
                copy.touch(0o600)
                copy.write_bytes(path.read_bytes())
            except OSError as e:
                raise UsageError(f"--evidence: {path} cannot be copied to {copy} ({e.strerror})") from e
            yield copy


def _people(store: "Store", found: "OpenedDrills", courses: "dict[str, Course]", how: _How) -> None:
    """Who took part, in the terminal or with everything else on a page."""
    from tminus.clock import now
    from tminus.drills.report import page
    from tminus.drills.roster import absent, parts, roster_lines
    from tminus.errors import UsageError
    from tminus.people import People
    from tminus.spoken import counted
    from tminus.yaml_source import Source

    taken, at = parts(store, courses), now()
    missing = absent(found.book, Source.read(how["people"]).load(People), taken, at) if how["people"] else None
    if how["page"] is None:
        click.echo("\n".join(roster_lines(taken, missing)))
        return
    try:
        how["page"].write_text(page(found, courses, taken, missing, at), "utf-8")
    except OSError as e:
        raise UsageError(f"--html: {how['page']} cannot be written ({e.strerror}); name another file") from e
    click.echo(f"{how['page']}: {counted(sum(len(one.drills) for one in courses.values()), 'drill')}")
