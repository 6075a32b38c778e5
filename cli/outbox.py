"""`tminus outbox`: letters that wait, or that will never arrive, and those made due again."""

from typing import TYPE_CHECKING

import click

from cli.deciding import not_there
from tminus.errors import Refused, UsageError

if TYPE_CHECKING:
    from tminus.ledger.store import Store

_SHOW = "show"


class _ShowsByItself(click.Group):
    """A group whose first command is meant where none is named: `tminus outbox LAUNCH`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What is typed, with the command that is meant."""
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [_SHOW, *args])


@click.group("outbox", cls=_ShowsByItself)
def command() -> None:
    """Lists what has not reached Slack or PagerDuty yet. `resend` tries dead messages again."""


@command.command(_SHOW)
@click.argument("launch", required=False)
def show(launch: str | None) -> None:
    """Lists what has not reached Slack or PagerDuty yet. Of one LAUNCH, or sign-off, or of all."""
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.outbox import Outbox

    store = open_ledger(named_ledger())
    _require_chain(store, launch)
    outbox = Outbox(store)
    letters = outbox.unsent(launch)
    for identity, chain, channel, key, state, attempts, error, age, environment in letters:
        said = f": {error}" if error else ""
        click.echo(
            f"{identity}  {chain}  {_of(channel, environment)}  {key}  {state} after {attempts} tries, "
            f"{float(str(age)):.0f} s old{said}"
        )
    for (environment, channel), left in outbox.paused().items():
        click.echo(f"{_of(channel, environment)} asked to be left alone; nothing is sent there for {left:.0f} s.")
    for (environment, channel), waits in outbox.uncarried().items():
        click.echo(
            f"{_of(channel, environment)}: nobody has tried anything for {waits:.0f} s; does a gateway run there? "
            "`tminus gateway --environment FILE`, with that environment's file, carries it"
        )
    if not letters:
        click.echo("Every message has arrived.")


def _require_chain(store: "Store", named: str | None) -> None:
    """Raises UsageError, with the nearest names, where the ledger has nothing that is called so."""
    if named is not None and named not in store.chains():
        raise UsageError(not_there(store, named))


def _of(channel: object, environment: object) -> str:
    return f"{channel} of {environment}" if environment else str(channel)


@command.command("resend")
@click.argument("letters", metavar="[ID]...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--dead", is_flag=True, help="Every dead letter instead of those named.")
@click.option("--launch", help="With --dead: only those of this launch.")
def resend(letters: tuple[int, ...], dead: bool, launch: str | None) -> None:
    """Makes dead letters due again.

    The next courier sends each at its own place in the order. A letter that arrived is never sent again. Of a living
    message, and of an incident, only the newest letter counts; an older dead one is taken out. Exits 2 where a letter
    or a launch is unknown, having changed nothing, and 3 where one that was named is not dead.
    """
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.resending import Came, dead_letters
    from tminus.resending import resend as make_due

    if bool(letters) == dead or (launch and not dead):
        raise UsageError(
            "name the letters, as in `tminus outbox resend 12 13`, or say --dead, with --launch or without"
        )
    store = open_ledger(named_ledger())
    _require_chain(store, launch)
    done = make_due(store, dead_letters(store, launch) if dead else letters)
    for one in done:
        if one.came is not Came.LEFT:
            click.echo(f"{one.id}  {one.chain}  {one.channel}  {one.key}: {one.why}")
    if left := [f"letter {one.id} is left as it is: {one.why}" for one in done if one.came is Came.LEFT]:
        raise Refused("; ".join(left))
    if not done:
        click.echo("No letter is dead.")
