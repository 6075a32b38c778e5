"""`tminus operate emergency`: what to do now, for the launch that is under way in an environment."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import orders
from cli.confirming import unanswered
from cli.contacts import command as tminus_contacts
from cli.deciding import key_option
from cli.operate_files import environment_option
from cli.restore import command as tminus_restore
from cli.status import command as tminus_status
from tminus.errors import Refused, UsageError

if TYPE_CHECKING:
    from tminus.environment import Environment

_REASON = click.option("--reason", required=True, help="Why, for the record and the debrief.")
_MENU = ("status", "hold", "rollback", "contacts", "restore", "leave")


@click.group("emergency", invoke_without_command=True)
@click.pass_context
def emergency(ctx: click.Context) -> None:
    """Says where things stand, holds, or goes back.

    Or says whom to call; without a word it asks which. It acts on the launch that is under way in the environment, and
    on nothing else. Holding and rolling back are the orders of `tminus hold` and `tminus rollback`, signed with your
    key and judged by the same rules. Restoring is `tminus restore`, which runs beside no launch.
    """
    if ctx.invoked_subcommand is None:
        try:
            _ask(ctx)
        except click.Abort as e:
            named = "A script names the command, such as `tminus operate emergency status --environment FILE`"
            unanswered(e, "Nothing was recorded.", named)


@emergency.command("status")
@environment_option
@click.pass_context
def status(ctx: click.Context, environment: Path) -> None:
    """Shows what is under way there, or how the last launch ended."""
    place = _place(environment)
    holder = _holder(place)
    if holder is None:
        click.echo(f"Nothing is under way in {place.environment}.{_last(place)}")
        return
    if _is_launch(holder):
        ctx.invoke(tminus_status, launch=holder, as_json=False)
        return
    click.echo(f"{holder} is under way in {place.environment}, and no launch; it ends by itself.")


@emergency.command("hold")
@environment_option
@_REASON
@key_option
@click.pass_context
def hold(ctx: click.Context, environment: Path, reason: str, key_file: Path | None) -> None:
    """Stops new steps of the launch under way. Never its watch, a rollback or a page."""
    ctx.invoke(orders.hold, launch=_launch(environment), reason=reason, key_file=key_file)


@emergency.command("rollback")
@environment_option
@_REASON
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--here", is_flag=True, help="Do it in this process, without Prefect.")
@key_option
@click.pass_context
def rollback(ctx: click.Context, environment: Path, reason: str, yes: bool, here: bool, key_file: Path | None) -> None:
    """Takes the launch under way back to the old version. By one person on duty."""
    launch = _launch(environment)
    ctx.invoke(
        orders.rollback,
        launch=launch,
        reason=reason,
        yes=yes,
        here=here,
        environment=environment if here else None,
        key_file=key_file,
    )


@emergency.command("contacts")
@environment_option
@click.pass_context
def contacts(ctx: click.Context, environment: Path) -> None:
    """Says whom to call: who is on call now, then each vendor."""
    ctx.invoke(tminus_contacts, environment=environment, policies=())


emergency.add_command(tminus_restore, "restore")


def _ask(ctx: click.Context) -> None:
    """The menu: one look first, then one thing to do."""
    environment = Path(click.prompt("Environment file", default="environment.yaml"))
    ctx.invoke(status, environment=environment)
    for number, name in enumerate(_MENU, 1):
        click.echo(f"  {number}  {name}")
    name = _MENU[click.prompt("What now", type=click.IntRange(1, len(_MENU))) - 1]
    if name in {"hold", "rollback"}:
        key = Path(click.prompt("Your private key", default=_default_key()))
        reason = click.prompt("Why")
        if name == "hold":
            ctx.invoke(hold, environment=environment, reason=reason, key_file=key)
        else:
            ctx.invoke(rollback, environment=environment, reason=reason, yes=False, here=False, key_file=key)
    elif name == "restore":
        _plan_restore(ctx, environment)
    elif name != "leave":
        ctx.invoke({"status": status, "contacts": contacts}[name], environment=environment)


def _plan_restore(ctx: click.Context, environment: Path) -> None:
    """Says what would be restored and lost; nobody is asked, nothing is changed."""
    runbook = Path(click.prompt("The system's runbooks", default="runbooks/SYSTEM"))
    store = click.prompt("Which store of its backups.yaml")
    instant = click.prompt("To which instant, with its zone")
    ctx.invoke(tminus_restore, runbook=runbook, environment=environment, store=store, instant=instant, doing="plan")
    click.echo(
        f"Nothing was changed. To do it: tminus restore {store} {instant} --reason WHY --runbook {runbook} "
        f"--environment {environment} --people PEOPLE.yaml --key KEY"
    )


def _default_key() -> str | None:
    import os

    from cli.deciding import KEY

    return os.environ.get(KEY)


def _place(environment: Path) -> "Environment":
    from tminus.environment import Environment
    from tminus.yaml_source import Source

    return Source.read(environment).load(Environment)


def _holder(place: "Environment") -> str | None:
    """What holds the environment; from here on the commands called find the same ledger."""
    from contextlib import closing

    from tminus.errors import NoLedger
    from tminus.ledger.opening import name_ledger
    from tminus.operation_files import open_known_ledger

    name_ledger(place.ledger)
    try:
        with closing(open_known_ledger(place)) as store:
            return store.locked_by(place.environment)
    except NoLedger:
        return None


def _is_launch(holder: str) -> bool:
    from tminus.chain_names import is_only_answered, is_secret
    from tminus.operations import is_operation

    return not is_operation(holder) and not is_only_answered(holder) and not is_secret(holder)


def _launch(environment: Path) -> str:
    """The launch under way; raises Refused where there is none."""
    place = _place(environment)
    holder = _holder(place)
    if holder is None:
        raise Refused(f"no launch is under way in {place.environment}, so there is nothing to hold or take back")
    if not _is_launch(holder):
        raise UsageError(f"{holder} is under way in {place.environment}; it is no launch, and ends by itself")
    return holder


def _last(place: "Environment") -> str:
    from contextlib import closing

    from tminus.errors import NoLedger
    from tminus.launches import list_launches
    from tminus.operation_files import open_known_ledger

    try:
        with closing(open_known_ledger(place)) as store:
            found = [one for one in list_launches(store) if one.environment == place.environment]
    except NoLedger:
        found = []
    if not found:
        return " No launch was ever there."
    return f" The last launch there was {found[0].launch}: {found[0].sentence}"
