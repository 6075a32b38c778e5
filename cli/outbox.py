"""`tminus outbox`: letters that wait, or that will never arrive."""

import click


@click.command("outbox")
@click.argument("launch", required=False)
def command(launch: str | None) -> None:
    """Lists messages to Slack and PagerDuty that have not arrived yet."""
    from tminus.ledger.opening import named_ledger, open_ledger
    from tminus.outbox import Outbox

    letters = Outbox(open_ledger(named_ledger())).unsent(launch)
    for identity, chain, channel, key, state, attempts, error, age in letters:
        said = f": {error}" if error else ""
        click.echo(
            f"{identity}  {chain}  {channel}  {key}  {state} after {attempts} tries, {float(str(age)):.0f} s old{said}"
        )
    if not letters:
        click.echo("Every message has arrived.")
