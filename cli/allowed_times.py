"""`tminus calendar`: when an environment may be changed."""

from pathlib import Path

import click

_DEEDS = click.Choice(["launch", "rotation", "drill"])


@click.command("calendar")
@click.argument("environment", type=click.Path(path_type=Path), metavar="ENVIRONMENT-FILE")
@click.option("--deed", type=_DEEDS, default="launch", show_default=True, help="What is to be done.")
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="How many days ahead.")
def command(environment: Path, deed: str, days: int) -> None:
    """Prints when something may be done.

    By the environment's clock on the wall, and in UTC.

    For drills, their days of this year too. Exits 2 where the file is wrong, or an exchange's sessions are not known.
    """
    from datetime import timedelta

    from tminus.calendar.asking import moment_said
    from tminus.calendar.drill_days import drill_days
    from tminus.calendar.verdict import Allowed, allowed_spans, day_of, verdict
    from tminus.clock import now
    from tminus.environment import Environment
    from tminus.systems.change_calendar import DEEDS
    from tminus.yaml_source import Source

    place, at = Source.read(environment).load(Environment), now().replace(microsecond=0)
    if place.calendar is None:
        click.echo(f"{place.environment} has no calendar: everything may be done at any time.")
        return
    calendar, asked = place.calendar, DEEDS[deed]
    found = verdict(calendar, asked, at)
    click.echo(f"A {deed} in {place.environment} now: {'allowed' if isinstance(found, Allowed) else found.why}.")
    spans = list(allowed_spans(calendar, asked, at, at + timedelta(days=days)))
    for span in spans:
        click.echo(f"from {moment_said(span.start, calendar.time_zone)} to {moment_said(span.end, calendar.time_zone)}")
    if not spans:
        click.echo(f"At no time in the next {days} days.")
    if asked == "drill":
        for one in drill_days(calendar, day_of(calendar, at).year):
            click.echo(f"drill{' of everything' if one.full else ''}: {moment_said(one.at, calendar.time_zone)}")
