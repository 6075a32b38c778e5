"""`tminus status`: where a launch or a sign-off is, on one screen; without one, every launch."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tminus.frozen import Frozen
    from tminus.launches import LaunchLine
    from tminus.ledger.logbook import Logbook
    from tminus.ledger.store import Store

_PIPED = 100  # columns where stdout is no terminal


@click.command("status")
@click.argument("launch", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document: of a launch what report.json holds.")
def command(launch: str | None, as_json: bool) -> None:
    """Shows where a launch is and whom it waits for.

    Without LAUNCH it lists every launch in the ledger that TMINUS_LEDGER names, and below them the sign-offs of the
    last 30 days, those that are open, and those that still hold; with --json the launches alone. With a sign-off's name
    it shows who signed, who is missing, whether it is complete, and until when it is valid: by the people.yaml and the
    book that it was asked with; and where another question about the same release was decided later, that one.
    """
    if launch is None:
        _list(as_json)
    else:
        _one(launch, as_json)


def _one(launch: str, as_json: bool) -> None:
    from cli.deciding import open_launch
    from tminus.chain_names import is_restore, is_rotation_asked, is_secret, is_sign_off
    from tminus.clock import now
    from tminus.countdown import render

    if is_restore(launch) and not as_json:
        from tminus.restores.terminal import lines

        _shown(launch, lines)
        return
    if is_secret(launch) or is_rotation_asked(launch):
        from tminus.rotations.terminal import status_lines

        _shown(launch, status_lines)
        return
    book, frozen = open_launch(launch)
    if is_sign_off(launch):
        _sign_off(book, frozen, as_json)
        return
    if as_json:
        from tminus.report.drawing_up import draw_up

        _echo_json(draw_up(frozen, book.record, now()).model_dump_json())
        return
    from rich.console import Console

    from tminus.sign_off_awaited import sign_offs_awaited

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED)
    moment = now()
    first = list(sign_offs_awaited(book.store, frozen, book.record, moment))
    console.print(render(frozen, book.record, moment, first=first), crop=False)  # a command is never cut


def _shown(chain: str, lines: "Callable[[Store, str, datetime], list[str]]") -> None:
    from contextlib import closing

    from tminus.clock import now
    from tminus.foreign_text import printable
    from tminus.ledger.opening import named_ledger, open_ledger

    with closing(open_ledger(named_ledger())) as store:
        for line in lines(store, chain, now()):
            click.echo(printable(line))


def _sign_off(book: "Logbook", frozen: "Frozen", as_json: bool) -> None:
    """It has no T-0, so there is no countdown to show."""
    from tminus.clock import now
    from tminus.foreign_text import printable
    from tminus.sign_off_status import lines, sign_off_status

    status = sign_off_status(book, frozen, now())
    if as_json:
        _echo_json("null" if status is None else status.model_dump_json())
    elif status is None:
        click.echo(f"Nothing was asked in {frozen.created.launch}.")
    else:
        click.echo(printable("\n".join(lines(status))))


def _echo_json(document: str) -> None:
    """In ASCII: what somebody wrote into it steers no terminal."""
    import json

    click.echo(json.dumps(json.loads(document), indent=2))


def _list(as_json: bool) -> None:
    import json

    from tminus.launches import list_launches
    from tminus.ledger.opening import named_ledger, open_ledger

    store = open_ledger(named_ledger())
    found = list_launches(store)
    signed_off = [] if as_json else _sign_offs(store)
    store.close()
    if as_json:
        click.echo(json.dumps([line.model_dump(mode="json") for line in found], indent=2))
        return
    for line in found:
        click.echo(_said(line))
    if not found:
        click.echo("No launch is in this ledger. `tminus launch` makes one, `tminus rehearse` plays one.")
    for said in signed_off:
        click.echo(said)


def _sign_offs(store: "Store") -> list[str]:
    from tminus.chain_names import is_sign_off
    from tminus.clock import now

    if not any(map(is_sign_off, store.chains())):
        return []  # nor is the vocabulary of books loaded, which takes a second
    from tasks.vocabulary import KINDS
    from tminus.recent_sign_offs import recent_sign_offs

    return list(recent_sign_offs(store, KINDS, now()))


def _said(line: "LaunchLine") -> str:
    said = line.sentence or f"{line.title} is under way; T-0 at {line.t0:%H:%M:%S} UTC."
    result = line.result or ("over" if line.sentence else "under way")
    return f"{line.created:%Y-%m-%d %H:%M}  {line.launch}  {result}\n    {said}"
