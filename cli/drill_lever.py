"""`tminus drill --stop` and `--allow`: what they need, and what they say."""

from contextlib import closing
from pathlib import Path

import click

from tminus.errors import UsageError


def move(runbook: Path, environment: Path, order: str, reason: str) -> None:
    """Pulls the lever of a system in an environment, or lets go of it; says what that comes to.

    Of the two files only the system's name, and the environment's and its ledger, must be right. Raises BookError,
    UsageError, LedgerError.

    Args:
        runbook: the book of drills, or the folder that holds it.
        environment: the environment file.
        order: `stop` or `allow`.
        reason: why, for the record.
    """
    from cli.host_user import typed_by
    from tminus.drills.lever import VARIABLE, Lever, by_variable
    from tminus.drills.lever_place import read_place
    from tminus.ledger.opening import open_ledger

    if not reason.strip():
        raise UsageError("why? Give --reason, for the record")
    place = read_place(runbook, environment)
    with closing(open_ledger(place.ledger)) as store:
        one = Lever(store, place.system, place.environment)
        if order == "stop":
            one.pull(typed_by(), reason)
            click.echo(
                f"No drill of {place.system} begins in {place.environment}; one that runs ends within seconds, and "
                "what it broke is undone. `tminus drill --allow --reason WHY` lets them begin again."
            )
            return
        one.release(typed_by(), reason)
        click.echo(f"Drills of {place.system} may begin in {place.environment} again.")
        if by_variable():
            click.echo(f"But {VARIABLE} is set here, which stops them for whatever is started with it; unset it too.")
