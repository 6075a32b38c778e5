"""`tminus reviews`: the recurring lines of a checklist, and when each is due."""

from typing import TYPE_CHECKING

import click

from cli.readiness_files import ReadinessFiles, with_readiness_files

if TYPE_CHECKING:
    from tminus.readiness.due import Recurring
    from tminus.readiness.opened import Opened

_OVERDUE = 3
_WIDTH = 8  # of the longest state


@click.command("reviews")
@click.argument("system")
@with_readiness_files
@click.option("--last", is_flag=True, help="Looks at nothing: goes by the evidence that the ledger holds.")
@click.option("--tell", is_flag=True, help="Also pages owners of what is overdue, and writes the week's message.")
@click.option("--json", "as_json", is_flag=True, help="A list of {ref, title, owner, every, state, held, due}.")
def command(files: ReadinessFiles, system: str, last: bool, tell: bool, as_json: bool) -> None:
    """Says which recurring lines are done, due or overdue.

    Of SYSTEM's checklist: weekly KPIs, monthly tasks, quarterly goals: the sections that say `every:`. Nobody is told,
    but for `--tell`; the deployment `reviews` does that every week. Exits 0 where nothing is overdue, 3 where something
    is, 2 where the files have mistakes.
    """
    import asyncio
    import json
    from contextlib import closing

    from flows.readiness import sweep
    from tminus.clock import now
    from tminus.readiness import reviewing
    from tminus.readiness.due import DueState

    found = files.open(system)
    sections = reviewing.recurring_sections(found)
    if not last:
        asyncio.run(sweep(found, sections, shown=False))
    with closing(found.store()) as store:
        at = now()
        lines = reviewing.reviewed(found, store, at)
        if tell:
            reviewing.tell(found, store, lines, at)
    if as_json:
        click.echo(json.dumps([_as_data(one) for one in lines], indent=2))
    else:
        _print(found, lines, told=tell)
    if any(one.state is DueState.OVERDUE for one in lines):
        click.get_current_context().exit(_OVERDUE)


def _print(found: "Opened", lines: "list[Recurring]", *, told: bool) -> None:
    from tminus.readiness.due import DueState
    from tminus.readiness.reminding import sentence, what_to_type

    click.echo(sentence(found.checklist.system, lines))
    heading = ""
    for one in lines:
        section = one.judged.section
        if section.title != heading:
            heading = section.title
            click.echo(f"\n{heading} (every {section.every})")
        click.echo(f"  {one.state:{_WIDTH}} {one.line.title}: {one.said}  [{one.line.owner}]")
        if one.state is not DueState.DONE:
            click.echo(f"  {'':{_WIDTH}} {one.judged.summary}")
            click.echo(f"  {'':{_WIDTH}} $ {what_to_type(found.checklist.system, one)}")
    channels = [name for name in ("pagerduty", "slack") if getattr(found.environment, name) is not None]
    if told:
        click.echo(f"\nTold: {' and '.join(channels) or 'nobody, since the environment names no Slack or PagerDuty'}.")


def _as_data(one: "Recurring") -> dict[str, str | None]:
    return {
        "ref": one.line.ref,
        "title": one.line.title,
        "owner": one.line.owner,
        "every": one.every,
        "state": one.state.value,
        "held": one.held.isoformat() if one.held else None,
        "due": one.due.isoformat(),
    }
