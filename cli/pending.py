"""`tminus pending`: what waits for people, for people and for programs."""

import click


@click.command("pending")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def command(as_json: bool) -> None:
    """Lists every open question of every launch and sign-off.

    One whose deadline has passed is left out: nothing that is said to it could count any more.
    """
    import json

    from tminus.clock import now
    from tminus.ledger.logbook import DIRECTORY, Logbook
    from tminus.ledger.opening import named_ledger, open_ledger

    store = open_ledger(named_ledger())
    found, moment = [], now()
    for chain in store.chains():
        if chain == DIRECTORY:
            continue
        record = Logbook(store, chain).refresh()
        found += [
            {
                "launch": chain,
                "request": ask.opened.ask,
                "roles": list(ask.opened.roles),
                "kind": ask.opened.kind,
                "until": f"{ask.opened.deadline:%Y-%m-%d %H:%M:%S} UTC",
            }
            for ask in record.open_asks()
            if record.closed is None and moment <= ask.opened.deadline
        ]
    store.close()
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        roles = ", ".join(one["roles"])
        click.echo(f"{one['launch']}  {one['kind']}  {one['request']}  asks {roles}  until {one['until']}")
    if not found:
        click.echo("Nothing waits for people.")
