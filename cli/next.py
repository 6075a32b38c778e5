"""`tminus next`: what to mend first."""

import click

from cli.readiness_files import ReadinessFiles, with_readiness_files

_REFS = 6  # lines named for each thing to do


@click.command("next")
@click.argument("system")
@with_readiness_files
@click.option("--json", "as_json", is_flag=True, help="A list of {what, owners, refs, blocking}.")
def command(files: ReadinessFiles, system: str, as_json: bool) -> None:
    """Lists what to mend first, and who mends it.

    What turns most blocking lines green comes first. By the evidence that the ledger holds; `tminus readiness` gathers
    it anew.
    """
    import json
    from dataclasses import asdict

    from tminus.readiness.first import what_first

    found = files.open(system)
    store = found.store()
    try:
        fixes = what_first(found.judged_last(store))
        elsewhere = found.swept_elsewhere(store)
    finally:
        store.close()
    if elsewhere:
        click.echo(elsewhere, err=True)
    if as_json:
        click.echo(json.dumps([asdict(fix) for fix in fixes], indent=2))
        return
    for number, fix in enumerate(fixes, 1):
        click.echo(f"{number:3}. {fix.what}")
        click.echo(f"     {', '.join(fix.owners)}: turns {fix.lines} green, {fix.of_which}")
        more = f" and {len(fix.refs) - _REFS} more" if len(fix.refs) > _REFS else ""
        click.echo(f"     {', '.join(fix.refs[:_REFS])}{more}")
    if not fixes:
        click.echo("Everything holds.")
