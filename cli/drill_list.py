"""`tminus drills`: what each drill measured last, against what is promised."""

from contextlib import closing
from pathlib import Path

import click

from cli.book_files import with_book_files

_PIPED = 160  # columns where stdout is no terminal


@click.command("drills")
@click.argument("name", required=False)
@with_book_files("drills")
@click.option("--json", "as_json", is_flag=True, help="For programs: each drill with what it measured last.")
@click.option("--markdown", is_flag=True, help="The account of NAME's last drill, to be kept or sent.")
def command(runbook: Path, environment: Path, name: str | None, *, as_json: bool, markdown: bool) -> None:
    """Shows what each drill measured last.

    And which is due, from when on. With NAME: all its drills, moment by moment.

    Exits 0; 1 where the last drill of one is not proven to be undone.
    """
    import json

    from rich.console import Console

    from flows.drill_round import opened_drills
    from tminus.clock import now
    from tminus.drills.monthly import drill_of_month
    from tminus.drills.showing import account, history, overview, shown
    from tminus.errors import UsageError

    found = opened_drills(runbook, environment)
    list(found.book.named((name,) if name else ()))
    if markdown and name is None:
        raise UsageError("the account of which drill? Name it")
    with closing(found.store()) as store:
        courses = {one: found.course(store, one) for one in found.book.scenarios}
    if name is not None and not courses[name].drills:
        click.echo(f"{name} was never played")
        return
    if name is not None and markdown:
        click.echo(account(found, name, courses[name]), nl=False)
    elif name is not None:
        click.echo("\n".join(history(courses[name])))
    elif as_json:
        rows = [shown(one, drill, courses[one]) for one, drill in found.book.scenarios.items()]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_PIPED)
        console.print(overview(found, courses, drill_of_month(found.book, found.environment.calendar, now())))
    if any(courses[one].unproven for one in ([name] if name else courses)):
        click.get_current_context().exit(1)
