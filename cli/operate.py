"""`tminus operate NAME`: what is done to a running system beside its launches, each as a command."""

import copy

import click

from cli.operate_backup import backup
from cli.operate_deploy import deploy
from cli.operate_emergency import emergency
from cli.operate_judging import audit, scan
from cli.operate_later import rotate
from cli.operate_looking import monitor, validate_deployment
from cli.restore import command as tminus_restore

restore = copy.copy(tminus_restore)  # the same command by another name; only this one has --check
restore.params = [*tminus_restore.params]
_ALL = (deploy, validate_deployment, monitor, backup, restore, emergency, rotate, audit, scan)
_LATER = (rotate,)


@click.group("operate")
def command() -> None:
    """Operates a system between its launches.

    Deploy, validate, monitor, back up, audit, scan, and what to do in an emergency. What would change something says
    what, and asks. docs/operations.md says who uses which, and when.
    """


def _said(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    """Says what the command does and ends there; one that is not in this release goes on, to its refusal."""
    if asked and ctx.command not in _LATER:
        click.echo(f"{ctx.info_name}: {(ctx.command.help or '').splitlines()[0]}")
        ctx.exit()


_CHECK = click.Option(
    ["--check"],
    is_flag=True,
    is_eager=True,  # before the files that are required
    expose_value=False,
    callback=_said,
    help="Only say whether this release has it, by the exit code: 0, or 3; looks at nothing.",
)

for _one in _ALL:
    _one.params.append(_CHECK)
    command.add_command(_one)
