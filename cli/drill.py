"""`tminus drill`: something real is broken on purpose, brought back, and measured meanwhile."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.book_files import with_book_files
from tminus.errors import UsageError

if TYPE_CHECKING:
    from tminus import events as ev
    from tminus.drills.opened import OpenedDrills

_CODES = {"held": 0, "missed": 1, "undone": 1, "not undone": 4}


@click.command("drill")
@click.argument("name", metavar="[NAME]", default="")
@with_book_files("drills")
@click.option("--undo", is_flag=True, help="Undo what NAME's last drill broke, where that is not proven yet.")
@click.option("--stop", "lever", flag_value="stop", help="End all drills of the system here, and let none begin.")
@click.option("--allow", "lever", flag_value="allow", help="Let drills begin again.")
@click.option("--reason", default="", help="Why, for the record.")
def command(runbook: Path, environment: Path, name: str, *, undo: bool, lever: str | None, reason: str) -> None:
    """Breaks something real, and measures.

    What NAME says is broken on purpose, recovered, and brought back as it was.

    Killed at any moment and started again, it undoes first and breaks nothing more.

    Exits 0 where it went through and all promises held, 1 where one did not or the drill broke off and all is as
    before, 2 where it was asked wrongly, 3 where a rule says no, 4 where a person is needed: not all is as before.
    """
    import asyncio
    from contextlib import closing

    from flows import drill_round

    found = drill_round.opened_drills(runbook, environment)
    if lever is not None:
        _move(found, lever, reason)
        return
    if not name:
        raise UsageError(f"drill which? {', '.join(found.book.scenarios)}")
    list(found.book.named((name,)))
    with closing(found.store()) as store:
        doing = (
            drill_round.undo(store, found, name, click.echo)
            if undo
            else drill_round.drill(store, found, name, click.echo, reason=reason)
        )
        ended: ev.DrillEnded = asyncio.run(doing)
    click.echo(f"{ended.how}: {ended.sentence}")
    click.get_current_context().exit(_CODES[ended.how])


def _move(found: "OpenedDrills", lever: str, reason: str) -> None:
    """Pulls the lever, or lets go of it; says what that comes to."""
    import getpass
    import socket
    from contextlib import closing

    from tminus.drills.lever import Lever

    if not reason:
        raise UsageError("why? Give --reason, for the record")
    by, place = f"{getpass.getuser()} at {socket.gethostname()}", found.environment.environment
    with closing(found.store()) as store:
        one = Lever(store, found.system, place)
        if lever == "stop":
            one.pull(by, reason)
            click.echo(f"No drill of {found.system} begins in {place}; one that runs is undone within seconds.")
        else:
            one.release(by, reason)
            click.echo(f"Drills of {found.system} may begin in {place} again.")
