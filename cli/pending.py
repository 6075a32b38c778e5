"""`tminus pending`: what waits for people, for people and for programs."""

import click


@click.command("pending")
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
def command(as_json: bool) -> None:
    """Lists every open question of every launch and sign-off."""
    import json

    from tminus.ledger.logbook import DIRECTORY, Logbook
    from tminus.ledger.opening import named_ledger, open_ledger

    store = open_ledger(named_ledger())
    found = []
    for chain in store.chains():
        if chain == DIRECTORY:
            continue
        record = Logbook(store, chain).refresh()
        found += [
            {"launch": chain, "request": ask.opened.ask, "roles": list(ask.opened.roles), "kind": ask.opened.kind}
            for ask in record.open_asks()
            if record.closed is None
        ]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['launch']}  {one['kind']}  {one['request']}  asks {', '.join(one['roles'])}")
    if not found:
        click.echo("Nothing waits for people.")
