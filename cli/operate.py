"""`tminus operate NAME`: what is done to a running system beside its launches, each as a command."""

import click

from cli.operate_backup import backup
from cli.operate_deploy import deploy
from cli.operate_emergency import emergency
from cli.operate_judging import audit, scan
from cli.operate_later import restore, rotate
from cli.operate_looking import monitor, validate_deployment

_ALL = (deploy, validate_deployment, monitor, backup, restore, emergency, rotate, audit, scan)


@click.group("operate")
def command() -> None:
    """Operates a system: deploy, validate, monitor, back up, audit, scan, and what to do in an emergency.

    What would change something says what, and asks. docs/operations.md says who uses which, and when.
    """


for _one in _ALL:
    command.add_command(_one)
