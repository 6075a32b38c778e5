"""`tminus status`: where a launch is, on one screen; without one, every launch."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tminus.launches import LaunchLine

_PIPED = 100  # columns where stdout is no terminal


@click.command("status")
@click.argument("launch", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document: of a launch the same as report.json.")
def command(launch: str | None, as_json: bool) -> None:
    """Shows where a launch is and whom it waits for.

    Without LAUNCH it lists every launch in the ledger that TMINUS_LEDGER names.
    """
    if launch is None:
        _list(as_json)
    else:
        _one(launch, as_json)


def _one(launch: str, as_json: bool) -> None:
    from cli.deciding import open_launch
    from tminus.chain_names import is_restore
    from tminus.clock import now
    from tminus.countdown import render

    if is_restore(launch) and not as_json:
        _restore(launch)
        return
    book, frozen = open_launch(launch)
    if as_json:
        from tminus.report.drawing_up import draw_up

        click.echo(draw_up(frozen, book.record, now()).model_dump_json(indent=2))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED)
    console.print(render(frozen, book.record, now()))


def _restore(chain: str) -> None:
    from contextlib import closing

    from tminus.clock import now
    from tminus.foreign_text import printable
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.restores.terminal import lines

    with closing(open_ledger(named_ledger())) as store:
        for line in lines(store, chain, now()):
            click.echo(printable(line))


def _list(as_json: bool) -> None:
    import json

    from tminus.launches import list_launches
    from tminus.ledger.opening import named_ledger, open_ledger

    store = open_ledger(named_ledger())
    found = list_launches(store)
    store.close()
    if as_json:
        click.echo(json.dumps([line.model_dump(mode="json") for line in found], indent=2))
        return
    for line in found:
        click.echo(_said(line))
    if not found:
        click.echo("No launch is in this ledger. `tminus launch` makes one, `tminus rehearse` plays one.")


def _said(line: "LaunchLine") -> str:
    said = line.sentence or f"{line.title} is under way; T-0 at {line.t0:%H:%M:%S} UTC."
    result = line.result or ("over" if line.sentence else "under way")
    return f"{line.created:%Y-%m-%d %H:%M}  {line.launch}  {result}\n    {said}"
